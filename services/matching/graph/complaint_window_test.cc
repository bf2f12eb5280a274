#include "services/matching/graph/complaint_window.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/base/random.h"
#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/graph/testing.h"
#include "services/matching/graph/tie_graph.h"

namespace mitra::matching {
namespace {

constexpr int kReport = v1::EVIDENCE_KIND_REPORT;
constexpr int kRating = v1::EVIDENCE_KIND_RATING;
constexpr int kCollaboration = v1::EVIDENCE_KIND_COLLABORATION;
constexpr int64_t kHour = 3600;

int64_t At(int year, int month, int day, int hour = 0) {
  return absl::ToUnixSeconds(absl::FromCivil(
      absl::CivilHour(year, month, day, hour), absl::UTCTimeZone()));
}

// Three years on is 26 May 2029, so that it ends with that month.
const int64_t kComplained = At(2026, 5, 27, 9);
const int64_t kEnd = At(2029, 6, 1);

EvidencePiece APiece(EvidenceKey key, MemberIndex author, MemberIndex about,
                     int kind = kReport, int64_t time = kComplained) {
  return PieceOf(key, author, about, kind, time);
}

// The same to the bit.
void ExpectSameTies(const TieGraph& a, const TieGraph& b, MemberIndex members,
                    int64_t now) {
  for (MemberIndex from = 0; from < members; ++from) {
    for (MemberIndex to = 0; to < members; ++to) {
      const auto x = a.TieOf(from, to, now), y = b.TieOf(from, to, now);
      ASSERT_EQ(x.has_value(), y.has_value()) << from << " " << to;
      if (!x) continue;
      EXPECT_EQ(x->trust, y->trust) << from << " " << to;
      EXPECT_EQ(x->certainty, y->certainty);
      EXPECT_EQ(x->kind, y->kind);
    }
  }
}

// Random evidence of ten years, good and bad.
std::vector<EvidencePiece> History(uint32_t seed, EvidenceKey count) {
  Random random(seed);
  std::vector<EvidencePiece> pieces;
  for (EvidenceKey key = 1; key <= count; ++key) {
    EvidencePiece piece =
        APiece(key, static_cast<MemberIndex>(random.Below(4)),
               static_cast<MemberIndex>(4 + random.Below(4)),
               static_cast<int>(random.Between(1, 13)),
               kEnd - static_cast<int64_t>(random.Below(3650 * 24)) * kHour);
    if (random.Chance(.7)) piece.quality = random.Double();
    pieces.push_back(piece);
  }
  return pieces;
}

TEST(ComplaintWindowTest, EndsAreFirstsOfMonths) {
  const auto end = [](int64_t time, int days) {
    return int64_t{EndOfWindow(time, days)} * 86'400;
  };
  EXPECT_EQ(end(At(2026, 5, 27, 23), 1095), At(2029, 6, 1));
  EXPECT_EQ(end(At(2026, 12, 31, 23), 1), At(2027, 2, 1));
  EXPECT_EQ(end(At(2026, 12, 30, 23), 1), At(2027, 1, 1));
  EXPECT_EQ(end(At(2024, 2, 28), 1), At(2024, 3, 1));
  EXPECT_EQ(end(At(1969, 12, 31, 23), 1), At(1970, 2, 1));
  // Clocks that make no sense.
  EXPECT_LT(end(-4'000'000'000'000'000'000, 1), 0);
  EXPECT_GT(end(4'000'000'000'000'000'000, 1), At(9000, 1, 1));
}

TEST(ComplaintWindowTest, AComplaintCountsUntilTheLastSecondAndThenNoMore) {
  TieGraph graph({});
  graph.Fold(APiece(1, 0, 1));
  const auto before = graph.TieOf(0, 1, kEnd - 1);
  ASSERT_TRUE(before.has_value());
  EXPECT_LT(before->trust, .5);
  // It has faded as reports do: half in 720 days.
  EXPECT_NEAR(
      graph.SumsOf(0, 1, kReport, kEnd - 1).negative,
      std::exp2(-static_cast<double>(kEnd - 1 - kComplained) / (720 * 86'400)),
      1e-9);
  EXPECT_EQ(graph.SumsOf(0, 1, kReport, kEnd - 1).last_end, kEnd / 86'400);
  EXPECT_EQ(graph.TieOf(0, 1, kEnd), std::nullopt);
  const TieSums after = graph.SumsOf(0, 1, kReport, kEnd);
  EXPECT_EQ(after.negative, 0);
  EXPECT_EQ(after.pieces, 0u);
  // A clock that went too far and comes back.
  EXPECT_EQ(graph.TieOf(0, 1, kEnd - 1)->trust, before->trust);
}

TEST(ComplaintWindowTest, EachOfTwoComplaintsHasItsOwnEnd) {
  TieGraph both({}), later({});
  both.Fold(APiece(1, 0, 1));
  for (TieGraph* graph : {&both, &later}) {
    graph->Fold(APiece(2, 0, 1, kReport, At(2027, 1, 3)));
    graph->Fold(APiece(3, 0, 1, kCollaboration));
  }
  EXPECT_LT(both.TieOf(0, 1, kEnd - 1)->trust,
            later.TieOf(0, 1, kEnd - 1)->trust);
  ExpectSameTies(both, later, 2, kEnd);
  EXPECT_EQ(both.SumsOf(0, 1, kReport, kEnd).pieces, 1u);
  EXPECT_EQ(both.SumsOf(0, 1, kReport, kEnd - 1).last_end,
            At(2030, 2, 1) / 86'400);
  // In the end the praise alone is left.
  TieGraph praise({});
  praise.Fold(APiece(3, 0, 1, kCollaboration));
  ExpectSameTies(both, praise, 2, At(2030, 2, 1));
}

TEST(ComplaintWindowTest, BadMarksEndGoodOnesOnlyFade) {
  TieGraph graph({});
  EvidencePiece bad = APiece(1, 0, 1, kRating), good = APiece(2, 0, 1, kRating);
  bad.quality = .49;
  good.quality = .5;
  graph.Fold(bad);
  graph.Fold(good);
  // Marks have five years, to the end of May 2031.
  const int64_t end = At(2031, 6, 1);
  EXPECT_EQ(graph.SumsOf(0, 1, kRating, end - 1).pieces, 2u);
  const TieSums left = graph.SumsOf(0, 1, kRating, end);
  EXPECT_EQ(left.pieces, 1u);
  EXPECT_EQ(left.last_end, 0);
  EXPECT_EQ(left.positive, left.negative);
  EXPECT_GT(graph.SumsOf(0, 1, kRating, At(2050, 1, 1)).positive, 0);
}

TEST(ComplaintWindowTest, WithoutAWindowComplaintsOnlyFade) {
  TieOptions options;
  options.kinds[kReport].window_days = 0;
  TieGraph graph(options);
  graph.Fold(APiece(1, 0, 1));
  EXPECT_LT(graph.TieOf(0, 1, At(2050, 1, 1))->trust, .5);
  EXPECT_EQ(graph.SumsOf(0, 1, kReport, kEnd).last_end, 0);
  options.kinds[kReport].window_days = -1;
  EXPECT_FALSE(options.Validate().ok());
}

TEST(ComplaintWindowTest, ReplayInAnyOrderIsTheSameToTheBit) {
  std::vector<EvidencePiece> pieces = History(5, 400);
  TieGraph first({});
  for (const auto& piece : pieces) first.Fold(piece);
  Random random(6);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(pieces.begin(), pieces.end(), random);
    TieGraph second({});
    for (const auto& piece : pieces) second.Fold(piece);
    for (const int64_t now : {At(2020, 1, 1), At(2026, 1, 1), kEnd - 1, kEnd,
                              At(2031, 1, 1), At(2033, 1, 1)}) {
      ExpectSameTies(first, second, 8, now);
    }
  }
}

TEST(ComplaintWindowTest, WhatIsWithdrawnNeverWasBeforeAndAfterItsEnd) {
  const std::vector<EvidencePiece> pieces = History(7, 400);
  TieGraph live({}), never({});
  for (const auto& piece : pieces) live.Fold(piece);
  for (const auto& piece : pieces) {
    if (piece.key % 3 == 0) {
      live.Withdraw(piece.key, 1000 + piece.key);
    } else {
      never.Fold(piece);
    }
  }
  for (const int64_t now : {At(2022, 1, 1), kEnd - 1, kEnd, At(2031, 1, 1)}) {
    ExpectSameTies(live, never, 8, now);
  }
  for (const auto& piece : pieces) live.Withdraw(piece.key, 3000 + piece.key);
  EXPECT_EQ(live.stats().ties, 0u);
}

TEST(ComplaintWindowTest, AContestDoesNotMoveTheEnd) {
  TieGraph graph({});
  EvidencePiece piece = APiece(1, 0, 1);
  graph.Fold(piece);
  piece.counts = false;
  piece.revision = 2;
  graph.Fold(piece);
  EXPECT_EQ(graph.TieOf(0, 1, kEnd - 1), std::nullopt);
  piece.counts = true;  // upheld, years later
  piece.revision = 3;
  graph.Fold(piece);
  EXPECT_TRUE(graph.TieOf(0, 1, kEnd - 1).has_value());
  EXPECT_EQ(graph.TieOf(0, 1, kEnd), std::nullopt);
}

// As the record tells a merge: the same piece, newer, about who stays.
TEST(ComplaintWindowTest, AMergedMemberTakesItsComplaintsWithTheirEnds) {
  TieGraph merged({}), fresh({});
  merged.Fold(APiece(1, 0, 1));
  merged.Fold(APiece(2, 0, 2, kReport, At(2026, 8, 1)));
  EvidencePiece moved = APiece(1, 0, 2);
  fresh.Fold(moved);
  fresh.Fold(APiece(2, 0, 2, kReport, At(2026, 8, 1)));
  moved.revision = 9;
  merged.Fold(moved);
  EXPECT_EQ(merged.SumsOf(0, 2, kReport, kEnd - 1).pieces, 2u);
  EXPECT_EQ(merged.SumsOf(0, 2, kReport, kEnd).pieces, 1u);
  for (const int64_t now : {kEnd - 1, kEnd}) {
    ExpectSameTies(merged, fresh, 3, now);
  }
}

TEST(ComplaintWindowTest, APairOfEndedComplaintsIsNoPairToReaders) {
  TieGraph graph({});
  graph.Fold(APiece(1, 0, 1));
  graph.Fold(APiece(2, 0, 2, kCollaboration));
  graph.Fold(APiece(3, 3, 1));
  graph.Refresh(kComplained, 4);
  EXPECT_EQ(graph.view().of(1).size, 2u);
  EXPECT_EQ(graph.view().of(1).node->in_degree, 2u);
  EXPECT_GT(graph.view().of(1).node->vouched_negative, 0);
  graph.Refresh(kEnd, 4);
  const GraphView view = graph.view();
  EXPECT_EQ(view.of(1).size, 0u);
  EXPECT_EQ(view.of(1).node->in_degree, 0u);
  EXPECT_EQ(view.of(1).node->vouched_negative, 0);
  EXPECT_EQ(view.of(3).size, 0u);
  ASSERT_EQ(view.of(0).size, 1u);
  EXPECT_EQ(view.of(0).edges[0].to, 2u);
  EXPECT_EQ(view.of(0).node->out_degree, 1u);
  EXPECT_EQ(view.of(0).PositionOf(1), -1);
  // It is remembered: taken back, it is gone for a clock of before, too.
  graph.Withdraw(1, 9);
  graph.Refresh(kComplained, 4);
  EXPECT_EQ(graph.view().of(1).node->in_degree, 1u);
}

// Nobody changes anything; publications go on, as they do every second.
TEST(ComplaintWindowTest, QuietMembersLoseTheirComplaintsInTime) {
  TieGraph graph({});
  for (MemberIndex m = 1; m < 50; ++m) graph.Fold(APiece(m, m, 0));
  graph.Fold(APiece(60, 1, 2));
  graph.Publish(kEnd - 100 * kHour, 50);
  for (int64_t now = kEnd - 100 * kHour; now < kEnd; now += kHour) {
    graph.Publish(now, 50);
    if (now >= kEnd - 36 * kHour) continue;
    EXPECT_EQ(graph.view().of(0).node->in_degree, 49u) << kEnd - now;
    EXPECT_TRUE(graph.view().TieBetween(1, 2).has_value());
  }
  graph.Publish(kEnd, 50);
  for (MemberIndex m = 0; m < 50; ++m) {
    EXPECT_EQ(graph.view().of(m).size, 0u) << m;
  }
}

TEST(ComplaintWindowTest, AMillionComplaintsOfOneHaveOneSumForEachMonth) {
  TieGraph graph({});
  constexpr int64_t kMonth = 30 * 86'400;
  for (EvidenceKey key = 1; key <= 1'000'000; ++key) {
    graph.Fold(APiece(key, 0, 1, kReport,
                      kComplained - static_cast<int64_t>(key % 60) * kMonth));
  }
  // Those of the last 36 months or so still count.
  const TieSums now = graph.SumsOf(0, 1, kReport, kComplained);
  EXPECT_NEAR(now.pieces, 1'000'000 * 37.5 / 60, 1'000'000 * 1.5 / 60);
  EXPECT_EQ(graph.SumsOf(0, 1, kReport, kEnd).pieces, 0u);
  for (EvidenceKey key = 2; key <= 1'000'000; ++key) {
    graph.Withdraw(key, 2'000'000);
  }
  TieGraph one({});
  one.Fold(APiece(1, 0, 1, kReport, kComplained - kMonth));
  EXPECT_NEAR(graph.TieOf(0, 1, kComplained)->trust,
              one.TieOf(0, 1, kComplained)->trust, 1e-9);
}

}  // namespace
}  // namespace mitra::matching
