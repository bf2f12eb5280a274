#include "services/matching/rpc/recommendations_rpc.h"

#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"
#include "services/matching/rpc/refreshes_rpc.h"

namespace mitra::matching {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RecommendationsRpcTest : public testing::Test {
 protected:
  RecommendationsRpcTest()
      : source_(world_),
        trust_({}),
        recommender_(source_, trust_, world_.clock),
        cache_(nullptr, nullptr, world_.clock, {}),
        server_([this] { return world_.view(); }, recommender_, cache_, epochs_,
                timer_),
        rpc_(
            server_, recommender_, Gate(),
            [](absl::string_view id, absl::string_view) {
              return id.empty() || id == RankingProfile::Default().id
                         ? &RankingProfile::Default()
                         : nullptr;
            },
            peers_) {
    world_.Add(AProfile("sari"));
    for (int i = 0; i < 12; ++i) {
      world_.AddMentor(absl::StrFormat("m%02d", i));
    }
    request_.set_profile_id("sari");
    request_.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
  }
  FeedGate Gate() {
    FeedGate gate;
    gate.ready = [this] { return ready_; };
    gate.wait = [this](rpc::CallContext&,
                       uint64_t revision) -> rpc::Task<bool> {
      co_return revision <= world_.view().revision;
    };
    return gate;
  }
  absl::Status Recommend() {
    rpc::CallContext call;
    call.identity = identity_;
    response_.Clear();
    return rpc::SyncWait(rpc_.Recommend(call, request_, response_));
  }
  template <typename Request, typename Response>
  absl::Status Call(rpc::Task<absl::Status> (RecommendationsRpc::*method)(
                        rpc::CallContext&, const Request&, Response&),
                    const Request& request, Response& response) {
    rpc::CallContext call;
    call.identity = identity_;
    return rpc::SyncWait((rpc_.*method)(call, request, response));
  }

  World world_;
  FakeCandidateSource source_;
  TrustCache trust_;
  Recommender recommender_;
  SlateCache cache_;
  EpochBoard epochs_;
  Timer timer_;
  SlateServer server_;
  bool ready_ = true;
  PeerCache peers_{world_.clock};
  RecommendationsRpc rpc_;
  rpc::Identity identity_;
  v1::RecommendRequest request_;
  v1::RecommendResponse response_;
};

TEST_F(RecommendationsRpcTest, GivesOneSlatePerKindInTheAskedOrder) {
  request_.add_kinds(v1::RECOMMENDATION_KIND_EVENT);
  MITRA_ASSERT_OK(Recommend());
  ASSERT_EQ(response_.slates_size(), 2);
  EXPECT_EQ(response_.slates(0).kind(), v1::RECOMMENDATION_KIND_MENTOR);
  EXPECT_EQ(response_.slates(0).recommendations_size(), 10);
  EXPECT_EQ(response_.slates(1).kind(), v1::RECOMMENDATION_KIND_EVENT);
  EXPECT_EQ(response_.slates(1).recommendations_size(), 0);
  EXPECT_EQ(response_.revision(), world_.view().revision);
}

TEST_F(RecommendationsRpcTest, NamesEveryBadField) {
  request_.set_profile_id("no spaces");
  request_.add_kinds(static_cast<v1::RecommendationKind>(55));
  request_.set_page_size(0);
  request_.set_page_token("x");
  request_.set_language("fr");
  request_.set_explanation(static_cast<v1::ExplanationLevel>(9));
  request_.set_subject_weight(std::numeric_limits<double>::quiet_NaN());
  request_.add_subject_roles(static_cast<v1::Role>(44));
  request_.set_ranking_profile("unknown");

  const absl::Status status = Recommend();

  for (const char* field : {"profile_id", "kinds[1]", "page_size", "page_token",
                            "language", "explanation", "subject_weight",
                            "subject_roles[0]", "ranking_profile"}) {
    EXPECT_THAT(status, NamesField(field));
  }
}

TEST_F(RecommendationsRpcTest, AbsentMeansTheDefaultAndZeroIsRefused) {
  MITRA_ASSERT_OK(Recommend());
  EXPECT_EQ(response_.slates(0).recommendations_size(), 10);
  request_.set_page_size(101);
  EXPECT_THAT(Recommend(), NamesField("page_size"));
  request_.set_page_size(3);
  MITRA_ASSERT_OK(Recommend());
  EXPECT_EQ(response_.slates(0).recommendations_size(), 3);
  request_.set_subject_weight(0);
  MITRA_EXPECT_OK(Recommend());
  request_.clear_kinds();
  EXPECT_THAT(Recommend(), NamesField("kinds"));
}

TEST_F(RecommendationsRpcTest, BadFiltersAreNamedWithTheirPath) {
  request_.mutable_filter()->add_region_codes("xx");
  EXPECT_THAT(Recommend(), NamesField("filter.region_codes[0]"));
}

TEST_F(RecommendationsRpcTest, AMemberAsksForItselfOnly) {
  identity_.member_id = "budi";
  EXPECT_THAT(Recommend(), StatusIs(absl::StatusCode::kPermissionDenied));
  request_.set_profile_id("nobody");
  EXPECT_THAT(Recommend(), StatusIs(absl::StatusCode::kPermissionDenied));
  identity_.member_id = "sari";
  request_.set_profile_id("sari");
  MITRA_EXPECT_OK(Recommend());
  request_.clear_profile_id();
  *request_.mutable_profile() = AProfile("x");
  EXPECT_THAT(Recommend(), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(RecommendationsRpcTest, UnknownSubjectsAreNotFound) {
  request_.set_profile_id("nobody");
  EXPECT_THAT(Recommend(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RecommendationsRpcTest, SaysUnavailableUntilItHasCaughtUp) {
  ready_ = false;
  const absl::Status status = Recommend();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_GT(RetryDelayOf(status), absl::ZeroDuration());
}

TEST_F(RecommendationsRpcTest, ARevisionThatDoesNotComeIsSaid) {
  request_.set_min_revision(1'000'000);
  MITRA_ASSERT_OK(Recommend());
  EXPECT_THAT(response_.slates(0).degraded(),
              testing::Contains(v1::DEGRADED_REASON_STALE));
}

TEST_F(RecommendationsRpcTest, AProfileInTheRequestIsCheckedAndRanked) {
  request_.clear_profile_id();
  *request_.mutable_profile() = AProfile("");
  MITRA_ASSERT_OK(Recommend());
  EXPECT_EQ(response_.slates(0).recommendations_size(), 10);
  request_.mutable_profile()->mutable_facets(0)->set_role(v1::Role(0));
  request_.mutable_profile()->set_region_code("99.99");
  const absl::Status status = Recommend();
  EXPECT_THAT(status, NamesField("profile.facets[0].role"));
  EXPECT_THAT(status, NamesField("profile.region_code"));
  *request_.mutable_profile() = AProfile("");
  auto* vector =
      request_.mutable_profile()->mutable_facets(0)->mutable_need_vector();
  vector->add_values(std::numeric_limits<float>::infinity());
  EXPECT_THAT(Recommend(), NamesField("profile.facets[0].need_vector"));
}

// The same rules as in the record: a few of them, the rest is tested where they
// stand.
TEST_F(RecommendationsRpcTest, AProfileInTheRequestIsCheckedAsInTheRecord) {
  request_.clear_profile_id();
  v1::Profile& profile = *request_.mutable_profile();
  profile = AProfile("");
  v1::Need& need = *profile.mutable_facets(0)->add_needs();
  need.set_resource(v1::RESOURCE_CAPITAL);
  need.mutable_quantity()->set_unit("furlong");
  need.mutable_money()->set_currency_code("??");
  need.mutable_money()->set_units(9'000'000'000'000'000'000);
  need.mutable_expire_time()->set_seconds(-99'999'999'999);
  need.mutable_term()->set_seconds(-5);
  v1::Facet& facet = *profile.mutable_facets(0);
  facet.mutable_acceptance()->add_roles(static_cast<v1::Role>(99));
  facet.mutable_acceptance()->add_region_codes("zz");
  facet.mutable_seats()->set_total(4'000'000'000);
  profile.add_norms()->mutable_valid_from_time()->set_seconds(
      94'670'000'000'000);
  profile.add_products()->set_product_id("a/b");
  profile.set_region_code("33");
  profile.add_languages("??");

  const absl::Status status = Recommend();

  const int last = facet.needs_size() - 1;
  const std::string at = absl::StrCat("profile.facets[0].needs[", last, "].");
  for (const std::string& field :
       {at + "quantity.unit", at + "money.currency_code", at + "money.units",
        at + "expire_time", at + "term",
        std::string("profile.facets[0].acceptance.roles[0]"),
        std::string("profile.facets[0].acceptance.region_codes[0]"),
        std::string("profile.facets[0].seats.total"),
        std::string("profile.norms[0].valid_from_time"),
        std::string("profile.products[0].product_id"),
        std::string("profile.region_code")}) {
    EXPECT_THAT(status, NamesField(field));
  }
  profile = AProfile("");
  profile.add_languages("??");
  EXPECT_THAT(Recommend(),
              NamesField(absl::StrCat("profile.languages[",
                                      profile.languages_size() - 1, "]")));
}

TEST_F(RecommendationsRpcTest, OnlyCandidatesInTheWantedRolesAreGiven) {
  world_.Add(AProfile("kampus", v1::ROLE_EDUCATION));
  world_.Add(AProfile("toko", v1::ROLE_SUPPLIER));
  world_.Add(AProfile("tetangga"));
  request_.clear_kinds();
  request_.add_kinds(v1::RECOMMENDATION_KIND_PARTNER);
  const auto ids = [this] {
    std::set<std::string> found;
    for (const auto& r : response_.slates(0).recommendations()) {
      found.insert(r.profile_id());
    }
    return found;
  };
  MITRA_ASSERT_OK(Recommend());
  EXPECT_EQ(ids(), (std::set<std::string>{"toko", "tetangga"}));
  request_.add_roles(v1::ROLE_SUPPLIER);
  MITRA_ASSERT_OK(Recommend());
  EXPECT_EQ(ids(), (std::set<std::string>{"toko"})) << "not the cached slate";
  request_.add_roles(v1::ROLE_EDUCATION);
  request_.add_roles(v1::ROLE_MENTOR);
  MITRA_ASSERT_OK(Recommend());
  EXPECT_EQ(ids(), (std::set<std::string>{"toko", "kampus"}));
}

TEST_F(RecommendationsRpcTest, WantedRolesMustLeaveTheKindOne) {
  request_.add_roles(v1::ROLE_SUPPLIER);
  const absl::Status none = Recommend();
  EXPECT_THAT(none, NamesField("roles"));
  EXPECT_THAT(std::string(none.message()), HasSubstr("mentor"));
  request_.add_kinds(v1::RECOMMENDATION_KIND_SUPPLIER);
  EXPECT_THAT(Recommend(), NamesField("roles")) << "each kind needs one";
  request_.add_roles(v1::ROLE_MENTOR);
  MITRA_EXPECT_OK(Recommend());
  request_.add_roles(static_cast<v1::Role>(99));
  EXPECT_THAT(Recommend(), NamesField("roles[2]"));
}

TEST_F(RecommendationsRpcTest, APageBelongsToTheRolesItWasAskedWith) {
  for (const char* id : {"s1", "s2", "s3"}) {
    world_.Add(AProfile(id, v1::ROLE_SUPPLIER));
  }
  request_.clear_kinds();
  request_.add_kinds(v1::RECOMMENDATION_KIND_PARTNER);
  request_.add_roles(v1::ROLE_SUPPLIER);
  request_.set_page_size(2);
  MITRA_ASSERT_OK(Recommend());
  request_.set_page_token(response_.slates(0).next_page_token());
  ASSERT_FALSE(request_.page_token().empty());
  request_.clear_roles();
  EXPECT_THAT(Recommend(), HasReason("BAD_PAGE_TOKEN"));
  request_.add_roles(v1::ROLE_SUPPLIER);
  MITRA_ASSERT_OK(Recommend());
  EXPECT_EQ(response_.slates(0).recommendations_size(), 1);
}

TEST_F(RecommendationsRpcTest, APairIsTwoMembers) {
  v1::ExplainPairRequest explain;
  explain.set_profile_id("sari");
  explain.set_candidate_id("sari");
  v1::ExplainPairResponse explained;
  EXPECT_THAT(Call(&RecommendationsRpc::ExplainPair, explain, explained),
              NamesField("candidate_id"));
  v1::WhyNotRequest why;
  why.set_profile_id("sari");
  why.set_candidate_id("sari");
  why.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  v1::WhyNotResponse because;
  EXPECT_THAT(Call(&RecommendationsRpc::WhyNot, why, because),
              NamesField("candidate_id"));
  v1::GetTrustRequest trust;
  trust.set_profile_id("sari");
  trust.set_target_id("sari");
  v1::GetTrustResponse trusted;
  EXPECT_THAT(Call(&RecommendationsRpc::GetTrust, trust, trusted),
              NamesField("target_id"));
}

TEST_F(RecommendationsRpcTest, EachOfABatchHasItsOwnStatus) {
  v1::BatchRecommendRequest batch;
  batch.add_profile_ids("sari");
  batch.add_profile_ids("nobody");
  batch.add_profile_ids("not an id");
  batch.mutable_options()->add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
  v1::BatchRecommendResponse response;

  MITRA_ASSERT_OK(Call(&RecommendationsRpc::BatchRecommend, batch, response));

  ASSERT_EQ(response.results_size(), 3);
  EXPECT_EQ(response.results(0).status().code(), 0);
  EXPECT_EQ(response.results(0).response().slates_size(), 1);
  EXPECT_EQ(response.results(1).status().code(),
            static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_EQ(response.results(2).status().code(),
            static_cast<int>(absl::StatusCode::kInvalidArgument));
  batch.mutable_options()->set_page_size(-1);
  EXPECT_THAT(Call(&RecommendationsRpc::BatchRecommend, batch, response),
              NamesField("options.page_size"));
}

TEST_F(RecommendationsRpcTest, ExplainsAPairAndHidesWhoMayNotBeShown) {
  v1::ExplainPairRequest request;
  request.set_profile_id("sari");
  request.set_candidate_id("m03");
  v1::ExplainPairResponse response;
  MITRA_ASSERT_OK(Call(&RecommendationsRpc::ExplainPair, request, response));
  EXPECT_EQ(response.kind(), v1::RECOMMENDATION_KIND_MENTOR);
  EXPECT_GT(response.recommendation().terms_size(), 0);
  EXPECT_GT(response.recommendation().reasons_size(), 0);

  world_.Block("m03", "sari");
  const absl::Status blocked =
      Call(&RecommendationsRpc::ExplainPair, request, response);
  request.set_candidate_id("nobody");
  const absl::Status unknown =
      Call(&RecommendationsRpc::ExplainPair, request, response);
  EXPECT_EQ(blocked, unknown);
  EXPECT_THAT(blocked, StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RecommendationsRpcTest, WhyNotKeepsPersonalCausesFromThoseWithoutScope) {
  world_.Block("m03", "sari");
  v1::WhyNotRequest request;
  request.set_profile_id("sari");
  request.set_candidate_id("m03");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  v1::WhyNotResponse blocked;
  MITRA_ASSERT_OK(Call(&RecommendationsRpc::WhyNot, request, blocked));
  v1::WhyNotResponse unknown;
  request.set_candidate_id("nobody");
  MITRA_ASSERT_OK(Call(&RecommendationsRpc::WhyNot, request, unknown));
  EXPECT_EQ(blocked.SerializeAsString(), unknown.SerializeAsString());
  EXPECT_EQ(blocked.cause(), v1::WHY_NOT_CAUSE_NOT_AVAILABLE);
  // Nor is a blocked member's lack of a role told.
  request.set_candidate_id("m03");
  request.set_kind(v1::RECOMMENDATION_KIND_INVESTOR);
  v1::WhyNotResponse role;
  MITRA_ASSERT_OK(Call(&RecommendationsRpc::WhyNot, request, role));
  EXPECT_EQ(role.cause(), v1::WHY_NOT_CAUSE_NOT_AVAILABLE);

  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  identity_.credential = "dinas";
  identity_.scopes = {"diagnose:all"};
  v1::WhyNotResponse full;
  MITRA_ASSERT_OK(Call(&RecommendationsRpc::WhyNot, request, full));
  EXPECT_EQ(full.cause(), v1::WHY_NOT_CAUSE_BLOCKED);
}

TEST_F(RecommendationsRpcTest, AMentorAlreadyIsNotExplainedAndWhyNotNamesIt) {
  world_.Engage("sari", "m03", v1::ROLE_MENTOR);
  v1::ExplainPairRequest pair;
  pair.set_profile_id("sari");
  pair.set_candidate_id("m03");
  v1::ExplainPairResponse explained;
  EXPECT_THAT(Call(&RecommendationsRpc::ExplainPair, pair, explained),
              StatusIs(absl::StatusCode::kNotFound));

  v1::WhyNotRequest request;
  request.set_profile_id("sari");
  request.set_candidate_id("m03");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  const auto cause = [&] {
    v1::WhyNotResponse response;
    MITRA_EXPECT_OK(Call(&RecommendationsRpc::WhyNot, request, response));
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

TEST_F(RecommendationsRpcTest, WhyNotTellsTheRank) {
  v1::WhyNotRequest request;
  request.set_profile_id("sari");
  request.set_candidate_id("m00");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  v1::WhyNotResponse response;
  MITRA_ASSERT_OK(Call(&RecommendationsRpc::WhyNot, request, response));
  EXPECT_EQ(response.cause(), v1::WHY_NOT_CAUSE_IN_SLATE);
  EXPECT_EQ(response.rank(), 1u);
  request.set_candidate_id("m11");
  MITRA_ASSERT_OK(Call(&RecommendationsRpc::WhyNot, request, response));
  EXPECT_EQ(response.cause(), v1::WHY_NOT_CAUSE_LOWER_RANK);
  EXPECT_EQ(response.rank(), 12u);
  request.set_candidate_id("sari");
  request.set_profile_id("m00");
  MITRA_ASSERT_OK(Call(&RecommendationsRpc::WhyNot, request, response));
  EXPECT_EQ(response.cause(), v1::WHY_NOT_CAUSE_WRONG_ROLE);
}

TEST_F(RecommendationsRpcTest, ScoresPairsInTheAskedOrder) {
  world_.Block("sari", "m01");
  v1::ScorePairsRequest request;
  request.set_profile_id("sari");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  for (const char* id : {"m05", "nobody", "m01", "m02"}) {
    request.add_candidate_ids(id);
  }
  v1::ScorePairsResponse response;
  MITRA_ASSERT_OK(Call(&RecommendationsRpc::ScorePairs, request, response));
  ASSERT_EQ(response.scores_size(), 4);
  EXPECT_TRUE(response.scores(0).eligible());
  EXPECT_GT(response.scores(0).score(), 0);
  EXPECT_FALSE(response.scores(1).eligible());
  EXPECT_FALSE(response.scores(2).eligible());
  EXPECT_EQ(response.scores(2).score(), 0);
  EXPECT_EQ(response.scores(3).candidate_id(), "m02");
  request.add_candidate_ids("bad id");
  EXPECT_THAT(Call(&RecommendationsRpc::ScorePairs, request, response),
              NamesField("candidate_ids[4]"));
}

TEST_F(RecommendationsRpcTest, TellsTrustAndItsPath) {
  world_.Tie("sari", "m04", v1::EVIDENCE_KIND_MENTORING, 3);
  v1::GetTrustRequest request;
  request.set_profile_id("sari");
  request.set_target_id("m04");
  v1::GetTrustResponse response;
  MITRA_ASSERT_OK(Call(&RecommendationsRpc::GetTrust, request, response));
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
    MITRA_EXPECT_OK(Call(&RecommendationsRpc::GetTrust, ask, answer));
    return answer.goes_well();
  };
  EXPECT_GT(goes_well("m05"), 0);
  EXPECT_LT(goes_well("m05"), goes_well("m06"));
  EXPECT_LT(goes_well("m06"), 1);
  world_.Block("sari", "m04");
  EXPECT_THAT(Call(&RecommendationsRpc::GetTrust, request, response),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(CheckStartRefreshTest, NamesEveryBadField) {
  v1::StartRefreshRequest request;
  request.add_kinds(static_cast<v1::RecommendationKind>(40));
  request.set_slate_size(51);
  request.mutable_scope()->add_profile_ids("not an id");
  const absl::Status status = CheckStartRefresh(request);
  EXPECT_THAT(status, NamesField("kinds[0]"));
  EXPECT_THAT(status, NamesField("slate_size"));
  EXPECT_THAT(status, NamesField("scope.profile_ids[0]"));
  v1::StartRefreshRequest region;
  region.mutable_scope()->add_region_codes("zz");
  EXPECT_THAT(CheckStartRefresh(region), NamesField("scope.region_codes[0]"));
}

TEST_F(RecommendationsRpcTest, WhyNotNamesTheTermThatIsMissing) {
  auto far = AProfile("far", v1::ROLE_MENTOR);
  far.set_region_code("94.01");
  world_.Add(far);
  v1::WhyNotRequest request;
  request.set_profile_id("sari");
  request.set_candidate_id("far");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  request.set_language("en");
  v1::WhyNotResponse response;
  MITRA_EXPECT_OK(Call(&RecommendationsRpc::WhyNot, request, response));
  EXPECT_EQ(response.cause(), v1::WHY_NOT_CAUSE_LOWER_RANK);
  EXPECT_EQ(response.term(), "region_proximity");
  EXPECT_GT(response.term_gap(), 0);
  EXPECT_GT(response.gap(), 0);
  EXPECT_EQ(response.text(),
            "Others fit better, mostly in this: distance; this member is at "
            "rank 13.");
}

TEST_F(RecommendationsRpcTest, TraceTellsStagesAndNamesNobody) {
  v1::TraceRecommendRequest request;
  request.set_profile_id("sari");
  request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  v1::TraceRecommendResponse response;
  MITRA_EXPECT_OK(Call(&RecommendationsRpc::TraceRecommend, request, response));
  EXPECT_EQ(response.ranking_profile(), RankingProfile::Default().id);
  ASSERT_GE(response.stages_size(), 6);
  EXPECT_EQ(response.stages(0).name(), "subject");
  const std::string text = response.ShortDebugString();
  EXPECT_EQ(text.find("sari"), std::string::npos);
  EXPECT_EQ(text.find("m0"), std::string::npos);

  request.set_page_size(101);
  EXPECT_THAT(
      Call(&RecommendationsRpc::TraceRecommend, request, response).message(),
      ::testing::HasSubstr("page_size"));
  request.clear_page_size();
  request.set_ranking_profile("nobody");
  EXPECT_THAT(
      Call(&RecommendationsRpc::TraceRecommend, request, response).message(),
      ::testing::HasSubstr("ranking_profile"));
}

}  // namespace
}  // namespace mitra::matching
