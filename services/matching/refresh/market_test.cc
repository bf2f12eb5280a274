#include "services/matching/refresh/market.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/status/status_macros.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"
#include "tests/support/campaign.h"

namespace mitra::matching {
namespace {

// Businesses b0, b1, … and mentors m0, m1, … with scores that a test sets.
class MarketTest : public ::testing::Test {
 protected:
  void Make(int businesses, int mentors, uint32_t seats) {
    for (int i = 0; i < businesses; ++i) {
      subjects_.push_back(world_.Add(AProfile(absl::StrCat("b", i))));
    }
    for (int i = 0; i < mentors; ++i) {
      mentors_.push_back(AddMentor(absl::StrCat("m", i), seats));
    }
    lists_.resize(subjects_.size());
  }
  // Another market, with mentors of these seats.
  void MakeAnew(size_t businesses, const std::vector<uint32_t>& seats) {
    subjects_.clear();
    mentors_.clear();
    lists_.clear();
    Make(static_cast<int>(businesses), 0, 0);
    for (size_t m = 0; m < seats.size(); ++m) {
      mentors_.push_back(AddMentor(absl::StrCat("m", m), seats[m]));
    }
  }
  MemberIndex AddMentor(const std::string& id, uint32_t seats) {
    v1::Profile profile = AProfile(id, v1::ROLE_MENTOR);
    profile.mutable_facets(0)->mutable_seats()->set_total(seats);
    return world_.Add(profile);
  }
  void Score(size_t subject, MemberIndex candidate, double wants,
             double accepts) {
    MarketCandidate one;
    one.member = candidate;
    one.wants = static_cast<float>(wants);
    one.accepts = static_cast<float>(accepts);
    one.key = static_cast<float>((std::log(wants) + std::log(accepts)) / .4);
    lists_[subject].push_back(one);
  }
  absl::StatusOr<MarketOutput> Solve(
      v1::RecommendationKind kind = v1::RECOMMENDATION_KIND_MENTOR) {
    view_ = world_.view();
    MarketInput input;
    input.kind = FindKind(kind);
    input.members = &view_.members;
    input.subjects = subjects_;
    input.lists = [this](const MarketInput::TakeList& take) {
      for (const auto& list : lists_) take(list);
      return absl::OkStatus();
    };
    return SolveMarketOf(input);
  }

  // Anew; gives the mentors' seats, 2 to 6. `taste`: how far subjects differ in
  // whom they want; 0 if not at all.
  std::vector<uint32_t> MakeRandom(Random& random, double taste) {
    std::vector<uint32_t> seats(3 + random.Below(10));
    for (uint32_t& one : seats)
      one = static_cast<uint32_t>(2 + random.Below(5));
    const size_t subjects = 12 + random.Below(40);
    MakeAnew(subjects, seats);
    const double fame = 2 * random.Double();
    for (size_t s = 0; s < subjects; ++s) {
      for (size_t m = 0; m < seats.size(); ++m) {
        if (random.Below(8) == 0) continue;
        const double likely = .9 / std::pow(1 + static_cast<double>(m), fame);
        const auto chance = [&] {
          return .01 + likely * (1 - taste + taste * random.Double());
        };
        const double wants = chance();
        Score(s, mentors_[m], wants, chance());
      }
    }
    return seats;
  }
  // By how much a mentor's price rises, in log units of the market, when it
  // says fewer seats than it has.
  absl::StatusOr<double> RaisedByFewer(Random& random, size_t mentor,
                                       uint32_t seats) {
    MITRA_ASSIGN_OR_RETURN(const MarketOutput honest, Solve());
    const std::string id = absl::StrCat("m", mentor);
    (void)AddMentor(id, static_cast<uint32_t>(1 + random.Below(seats - 1)));
    MITRA_ASSIGN_OR_RETURN(const MarketOutput modest, Solve());
    (void)AddMentor(id, seats);
    const MemberIndex index = mentors_[mentor];
    return (modest.prices[index] - honest.prices[index]) / honest.unit;
  }

  World world_;
  MatchingView view_;
  std::vector<MemberIndex> subjects_, mentors_;
  std::vector<std::vector<MarketCandidate>> lists_;
};

TEST_F(MarketTest, SpreadsAttentionOverMentorsAndGainsMatches) {
  Make(60, 20, 2);
  Random random(3);
  for (size_t s = 0; s < subjects_.size(); ++s) {
    for (size_t m = 0; m < mentors_.size(); ++m) {
      // Everybody likes the first ones best.
      const double fame = 1.0 / (1 + m);
      Score(s, mentors_[m], .1 + .8 * fame * random.Double(),
            .2 + .5 * random.Double());
    }
  }
  MITRA_ASSERT_OK_AND_ASSIGN(const MarketOutput output, Solve());
  const v1::MarketReport& report = output.report;
  EXPECT_EQ(report.subjects(), 60u);
  EXPECT_EQ(report.candidates(), 20u);
  EXPECT_EQ(report.pairs(), 1200u);
  EXPECT_GT(report.expected_matches(), 1.1 * report.expected_matches_alone());
  EXPECT_LT(report.exposure_gini(), .7 * report.exposure_gini_alone());
  ASSERT_GT(report.scarce_size(), 0);
  EXPECT_EQ(report.scarce(0).profile_id(), "m0") << "everybody's first choice";
  EXPECT_LT(output.prices[mentors_[0]], 0);
  EXPECT_EQ(report.scarce(0).seats(), 2);
}

TEST_F(MarketTest, SpreadingLooksCostsNoMatch) {
  Make(30, 10, 1);
  for (size_t s = 0; s < subjects_.size(); ++s) {
    for (size_t m = 0; m < mentors_.size(); ++m) {
      // Two mentors are the only ones with whom anything is likely.
      const double likely = m < 2 ? .9 : .01 / (1 + static_cast<double>(m));
      Score(s, mentors_[m], likely, likely);
    }
  }
  MITRA_ASSERT_OK_AND_ASSIGN(const MarketOutput output, Solve());
  EXPECT_GE(output.report.expected_matches(),
            output.report.expected_matches_alone() - 1e-9);
}

TEST_F(MarketTest, StatingFewerSeatsNeverRaisesOnesOwnPrice) {
  Make(30, 10, 3);
  Random random(5);
  for (size_t s = 0; s < subjects_.size(); ++s) {
    for (const MemberIndex mentor : mentors_) {
      Score(s, mentor, .05 + .9 * random.Double(), .05 + .9 * random.Double());
    }
  }
  for (size_t m = 0; m < mentors_.size(); ++m) {
    MITRA_ASSERT_OK_AND_ASSIGN(const MarketOutput honest, Solve());
    (void)AddMentor(absl::StrCat("m", m), 1);  // says 1 instead of 3
    MITRA_ASSERT_OK_AND_ASSIGN(const MarketOutput modest, Solve());
    EXPECT_LE(modest.prices[mentors_[m]], honest.prices[mentors_[m]] + 1e-4)
        << m;
    (void)AddMentor(absl::StrCat("m", m), 3);
  }
}

// Markets of many shapes: everybody wants the same few or not, seats are few or
// many. In each of them every mentor in turn says fewer seats than it has.
TEST_F(MarketTest, StatingFewerSeatsRaisesNobodysPriceInAnyMarket) {
  const uint64_t markets = mitra::testing::CampaignCases(80);
  int lower = 0;
  for (uint64_t market = 0; market < markets; ++market) {
    Random random(mitra::testing::CampaignSeed() + market);
    const std::vector<uint32_t> seats =
        MakeRandom(random, /*taste=*/.3 + .7 * random.Double());
    for (size_t m = 0; m < seats.size(); ++m) {
      MITRA_ASSERT_OK_AND_ASSIGN(const double raised,
                                 RaisedByFewer(random, m, seats[m]));
      EXPECT_LE(raised, 1e-3) << "market " << market << ", mentor " << m;
      lower += raised < -1e-3;
    }
  }
  EXPECT_GT(lower, static_cast<int>(4 * markets))
      << "prices say something in these markets";
}

// Where nearly everybody says the same of everybody, a hair's breadth changes
// places, and fitting goes on in steps of one log unit.
TEST_F(MarketTest, WhereAllWantTheSameNobodyGainsMoreThanOneStepOfFitting) {
  const uint64_t markets = mitra::testing::CampaignCases(80);
  for (uint64_t market = 0; market < markets; ++market) {
    Random random(mitra::testing::CampaignSeed() + market);
    const std::vector<uint32_t> seats =
        MakeRandom(random, /*taste=*/.3 * random.Double());
    for (size_t m = 0; m < seats.size(); ++m) {
      MITRA_ASSERT_OK_AND_ASSIGN(const double raised,
                                 RaisedByFewer(random, m, seats[m]));
      EXPECT_LE(raised, 1) << "market " << market << ", mentor " << m;
    }
  }
}

TEST_F(MarketTest, OnePopulationStandsOnBothSides) {
  Make(12, 0, 0);
  for (size_t a = 0; a < subjects_.size(); ++a) {
    for (size_t b = 0; b < subjects_.size(); ++b) {
      // The first is everybody's favourite; one direction is not always found.
      if (a != b && (a + 2 * b) % 5 != 0) {
        Score(a, subjects_[b], b == 0 ? .9 : .4, .5);
      }
    }
  }
  MITRA_ASSERT_OK_AND_ASSIGN(const MarketOutput output,
                             Solve(v1::RECOMMENDATION_KIND_PARTNER));
  for (const MemberIndex member : subjects_) {
    EXPECT_TRUE(std::isfinite(output.prices[member]));
    EXPECT_LE(output.prices[subjects_[0]], output.prices[member]);
  }
}

TEST_F(MarketTest, PricesAreRelativeToTheMedian) {
  Make(9, 5, 2);
  for (size_t s = 0; s < subjects_.size(); ++s) {
    for (size_t m = 0; m < mentors_.size(); ++m) {
      Score(s, mentors_[m], .2 + .1 * static_cast<double>(m), .5);
    }
  }
  MITRA_ASSERT_OK_AND_ASSIGN(const MarketOutput output, Solve());
  EXPECT_FLOAT_EQ(output.prices[mentors_[2]], 0);
  EXPECT_EQ(output.prices[subjects_[0]], 0) << "no candidate";
}

TEST_F(MarketTest, MembersWithoutCandidatesAreCounted) {
  Make(4, 2, 1);
  MITRA_ASSERT_OK_AND_ASSIGN(const MarketOutput nothing, Solve());
  EXPECT_EQ(nothing.report.without_candidates(), 4u);
  Score(0, mentors_[0], .5, .5);
  MITRA_ASSERT_OK_AND_ASSIGN(const MarketOutput output, Solve());
  EXPECT_EQ(output.report.without_candidates(), 3u);
  EXPECT_EQ(output.report.candidates(), 1u);
}

TEST_F(MarketTest, WhoHasLeftTakesNoPart) {
  Make(6, 0, 0);
  for (size_t a = 0; a < subjects_.size(); ++a) {
    for (size_t b = 0; b + 1 < subjects_.size(); ++b) {
      if (a != b) Score(a, subjects_[b], .4, .5);
    }
  }
  lists_.back().clear();
  subjects_.back() = kNoMember;
  MITRA_ASSERT_OK_AND_ASSIGN(const MarketOutput output,
                             Solve(v1::RECOMMENDATION_KIND_PARTNER));
  EXPECT_EQ(output.report.without_candidates(), 1u);
  EXPECT_GT(output.report.expected_matches(), 0);
}

}  // namespace
}  // namespace mitra::matching
