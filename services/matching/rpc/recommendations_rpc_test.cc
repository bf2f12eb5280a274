#include "services/matching/rpc/recommendations_rpc.h"

#include <limits>
#include <set>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/rpc/refreshes_rpc.h"
#include "services/matching/rpc/testing.h"

namespace mitra::matching {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RecommendationsRpcTest : public AskedWorld {
 protected:
  RecommendationsRpcTest() : rpc_(server_, recommender_, Gate(), &FindProfile) {
    request_.set_profile_id("sari");
    request_.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
  }
  absl::Status Recommend() {
    response_.Clear();
    return CallOn(rpc_, &RecommendationsRpc::Recommend, request_, response_);
  }
  absl::Status Batch(const v1::BatchRecommendRequest& request,
                     v1::BatchRecommendResponse& response) {
    return CallOn(rpc_, &RecommendationsRpc::BatchRecommend, request, response);
  }

  RecommendationsRpc rpc_;
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

TEST_F(RecommendationsRpcTest, EachOfABatchHasItsOwnStatus) {
  v1::BatchRecommendRequest batch;
  batch.add_profile_ids("sari");
  batch.add_profile_ids("nobody");
  batch.add_profile_ids("not an id");
  batch.mutable_options()->add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
  v1::BatchRecommendResponse response;

  MITRA_ASSERT_OK(Batch(batch, response));

  ASSERT_EQ(response.results_size(), 3);
  EXPECT_EQ(response.results(0).status().code(), 0);
  EXPECT_EQ(response.results(0).response().slates_size(), 1);
  EXPECT_EQ(response.results(1).status().code(),
            static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_EQ(response.results(2).status().code(),
            static_cast<int>(absl::StatusCode::kInvalidArgument));
  batch.mutable_options()->set_page_size(-1);
  EXPECT_THAT(Batch(batch, response), NamesField("options.page_size"));
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

}  // namespace
}  // namespace mitra::matching
