#include "services/matching/members/seat_supply.h"

#include "gtest/gtest.h"
#include "services/matching/members/eligibility.h"
#include "services/matching/members/testing.h"

namespace mitra::matching {
namespace {

v1::Profile ASeeker(const std::string& id) {
  v1::Profile profile = AProfile(id);
  profile.mutable_facets(0)->add_needs()->set_resource(v1::RESOURCE_MENTORING);
  return profile;
}

v1::Profile AMentor(const std::string& id, uint32_t seats,
                    bool standby = false) {
  v1::Profile profile = AProfile(id, v1::ROLE_MENTOR);
  profile.mutable_facets(0)->mutable_seats()->set_total(seats);
  profile.mutable_facets(0)->set_standby(standby);
  return profile;
}

class SeatSupplyTest : public testing::Test {
 protected:
  MemberIndex Take(const v1::Profile& profile) {
    const MemberIndex index = Put(table_, profile, ++revision_);
    table_.Publish();
    return index;
  }
  SeatBalance Balance() {
    return table_.view().supply().For(table_.view().at(seeker_),
                                      v1::ROLE_MENTOR);
  }
  Eligibility Verdict(MemberIndex mentor) {
    return Eligible(table_.view(), seeker_, mentor, v1::ROLE_MENTOR, {});
  }
  bool Pauses() {
    return table_.view().supply().Pauses(table_.view().at(seeker_),
                                         v1::ROLE_MENTOR);
  }

  MemberTable table_{SupplyLevels{.standby_below = 1, .pause_below = .5}};
  uint64_t revision_ = 0;
  MemberIndex seeker_ = Take(ASeeker("seeker"));
};

TEST_F(SeatSupplyTest, CountsWhatIsFreeForWhoSeeksIt) {
  Take(ASeeker("other"));
  Take(AProfile("content"));  // seeks nothing
  v1::Profile busy = AMentor("busy", 5);
  busy.mutable_facets(0)->mutable_seats()->set_taken(3);
  Take(busy);
  v1::Profile paused = AMentor("paused", 5);
  paused.mutable_facets(0)->set_paused(true);
  Take(paused);
  v1::Profile hidden = AMentor("hidden", 5);
  hidden.set_hidden(true);
  Take(hidden);
  Take(AMentor("helper", 4, /*standby=*/true));

  EXPECT_EQ(Balance().seekers, 2u);
  EXPECT_EQ(Balance().free, 2u);
  EXPECT_EQ(Balance().standby, 4u);
  EXPECT_DOUBLE_EQ(Balance().per_seeker(), 1);
  EXPECT_DOUBLE_EQ(Balance().with_standby(), 3);
}

TEST_F(SeatSupplyTest, WhoStandsByIsShownOnlyWhereSeatsAreFew) {
  const MemberIndex helper = Take(AMentor("helper", 4, /*standby=*/true));
  EXPECT_EQ(Verdict(helper), Eligibility::kEligible);

  Take(AMentor("mentor", 1));
  EXPECT_EQ(Verdict(helper), Eligibility::kStandingBy);

  v1::Profile taken = AMentor("mentor", 1);
  taken.mutable_facets(0)->mutable_seats()->set_taken(1);
  Take(taken);
  EXPECT_EQ(Verdict(helper), Eligibility::kEligible);
}

TEST_F(SeatSupplyTest, PausesWhereEvenThoseWhoStandByAreTooFew) {
  EXPECT_TRUE(Pauses());
  Take(AMentor("helper", 1, /*standby=*/true));
  EXPECT_FALSE(Pauses());
  Take(ASeeker("second"));
  EXPECT_FALSE(Pauses());  // one seat for two
  Take(ASeeker("third"));
  EXPECT_TRUE(Pauses());
  ASSERT_EQ(table_.view().supply().PausesOf(v1::ROLE_MENTOR).size(), 2u);
  EXPECT_EQ(table_.view().supply().PausesOf(v1::ROLE_MENTOR)[0].place, "33");
}

TEST_F(SeatSupplyTest, ProvincesAreCountedApartAndWhoIsEverywhereInEach) {
  v1::Profile far = AMentor("far", 3);
  far.set_region_code("73.71");
  Take(far);
  EXPECT_EQ(Balance().free, 0u);

  v1::Profile anywhere = AMentor("anywhere", 2);
  anywhere.clear_region_code();
  Take(anywhere);
  EXPECT_EQ(Balance().free, 2u);

  seeker_ = Take([] {
    v1::Profile seeker = ASeeker("nowhere");
    seeker.clear_region_code();
    return seeker;
  }());
  EXPECT_EQ(Balance().free, 5u);
  EXPECT_EQ(Balance().seekers, 2u);
}

TEST_F(SeatSupplyTest, TheDeletedAreCountedNoMore) {
  Take(AMentor("mentor", 3));
  EXPECT_EQ(Balance().free, 3u);
  table_.Delete(TestHash("mentor"), 1, ++revision_);
  table_.Publish();
  EXPECT_EQ(Balance().free, 0u);
  table_.Clear();
  EXPECT_TRUE(table_.view().supply().Verdicts() ==
              SeatSupply(table_.view().supply().levels()).Verdicts());
}

TEST_F(SeatSupplyTest, ItsVerdictsChangeOnlyWithWhatIsShown) {
  Take(AMentor("helper", 4, /*standby=*/true));
  const std::vector<bool> before = table_.view().supply().Verdicts();
  Take(AProfile("content"));
  EXPECT_TRUE(table_.view().supply().Verdicts() == before);
  Take(AMentor("mentor", 9));
  EXPECT_FALSE(table_.view().supply().Verdicts() == before);
}

TEST(SeatSupplyLevelsTest, WithoutLevelsNobodyStandsInAndNothingPauses) {
  MemberTable table(SupplyLevels{.standby_below = 0, .pause_below = 0});
  const MemberIndex seeker = Put(table, ASeeker("seeker"));
  const MemberIndex helper = Put(table, AMentor("helper", 4, true));
  table.Publish();
  EXPECT_EQ(Eligible(table.view(), seeker, helper, v1::ROLE_MENTOR, {}),
            Eligibility::kStandingBy);
  EXPECT_FALSE(
      table.view().supply().Pauses(table.view().at(seeker), v1::ROLE_MENTOR));
}

}  // namespace
}  // namespace mitra::matching
