// Every key that Mitra keeps in Redis is built here, and nowhere else.
//
// A key is `mitra:{tag}:family:…`. The part in braces alone decides the slot of
// a cluster, so commands on several keys stay within one tag. Whatever is not
// of the grammar of member ids is percent-encoded, so that no input can leave
// its place in the key.
//
// clang-format off
// | family        | type   | tag        | time to live              | largest |
// |---------------|--------|------------|---------------------------|---------|
// | slate         | string | subject    | 10 min; published: 48 h   | 64 KiB  |
// | epoch         | string | "epoch"    | 48 h                      | 256 B   |
// | quota         | hash   | credential | 1 h                       | 128 B   |
// | prices        | string | epoch      | 48 h                      | 256 KiB |
// | refresh       | stream | job        | 24 h                      | 4 MiB   |
// | refreshes     | hash   | "refresh"  | 24 h                      | 16 MiB  |
// | lock, fence   | string | lock name  | the lease; 30 d           | 128 B   |
// | trust         | string | subject    | 10 min                    | 256 KiB |
// | revision      | string | credential | 60 s                      | 64 B    |
// | impressions   | hash   | subject    | 30 d                      | 64 KiB  |
// | impressionlog | stream | "log"      | 24 h                      | 16 MiB  |
// clang-format on
//
// Everything may be evicted at any time (the server runs with maxmemory and
// volatile-ttl), and nothing wrong follows.

#ifndef MITRA_COMMON_REDIS_KEYS_H_
#define MITRA_COMMON_REDIS_KEYS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra::redis {

// How long values of a family live, and how large one may be; writers refuse
// larger ones themselves.
struct KeyFamily {
  const char* name;
  absl::Duration ttl;
  size_t max_value_bytes;
};

inline constexpr KeyFamily kSlates = {"slate", absl::Minutes(10), 64 << 10};
inline constexpr KeyFamily kPublishedSlates = {"slate", absl::Hours(48),
                                               64 << 10};
inline constexpr KeyFamily kEpochs = {"epoch", absl::Hours(48), 256};
// Parts of the prices of an epoch.
inline constexpr KeyFamily kPrices = {"prices", absl::Hours(48), 256 << 10};
inline constexpr KeyFamily kQuotas = {"quota", absl::Hours(1), 128};
inline constexpr KeyFamily kRefreshJobs = {"refresh", absl::Hours(24), 4 << 20};
inline constexpr KeyFamily kRefreshDirectory = {"refreshes", absl::Hours(24),
                                                16 << 20};
// The time to live of a lock is its lease; this is its fence's.
inline constexpr KeyFamily kLocks = {"lock", absl::Hours(24 * 30), 128};
inline constexpr KeyFamily kTrustVectors = {"trust", absl::Minutes(10),
                                            256 << 10};
inline constexpr KeyFamily kRevisions = {"revision", absl::Seconds(60), 64};
inline constexpr KeyFamily kImpressions = {"impressions", absl::Hours(24 * 30),
                                           64 << 10};
inline constexpr KeyFamily kImpressionLog = {"impressionlog", absl::Hours(24),
                                             16 << 20};

// What a cached slate depends on (besides the subject's revision, which is in
// its value).
struct SlateKeyParts {
  absl::string_view subject;          // member id
  absl::string_view kind;             // name of the RecommendationKind
  uint64_t epoch = 0;                 // 0: none published
  absl::string_view ranking_version;  // id of the ranking profile
  absl::string_view embedding_space;  // "hashing-v1/128/1"
  uint64_t parameters = 0;            // hash of filters, exclusions, page size
};
std::string SlateKey(const SlateKeyParts& parts);

// What is published; `name` tells several values apart.
std::string EpochKey(absl::string_view name);
// One part of the prices with this number.
std::string PricesKey(uint64_t number, size_t part);
// The token bucket of a credential. `bucket` names one of several.
std::string QuotaKey(absl::string_view credential, absl::string_view bucket);
// The stream that hands out a refresh job's chunks.
std::string RefreshChunksKey(absl::string_view job);
// What each refresh of the cluster has come to, and where it is kept.
std::string RefreshDirectoryKey();
// Which refresh wants help.
std::string RefreshAnnouncementKey();
// A lock and the counter of its fencing numbers; both in one slot.
std::string LockKey(absl::string_view name);
std::string FenceKey(absl::string_view name);
// The trust vector of a subject in one epoch of the graph.
std::string TrustKey(absl::string_view subject, uint64_t graph_epoch);
// The last revision that a credential wrote.
std::string RevisionKey(absl::string_view credential);
// What a subject was shown lately; a sample of it for learning.
std::string ImpressionsKey(absl::string_view subject);
std::string ImpressionLogKey();

}  // namespace mitra::redis

#endif  // MITRA_COMMON_REDIS_KEYS_H_
