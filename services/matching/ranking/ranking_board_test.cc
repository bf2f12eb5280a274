#include "services/matching/ranking/ranking_board.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

using ::testing::HasSubstr;
using ::testing::IsNull;
using ::testing::SizeIs;

RankingProfile Named(const std::string& id, float bias = 0) {
  RankingProfile profile = RankingProfile::Default();
  profile.id = id;
  profile.kinds[1].wants.bias += bias;
  return profile;
}

TEST(RankingBoardTest, ServesTheShippedProfileAtFirst) {
  RankingBoard board;
  ASSERT_NE(board.Find("", "m1"), nullptr);
  EXPECT_EQ(board.Find("", "m1")->id, RankingProfile::Default().id);
  EXPECT_THAT(board.Find("unknown", "m1"), IsNull());
}

TEST(RankingBoardTest, SwitchesForAllAndKeepsTheOldOneByName) {
  RankingBoard board;
  const RankingProfile* const before = board.Find("", "m1");
  ASSERT_TRUE(board.Apply({Named("learned-1", .5F)}, {{"learned-1", 1}}).ok());
  EXPECT_EQ(board.Find("", "m1")->id, "learned-1");
  EXPECT_EQ(board.Find(before->id, "m1"), before);
}

TEST(RankingBoardTest, SharesMembersByTheirShareAndEachStays) {
  RankingBoard board;
  const std::string old = RankingProfile::Default().id;
  ASSERT_TRUE(
      board.Apply({Named("learned-1", .5F)}, {{"learned-1", .2}, {old, .8}})
          .ok());
  std::map<std::string, std::string> arm;
  int tried = 0;
  constexpr int kMembers = 20000;
  for (int i = 0; i < kMembers; ++i) {
    const std::string id = absl::StrCat("umkm-", i);
    arm[id] = board.Find("", id)->id;
    tried += arm[id] == "learned-1";
  }
  // Five standard deviations.
  EXPECT_NEAR(tried, .2 * kMembers, 5 * std::sqrt(.2 * .8 * kMembers));
  ASSERT_TRUE(board.Apply({}, {{"learned-1", .5}, {old, .5}}).ok());
  for (const auto& [id, before] : arm) {
    const std::string& now = board.Find("", id)->id;
    if (before == "learned-1") {
      EXPECT_EQ(now, "learned-1") << id;
    }
  }
  EXPECT_EQ(board.Find("", "")->id, "learned-1");
}

TEST(RankingBoardTest, ArmsOfAnotherTimeServeAsTheyDid) {
  RankingBoard board;
  const std::string old = RankingProfile::Default().id;
  const std::vector<RankingArm> arms = {{"learned-1", .2}, {old, .8}};
  ASSERT_TRUE(board.Apply({Named("learned-1", .5F)}, arms).ok());
  std::vector<std::string> before;
  for (int i = 0; i < 100; ++i) {
    before.push_back(board.Find("", absl::StrCat("m", i))->id);
  }
  ASSERT_TRUE(board.Apply({}, {{old, 1}}).ok());
  const auto resolved = board.Resolve(arms);
  ASSERT_TRUE(resolved.ok());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(resolved->Of(absl::StrCat("m", i)).id, before[i]);
  }
  EXPECT_EQ(board.Resolve({{"unknown", 1}}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(board.Resolve({})->Of("m1").id, old);
}

TEST(RankingBoardTest, RefusesOtherWeightsUnderAKnownId) {
  RankingBoard board;
  ASSERT_TRUE(board.Apply({Named("a", .5F)}, {{"a", 1}}).ok());
  EXPECT_TRUE(board.Apply({Named("a", .5F)}, {{"a", 1}}).ok());
  EXPECT_EQ(board.Apply({Named("a", .6F)}, {{"a", 1}}).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(board.Apply({Named("b", .1F), Named("b", .2F)}, {{"b", 1}})
                .status()
                .code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(board.Find("b", ""), IsNull());
}

TEST(RankingBoardTest, NamesTheFieldThatIsWrongAndChangesNothing) {
  RankingBoard board;
  const std::string shipped = RankingProfile::Default().id;
  const auto fails = [&](const std::vector<RankingArm>& arms,
                         const std::string& field) {
    const auto applied = board.Apply({Named("new")}, arms);
    EXPECT_EQ(applied.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(applied.status().message()), HasSubstr(field));
  };
  fails({}, "arms");
  fails({{"nobody", 1}}, "arms[0].ranking_profile_id");
  fails({{"new", .5}, {"new", .5}}, "arms[1].ranking_profile_id");
  fails({{"new", .5}, {shipped, .4}}, "add up to 1");
  fails({{"new", 1.5}}, "arms[0].share");
  fails({{"new", std::nan("")}}, "arms[0].share");
  RankingProfile broken = Named("broken");
  broken.beta = 0;
  EXPECT_THAT(
      std::string(board.Apply({broken}, {{"broken", 1}}).status().message()),
      HasSubstr("profiles[0]"));
  EXPECT_EQ(board.Find("", "m1")->id, shipped);
  EXPECT_THAT(board.Find("new", ""), IsNull());
  EXPECT_THAT(board.plan().profiles, SizeIs(1));
}

TEST(RankingBoardTest, CheckingChangesNothing) {
  RankingBoard board;
  const auto checked = board.Apply({Named("new")}, {{"new", 1}}, true);
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(checked->arms[0].profile, "new");
  EXPECT_THAT(board.Find("new", ""), IsNull());
}

}  // namespace
}  // namespace mitra::matching
