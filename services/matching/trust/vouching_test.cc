#include "services/matching/trust/vouching.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <set>
#include <vector>

#include "common/base/random.h"
#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/graph/tie_graph.h"

namespace mitra::matching {
namespace {

constexpr int64_t kNow = 1'764'000'000;

class VouchingTest : public ::testing::Test {
 protected:
  void Tie(MemberIndex a, MemberIndex b,
           int kind = v1::EVIDENCE_KIND_COLLABORATION) {
    ++key_;
    graph_.Fold({.key = key_,
                 .author = a,
                 .about = b,
                 .kind = kind,
                 .event_time = kNow - 1,
                 .quality = std::nullopt,
                 .counts = true,
                 .revision = key_});
    members_ = std::max({members_, a + 1, b + 1});
  }
  // 200 members, each tied to 6 others at random.
  void Honest() {
    Random random(3);
    for (MemberIndex m = 0; m < 200; ++m) {
      for (int i = 0; i < 6; ++i) {
        const auto other = static_cast<MemberIndex>(random.Below(200));
        if (other != m) Tie(m, other);
      }
    }
  }
  // 1,000 fakes in a ring of their own, from index 200 on.
  void Fakes() {
    for (MemberIndex f = 0; f < 1000; ++f) {
      for (MemberIndex step = 1; step <= 5; ++step) {
        Tie(200 + f, 200 + (f + step) % 1000);
      }
    }
  }
  Vouching Compute(std::vector<MemberIndex> seeds = {0, 1, 2, 3, 4}) {
    graph_.Publish(kNow, members_);
    return ComputeVouching(graph_.view(), seeds);
  }
  static double Sum(const Vouching& v, MemberIndex begin, MemberIndex end) {
    double sum = 0;
    for (MemberIndex m = begin; m < end; ++m) sum += double{v.Of(m)};
    return sum;
  }

  TieGraph graph_{TieOptions()};
  MemberIndex members_ = 0;
  uint64_t key_ = 0;
};

TEST_F(VouchingTest, WithoutSeedsEverybodyCounts) {
  Honest();
  const Vouching none = Compute({});
  EXPECT_FALSE(none.vouched());
  EXPECT_EQ(none.Of(7), 1);
  EXPECT_EQ(none.Of(1'000'000), 1);
}

TEST_F(VouchingTest, SeedsWithoutTiesAreNoSeeds) {
  Honest();
  members_ = 300;
  EXPECT_FALSE(Compute({250, 99'999}).vouched());
  EXPECT_EQ(Compute({0, 0, 250}).seeds, 1u);
}

TEST_F(VouchingTest, HonestMembersCountAndARingCountsNothing) {
  Honest();
  Fakes();
  const Vouching v = Compute();
  EXPECT_GT(Sum(v, 0, 200), 100);
  EXPECT_EQ(Sum(v, 200, 1200), 0);
  EXPECT_EQ(v.Of(5'000), 0);  // came later
}

TEST_F(VouchingTest, ARingGainsAtMostWhatItsAttackEdgesLeak) {
  Honest();
  Fakes();
  Random random(9);
  std::vector<MemberIndex> victims;
  for (const size_t edges : {1, 5, 20}) {
    while (victims.size() < edges) {
      const auto victim = static_cast<MemberIndex>(10 + random.Below(190));
      const auto fake = static_cast<MemberIndex>(200 + random.Below(1000));
      Tie(victim, fake);
      Tie(fake, victim);
      victims.push_back(victim);
    }
    const Vouching v = Compute();
    double bound = 0;
    for (const MemberIndex victim : victims) bound += double{v.leak[victim]};
    const double gain = Sum(v, 200, 1200);
    EXPECT_GT(gain, 0);
    EXPECT_LE(gain, bound);
    // In this small network one tie makes the words of about 13 fakes count.
    EXPECT_LE(gain, 16 * static_cast<double>(edges));
  }
}

// The bound of vouching.h as a number: c words for each attack tie, in the mean
// of members drawn at random.
TEST_F(VouchingTest, ARingOfAThousandGainsAtMostCTimesItsAttackEdges) {
  constexpr MemberIndex kHonest = 2000, kFakes = 1000, kVouchesFor = 8;
  std::vector<MemberIndex> seeds(50);
  std::iota(seeds.begin(), seeds.end(), 0u);
  for (const size_t edges : {10u, 100u, 1000u, 5000u}) {
    const size_t draws = std::max<size_t>(1, 200 / edges);
    double gain = 0, leaks = 0, c = 0;
    for (size_t draw = 0; draw < draws; ++draw) {
      graph_.Clear();
      Random random(100 * edges + draw);
      const auto honest = [&] {
        return static_cast<MemberIndex>(random.Below(kHonest));
      };
      const auto fake = [&] {
        return kHonest + static_cast<MemberIndex>(random.Below(kFakes));
      };
      for (MemberIndex m = 0; m < kHonest; ++m) {
        std::set<MemberIndex> others;
        while (others.size() < kVouchesFor) {
          if (const MemberIndex other = honest(); other != m) {
            others.insert(other);
          }
        }
        for (const MemberIndex other : others) Tie(m, other);
      }
      for (MemberIndex f = kHonest; f < kHonest + kFakes; ++f) {
        for (int i = 0; i < 5; ++i) {
          if (const MemberIndex other = fake(); other != f) Tie(f, other);
        }
      }
      std::vector<MemberIndex> victims;
      for (size_t e = 0; e < edges; ++e) {
        victims.push_back(honest());
        const MemberIndex by = fake();
        Tie(victims.back(), by);
        Tie(by, victims.back());
      }
      const Vouching v = Compute(seeds);
      double bound = 0, mean_leak = 0;
      for (const MemberIndex victim : victims) bound += double{v.leak[victim]};
      for (MemberIndex m = 0; m < kHonest; ++m) {
        mean_leak += double{v.leak[m]} / kHonest;
      }
      const double words = Sum(v, kHonest, kHonest + kFakes);
      c = RingGainPerTie(v.steps, kVouchesFor, 1.5);
      EXPECT_LE(words, bound);
      EXPECT_LE(mean_leak, c);
      gain += words / static_cast<double>(edges * draws);
      leaks += bound / static_cast<double>(edges * draws);
    }
    std::printf("%4zu attack ties: %.2f words each (leaks %.2f, c %.2f)\n",
                edges, gain, leaks, c);
    EXPECT_LE(gain, c);
    EXPECT_GT(gain, edges < kFakes ? .5 : .1);
  }
}

TEST_F(VouchingTest, PraisingOthersDoesNotMakeOnesOwnWordCount) {
  Honest();
  Fakes();
  for (MemberIndex f = 0; f < 1000; ++f) {
    for (MemberIndex step = 0; step < 3; ++step) {
      Tie(200 + f, (f + 67 * step) % 200);
    }
  }
  const Vouching v = Compute();
  EXPECT_EQ(Sum(v, 200, 1200), 0);
  EXPECT_GT(Sum(v, 0, 200), 50);
}

TEST_F(VouchingTest, ComplaintsVouchForNobody) {
  Tie(0, 1);
  Tie(1, 2, v1::EVIDENCE_KIND_DISPUTE);
  const Vouching v = Compute({0});
  EXPECT_GT(v.Of(1), 0);
  EXPECT_EQ(v.Of(2), 0);
}

TEST_F(VouchingTest, TheSameGraphGivesTheSameAnswer) {
  Honest();
  const Vouching a = Compute(), b = Compute();
  EXPECT_EQ(a.weight, b.weight);
  EXPECT_EQ(a.level, b.level);
}

}  // namespace
}  // namespace mitra::matching
