// Answers as they went out, to be sent again while nothing that they show has
// changed.
//
// Making the words of a slate costs more than ranking it again would be worth;
// but the roster must be asked each time. So an answer knows its members: whom
// it is for, whom it shows and whom it names. It is sent again only if the
// commits up to now have changed none of them (record, block, consent), and no
// longer than `max_age`, within which ties of others may move on. Evidence that
// was withdrawn ends all answers.

#ifndef MITRA_SERVICES_MATCHING_SLATES_REPLY_CACHE_H_
#define MITRA_SERVICES_MATCHING_SLATES_REPLY_CACHE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "mitra/v1/recommendation.pb.h"
#include "services/matching/state/matching_state.h"

namespace mitra::matching {

struct Reply {
  std::string bytes;      // the serialised answer
  uint64_t identity = 0;  // of these bytes on the links
  uint64_t revision = 0;  // of the view that it was made from
  uint64_t record_incarnation = 0;
  std::vector<MemberIndex> members;
  // The last moment at which it may be sent.
  absl::Time until = absl::InfinitePast();
  // What it rests on besides: published epochs, and the ranking profile that a
  // name stood for, for this subject.
  std::vector<std::pair<v1::RecommendationKind, uint64_t>> epochs;
  std::string profile_name;
  std::string profile_id;
  std::string subject_id;
  std::vector<v1::SlateSource> sources;  // of its slates
};

// Thread-safe.
class ReplyCache {
 public:
  struct Options {
    size_t max_bytes = 32u << 20;
    absl::Duration max_age = absl::Seconds(5);
  };
  explicit ReplyCache(const Options& options) : options_(options) {}

  // What the feed's thread has just published.
  void OnCommit(const CommitSummary& summary);

  // An answer to the same question that is as good now as it was, in a view of
  // that revision; null if there is none.
  std::shared_ptr<const Reply> Find(absl::string_view question,
                                    uint64_t view_revision,
                                    uint64_t record_incarnation,
                                    absl::Time now);
  // Keeps an answer; `until` is brought forward to max_age from `now`.
  void Put(std::string question, Reply reply, absl::Time now);

  struct Stats {
    uint64_t hits = 0;
    size_t replies = 0;
    size_t bytes = 0;
  };
  Stats stats() const;

 private:
  struct Entry {
    std::shared_ptr<const Reply> reply;
    std::list<std::string>::iterator recent;
  };
  using Changes = absl::flat_hash_map<MemberIndex, uint64_t>;
  // More changes than this in a while end all answers instead.
  static constexpr size_t kMaxChanges = 100'000;

  bool Unchanged(const Reply& reply, uint64_t view_revision) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remove(absl::string_view question) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Answers hold words of members, which must not outlive their use.
  void DropOutdated(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::list<std::string> recent_ ABSL_GUARDED_BY(mutex_);  // latest first
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t hits_ ABSL_GUARDED_BY(mutex_) = 0;
  // Revisions at which members changed last, of this period and of the one
  // before; together they reach back for max_age at least.
  Changes changes_ ABSL_GUARDED_BY(mutex_);
  Changes older_changes_ ABSL_GUARDED_BY(mutex_);
  absl::Time period_begin_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  // Up to here the changes are known.
  uint64_t known_revision_ ABSL_GUARDED_BY(mutex_) = 0;
  // Answers of views before this are not kept.
  uint64_t floor_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_SLATES_REPLY_CACHE_H_
