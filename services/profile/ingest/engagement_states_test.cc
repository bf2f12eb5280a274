#include "services/profile/ingest/engagement_states.h"

#include <set>
#include <string>
#include <tuple>

#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra::profile {
namespace {

constexpr Side kSides[] = {Side::kSeeker, Side::kProvider, Side::kSystem};

TEST(EngagementStatesTest, EveryMoveIsAllowedOrRefusedWithItsReason) {
  int allowed = 0, wrong_side = 0, illegal = 0;
  for (int from = 0; from < v1::EngagementState_ARRAYSIZE; ++from) {
    for (int to = 0; to < v1::EngagementState_ARRAYSIZE; ++to) {
      for (const Side side : kSides) {
        const absl::Status status =
            CheckTransition(static_cast<v1::EngagementState>(from),
                            static_cast<v1::EngagementState>(to), side);
        if (status.ok()) {
          ++allowed;
        } else if (ReasonOf(status) == "WRONG_SIDE") {
          EXPECT_TRUE(absl::IsPermissionDenied(status));
          ++wrong_side;
        } else {
          EXPECT_EQ(ReasonOf(status), "ILLEGAL_TRANSITION");
          EXPECT_TRUE(absl::IsFailedPrecondition(status));
          ++illegal;
        }
      }
    }
  }
  EXPECT_EQ(allowed, 4 + 2 * 6);
  EXPECT_EQ(allowed + wrong_side, 3 * 10);
  EXPECT_EQ(allowed + wrong_side + illegal, 8 * 8 * 3);
}

TEST(EngagementStatesTest, AnEndIsAnEnd) {
  for (const Transition& transition : Transitions()) {
    if (IsOpenState(transition.from)) continue;
    EXPECT_EQ(transition.from, v1::ENGAGEMENT_STATE_COMPLETED);
    EXPECT_EQ(transition.to, v1::ENGAGEMENT_STATE_COMPLETED);
  }
}

TEST(EngagementStatesTest, OnlyTheProviderSaysYes) {
  EXPECT_THAT(CheckTransition(v1::ENGAGEMENT_STATE_REQUESTED,
                              v1::ENGAGEMENT_STATE_ACCEPTED, Side::kProvider),
              IsOk());
  for (const Side side : {Side::kSeeker, Side::kSystem}) {
    EXPECT_EQ(ReasonOf(CheckTransition(v1::ENGAGEMENT_STATE_REQUESTED,
                                       v1::ENGAGEMENT_STATE_ACCEPTED, side)),
              "WRONG_SIDE");
  }
}

}  // namespace
}  // namespace mitra::profile
