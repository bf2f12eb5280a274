#include "services/matching/rpc/rankings_rpc.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/profile_file.h"
#include "tests/support/temp_dir.h"

namespace mitra::matching {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Toml(const std::string& id, float bias) {
  RankingProfile profile = RankingProfile::Default();
  profile.id = id;
  profile.kinds[1].wants.bias += bias;
  return RankingProfileToml(profile);
}

v1::ActivateRankingRequest Request(const std::string& id, float bias) {
  v1::ActivateRankingRequest request;
  request.add_profiles()->set_toml(Toml(id, bias));
  v1::RankingArm& arm = *request.add_arms();
  arm.set_ranking_profile_id(id);
  arm.set_share(1);
  return request;
}

TEST(RankingsRpcTest, ActivatesWhileRunningAndServesTheSameAfterAStart) {
  const testing::TempDir dir;
  RankingBoard board;
  RankingsRpc rpc(board, dir.path());
  v1::Ranking ranking;
  ASSERT_TRUE(rpc.Activate(Request("learned-1", .5F), ranking).ok());
  EXPECT_EQ(ranking.arms(0).ranking_profile_id(), "learned-1");
  EXPECT_THAT(ranking.ranking_profile_ids(), SizeIs(2));
  EXPECT_EQ(board.Find("", "m1")->id, "learned-1");

  RankingBoard after;
  RankingsRpc started(after, dir.path());
  started.Poll();
  EXPECT_EQ(after.Find("", "m1")->id, "learned-1");
}

TEST(RankingsRpcTest, CheckingKeepsNothing) {
  const testing::TempDir dir;
  RankingBoard board;
  RankingsRpc rpc(board, dir.path());
  v1::ActivateRankingRequest request = Request("learned-1", .5F);
  request.set_validate_only(true);
  v1::Ranking ranking;
  ASSERT_TRUE(rpc.Activate(request, ranking).ok());
  EXPECT_EQ(ranking.arms(0).ranking_profile_id(), "learned-1");
  EXPECT_EQ(board.Find("", "m1")->id, RankingProfile::Default().id);
  RankingBoard after;
  RankingsRpc(after, dir.path()).Poll();
  EXPECT_EQ(after.Find("", "m1")->id, RankingProfile::Default().id);
}

TEST(RankingsRpcTest, NamesWhatIsWrong) {
  RankingBoard board;
  RankingsRpc rpc(board, "");
  v1::Ranking ranking;
  v1::ActivateRankingRequest request = Request("x", 0);
  request.mutable_profiles(0)->set_toml("id = \"x\"\nbeta = \"hot\"\n");
  absl::Status status = rpc.Activate(request, ranking);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("profiles[0].toml"));
  request = Request("x", 0);
  request.mutable_arms(0)->set_share(.5);
  EXPECT_THAT(std::string(rpc.Activate(request, ranking).message()),
              HasSubstr("arms"));
  request.mutable_profiles(0)->set_toml(std::string(70000, '#'));
  EXPECT_THAT(std::string(rpc.Activate(request, ranking).message()),
              HasSubstr("64 KiB"));
}

TEST(RankingsRpcTest, GivesAProfileThatReadsBack) {
  RankingBoard board;
  const RankingsRpc rpc(board, "");
  v1::GetRankingProfileRequest request;
  v1::RankingProfileText text;
  EXPECT_EQ(rpc.GetProfile(request, text).code(),
            absl::StatusCode::kInvalidArgument);
  request.set_ranking_profile_id("nobody");
  EXPECT_EQ(rpc.GetProfile(request, text).code(), absl::StatusCode::kNotFound);
  request.set_ranking_profile_id(RankingProfile::Default().id);
  ASSERT_TRUE(rpc.GetProfile(request, text).ok());
  const auto profile = ParseRankingProfile(text.toml());
  ASSERT_TRUE(profile.ok());
  EXPECT_TRUE(SameWeights(*profile, RankingProfile::Default()));
}

}  // namespace
}  // namespace mitra::matching
