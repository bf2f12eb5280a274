#include "services/matching/rpc/insights_rpc.h"

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/rpc/testing.h"

namespace mitra::matching {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class InsightsRpcTest : public AskedWorld {
 protected:
  template <typename Request, typename Response>
  absl::Status Call(rpc::Task<absl::Status> (InsightsRpc::*method)(
                        rpc::CallContext&, const Request&, Response&),
                    const Request& request, Response& response) {
    return CallOn(rpc_, method, request, response);
  }

  PeerCache peers_{world_.clock};
  InsightsRpc rpc_{[this] { return world_.view(); }, recommender_,
                   [this] { return ready_; }, &FindProfile, peers_};
};

TEST_F(InsightsRpcTest, APairIsTwoMembers) {
  v1::GetTrustRequest trust;
  trust.set_profile_id("sari");
  trust.set_target_id("sari");
  v1::GetTrustResponse trusted;
  EXPECT_THAT(Call(&InsightsRpc::GetTrust, trust, trusted),
              NamesField("target_id"));
}

TEST_F(InsightsRpcTest, ScoresPairsInTheAskedOrder) {
  world_.Block("sari", "m01");
  v1::ScorePairsRequest request;
  request.set_profile_id("sari");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  for (const char* id : {"m05", "nobody", "m01", "m02"}) {
    request.add_candidate_ids(id);
  }
  v1::ScorePairsResponse response;
  MITRA_ASSERT_OK(Call(&InsightsRpc::ScorePairs, request, response));
  ASSERT_EQ(response.scores_size(), 4);
  EXPECT_TRUE(response.scores(0).eligible());
  EXPECT_GT(response.scores(0).score(), 0);
  EXPECT_FALSE(response.scores(1).eligible());
  EXPECT_FALSE(response.scores(2).eligible());
  EXPECT_EQ(response.scores(2).score(), 0);
  EXPECT_EQ(response.scores(3).candidate_id(), "m02");
  request.add_candidate_ids("bad id");
  EXPECT_THAT(Call(&InsightsRpc::ScorePairs, request, response),
              NamesField("candidate_ids[4]"));
}

TEST_F(InsightsRpcTest, TellsTrustAndItsPath) {
  world_.Tie("sari", "m04", v1::EVIDENCE_KIND_MENTORING, 3);
  v1::GetTrustRequest request;
  request.set_profile_id("sari");
  request.set_target_id("m04");
  v1::GetTrustResponse response;
  MITRA_ASSERT_OK(Call(&InsightsRpc::GetTrust, request, response));
  EXPECT_NEAR(response.trust(), 1, 1e-6);
  EXPECT_GT(response.walk_mass(), 0);
  EXPECT_LE(response.walk_mass(), 1);
  EXPECT_EQ(response.evidence_count(), 3u);
  EXPECT_EQ(response.path().hops_size(), 1);
  for (const char* rater : {"m01", "m02", "m03"}) {
    world_.Tie(rater, "m05", v1::EVIDENCE_KIND_REPORT, 2);
    world_.Tie(rater, "m06", v1::EVIDENCE_KIND_COLLABORATION, 2);
  }
  const auto goes_well = [&](const char* target) {
    v1::GetTrustRequest ask = request;
    ask.set_target_id(target);
    v1::GetTrustResponse answer;
    MITRA_EXPECT_OK(Call(&InsightsRpc::GetTrust, ask, answer));
    return answer.goes_well();
  };
  EXPECT_GT(goes_well("m05"), 0);
  EXPECT_LT(goes_well("m05"), goes_well("m06"));
  EXPECT_LT(goes_well("m06"), 1);
  world_.Block("sari", "m04");
  EXPECT_THAT(Call(&InsightsRpc::GetTrust, request, response),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace mitra::matching
