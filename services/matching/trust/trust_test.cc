// Personal trust, its cache, paths and reputation.

#include <algorithm>
#include <cmath>
#include <map>

#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/graph/tie_graph.h"
#include "services/matching/trust/forward_push.h"
#include "services/matching/trust/reputation.h"
#include "services/matching/trust/trust_cache.h"
#include "services/matching/trust/trust_path.h"

namespace mitra::matching {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kNow = 1'764'000'000;

class TrustTest : public ::testing::Test {
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
  GraphView View() {
    graph_.Publish(kNow, members_);
    return graph_.view();
  }
  static TrustVector Push(const GraphView& view, MemberIndex subject,
                          PushOptions options = {}) {
    PushWorkspace workspace;
    return ForwardPush(view, subject, options, workspace);
  }

  // Dense power iteration of the same walk.
  static std::vector<double> Exact(const GraphView& view, MemberIndex subject,
                                   double alpha) {
    std::vector<double> settled(view.size()), mass(view.size());
    mass[subject] = 1;
    for (int round = 0; round < 300; ++round) {
      std::vector<double> next(view.size());
      for (MemberIndex m = 0; m < view.size(); ++m) {
        settled[m] += alpha * mass[m];
        double given = 0;
        for (const WalkEdge& edge : view.of(m).walk()) {
          next[edge.to] += (1 - alpha) * mass[m] * edge.share;
          given += edge.share;
        }
        next[subject] += (1 - alpha) * mass[m] * (1 - given);
      }
      mass = next;
    }
    return settled;
  }

  TieGraph graph_{TieOptions()};
  MemberIndex members_ = 0;
  uint64_t key_ = 0;
};

TEST_F(TrustTest, AgreesWithDensePowerIteration) {
  Random random(11);
  for (int i = 0; i < 600; ++i) {
    const auto a = static_cast<MemberIndex>(random.Below(120));
    const auto b = static_cast<MemberIndex>(random.Below(120));
    if (a != b) Tie(a, b);
  }
  const GraphView view = View();
  const TrustVector trust = Push(view, 3, {.rmax = 1e-10});
  const std::vector<double> exact = Exact(view, 3, .5);
  for (MemberIndex m = 0; m < view.size(); ++m) {
    if (m == 3) continue;
    EXPECT_NEAR(trust.MassOf(m), exact[m], 1e-6) << m;
  }
  EXPECT_NEAR(trust.subject_mass, exact[3], 1e-6);
}

TEST_F(TrustTest, AnIndexChangesNoMassAndTopIsTheHeaviest) {
  for (const MemberIndex members : {1u, 3u, 40u, 5000u}) {
    Random random(members);
    TrustVector trust;
    for (MemberIndex m = 0; m < 20'000;
         m += 1 + random.Below(20'000 / members)) {
      trust.entries.push_back({m, static_cast<float>(1 + random.Below(50))});
    }
    TrustVector indexed = trust;
    indexed.MakeIndex();
    for (MemberIndex m = 0; m < 20'100; ++m) {
      indexed.Prefetch(m);
      ASSERT_EQ(indexed.MassOf(m), trust.MassOf(m)) << members << " " << m;
    }
    std::vector<TrustEntry> all = trust.entries;
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return a.mass != b.mass ? a.mass > b.mass : a.member < b.member;
    });
    for (const size_t n : {size_t{1}, all.size() / 2, all.size() + 1}) {
      const std::vector<TrustEntry> top = trust.Top(n);
      ASSERT_EQ(top.size(), std::min(n, all.size()));
      for (size_t i = 0; i < top.size(); ++i) {
        ASSERT_EQ(top[i].member, all[i].member);
      }
    }
  }
  TrustVector nobody;
  nobody.MakeIndex();
  EXPECT_EQ(nobody.MassOf(0), 0);
}

TEST_F(TrustTest, MassSumsToOneOnChainsSinksAndCycles) {
  Tie(0, 1);
  Tie(1, 2);  // 2 trusts nobody
  Tie(5, 6);
  Tie(6, 7);
  Tie(7, 5);
  const GraphView view = View();
  for (MemberIndex subject : {0u, 5u, 2u}) {
    const TrustVector trust = Push(view, subject);
    EXPECT_NEAR(trust.settled + trust.residual, 1, 1e-9);
    EXPECT_FALSE(trust.truncated);
  }
  const TrustVector chain = Push(view, 0);
  EXPECT_GT(chain.MassOf(1), chain.MassOf(2));
  EXPECT_GT(chain.MassOf(2), 0);
}

TEST_F(TrustTest, AMemberWithoutTiesTrustsNobody) {
  Tie(0, 1);
  members_ = 5;
  const TrustVector trust = Push(View(), 4);
  EXPECT_THAT(trust.entries, IsEmpty());
  EXPECT_EQ(trust.settled, 1);
  EXPECT_THAT(Push(View(), 1000).entries, IsEmpty());
}

TEST_F(TrustTest, TheSameViewGivesTheSameAnswer) {
  Random random(2);
  for (int i = 0; i < 400; ++i) {
    Tie(static_cast<MemberIndex>(random.Below(50)),
        static_cast<MemberIndex>(50 + random.Below(50)));
  }
  const GraphView view = View();
  const TrustVector a = Push(view, 1), b = Push(view, 1);
  ASSERT_EQ(a.entries.size(), b.entries.size());
  for (size_t i = 0; i < a.entries.size(); ++i) {
    EXPECT_EQ(a.entries[i].mass, b.entries[i].mass);
  }
}

TEST_F(TrustTest, TheEdgeBudgetEndsTheWalkAndSaysSo) {
  for (MemberIndex m = 1; m < 200; ++m) {
    Tie(0, m);
    Tie(m, (m * 7) % 200);
  }
  const TrustVector trust = Push(View(), 0, {.edge_budget = 250});
  EXPECT_TRUE(trust.truncated);
  EXPECT_GT(trust.residual, 0);
  EXPECT_NEAR(trust.settled + trust.residual, 1, 1e-9);
}

TEST_F(TrustTest, ARingOfFakesGetsOnlyWhatItsAttackEdgesPassOn) {
  for (MemberIndex a = 0; a < 50; ++a) {
    for (MemberIndex step = 1; step <= 6; ++step) Tie(a, (a + step) % 50);
  }
  for (MemberIndex f = 100; f < 300; ++f) {
    for (MemberIndex step = 1; step <= 5; ++step) {
      Tie(f, 100 + (f - 100 + step) % 200);
    }
  }
  const auto ring = [](const TrustVector& trust) {
    double sum = 0;
    for (const TrustEntry& e : trust.entries) {
      if (e.member >= 100) sum += e.mass;
    }
    return sum;
  };
  EXPECT_EQ(ring(Push(View(), 0)), 0);
  Tie(10, 100);
  const GraphView view = View();
  // The ring can get what member 10 sends over one edge, and no more.
  const TrustVector trust = Push(view, 0);
  const Neighbours ten = view.of(10);
  const double share = ten.edges[ten.PositionOf(100)].share;
  EXPECT_LE(ring(trust), trust.MassOf(10) / .5 * share * 1.2);
}

TEST_F(TrustTest, CachesUntilOwnTiesChangeOrTimePasses) {
  Tie(0, 1);
  Tie(1, 2);
  TrustCache cache({});
  const absl::Time now = absl::FromUnixSeconds(kNow);
  EXPECT_FALSE(cache.Get(View(), 0, 1, now).cached);
  EXPECT_TRUE(cache.Get(View(), 0, 1, now).cached);
  EXPECT_FALSE(cache.Get(View(), 0, 2, now).cached);  // another life
  EXPECT_FALSE(cache.Get(View(), 0, 1, now).cached);
  Tie(2, 1);
  EXPECT_TRUE(cache.Get(View(), 0, 1, now).cached);
  Tie(0, 2);
  EXPECT_FALSE(cache.Get(View(), 0, 1, now).cached);
  EXPECT_FALSE(cache.Get(View(), 0, 1, now + absl::Minutes(11)).cached);
}

TEST_F(TrustTest, DropsVectorsThatMayContainSomebody) {
  Tie(0, 1);
  Tie(5, 6);
  TrustCache cache({});
  const absl::Time now = absl::FromUnixSeconds(kNow);
  const GraphView view = View();
  cache.Get(view, 0, 1, now);
  cache.Get(view, 5, 1, now);
  cache.DropContaining({1}, view.epoch() + 1);
  EXPECT_FALSE(cache.Get(view, 0, 1, now).cached);
  EXPECT_TRUE(cache.Get(view, 5, 1, now).cached);
  // Pushed on the old view: used, but not kept.
  EXPECT_FALSE(cache.Get(view, 0, 1, now).cached);
}

TEST_F(TrustTest, FindsTheShortestStrongPathAndDisjointOnes) {
  Tie(0, 1);
  Tie(1, 9);
  Tie(0, 2);
  Tie(2, 9);
  const TrustPaths paths = FindTrustPaths(View(), 0, 9);
  ASSERT_THAT(paths.paths, SizeIs(2));
  EXPECT_THAT(paths.paths[0].hops, SizeIs(2));
  EXPECT_EQ(paths.paths[0].hops.back().to, 9u);
  EXPECT_GT(paths.combined, paths.paths[0].strength);
  EXPECT_LE(paths.combined, 1);
}

TEST_F(TrustTest, FindsThreeHopsAndIsHonestAboutNone) {
  Tie(0, 1);
  Tie(1, 2);
  Tie(2, 3);
  Tie(7, 8);
  const GraphView view = View();
  const TrustPaths three = FindTrustPaths(view, 0, 3);
  ASSERT_THAT(three.paths, SizeIs(1));
  EXPECT_THAT(three.paths[0].hops, SizeIs(3));
  EXPECT_THAT(FindTrustPaths(view, 0, 8).paths, IsEmpty());
  EXPECT_THAT(FindTrustPaths(view, 0, 0).paths, IsEmpty());
}

TEST_F(TrustTest, AComplaintCarriesNoPath) {
  Tie(0, 1, v1::EVIDENCE_KIND_DISPUTE);
  EXPECT_THAT(FindTrustPaths(View(), 0, 1).paths, IsEmpty());
}

TEST_F(TrustTest, AHopThroughAGroupIsBoundedByItsSize) {
  Tie(1, 0, v1::EVIDENCE_KIND_MEMBERSHIP);
  Tie(2, 0, v1::EVIDENCE_KIND_MEMBERSHIP);
  const TrustPaths small = FindTrustPaths(View(), 1, 2);
  ASSERT_THAT(small.paths, SizeIs(1));
  EXPECT_EQ(small.paths[0].hops[0].group, 0u);
  for (MemberIndex m = 3; m < 400; ++m) {
    Tie(m, 0, v1::EVIDENCE_KIND_MEMBERSHIP);
  }
  const TrustPaths large = FindTrustPaths(View(), 1, 2);
  ASSERT_THAT(large.paths, SizeIs(1));
  EXPECT_LT(large.paths[0].strength, small.paths[0].strength / 10);
  EXPECT_EQ(large.paths[0].hops[0].group_size, 399u);
}

TEST_F(TrustTest, ReputationIsNewUnderThreePieces) {
  Tie(1, 0);
  Tie(2, 0);
  EXPECT_TRUE(ReputationOf(View(), 0).is_new);
  Tie(3, 0);
  const Reputation good = ReputationOf(View(), 0);
  EXPECT_FALSE(good.is_new);
  Tie(4, 0, v1::EVIDENCE_KIND_REPORT);
  EXPECT_LT(ReputationOf(View(), 0).mean, good.mean);
  EXPECT_LT(ReputationOf(View(), 0).value, good.value);
  EXPECT_TRUE(ReputationOf(View(), 9).is_new);
}

TEST_F(TrustTest, PraiseAlwaysRaisesAReputationAndComplaintsAlwaysLowerIt) {
  for (double r = 0; r < 8; r += .1) {
    for (double s = 0; s < 8; s += .1) {
      const double value = ReputationValue(r, s);
      EXPECT_GE(value, 0);
      EXPECT_LT(value, 1);
      EXPECT_GT(ReputationValue(r + .1, s), value) << r << " " << s;
      if (r > 0) {
        EXPECT_LT(ReputationValue(r, s + .1), value) << r << " " << s;
      }
      // What a brigade of weight .02 can do: reputation.h.
      EXPECT_LT(ReputationValue(r + .02, s) - value, .017);
      EXPECT_LT(value - ReputationValue(r, s + .02), .017);
    }
  }
}

}  // namespace
}  // namespace mitra::matching
