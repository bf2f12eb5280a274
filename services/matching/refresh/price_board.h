// The prices of the last joint solution, used by every ranking since, and
// corrected as seats are taken and freed until the next one.
//
// In the solution B_v^2 are the places of v that stay free, so log B_v moves by
// half the log of how they change (transferable_utility.h). The correction is
// the same for the seats that matching sees: deterministic, and bounded, since
// who wants a seat moves on, too, which only the next solution knows.

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
#include "services/matching/ranking/recommendation_kinds.h"
#include "services/matching/ranking/recommender.h"

namespace mitra::matching {

// Log prices of one kind by MemberIndex, relative to their median; 0 where
// there is none.
using PriceList = std::vector<float>;

// One kind's prices and what they were made from.
struct KindPrices {
  PriceList prices;
  // Free seats then, by MemberIndex; kNotCounted where they are not. Empty: the
  // prices stay as they are.
  std::vector<uint16_t> seats;
  // What a log unit of the market is in units of the key.
  float unit = 0;

  static constexpr uint16_t kNotCounted = UINT16_MAX;
};

// Thread-safe; readers take no lock that a writer holds for long.
class PriceBoard final : public Prices {
 public:
  float LogPriceOf(v1::RecommendationKind kind,
                   MemberIndex member) const override;

  // Replaces the prices of a kind; an empty list: nobody has one.
  void Publish(v1::RecommendationKind kind, KindPrices prices);

  // Corrects the prices for the seats that are free now.
  void Follow(const MemberView& members);

 private:
  static constexpr size_t kKinds = 32;

  absl::Mutex changing_;  // held by writers, over a whole change
  std::array<std::shared_ptr<const KindPrices>, kKinds> made_
      ABSL_GUARDED_BY(changing_);
  mutable absl::Mutex mutex_;
  std::array<std::shared_ptr<const PriceList>, kKinds> lists_
      ABSL_GUARDED_BY(mutex_);
};

// How far a price moves when a member whose free seats were `then` has `now`,
// in log units of the market.
float DriftOf(uint16_t then, uint16_t now);

// Free seats of a candidate of the kind, as KindPrices has them.
uint16_t SeatsToday(const KindSpec& kind, const Member& member);

// Prices of some kinds as a checksummed blob by member id, the same for every
// process, and back for the members of a view; unknown ones are left out.
// DATA_LOSS for anything else.
using PricesByKind = std::map<v1::RecommendationKind, KindPrices>;
std::string EncodePrices(const PricesByKind& prices, const MemberView& members);
absl::StatusOr<PricesByKind> DecodePrices(absl::string_view bytes,
                                          const MemberView& members);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_PRICE_BOARD_H_
