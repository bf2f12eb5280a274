// What others say of a member, at the tie graph: bounds, exactness, sizes.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "common/base/random.h"
#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/graph/testing.h"
#include "services/matching/graph/tie_graph.h"

namespace mitra::matching {
namespace {

constexpr int64_t kNow = 1'764'000'000;
constexpr int64_t kDay = 86'400;

EvidencePiece APiece(EvidenceKey key, MemberIndex author, MemberIndex about,
                     int kind = v1::EVIDENCE_KIND_COLLABORATION) {
  return PieceOf(key, author, about, kind, kNow - kDay);
}

// The value of trust/reputation.h, which this layer does not know.
double Value(const NodeFacts& node) {
  const double positive = node.vouched_positive;
  const double n = positive + node.vouched_negative;
  return (positive + 1.5) / (n + 3) * positive / (positive + 2);
}

NodeFacts FactsOf(TieGraph& graph, MemberIndex member, MemberIndex members) {
  graph.Publish(kNow, members);
  return *graph.view().of(member).node;
}

// Members below `trusted` count in full, all others hardly or not at all.
std::shared_ptr<const std::vector<float>> Weights(MemberIndex trusted,
                                                  MemberIndex members,
                                                  float others) {
  auto weights = std::make_shared<std::vector<float>>(members, others);
  std::fill(weights->begin(), weights->begin() + trusted, 1.f);
  return weights;
}

// epsilon of trust/reputation.h: .017.
TEST(ReputationSumsTest, ABrigadeOfStrangersMovesNobodyByMuch) {
  double most = 0;
  for (const int kind :
       {v1::EVIDENCE_KIND_REPORT, v1::EVIDENCE_KIND_COLLABORATION}) {
    for (const MemberIndex friends : {0u, 1u, 2u, 4u, 20u}) {
      for (const float weight : {0.f, .05f, .099f}) {
        TieGraph graph({});
        EvidenceKey key = 1;
        for (MemberIndex f = 0; f < friends; ++f) {
          graph.Fold(APiece(key++, 1 + f, 0));
        }
        graph.SetRaterWeights(Weights(100, 1200, weight));
        const NodeFacts before = FactsOf(graph, 0, 1200);
        for (MemberIndex b = 100; b < 1100; ++b) {
          graph.Fold(APiece(key++, b, 0, kind));
        }
        const NodeFacts after = FactsOf(graph, 0, 1200);
        const double moved = std::abs(Value(after) - Value(before));
        EXPECT_LE(moved, .017) << kind << " " << friends << " " << weight;
        most = std::max(most, moved);
        // Nor do they make somebody known who is new.
        EXPECT_EQ(after.vouched_evidence, friends);
      }
    }
  }
  std::printf("1,000 strangers move nobody by more than %.4f\n", most);
}

TEST(ReputationSumsTest, OneRaterCountsOnlySoMuch) {
  TieGraph graph({});
  EvidenceKey key = 1;
  for (int i = 0; i < 1000; ++i) {
    graph.Fold(APiece(key++, 1, 0, v1::EVIDENCE_KIND_REPORT));
  }
  const NodeFacts one = FactsOf(graph, 0, 5);
  EXPECT_NEAR(one.vouched_negative, 3, 1e-6);
  EXPECT_GT(one.in_negative, 900);
}

TEST(ReputationSumsTest, WeightsTakePartAndCanBeTakenBack) {
  TieGraph graph({});
  for (MemberIndex m = 1; m <= 6; ++m) graph.Fold(APiece(m, m, 0));
  const NodeFacts all = FactsOf(graph, 0, 10);
  graph.SetRaterWeights(Weights(4, 10, 0));  // 1, 2 and 3 count
  EXPECT_GT(graph.stale(), 0u);
  const NodeFacts some = FactsOf(graph, 0, 10);
  EXPECT_EQ(graph.stale(), 0u);
  EXPECT_NEAR(some.vouched_positive, all.vouched_positive / 2, 1e-6);
  EXPECT_EQ(some.vouched_evidence, 3u);
  EXPECT_TRUE(graph.view().weighs_raters());
  graph.SetRaterWeights(nullptr);
  EXPECT_EQ(FactsOf(graph, 0, 10).vouched_positive, all.vouched_positive);
  EXPECT_FALSE(graph.view().weighs_raters());
}

TEST(ReputationSumsTest, PraiseOfWhoPraisesEverybodyCountsLess) {
  TieGraph graph({});
  EvidenceKey key = 1;
  // 1 gives everybody the best mark; 2 marks as others do.
  for (MemberIndex other = 10; other < 60; ++other) {
    EvidencePiece best = APiece(key++, 1, other);
    best.quality = 1;
    graph.Fold(best);
    EvidencePiece usual = APiece(key++, 2, other);
    usual.quality = .8;
    graph.Fold(usual);
  }
  EvidencePiece kind = APiece(key++, 1, 3), fair = APiece(key++, 2, 4);
  kind.quality = fair.quality = 1;
  graph.Fold(kind);
  graph.Fold(fair);
  graph.Publish(kNow, 60);
  const auto facts = [&](MemberIndex m) { return *graph.view().of(m).node; };
  EXPECT_LT(facts(3).vouched_positive, facts(4).vouched_positive - .1);
  // The tie itself is what its author says it is.
  EXPECT_EQ(facts(3).in_positive, facts(4).in_positive);
}

TEST(ReputationSumsTest, TheCausesAddUpToTheWhole) {
  TieGraph graph({});
  EvidenceKey key = 1;
  Random random(4);
  for (int i = 0; i < 200; ++i) {
    graph.Fold(APiece(key++, 1 + static_cast<MemberIndex>(random.Below(30)), 0,
                      static_cast<int>(random.Between(1, 13))));
  }
  graph.Publish(kNow, 31);
  const Neighbours n = graph.view().of(0);
  ASSERT_GT(n.node->causes, 5u);
  double positive = 0, negative = 0;
  uint32_t pieces = 0;
  for (uint32_t i = 0; i < n.node->causes; ++i) {
    positive += double{n.causes[i].positive};
    negative += double{n.causes[i].negative};
    pieces += n.causes[i].pieces;
    if (i > 0) {
      EXPECT_LT(n.causes[i - 1].kind, n.causes[i].kind);
    }
  }
  EXPECT_NEAR(positive, double{n.node->vouched_positive}, 1e-4);
  EXPECT_NEAR(negative, double{n.node->vouched_negative}, 1e-4);
  EXPECT_EQ(pieces, n.node->vouched_evidence);
}

// Some history with withdrawals, contests and deletions, in two orders.
TEST(ReputationSumsTest, ReplayInAnyOrderGivesTheLiveValue) {
  Random random(8);
  std::vector<EvidencePiece> pieces;
  for (EvidenceKey key = 1; key <= 600; ++key) {
    EvidencePiece piece =
        APiece(key, static_cast<MemberIndex>(random.Below(12)),
               static_cast<MemberIndex>(12 + random.Below(6)),
               static_cast<int>(random.Between(1, 13)));
    piece.event_time = kNow - static_cast<int64_t>(random.Below(2000)) * kDay;
    if (random.Chance(.7)) piece.quality = random.Double();
    pieces.push_back(piece);
  }
  const auto kept = [](const EvidencePiece& p) { return p.key % 5 != 0; };
  TieGraph live({});
  for (const EvidencePiece& piece : pieces) live.Fold(piece);
  for (const EvidencePiece& piece : pieces) {
    if (!kept(piece)) live.Withdraw(piece.key, 10'000 + piece.key);
  }
  live.Publish(kNow, 20);
  for (int round = 0; round < 4; ++round) {
    std::shuffle(pieces.begin(), pieces.end(), random);
    TieGraph replay({});
    for (const EvidencePiece& piece : pieces) {
      if (kept(piece)) replay.Fold(piece);
    }
    replay.Publish(kNow, 20);
    for (MemberIndex m = 12; m < 18; ++m) {
      const NodeFacts a = *live.view().of(m).node;
      const NodeFacts b = *replay.view().of(m).node;
      EXPECT_NEAR(Value(a), Value(b), 1e-6);  // floats in the published list
      EXPECT_EQ(a.vouched_evidence, b.vouched_evidence);
    }
  }
}

TEST(ReputationSumsTest, ADeletedMemberNoLongerTellsHowItsRatersSpeak) {
  TieGraph graph({}), without({});
  EvidenceKey key = 1;
  for (MemberIndex other = 10; other < 60; ++other) {
    EvidencePiece best = APiece(key++, 1, other);
    best.quality = 1;
    graph.Fold(best);
  }
  graph.Fold(APiece(1000, 1, 3));
  without.Fold(APiece(1000, 1, 3));
  for (MemberIndex other = 10; other < 60; ++other) graph.RemoveMember(other);
  EXPECT_EQ(FactsOf(graph, 3, 60).vouched_positive,
            FactsOf(without, 3, 60).vouched_positive);
}

TEST(ReputationSumsTest, AMillionPiecesOnOnePair) {
  TieGraph graph({});
  for (EvidenceKey key = 1; key <= 1'000'000; ++key) {
    graph.Fold(APiece(key, 1, 0, v1::EVIDENCE_KIND_RATING));
  }
  const NodeFacts facts = FactsOf(graph, 0, 2);
  EXPECT_EQ(facts.in_evidence, 1'000'000u);
  EXPECT_NEAR(facts.vouched_positive + facts.vouched_negative, 3, 1e-6);
  EXPECT_LE(graph.TieOf(1, 0, kNow)->trust, 1);
  // All but one are taken back; what is left is that one.
  for (EvidenceKey key = 2; key <= 1'000'000; ++key) {
    graph.Withdraw(key, 2'000'000);
  }
  TieGraph one({});
  one.Fold(APiece(1, 1, 0, v1::EVIDENCE_KIND_RATING));
  EXPECT_NEAR(graph.TieOf(1, 0, kNow)->trust, one.TieOf(1, 0, kNow)->trust,
              1e-9);
}

TEST(ReputationSumsTest, TwoHundredThousandTiesOnOneMentor) {
  TieGraph graph({});
  constexpr MemberIndex kFans = 200'000;
  for (MemberIndex fan = 1; fan <= kFans; ++fan) {
    graph.Fold(APiece(fan, fan, 0));
  }
  NodeFacts facts = FactsOf(graph, 0, kFans + 1);
  EXPECT_EQ(facts.in_degree, kFans);
  EXPECT_GT(Value(facts), .7);
  // One more changes hardly anything and needs no rebuild of the others.
  graph.Fold(APiece(kFans + 1, 1, 0));
  facts = FactsOf(graph, 0, kFans + 1);
  EXPECT_EQ(facts.in_evidence, kFans + 1);
  double out = 0;
  for (const WalkEdge& edge : graph.view().of(0).walk()) {
    out += double{edge.share};
  }
  EXPECT_LE(out, 1 + 1e-6);
}

}  // namespace
}  // namespace mitra::matching
