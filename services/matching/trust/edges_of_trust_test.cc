// What must hold whatever comes in: separate communities, deletions in the
// middle of paths, clocks that jump, weights of zero.

#include <cmath>
#include <map>
#include <vector>

#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/graph/tie_graph.h"
#include "services/matching/trust/forward_push.h"
#include "services/matching/trust/reputation.h"
#include "services/matching/trust/tie_signals.h"
#include "services/matching/trust/trust_path.h"
#include "services/matching/trust/vouching.h"

namespace mitra::matching {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kNow = 1'764'000'000, kDay = 86'400;

EvidencePiece APiece(EvidenceKey key, MemberIndex author, MemberIndex about,
                     int kind = v1::EVIDENCE_KIND_COLLABORATION) {
  return {.key = key,
          .author = author,
          .about = about,
          .kind = kind,
          .event_time = kNow - static_cast<int64_t>(key % 400) * kDay,
          .quality = std::nullopt,
          .counts = true,
          .revision = key};
}

TrustVector Push(const GraphView& view, MemberIndex subject) {
  PushWorkspace workspace;
  return ForwardPush(view, subject, {}, workspace);
}

// Evidence of a random community of `size` members from `first` on.
std::vector<EvidencePiece> Community(MemberIndex first, uint32_t size,
                                     uint32_t seed, EvidenceKey& key) {
  Random random(seed);
  std::vector<EvidencePiece> pieces;
  for (uint32_t i = 0; i < 6 * size; ++i) {
    const auto a = first + static_cast<MemberIndex>(random.Below(size));
    const auto b = first + static_cast<MemberIndex>(random.Below(size));
    const int kind = 1 + static_cast<int>(random.Below(13));
    if (a != b) pieces.push_back(APiece(++key, a, b, kind));
  }
  return pieces;
}

// All that trust says of the members below `end`, as text.
std::string TrustInside(const GraphView& view, MemberIndex end) {
  std::string text;
  const auto add = [&](double value) {
    text += std::to_string(value);
    text += ' ';
  };
  for (MemberIndex m = 0; m < end; ++m) {
    const TrustVector trust = Push(view, m);
    for (const TrustEntry& entry : trust.entries) {
      EXPECT_LT(entry.member, end) << "trust leaked out of the community";
      add(entry.member);
      add(double{entry.mass} * 1e6);
    }
    add(trust.settled);
    const TieReader reader(view, m, &trust);
    for (MemberIndex other = 0; other < end; ++other) {
      for (const float signal : reader.Of(other)) add(double{signal});
    }
    const Reputation reputation = ReputationOf(view, m);
    add(reputation.value);
    add(reputation.evidence);
  }
  return text;
}

TEST(EdgesOfTrustTest, SeparateCommunitiesNeverChangeEachOther) {
  constexpr MemberIndex kSize = 40;
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    EvidenceKey key = 0;
    TieGraph alone({}), both({});
    const auto ours = Community(0, kSize, seed, key);
    const auto theirs = Community(kSize, 3 * kSize, seed + 100, key);
    for (const EvidencePiece& piece : ours) alone.Fold(piece);
    alone.Publish(kNow, 4 * kSize);
    const std::string before = TrustInside(alone.view(), kSize);
    // Theirs comes before, between and after ours, and changes again.
    for (size_t i = 0; i < theirs.size(); ++i) {
      both.Fold(theirs[i]);
      if (i < ours.size()) both.Fold(ours[i]);
      if (i % 50 == 0) both.Publish(kNow, 4 * kSize);
    }
    both.RemoveMember(kSize + 1);
    for (size_t i = 0; i < 20; ++i) both.Withdraw(theirs[i].key, ++key);
    both.Publish(kNow, 4 * kSize);
    EXPECT_EQ(TrustInside(both.view(), kSize), before) << seed;
  }
}

TEST(EdgesOfTrustTest, ADeletionInTheMiddleEndsThePathAndItsTrust) {
  TieGraph graph({});
  // 0 → 1 → 2 and 0 → 3 → 4 → 2.
  for (const auto& [a, b] : std::vector<std::pair<int, int>>{
           {0, 1}, {1, 2}, {0, 3}, {3, 4}, {4, 2}}) {
    graph.Fold(APiece(static_cast<EvidenceKey>(a * 10 + b + 1),
                      static_cast<MemberIndex>(a),
                      static_cast<MemberIndex>(b)));
  }
  graph.Publish(kNow, 5);
  const GraphView old = graph.view();
  EXPECT_THAT(FindTrustPaths(old, 0, 2).paths[0].hops, SizeIs(2));
  graph.RemoveMember(1);
  graph.Publish(kNow, 5);
  const auto round = FindTrustPaths(graph.view(), 0, 2);
  ASSERT_THAT(round.paths, SizeIs(1));
  EXPECT_THAT(round.paths[0].hops, SizeIs(3));
  EXPECT_EQ(Push(graph.view(), 0).MassOf(1), 0);
  EXPECT_GT(Push(graph.view(), 0).MassOf(2), 0);
  graph.RemoveMember(4);
  graph.Publish(kNow, 5);
  EXPECT_THAT(FindTrustPaths(graph.view(), 0, 2).paths, IsEmpty());
  EXPECT_EQ(Push(graph.view(), 0).MassOf(2), 0);
  // Who holds the view of before reads on as it was.
  EXPECT_THAT(FindTrustPaths(old, 0, 2).paths[0].hops, SizeIs(2));
}

TEST(EdgesOfTrustTest, AClockThatJumpsDoesNoLastingHarm) {
  EvidenceKey key = 0;
  const auto pieces = Community(0, 40, 7, key);
  TieGraph steady({}), jumping({});
  for (const EvidencePiece& piece : pieces) {
    steady.Fold(piece);
    jumping.Fold(piece);
  }
  steady.Publish(kNow, 40);
  for (const int64_t now : {kNow + 40'000 * kDay, int64_t{0}, -kNow,
                            kNow - 4000 * kDay, kNow + 365 * kDay, kNow}) {
    jumping.Refresh(now, 40);
    for (MemberIndex m = 0; m < 40; ++m) {
      const TrustVector trust = Push(jumping.view(), m);
      EXPECT_NEAR(trust.settled + trust.residual, 1, 1e-9);
      for (const TrustEntry& entry : trust.entries) {
        EXPECT_TRUE(std::isfinite(entry.mass));
      }
      EXPECT_TRUE(std::isfinite(ReputationOf(jumping.view(), m).value));
    }
  }
  EXPECT_EQ(TrustInside(jumping.view(), 40), TrustInside(steady.view(), 40));
}

TEST(EdgesOfTrustTest, WeightsOfZeroAreNoTiesAndNoTrouble) {
  TieOptions options;
  for (EvidenceKindOptions& kind : options.kinds) kind.weight = 0;
  ASSERT_TRUE(options.Validate().ok());
  TieGraph graph(options);
  EvidenceKey key = 0;
  for (const EvidencePiece& piece : Community(0, 30, 3, key)) graph.Fold(piece);
  graph.Publish(kNow, 30);
  EXPECT_EQ(graph.view().tie_count(), 0u);
  for (MemberIndex m = 0; m < 30; ++m) {
    EXPECT_EQ(Push(graph.view(), m).settled, 1);
    EXPECT_TRUE(ReputationOf(graph.view(), m).is_new);
  }
  const std::vector<MemberIndex> seeds = {0, 1, 2};
  EXPECT_FALSE(ComputeVouching(graph.view(), seeds).vouched());
}

TEST(EdgesOfTrustTest, WhomIComplainOfDrawsNoTrustByPraisingMe) {
  TieGraph graph({});
  EvidenceKey key = 0;
  graph.Fold(APiece(++key, 0, 1));
  for (int i = 0; i < 20; ++i) {
    graph.Fold(APiece(++key, 2, 0));
    graph.Fold(APiece(++key, 3, 0));
  }
  graph.Fold(APiece(++key, 0, 3, v1::EVIDENCE_KIND_REPORT));
  graph.Publish(kNow, 4);
  const TrustVector trust = Push(graph.view(), 0);
  EXPECT_GT(trust.MassOf(2), 0) << "an admirer is walked to, a little";
  EXPECT_EQ(trust.MassOf(3), 0);
}

// Many subjects over one workspace give what a fresh one gives, whatever the
// size of the walks before.
TEST(EdgesOfTrustTest, AWorkspaceKeepsNothingFromTheWalkBefore) {
  TieGraph graph({});
  Random random(5);
  EvidenceKey key = 0;
  constexpr MemberIndex kMembers = 20'000;
  for (int i = 0; i < 100'000; ++i) {
    const auto a = static_cast<MemberIndex>(random.Below(kMembers));
    const auto b = static_cast<MemberIndex>(random.Below(kMembers));
    if (a != b) graph.Fold(APiece(++key, a, b, 1));
  }
  graph.Fold(APiece(++key, kMembers, kMembers + 1));
  graph.Publish(kNow, kMembers + 2);
  const GraphView view = graph.view();
  PushWorkspace workspace;
  for (int i = 0; i < 60; ++i) {
    // Now and then a walk of two members between those of thousands.
    const auto subject = i % 5 == 0
                             ? kMembers
                             : static_cast<MemberIndex>(random.Below(kMembers));
    const TrustVector used = ForwardPush(view, subject, {}, workspace);
    const TrustVector fresh = Push(view, subject);
    ASSERT_EQ(used.entries.size(), fresh.entries.size());
    for (size_t e = 0; e < used.entries.size(); ++e) {
      ASSERT_EQ(used.entries[e].member, fresh.entries[e].member);
      ASSERT_EQ(used.entries[e].mass, fresh.entries[e].mass);
    }
    EXPECT_EQ(used.settled, fresh.settled);
    EXPECT_EQ(used.edges_pushed, fresh.edges_pushed);
  }
}

// What is kept are the heaviest, in the order of members.
TEST(EdgesOfTrustTest, TheHeaviestAreKept) {
  TieGraph graph({});
  Random random(9);
  EvidenceKey key = 0;
  for (int i = 0; i < 40'000; ++i) {
    const auto a = static_cast<MemberIndex>(random.Below(5000));
    const auto b = static_cast<MemberIndex>(random.Below(5000));
    if (a != b) graph.Fold(APiece(++key, a, b, 1));
  }
  graph.Publish(kNow, 5000);
  PushWorkspace workspace;
  const TrustVector all =
      ForwardPush(graph.view(), 7, {.max_members = 0}, workspace);
  for (const uint32_t kept : {1u, 10u, 300u, 1000u}) {
    const TrustVector few =
        ForwardPush(graph.view(), 7, {.max_members = kept}, workspace);
    std::vector<TrustEntry> expected = all.Top(kept);
    std::sort(expected.begin(), expected.end(),
              [](const TrustEntry& a, const TrustEntry& b) {
                return a.member < b.member;
              });
    ASSERT_EQ(few.entries.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(few.entries[i].member, expected[i].member);
    }
  }
}

}  // namespace
}  // namespace mitra::matching
