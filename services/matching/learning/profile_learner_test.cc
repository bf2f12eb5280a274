#include "services/matching/learning/profile_learner.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/profile_file.h"
#include "services/matching/ranking/ranking_board.h"

namespace mitra::matching {
namespace {

using ::testing::HasSubstr;

bool SameWeights(const SideWeights& a, const SideWeights& b) {
  return a.bias == b.bias && a.weight == b.weight;
}

TEST(ProfileFileTest, GivesTheSameProfileBack) {
  RankingProfile profile = RankingProfile::Default();
  profile.id = "learned-1";
  profile.beta = .37;
  profile.local_shares = {.1, 0, 1. / 3};
  profile.random_share = .01;
  profile.ties = {{"10", taxonomy::SectorsUnder("10"), 1.3, .7},
                  {"56101", taxonomy::SectorsUnder("56101"), 0, 5}};
  profile.kinds[v1::RECOMMENDATION_KIND_PEER].wants[Feature::kTrust] = 1.f / 3;
  profile.kinds[v1::RECOMMENDATION_KIND_PEER].accepts.bias = -1e-9f;

  const auto read = ParseRankingProfile(RankingProfileToml(profile));

  MITRA_ASSERT_OK(read.status());
  EXPECT_EQ(read->id, "learned-1");
  EXPECT_EQ(read->beta, .37);
  EXPECT_EQ(read->group_cap, profile.group_cap);
  EXPECT_EQ(read->newcomer_share, profile.newcomer_share);
  EXPECT_EQ(read->random_share, .01);
  EXPECT_TRUE(SameWeights(*read, profile));
  for (const KindSpec& spec : AllKinds()) {
    const KindWeights &a = read->kinds[spec.kind],
                      &b = profile.kinds[spec.kind];
    EXPECT_TRUE(SameWeights(a.wants, b.wants)) << spec.name;
    EXPECT_TRUE(SameWeights(a.accepts, b.accepts)) << spec.name;
  }
}

TEST(ProfileFileTest, LeavesWhatIsNotSaidAsItShips) {
  const auto read = ParseRankingProfile(
      "id = \"x\"\n[mentor.wants]\nbias = 1\ntrust = 2.5\n");

  MITRA_ASSERT_OK(read.status());
  const KindWeights& mentor = read->kinds[v1::RECOMMENDATION_KIND_MENTOR];
  EXPECT_EQ(mentor.wants.bias, 1);
  EXPECT_EQ(mentor.wants[Feature::kTrust], 2.5f);
  EXPECT_EQ(mentor.wants[Feature::kGiveSimilarity], 0);
  EXPECT_TRUE(SameWeights(
      mentor.accepts,
      RankingProfile::Default().kinds[v1::RECOMMENDATION_KIND_MENTOR].accepts));
}

TEST(ProfileFileTest, NamesWhatIsWrong) {
  const struct {
    const char* toml;
    const char* message;
  } kRows[] = {
      {"", "id"},
      {"id = 5", "id: must be a string"},
      {"id = \"x\"\nbeta = \"hot\"", "beta: must be a number"},
      {"id = \"x\"\nbeta = 99", "beta"},
      {"id = \"x\"\ngroup_cap = 2.5", "group_cap: must be an integer"},
      {"id = \"x\"\ngroup_cap = 99999999999", "group_cap"},
      {"id = \"x\"\n[mentor.wants]\nfame = 1", "mentor.wants.fame"},
      {"id = \"x\"\n[mentor.wants]\ntrust = 1e9", "weights must be"},
      {"id = \"x\"\n[mentor.wants]\ntrust = nan", "weights must be"},
      {"id = \"x\"\n[mentor.likes]\n", "mentor.likes"},
      {"id = \"x\"\n[tailor.wants]\n", "tailor"},
      {"id = \"x\"\nmentor = 3", "mentor: must be a table"},
      {"id = \"x\nbeta", "line 1"},
      {"id = \"x\"\nrandom_share = 0.3", "random_share"},
      {"id = \"x\"\nlocal_shares = 1", "local_shares: must be a table"},
      {"id = \"x\"\n[local_shares]\nvillage = 0.1", "local_shares.village"},
      {"id = \"x\"\n[local_shares]\nregency = 0.9", "local_shares.regency"},
      {"id = \"x\"\n[[ties]]\nsector = \"1x\"", "ties[0].sector"},
      {"id = \"x\"\n[[ties]]\nsector = \"10\"\nstrong = 6", "ties[0].strong"},
      {"id = \"x\"\n[[ties]]\nsector = \"10\"\nfirm = 1", "ties[0].firm"},
      {"id = \"x\"\nties = 3", "ties: must be tables"},
  };
  for (const auto& row : kRows) {
    const auto read = ParseRankingProfile(row.toml);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument)
        << row.toml;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(row.message));
  }
}

TEST(OutcomeLineTest, ReadsALine) {
  const auto outcome = ParseOutcome(
      R"({"time":"2026-03-01T10:00:00Z","kind":"mentor","list":"a",)"
      R"("answer":"declined","propensity":0.25,"candidate":"c",)"
      R"("position":3,"randomised":true,)"
      R"("features":{"trust":0.5,"reputation":null}})");

  MITRA_ASSERT_OK(outcome.status());
  EXPECT_EQ(outcome->time, absl::FromUnixSeconds(1772359200));
  EXPECT_EQ(outcome->kind, v1::RECOMMENDATION_KIND_MENTOR);
  EXPECT_EQ(outcome->list, "a");
  EXPECT_EQ(outcome->pair.answer, Answer::kDeclined);
  EXPECT_EQ(outcome->pair.weight, 4);
  EXPECT_TRUE(outcome->has_propensity);
  EXPECT_EQ(outcome->candidate, "c");
  EXPECT_EQ(outcome->position, 3u);
  EXPECT_TRUE(outcome->randomised);
  EXPECT_EQ(outcome->pair.features.Get(Feature::kTrust), .5f);
  EXPECT_TRUE(outcome->pair.features.Missing(Feature::kReputation));
}

TEST(OutcomeLineTest, NamesWhatIsWrong) {
  const auto line = [](absl::string_view changed) {
    return absl::StrCat(
        R"({"time":"2026-03-01T10:00:00Z","kind":"mentor","answer":"match",)"
        R"("features":{},)",
        changed, "}");
  };
  const std::pair<std::string, const char*> kRows[] = {
      {"[1]", "JSON object"},
      {"{\"time\":", "JSON object"},
      {"{}", "time: is missing"},
      {line(R"("kind":"tailor")"), "kind"},
      {line(R"("answer":"maybe")"), "answer"},
      {line(R"("time":"yesterday")"), "time"},
      {line(R"("propensity":0)"), "propensity"},
      {line(R"("propensity":"x")"), "propensity"},
      {line(R"("position":-1)"), "position"},
      {line(R"("position":"first")"), "position"},
      {line(R"("randomised":1)"), "randomised"},
      {line(R"("candidate":7)"), "candidate"},
      {line(R"("features":{"fame":1})"), "features.fame"},
      {line(R"("features":{"trust":"x"})"), "features.trust"},
      {line(R"("features":{"trust":1e300})"), "features.trust"},
      {line(R"("features":[])"), "features"},
      {line(R"("list":5)"), "list"},
      {line(R"("colour":1)"), "colour"},
  };
  for (const auto& [text, message] : kRows) {
    const auto outcome = ParseOutcome(text);
    EXPECT_EQ(outcome.status().code(), absl::StatusCode::kInvalidArgument)
        << text;
    EXPECT_THAT(std::string(outcome.status().message()), HasSubstr(message))
        << text;
  }
}

// Mentors are wanted who are near; the default profile does not know how much
// more that counts here than all else.
std::vector<Outcome> Outcomes(int n, uint32_t seed) {
  std::mt19937 random(seed);
  const auto chance = [&] {
    return std::generate_canonical<double, 53>(random);
  };
  std::vector<Outcome> outcomes;
  for (int i = 0; i < n; ++i) {
    Outcome outcome;
    outcome.time = absl::FromUnixSeconds(1000 + i / 5);
    outcome.kind = v1::RECOMMENDATION_KIND_MENTOR;
    outcome.list = absl::StrCat("list-", i / 5);
    FeatureVector& features = outcome.pair.features;
    const double near = chance(), alike = chance(), rated = chance();
    features.Set(Feature::kRegionProximity, static_cast<float>(near));
    features.Set(Feature::kGiveSimilarity, static_cast<float>(alike));
    features.Set(Feature::kResponsiveness, static_cast<float>(rated));
    const auto yes = [&](double z) {
      return 1 / (1 + std::exp(-z)) > chance();
    };
    const bool wanted = yes(6 * (near - .5));
    outcome.pair.answer = !wanted                 ? Answer::kNotWanted
                          : yes(4 * (rated - .5)) ? Answer::kMatch
                                                  : Answer::kDeclined;
    outcomes.push_back(outcome);
  }
  return outcomes;
}

TEST(LearnProfileTest, LearnsWhatCountsAndSaysHowMuchBetterItIs) {
  const auto learned =
      LearnProfile(Outcomes(8000, 1), RankingProfile::Default(), {.id = "new"});

  MITRA_ASSERT_OK(learned.status());
  MITRA_EXPECT_OK(learned->profile.Validate());
  EXPECT_EQ(learned->profile.id, "new");
  ASSERT_EQ(learned->kinds.size(), 1u);
  const KindReport& report = learned->kinds[0];
  EXPECT_EQ(report.kind, "mentor");
  EXPECT_TRUE(report.taken) << report.why_not;
  EXPECT_EQ(report.learned_from, 5200u);
  EXPECT_EQ(report.tested_on, 1600u);
  EXPECT_GT(report.lists, 100u);
  EXPECT_GT(report.after.auc, report.before.auc + .05);
  EXPECT_GT(report.after.ndcg, report.before.ndcg + .03);
  EXPECT_LT(report.after.calibration_error, .04);
  const KindWeights& mentor =
      learned->profile.kinds[v1::RECOMMENDATION_KIND_MENTOR];
  EXPECT_NEAR(mentor.wants[Feature::kRegionProximity], 6, 1);
  EXPECT_NEAR(mentor.wants[Feature::kGiveSimilarity], 0, .6);
  // Other kinds stay.
  EXPECT_TRUE(SameWeights(
      learned->profile.kinds[v1::RECOMMENDATION_KIND_PEER].wants,
      RankingProfile::Default().kinds[v1::RECOMMENDATION_KIND_PEER].wants));
}

TEST(LearnProfileTest, TestsOnWhatCameLast) {
  // The world turned round at the end; what was learned before is no better
  // there, and is not taken.
  std::vector<Outcome> outcomes = Outcomes(4000, 2);
  for (size_t i = 3200; i < outcomes.size(); ++i) {
    FeatureVector& features = outcomes[i].pair.features;
    features.Set(Feature::kRegionProximity,
                 1 - features.Get(Feature::kRegionProximity));
  }
  // The order of the file does not count.
  std::shuffle(outcomes.begin(), outcomes.end(), std::mt19937(3));

  const auto learned =
      LearnProfile(outcomes, RankingProfile::Default(), {.id = "new"});

  MITRA_ASSERT_OK(learned.status());
  ASSERT_EQ(learned->kinds.size(), 1u);
  EXPECT_FALSE(learned->kinds[0].taken);
  EXPECT_LT(learned->kinds[0].after.auc, .5);
  EXPECT_THAT(learned->kinds[0].why_not, HasSubstr("no better"));
  EXPECT_TRUE(SameWeights(
      learned->profile.kinds[v1::RECOMMENDATION_KIND_MENTOR].wants,
      RankingProfile::Default().kinds[v1::RECOMMENDATION_KIND_MENTOR].wants));
}

TEST(LearnProfileTest, KeepsWeightsWhereTooLittleIsKnown) {
  const auto learned =
      LearnProfile(Outcomes(100, 4), RankingProfile::Default(), {.id = "new"});
  MITRA_ASSERT_OK(learned.status());
  ASSERT_EQ(learned->kinds.size(), 1u);
  EXPECT_FALSE(learned->kinds[0].taken);
  EXPECT_THAT(learned->kinds[0].why_not, HasSubstr("fewer than 200"));
  const auto none = LearnProfile({}, RankingProfile::Default(), {.id = "new"});
  MITRA_ASSERT_OK(none.status());
  EXPECT_TRUE(none->kinds.empty());
}

TEST(LearnProfileTest, RefusesOptionsOutOfRange) {
  EXPECT_FALSE(LearnProfile({}, RankingProfile::Default(), {.id = ""}).ok());
  ProfileLearnOptions options;
  options.id = "new";
  options.test_share = .9;
  EXPECT_FALSE(LearnProfile({}, RankingProfile::Default(), options).ok());
}

}  // namespace
}  // namespace mitra::matching
