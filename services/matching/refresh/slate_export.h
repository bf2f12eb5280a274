// The slates of a refresh, read back from its ledger: for other systems, and
// in words for people.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_SLATE_EXPORT_H_
#define MITRA_SERVICES_MATCHING_REFRESH_SLATE_EXPORT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/matching/ranking/ranking_board.h"
#include "services/matching/refresh/candidate_lists.h"
#include "services/matching/refresh/job_folder.h"
#include "services/matching/refresh/member_order.h"

namespace mitra::matching {

// The slates of one refresh on disk. Not thread-safe.
class StoredSlates {
 public:
  // NOT_FOUND if they are not kept (any more).
  static absl::StatusOr<std::unique_ptr<StoredSlates>> Open(
      const JobFolder& folder, const v1::Refresh& refresh);

  uint32_t chunks() const { return log_->chunks(); }
  absl::Span<const std::string> members(uint32_t chunk) const;
  absl::StatusOr<ChunkResult> Read(uint32_t chunk,
                                   const MemberView& members) const;
  // Whom a member's slate of a kind shows, best first; empty for others.
  std::vector<std::string> Shown(absl::string_view member,
                                 v1::RecommendationKind kind,
                                 const MemberView& members);
  const v1::Refresh& refresh() const { return refresh_; }

 private:
  StoredSlates(v1::Refresh refresh, std::vector<std::string> members,
               std::unique_ptr<ChunkLog> log);

  const v1::Refresh refresh_;
  const std::vector<std::string> members_;
  const std::unique_ptr<ChunkLog> log_;
  std::unique_ptr<const PositionsById> positions_;  // null until asked for
  // The chunk that Shown read last.
  uint32_t last_ = UINT32_MAX;
  ChunkResult last_chunk_;
};

// One pass over all slates. Not thread-safe.
class SlateExport {
 public:
  struct Options {
    absl::flat_hash_set<int> kinds;  // empty: all
    // Only slates that show others, or others first, than here; may be null.
    std::unique_ptr<StoredSlates> since;
    bool digests = false;
    RankingArms arms;
  };
  SlateExport(std::unique_ptr<StoredSlates> slates, Options options);

  // The lines of the next members, in the refresh's order; those who may not be
  // shown now are left out. Empty at the end.
  absl::StatusOr<std::vector<v1::SlateLine>> Next(const MatchingView& view,
                                                  int64_t now);

 private:
  v1::SlateLine LineOf(const MatchingView& view, const Subject& subject,
                       const KindSpec& kind,
                       absl::Span<const MarketCandidate> slate, int64_t now);

  const std::unique_ptr<StoredSlates> slates_;
  const Options options_;
  uint32_t next_ = 0;
};

// A slate in words, Indonesian, for a chat message: who it is for, up to 5
// names with place and first reason, and how to answer. At most 1,000 bytes,
// cut between names only.
std::string DigestOf(const MatchingView& view, const Subject& subject,
                     const KindSpec& kind, const RankingProfile& profile,
                     absl::Span<const Ranked> slate);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_SLATE_EXPORT_H_
