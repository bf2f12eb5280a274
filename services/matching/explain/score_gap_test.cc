#include "services/matching/explain/score_gap.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"

namespace mitra::matching {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(ScoreGapTest, EveryFeatureHasAWordInBothLanguages) {
  for (const FeatureInfo& info : AllFeatures()) {
    EXPECT_THAT(TermWord(Language::kIndonesian, info.name), Not(IsEmpty()))
        << info.name;
    EXPECT_NE(TermWord(Language::kIndonesian, info.name),
              TermWord(Language::kEnglish, info.name));
  }
  EXPECT_THAT(TermWord(Language::kEnglish, "base"), IsEmpty());
}

TEST(ScoreGapTest, NamesTheTermThatCostsMost) {
  World world;
  world.Add(AProfile("sari"));
  world.AddMentor("near");
  auto far = AProfile("far", v1::ROLE_MENTOR);
  far.set_region_code("94.01");  // another island
  world.Add(far);
  const KindSpec& kind = *FindKind(v1::RECOMMENDATION_KIND_MENTOR);
  const MatchingView view = world.view();
  const Subject subject = world.SubjectOf(view, "sari");
  const PairFeatures features(view.members, view.graph, subject, kind,
                              CountingRoles(*subject.member, kind, 0), nullptr);
  const JointUtility utility(RankingProfile::Default(), kind);
  const auto ranked = [&](const char* id, float log_price) {
    Ranked one;
    one.member = view.members.Find(id);
    one.role = v1::ROLE_MENTOR;
    one.similarity = {.3f, .3f};
    const Member& member = view.members.at(one.member);
    one.score =
        utility.Score(features.Of(one.member, member, *member.FacetOf(one.role),
                                  one.similarity, one.trust),
                      log_price);
    return one;
  };

  const ScoreGap by_distance = CompareScores(
      view.members, features, utility, ranked("far", 0), ranked("near", 0));
  EXPECT_EQ(by_distance.term, "region_proximity");
  EXPECT_GT(by_distance.term_gap, 0);
  EXPECT_GT(by_distance.gap, 0);
  EXPECT_THAT(by_distance.missing, Contains("cohesion"));

  const ScoreGap by_price = CompareScores(
      view.members, features, utility, ranked("near", -2), ranked("near", 0));
  EXPECT_EQ(by_price.term, "price");
  EXPECT_NEAR(by_price.term_gap, 2, 1e-4);

  const ScoreGap ahead = CompareScores(view.members, features, utility,
                                       ranked("near", 0), ranked("near", -2));
  EXPECT_EQ(ahead.term, "");
  EXPECT_NEAR(ahead.gap, -2, 1e-4);
}

// A complaint by a friend costs a place until its end, and no longer.
TEST(ScoreGapTest, AComplaintIsTheTermUntilItIsGone) {
  World world;
  world.Add(AProfile("sari"));
  world.Add(AProfile("friend"));
  world.AddMentor("blamed");
  world.AddMentor("other");
  world.Tie("sari", "friend", v1::EVIDENCE_KIND_COLLABORATION, 5);
  world.Tie("friend", "blamed", v1::EVIDENCE_KIND_REPORT);
  const KindSpec& kind = *FindKind(v1::RECOMMENDATION_KIND_MENTOR);
  const JointUtility utility(RankingProfile::Default(), kind);
  const auto gap = [&] {
    const MatchingView view = world.view();
    const Subject subject = world.SubjectOf(view, "sari");
    const PairFeatures features(view.members, view.graph, subject, kind,
                                CountingRoles(*subject.member, kind, 0),
                                nullptr);
    const auto ranked = [&](const char* id) {
      Ranked one;
      one.member = view.members.Find(id);
      one.role = v1::ROLE_MENTOR;
      const Member& member = view.members.at(one.member);
      one.score =
          utility.Score(features.Of(one.member, member,
                                    *member.FacetOf(one.role), {}, one.trust),
                        0);
      return one;
    };
    return CompareScores(view.members, features, utility, ranked("blamed"),
                         ranked("other"));
  };
  EXPECT_EQ(gap().term, "warnings");
  EXPECT_GT(gap().term_gap, 0);
  // 27 May 2026 and three years, to the end of the month.
  const absl::Time end =
      absl::FromCivil(absl::CivilDay(2029, 6, 1), absl::UTCTimeZone());
  world.clock.Advance(end - absl::Hours(48) - world.clock.Now());
  world.Refresh();
  EXPECT_EQ(gap().term, "warnings");
  world.clock.Advance(absl::Hours(48));
  world.Refresh();
  EXPECT_EQ(gap().term, "");
  EXPECT_EQ(gap().gap, 0);
}

}  // namespace
}  // namespace mitra::matching
