#include "services/matching/refresh/hard_seats.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"
#include "services/matching/refresh/market.h"

namespace mitra::matching {
namespace {

class HardSeatsTest : public ::testing::Test {
 protected:
  void Make(int businesses, int mentors, uint32_t seats) {
    for (int i = 0; i < mentors; ++i) {
      v1::Profile profile = AProfile(absl::StrCat("m", i), v1::ROLE_MENTOR);
      profile.mutable_facets(0)->mutable_seats()->set_total(seats);
      mentors_.push_back(world_.Add(profile));
    }
    lists_.resize(static_cast<size_t>(businesses));
    Random random(5);
    for (auto& list : lists_) {
      for (const MemberIndex mentor : mentors_) {
        MarketCandidate row;
        row.member = mentor;
        row.key = static_cast<float>(-8 * random.Double());
        row.accepts = static_cast<float>(random.Double());
        list.push_back(row);
      }
    }
  }
  absl::StatusOr<GivenSeats> Give(
      v1::RecommendationKind kind = v1::RECOMMENDATION_KIND_MENTOR) {
    view_ = world_.view();
    std::vector<absl::Span<MarketCandidate>> lists;
    for (auto& list : lists_) lists.push_back(absl::MakeSpan(list));
    return GiveSeats(*FindKind(kind), view_.members,
                     PriceList(view_.members.size(), 0), lists);
  }
  std::map<MemberIndex, int> Taken() const {
    std::map<MemberIndex, int> taken;
    for (const auto& list : lists_) {
      for (const MarketCandidate& row : list) {
        taken[row.member] += row.has_seat() || row.pinned();
      }
    }
    return taken;
  }

  World world_;
  MatchingView view_;
  std::vector<MemberIndex> mentors_;
  std::vector<std::vector<MarketCandidate>> lists_;
};

TEST_F(HardSeatsTest, EverySeatIsGivenOnceAndTheResultIsStable) {
  Make(40, 8, 3);
  MITRA_ASSERT_OK_AND_ASSIGN(const GivenSeats seats, Give());
  EXPECT_EQ(seats.given, 24u);
  EXPECT_EQ(seats.blocking, 0u);
  for (const auto& [mentor, taken] : Taken()) EXPECT_EQ(taken, 3);
}

TEST_F(HardSeatsTest, NobodyGetsMoreSeatsThanItCanUse) {
  Make(3, 8, 3);
  MITRA_ASSERT_OK_AND_ASSIGN(const GivenSeats seats, Give());
  const auto wanted = static_cast<uint64_t>(
      WantedPartners(*FindKind(v1::RECOMMENDATION_KIND_MENTOR)));
  EXPECT_EQ(seats.given, 3 * wanted);
}

TEST_F(HardSeatsTest, PinnedOnesHaveTheirSeatBeforehand) {
  Make(10, 1, 2);
  lists_[9][0].sources |= MarketCandidate::kPinnedBit;
  MITRA_ASSERT_OK_AND_ASSIGN(const GivenSeats seats, Give());
  EXPECT_EQ(seats.given, 1u);
  EXPECT_EQ(Taken()[mentors_[0]], 2);
  EXPECT_FALSE(lists_[9][0].has_seat());
}

TEST_F(HardSeatsTest, TheSameListsGiveTheSameSeats) {
  Make(30, 5, 2);
  for (auto& list : lists_) {
    for (MarketCandidate& row : list) row.key = row.accepts = .5f;
  }
  const auto before = lists_;
  MITRA_ASSERT_OK(Give().status());
  const auto first = lists_;
  lists_ = before;
  MITRA_ASSERT_OK(Give().status());
  for (size_t l = 0; l < lists_.size(); ++l) {
    for (size_t i = 0; i < lists_[l].size(); ++i) {
      EXPECT_EQ(lists_[l][i].sources, first[l][i].sources);
    }
  }
}

TEST_F(HardSeatsTest, WhoseSeatsAreNotCountedGivesNone) {
  Make(4, 4, 1);
  MITRA_ASSERT_OK_AND_ASSIGN(const GivenSeats seats,
                             Give(v1::RECOMMENDATION_KIND_PARTNER));
  EXPECT_EQ(seats.given, 0u);
}

}  // namespace
}  // namespace mitra::matching
