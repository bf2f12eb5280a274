#include "services/matching/refresh/fixed_pairs.h"

#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"

namespace mitra::matching {
namespace {

using ::testing::ElementsAre;

constexpr v1::RecommendationKind kMentor = v1::RECOMMENDATION_KIND_MENTOR;

v1::FixedPair Pair(const std::string& member, const std::string& candidate,
                   v1::PairDecision decision) {
  v1::FixedPair pair;
  pair.set_profile_id(member);
  pair.set_kind(kMentor);
  pair.set_candidate_id(candidate);
  pair.set_decision(decision);
  return pair;
}

class FixedPairsTest : public ::testing::Test {
 protected:
  FixedPairsTest() {
    for (const char* id : {"b0", "b1"}) world_.Add(AProfile(id));
    for (const char* id : {"m0", "m1", "m2", "m3"}) world_.AddMentor(id);
    view_ = world_.view();
    chunk_.kinds.resize(1);
    for (int i = 0; i < 2; ++i) {
      std::vector<MarketCandidate> list;
      for (const char* id : {"m0", "m1", "m2"}) list.push_back(Row(id));
      chunk_.kinds[0].Add(list, kListExhausted);
    }
  }
  MarketCandidate Row(const char* id) const {
    MarketCandidate row;
    row.member = view_.members.Find(id);
    return row;
  }
  absl::StatusOr<std::vector<PairEdit>> Resolve(
      const std::vector<v1::FixedPair>& pairs, bool strict = true) const {
    std::vector<const v1::FixedPair*> pointers;
    for (const v1::FixedPair& pair : pairs) pointers.push_back(&pair);
    const std::vector<std::string> members = {"b0", "b1"};
    return ResolvePairs(pointers, members, {{kMentor}}, view_.members, strict);
  }
  absl::Status Edit(const std::vector<v1::FixedPair>& pairs,
                    bool strict = true) {
    const auto edits = Resolve(pairs, strict);
    if (!edits.ok()) return edits.status();
    const ScorePair score =
        [this](uint32_t, uint32_t,
               MemberIndex candidate) -> absl::StatusOr<MarketCandidate> {
      if (candidate != view_.members.Find("m3")) {
        return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_AVAILABLE",
                         "not available");
      }
      return Row("m3");
    };
    return EditChunk(*edits, 0, score, strict, chunk_);
  }
  std::vector<std::string> ListOf(size_t member) const {
    std::vector<std::string> ids;
    for (const MarketCandidate& row : chunk_.kinds[0].of(member)) {
      ids.push_back(std::string(view_.members.at(row.member).id.view()) +
                    (row.pinned() ? "*" : ""));
    }
    return ids;
  }

  World world_;
  MatchingView view_;
  ChunkResult chunk_;
};

TEST_F(FixedPairsTest, APinnedCandidateIsFirstAndARemovedOneIsGone) {
  MITRA_ASSERT_OK(Edit({Pair("b1", "m2", v1::PAIR_DECISION_PIN),
                        Pair("b1", "m0", v1::PAIR_DECISION_REMOVE)}));
  EXPECT_THAT(ListOf(0), ElementsAre("m0", "m1", "m2"));
  EXPECT_THAT(ListOf(1), ElementsAre("m2*", "m1"));
  EXPECT_EQ(chunk_.kinds[0].flags[1], kListExhausted);
}

TEST_F(FixedPairsTest, WhoStandsOnNoListIsScored) {
  MITRA_ASSERT_OK(Edit({Pair("b0", "m3", v1::PAIR_DECISION_PIN)}));
  EXPECT_THAT(ListOf(0), ElementsAre("m3*", "m0", "m1", "m2"));
}

TEST_F(FixedPairsTest, TheLastWordOnAPlaceCounts) {
  MITRA_ASSERT_OK(Edit({Pair("b0", "m1", v1::PAIR_DECISION_PIN),
                        Pair("b0", "m2", v1::PAIR_DECISION_PIN),
                        Pair("b0", "m1", v1::PAIR_DECISION_REMOVE)}));
  EXPECT_THAT(ListOf(0), ElementsAre("m2*", "m0"));
}

TEST_F(FixedPairsTest, WhoMayNotBeShownIsRefusedOrLeftOut) {
  chunk_.kinds[0] = CandidateLists();
  chunk_.kinds[0].Add({}, 0);
  chunk_.kinds[0].Add({}, 0);
  const absl::Status status = Edit({Pair("b0", "m0", v1::PAIR_DECISION_PIN)});
  EXPECT_EQ(ReasonOf(status), "NOT_AVAILABLE");
  MITRA_ASSERT_OK(Edit({Pair("b0", "m0", v1::PAIR_DECISION_PIN)}, false));
  EXPECT_TRUE(ListOf(0).empty());
}

TEST_F(FixedPairsTest, StrangersAreNotFoundOrLeftOut) {
  for (const auto& pair : {Pair("b9", "m0", v1::PAIR_DECISION_PIN),
                           Pair("b0", "m9", v1::PAIR_DECISION_PIN)}) {
    EXPECT_EQ(ReasonOf(Resolve({pair}).status()), "PROFILE_NOT_FOUND");
    MITRA_ASSERT_OK_AND_ASSIGN(const auto edits, Resolve({pair}, false));
    EXPECT_TRUE(edits.empty());
  }
}

TEST(CheckFixedPairsTest, NamesTheWrongField) {
  google::protobuf::RepeatedPtrField<v1::FixedPair> pairs;
  *pairs.Add() = Pair("b0", "m0", v1::PAIR_DECISION_PIN);
  MITRA_EXPECT_OK(CheckFixedPairs(pairs, "pairs", 1));
  *pairs.Add() = Pair("b0", "b0", v1::PairDecision(0));
  const absl::Status status = CheckFixedPairs(pairs, "pairs", 2);
  EXPECT_THAT(status, NamesField("pairs[1].candidate_id"));
  EXPECT_THAT(status, NamesField("pairs[1].decision"));
  EXPECT_THAT(CheckFixedPairs(pairs, "pairs", 1), NamesField("pairs"));
}

}  // namespace
}  // namespace mitra::matching
