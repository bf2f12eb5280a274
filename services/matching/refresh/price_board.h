// The prices of the last joint solution, used by every ranking since.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_PRICE_BOARD_H_
#define MITRA_SERVICES_MATCHING_REFRESH_PRICE_BOARD_H_

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "services/matching/members/member_table.h"
#include "services/matching/ranking/recommender.h"

namespace mitra::matching {

// Log prices of one kind by MemberIndex, relative to their median; 0 where
// there is none.
using PriceList = std::vector<float>;

// Thread-safe; readers take no lock that a writer holds for long.
class PriceBoard final : public Prices {
 public:
  float LogPriceOf(v1::RecommendationKind kind,
                   MemberIndex member) const override;

  // Replaces the prices of a kind. `members` is the view whose indices
  // `prices` has.
  void Publish(v1::RecommendationKind kind, PriceList prices);

  // Prices by member id in a checksummed file, written when they are published
  // and read at the start: what a restart would otherwise lose until the next
  // refresh. Load skips members that `members` does not know, and leaves the
  // board as it is when there is no good file.
  absl::Status Save(const std::string& path, const MemberView& members) const;
  absl::Status Load(const std::string& path, const MemberView& members);

 private:
  std::shared_ptr<const PriceList> Of(v1::RecommendationKind kind) const;

  mutable absl::Mutex mutex_;
  std::array<std::shared_ptr<const PriceList>, 32> lists_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_PRICE_BOARD_H_
