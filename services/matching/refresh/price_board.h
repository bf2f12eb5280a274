// The prices of the last joint solution, used by every ranking since.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_PRICE_BOARD_H_
#define MITRA_SERVICES_MATCHING_REFRESH_PRICE_BOARD_H_

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
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

  // Replaces the prices of a kind; an empty list: nobody has one.
  void Publish(v1::RecommendationKind kind, PriceList prices);

 private:
  mutable absl::Mutex mutex_;
  std::array<std::shared_ptr<const PriceList>, 32> lists_
      ABSL_GUARDED_BY(mutex_);
};

// Prices of some kinds as a checksummed blob by member id, the same for every
// process, and back for the members of a view; unknown ones are left out.
// DATA_LOSS for anything else.
using PricesByKind = std::map<v1::RecommendationKind, PriceList>;
std::string EncodePrices(const PricesByKind& prices, const MemberView& members);
absl::StatusOr<PricesByKind> DecodePrices(absl::string_view bytes,
                                          const MemberView& members);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_PRICE_BOARD_H_
