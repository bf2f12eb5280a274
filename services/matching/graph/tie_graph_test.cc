#include "services/matching/graph/tie_graph.h"

#include <algorithm>
#include <limits>

#include "common/base/random.h"
#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/graph/testing.h"

namespace mitra::matching {
namespace {

constexpr int64_t kNow = 1'764'000'000;
constexpr int64_t kDay = 86'400;

EvidencePiece APiece(EvidenceKey key, MemberIndex author, MemberIndex about,
                     int kind = v1::EVIDENCE_KIND_COLLABORATION,
                     int64_t time = kNow - kDay) {
  return PieceOf(key, author, about, kind, time);
}

TEST(TieGraphTest, HalfIsLeftAfterTheHalfLife) {
  TieGraph graph({});
  graph.Fold(APiece(1, 0, 1, v1::EVIDENCE_KIND_COLLABORATION, kNow));
  const auto fresh = graph.SumsOf(0, 1, v1::EVIDENCE_KIND_COLLABORATION, kNow);
  const auto later =
      graph.SumsOf(0, 1, v1::EVIDENCE_KIND_COLLABORATION, kNow + 540 * kDay);
  EXPECT_NEAR(fresh.positive, .8, 1e-12);
  EXPECT_NEAR(later.positive, .4, 1e-12);
}

// Clocks differ: what comes from tomorrow counts as if it were now, not more,
// and leaves nothing behind when it is withdrawn.
TEST(TieGraphTest, EvidenceFromTheFutureCountsAsIfItWereNow) {
  constexpr int kKind = v1::EVIDENCE_KIND_RATING;
  TieGraph graph({}), now({});
  for (EvidenceKey key = 1; key <= 5; ++key) {
    graph.Fold(APiece(key, 0, 1, kKind, kNow + 3000 * kDay));
    now.Fold(APiece(key, 0, 1, kKind, kNow));
  }
  EXPECT_NEAR(graph.SumsOf(0, 1, kKind, kNow).positive,
              now.SumsOf(0, 1, kKind, kNow).positive, 1e-9);
  EXPECT_NEAR(graph.TieOf(0, 1, kNow)->trust, now.TieOf(0, 1, kNow)->trust,
              1e-9);
  EXPECT_NEAR(graph.TieOf(0, 1, -kNow)->trust, now.TieOf(0, 1, kNow)->trust,
              1e-9);
  graph.Fold(APiece(6, 0, 1, kKind, kNow - 200 * kDay));
  for (EvidenceKey key = 1; key <= 5; ++key) graph.Withdraw(key, 100 + key);
  TieGraph past({});
  past.Fold(APiece(6, 0, 1, kKind, kNow - 200 * kDay));
  EXPECT_NEAR(graph.TieOf(0, 1, kNow)->trust, past.TieOf(0, 1, kNow)->trust,
              1e-9);
}

TEST(TieGraphTest, TheOrderOfEvidenceDoesNotMatter) {
  Random random(5);
  std::vector<EvidencePiece> pieces;
  for (EvidenceKey key = 1; key <= 300; ++key) {
    EvidencePiece piece =
        APiece(key, static_cast<MemberIndex>(random.Below(4)),
               static_cast<MemberIndex>(4 + random.Below(4)),
               static_cast<int>(random.Between(1, 13)),
               kNow - static_cast<int64_t>(random.Below(3000)) * kDay);
    piece.quality = random.Double();
    pieces.push_back(piece);
  }
  TieGraph first({});
  for (const auto& piece : pieces) first.Fold(piece);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(pieces.begin(), pieces.end(), random);
    TieGraph second({});
    for (const auto& piece : pieces) second.Fold(piece);
    for (MemberIndex a = 0; a < 4; ++a) {
      for (MemberIndex b = 4; b < 8; ++b) {
        const auto x = first.TieOf(a, b, kNow), y = second.TieOf(a, b, kNow);
        ASSERT_EQ(x.has_value(), y.has_value());
        if (x) {
          EXPECT_NEAR(x->trust, y->trust, 1e-9);
        }
      }
    }
  }
}

TEST(TieGraphTest, WithdrawnEvidenceIsAsIfItNeverWas) {
  TieGraph with({}), without({});
  with.Fold(APiece(1, 0, 1));
  without.Fold(APiece(1, 0, 1));
  with.Fold(APiece(2, 0, 1, v1::EVIDENCE_KIND_DISPUTE));
  EXPECT_EQ(with.Withdraw(2, 3), 0u);
  EXPECT_NEAR(with.TieOf(0, 1, kNow)->trust, without.TieOf(0, 1, kNow)->trust,
              1e-9);
  with.Withdraw(1, 4);
  EXPECT_EQ(with.TieOf(0, 1, kNow), std::nullopt);
  EXPECT_EQ(with.stats().ties, 0u);
  // A late repeat of what was withdrawn changes nothing.
  EXPECT_EQ(with.Fold(APiece(1, 0, 1)), TieGraph::Folded::kNothing);
}

TEST(TieGraphTest, ContestedEvidenceDoesNotCountUntilItIsDecided) {
  TieGraph graph({});
  EvidencePiece piece = APiece(1, 0, 1, v1::EVIDENCE_KIND_REPORT);
  graph.Fold(piece);
  EXPECT_LT(graph.TieOf(0, 1, kNow)->trust, .5);
  piece.counts = false;
  piece.revision = 2;
  EXPECT_EQ(graph.Fold(piece), TieGraph::Folded::kLowered);
  EXPECT_EQ(graph.TieOf(0, 1, kNow), std::nullopt);
  piece.counts = true;
  piece.revision = 3;
  graph.Fold(piece);
  EXPECT_LT(graph.TieOf(0, 1, kNow)->trust, .5);
}

TEST(TieGraphTest, RefusesWhatMakesNoSense) {
  TieGraph graph({});
  EXPECT_EQ(graph.Fold(APiece(1, 3, 3)), TieGraph::Folded::kNothing);
  EvidencePiece piece = APiece(2, 0, 1);
  for (double quality : {-1.0, 1.5, std::numeric_limits<double>::quiet_NaN(),
                         std::numeric_limits<double>::infinity()}) {
    piece.quality = quality;
    EXPECT_EQ(graph.Fold(piece), TieGraph::Folded::kNothing);
  }
  piece = APiece(3, 0, 1, 99);
  EXPECT_EQ(graph.Fold(piece), TieGraph::Folded::kNothing);
  EXPECT_EQ(graph.stats().refused, 6u);
}

TEST(TieGraphTest, ARemovedMemberHasNoTiesAndItsNextLifeStartsEmpty) {
  TieGraph graph({});
  graph.Fold(APiece(1, 0, 1));
  graph.Fold(APiece(2, 2, 0));
  graph.RemoveMember(0);
  graph.Publish(kNow, 3);
  EXPECT_EQ(graph.view().of(0).size, 0u);
  EXPECT_EQ(graph.view().of(1).size, 0u);
  EXPECT_EQ(graph.view().of(2).size, 0u);
  EXPECT_EQ(graph.stats().ties, 0u);
  // Withdrawing evidence of the old life must not disturb the new one.
  graph.Fold(APiece(10, 0, 1));
  graph.Withdraw(1, 11);
  EXPECT_TRUE(graph.TieOf(0, 1, kNow).has_value());
}

TEST(TieGraphTest, SharesNeverSumToMoreThanOneAndNoEdgeTakesAll) {
  TieGraph graph({});
  EvidenceKey key = 1;
  for (MemberIndex other = 1; other <= 40; ++other) {
    graph.Fold(APiece(key++, 0, other));
    if (other % 2 == 0) graph.Fold(APiece(key++, other, 0));
  }
  for (int i = 0; i < 50; ++i) graph.Fold(APiece(key++, 0, 1));
  graph.Publish(kNow, 41);
  const Neighbours n = graph.view().of(0);
  double sum = 0;
  for (const WalkEdge& edge : n.walk()) {
    EXPECT_GE(edge.share, 0);
    EXPECT_LE(edge.share, .1 + 1e-6);
    sum += edge.share;
  }
  EXPECT_LE(sum, 1 + 1e-6);
  EXPECT_GT(sum, .5);
}

TEST(TieGraphTest, AdmirersDrawOnlyABoundedShare) {
  TieGraph graph({});
  graph.Fold(APiece(1, 0, 1));
  for (MemberIndex fan = 2; fan < 1000; ++fan) {
    graph.Fold(APiece(fan, fan, 0));
  }
  graph.Publish(kNow, 1000);
  double backwards = 0;
  for (const WalkEdge& edge : graph.view().of(0).walk()) {
    if (edge.to != 1) backwards += edge.share;
  }
  EXPECT_LE(backwards, graph.options().reverse_share + 1e-6);
}

TEST(TieGraphTest, WalksPassOverThousandsOfAdmirers) {
  TieGraph graph({});
  EvidenceKey key = 0;
  constexpr MemberIndex kFans = 6000;
  for (MemberIndex fan = 1; fan <= kFans; ++fan) {
    graph.Fold(APiece(++key, fan, 0));
  }
  for (MemberIndex friend_of = 1; friend_of <= 7; ++friend_of) {
    graph.Fold(APiece(++key, 0, friend_of * 800));
  }
  graph.Publish(kNow, kFans + 1);
  const GraphView view = graph.view();
  const Neighbours all = view.of(0);
  EXPECT_EQ(all.size, kFans);
  EXPECT_EQ(all.node->in_degree, kFans);
  EXPECT_EQ(view.WalkDegreeOf(0), 7u);
  std::vector<MemberIndex> walked;
  for (const WalkEdge& edge : view.WalkOf(0)) {
    EXPECT_GT(edge.share, 0);
    EXPECT_EQ(all.walk()[static_cast<size_t>(all.PositionOf(edge.to))].share,
              edge.share);
    walked.push_back(edge.to);
  }
  EXPECT_EQ(walked, (std::vector<MemberIndex>{800, 1600, 2400, 3200, 4000, 4800,
                                              5600}));
  EXPECT_TRUE(view.TieBetween(17, 0).has_value());
  EXPECT_TRUE(view.TieBetween(0, 800).has_value());
  // A member with few admirers is walked back to them.
  EXPECT_GT(view.WalkDegreeOf(800), 0u);
  graph.RemoveMember(800);
  graph.Publish(kNow, kFans + 1);
  EXPECT_EQ(graph.view().WalkDegreeOf(0), 6u);
}

TEST(TieGraphTest, GroupsAreTiesToTheGroupNotPairs) {
  TieGraph graph({});
  for (MemberIndex member = 1; member <= 30; ++member) {
    graph.Fold(APiece(member, member, 0, v1::EVIDENCE_KIND_MEMBERSHIP));
  }
  graph.Publish(kNow, 31);
  const GraphView view = graph.view();
  EXPECT_EQ(view.tie_count(), 30u);
  EXPECT_EQ(view.of(0).node->group_size, 30u);
  EXPECT_EQ(view.CommonGroup(1, 2), 0u);
  EXPECT_EQ(view.CommonNeighbours(1, 2), 0u);
  double sum = 0;
  for (const WalkEdge& edge : view.of(0).walk()) sum += edge.share;
  EXPECT_LE(sum, graph.options().group_share + 1e-6);
}

TEST(TieGraphTest, AnOlderViewDoesNotChange) {
  TieGraph graph({});
  graph.Fold(APiece(1, 0, 1));
  graph.Publish(kNow, 2);
  const GraphView old = graph.view();
  graph.Fold(APiece(2, 0, 5));
  graph.RemoveMember(1);
  graph.Publish(kNow, 6);
  EXPECT_TRUE(old.TieBetween(0, 1).has_value());
  EXPECT_FALSE(old.TieBetween(0, 5).has_value());
  EXPECT_FALSE(graph.view().TieBetween(0, 1).has_value());
  EXPECT_TRUE(graph.view().TieBetween(0, 5).has_value());
}

}  // namespace
}  // namespace mitra::matching
