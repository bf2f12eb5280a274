#include "services/matching/rpc/reasons_rpc.h"

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/rpc/testing.h"

namespace mitra::matching {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ReasonsRpcTest : public AskedWorld {
 protected:
  template <typename Request, typename Response>
  absl::Status Call(rpc::Task<absl::Status> (ReasonsRpc::*method)(
                        rpc::CallContext&, const Request&, Response&),
                    const Request& request, Response& response) {
    return CallOn(rpc_, method, request, response);
  }

  ReasonsRpc rpc_{server_, recommender_, [this] { return ready_; },
                  &FindProfile};
};

TEST_F(ReasonsRpcTest, APairIsTwoMembers) {
  v1::ExplainPairRequest explain;
  explain.set_profile_id("sari");
  explain.set_candidate_id("sari");
  v1::ExplainPairResponse explained;
  EXPECT_THAT(Call(&ReasonsRpc::ExplainPair, explain, explained),
              NamesField("candidate_id"));
  v1::WhyNotRequest why;
  why.set_profile_id("sari");
  why.set_candidate_id("sari");
  why.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  v1::WhyNotResponse because;
  EXPECT_THAT(Call(&ReasonsRpc::WhyNot, why, because),
              NamesField("candidate_id"));
}

TEST_F(ReasonsRpcTest, ExplainsAPairAndHidesWhoMayNotBeShown) {
  v1::ExplainPairRequest request;
  request.set_profile_id("sari");
  request.set_candidate_id("m03");
  v1::ExplainPairResponse response;
  MITRA_ASSERT_OK(Call(&ReasonsRpc::ExplainPair, request, response));
  EXPECT_EQ(response.kind(), v1::RECOMMENDATION_KIND_MENTOR);
  EXPECT_GT(response.recommendation().terms_size(), 0);
  EXPECT_GT(response.recommendation().reasons_size(), 0);

  world_.Block("m03", "sari");
  const absl::Status blocked =
      Call(&ReasonsRpc::ExplainPair, request, response);
  request.set_candidate_id("nobody");
  const absl::Status unknown =
      Call(&ReasonsRpc::ExplainPair, request, response);
  EXPECT_EQ(blocked, unknown);
  EXPECT_THAT(blocked, StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ReasonsRpcTest, WhyNotKeepsPersonalCausesFromThoseWithoutScope) {
  world_.Block("m03", "sari");
  v1::WhyNotRequest request;
  request.set_profile_id("sari");
  request.set_candidate_id("m03");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  v1::WhyNotResponse blocked;
  MITRA_ASSERT_OK(Call(&ReasonsRpc::WhyNot, request, blocked));
  v1::WhyNotResponse unknown;
  request.set_candidate_id("nobody");
  MITRA_ASSERT_OK(Call(&ReasonsRpc::WhyNot, request, unknown));
  EXPECT_EQ(blocked.SerializeAsString(), unknown.SerializeAsString());
  EXPECT_EQ(blocked.cause(), v1::WHY_NOT_CAUSE_NOT_AVAILABLE);
  // Nor is a blocked member's lack of a role told.
  request.set_candidate_id("m03");
  request.set_kind(v1::RECOMMENDATION_KIND_INVESTOR);
  v1::WhyNotResponse role;
  MITRA_ASSERT_OK(Call(&ReasonsRpc::WhyNot, request, role));
  EXPECT_EQ(role.cause(), v1::WHY_NOT_CAUSE_NOT_AVAILABLE);

  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  identity_.credential = "dinas";
  identity_.scopes = {"diagnose:all"};
  v1::WhyNotResponse full;
  MITRA_ASSERT_OK(Call(&ReasonsRpc::WhyNot, request, full));
  EXPECT_EQ(full.cause(), v1::WHY_NOT_CAUSE_BLOCKED);
}

TEST_F(ReasonsRpcTest, AMentorAlreadyIsNotExplainedAndWhyNotNamesIt) {
  world_.Engage("sari", "m03", v1::ROLE_MENTOR);
  v1::ExplainPairRequest pair;
  pair.set_profile_id("sari");
  pair.set_candidate_id("m03");
  v1::ExplainPairResponse explained;
  EXPECT_THAT(Call(&ReasonsRpc::ExplainPair, pair, explained),
              StatusIs(absl::StatusCode::kNotFound));

  v1::WhyNotRequest request;
  request.set_profile_id("sari");
  request.set_candidate_id("m03");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  const auto cause = [&] {
    v1::WhyNotResponse response;
    MITRA_EXPECT_OK(Call(&ReasonsRpc::WhyNot, request, response));
    return response.cause();
  };
  identity_.credential = "dinas";
  EXPECT_EQ(cause(), v1::WHY_NOT_CAUSE_NOT_AVAILABLE) << "their own affair";
  identity_.scopes = {"diagnose:all"};
  EXPECT_EQ(cause(), v1::WHY_NOT_CAUSE_ENGAGED);
  identity_.scopes = {};
  identity_.member_id = "sari";
  EXPECT_EQ(cause(), v1::WHY_NOT_CAUSE_ENGAGED) << "the member knows itself";
}

TEST_F(ReasonsRpcTest, WhyNotTellsTheRank) {
  v1::WhyNotRequest request;
  request.set_profile_id("sari");
  request.set_candidate_id("m00");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  v1::WhyNotResponse response;
  MITRA_ASSERT_OK(Call(&ReasonsRpc::WhyNot, request, response));
  EXPECT_EQ(response.cause(), v1::WHY_NOT_CAUSE_IN_SLATE);
  EXPECT_EQ(response.rank(), 1u);
  request.set_candidate_id("m11");
  MITRA_ASSERT_OK(Call(&ReasonsRpc::WhyNot, request, response));
  EXPECT_EQ(response.cause(), v1::WHY_NOT_CAUSE_LOWER_RANK);
  EXPECT_EQ(response.rank(), 12u);
  request.set_candidate_id("sari");
  request.set_profile_id("m00");
  MITRA_ASSERT_OK(Call(&ReasonsRpc::WhyNot, request, response));
  EXPECT_EQ(response.cause(), v1::WHY_NOT_CAUSE_WRONG_ROLE);
}

TEST_F(ReasonsRpcTest, WhyNotNamesTheTermThatIsMissing) {
  auto far = AProfile("far", v1::ROLE_MENTOR);
  far.set_region_code("94.01");
  world_.Add(far);
  v1::WhyNotRequest request;
  request.set_profile_id("sari");
  request.set_candidate_id("far");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  request.set_language("en");
  v1::WhyNotResponse response;
  MITRA_EXPECT_OK(Call(&ReasonsRpc::WhyNot, request, response));
  EXPECT_EQ(response.cause(), v1::WHY_NOT_CAUSE_LOWER_RANK);
  EXPECT_EQ(response.term(), "region_proximity");
  EXPECT_GT(response.term_gap(), 0);
  EXPECT_GT(response.gap(), 0);
  EXPECT_EQ(response.text(),
            "Others fit better, mostly in this: distance; this member is at "
            "rank 13.");
}

TEST_F(ReasonsRpcTest, TraceTellsStagesAndNamesNobody) {
  v1::TraceRecommendRequest request;
  request.set_profile_id("sari");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  v1::TraceRecommendResponse response;
  MITRA_EXPECT_OK(Call(&ReasonsRpc::TraceRecommend, request, response));
  EXPECT_EQ(response.ranking_profile(), RankingProfile::Default().id);
  ASSERT_GE(response.stages_size(), 6);
  EXPECT_EQ(response.stages(0).name(), "subject");
  const std::string text = response.ShortDebugString();
  EXPECT_EQ(text.find("sari"), std::string::npos);
  EXPECT_EQ(text.find("m0"), std::string::npos);

  request.set_page_size(101);
  EXPECT_THAT(Call(&ReasonsRpc::TraceRecommend, request, response).message(),
              ::testing::HasSubstr("page_size"));
  request.clear_page_size();
  request.set_ranking_profile("nobody");
  EXPECT_THAT(Call(&ReasonsRpc::TraceRecommend, request, response).message(),
              ::testing::HasSubstr("ranking_profile"));
}

}  // namespace
}  // namespace mitra::matching
