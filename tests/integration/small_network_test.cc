// A network from its first member on: nothing waits for a size.

#include <cmath>
#include <set>

#include "gmock/gmock.h"
#include "mitra/v1/refreshes_service.grpc.pb.h"
#include "mitra/v1/search_service.grpc.pb.h"
#include "tests/integration/cluster_fixture.h"

namespace mitra {
namespace {

using ::testing::Contains;

class SmallNetworkTest : public ::testing::Test {
 protected:
  SmallNetworkTest() {
    auto started = testing::Cluster::Start();
    EXPECT_TRUE(started.ok()) << started.status();
    cluster_ = *std::move(started);
    channel_ = grpc::CreateChannel(cluster_->target("gateway"),
                                   grpc::InsecureChannelCredentials());
    profiles_ = v1::Profiles::NewStub(channel_);
    search_ = v1::Search::NewStub(channel_);
    recommendations_ = v1::Recommendations::NewStub(channel_);
    refreshes_ = v1::Refreshes::NewStub(channel_);
  }

  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                 const Request&, Response*),
                    const Request& request, Response& response) {
    grpc::ClientContext context;
    context.AddMetadata("authorization",
                        absl::StrCat("Bearer ", cluster_->key()));
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(30));
    return ToStatus((stub.*method)(&context, request, &response));
  }

  // Adds members until there are `size`: businesses and mentors in turn.
  void GrowTo(int size) {
    for (; size_ < size; ++size_) {
      v1::UpsertProfileRequest request;
      v1::Profile& profile = *request.mutable_profile();
      const bool mentor = size_ % 2 == 1;
      latest_ = absl::StrCat(mentor ? "mentor-" : "toko-", size_);
      profile.set_profile_id(latest_);
      profile.set_kind(mentor ? v1::MEMBER_KIND_PERSON
                              : v1::MEMBER_KIND_BUSINESS);
      profile.set_display_name(absl::StrCat("Kopi ", size_));
      profile.set_about("kopi bubuk");
      profile.set_region_code("33.72.01");
      v1::Facet& facet = *profile.add_facets();
      facet.set_role(mentor ? v1::ROLE_MENTOR : v1::ROLE_BUSINESS);
      if (mentor) {
        facet.mutable_seats()->set_total(5);
        v1::Offer& offer = *facet.add_offers();
        offer.set_resource(v1::RESOURCE_MENTORING);
        offer.set_text("pembukuan usaha kopi");
      } else {
        v1::Need& need = *facet.add_needs();
        need.set_resource(v1::RESOURCE_MENTORING);
        need.set_text("pembukuan");
      }
      v1::Profile stored;
      MITRA_ASSERT_OK(Call(*profiles_, &v1::Profiles::Stub::UpsertProfile,
                           request, stored));
    }
  }

  // How many of ten `query` finds, once the index has seen all of them.
  int Hits(const std::string& query) {
    v1::SearchProfilesRequest request;
    request.set_query(query);
    request.set_page_size(10);
    v1::SearchProfilesResponse response;
    int hits = -1;
    EXPECT_TRUE(testing::Eventually([&] {
      if (!Call(*search_, &v1::Search::Stub::SearchProfiles, request, response)
               .ok()) {
        return false;
      }
      hits = response.hits_size();
      return hits >= std::min(10, size_);
    })) << hits;
    std::set<std::string> ids;
    for (const auto& hit : response.hits()) {
      EXPECT_TRUE(ids.insert(hit.profile_id()).second);
      EXPECT_FALSE(hit.profile_id().empty());
      EXPECT_TRUE(std::isfinite(hit.score())) << hit.score();
    }
    return hits;
  }

  absl::Status Recommend(const std::string& id,
                         v1::RecommendResponse& response) {
    v1::RecommendRequest request;
    request.set_profile_id(id);
    for (int kind = 1; kind <= 10; ++kind) {
      request.add_kinds(static_cast<v1::RecommendationKind>(kind));
    }
    return Call(*recommendations_, &v1::Recommendations::Stub::Recommend,
                request, response);
  }

  // Runs a refresh of everybody to its end.
  v1::Refresh Refreshed(bool dry_run) {
    v1::StartRefreshRequest start;
    start.set_dry_run(dry_run);
    v1::Refresh refresh;
    EXPECT_TRUE(testing::Eventually([&] {
      return Call(*refreshes_, &v1::Refreshes::Stub::StartRefresh, start,
                  refresh)
          .ok();
    }));
    v1::GetRefreshRequest get;
    get.set_refresh_id(refresh.refresh_id());
    EXPECT_TRUE(testing::Eventually([&] {
      return Call(*refreshes_, &v1::Refreshes::Stub::GetRefresh, get, refresh)
                 .ok() &&
             refresh.has_end_time();
    }));
    return refresh;
  }

  std::unique_ptr<testing::Cluster> cluster_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Profiles::Stub> profiles_;
  std::unique_ptr<v1::Search::Stub> search_;
  std::unique_ptr<v1::Recommendations::Stub> recommendations_;
  std::unique_ptr<v1::Refreshes::Stub> refreshes_;
  int size_ = 0;
  std::string latest_;  // the member that came last
};

TEST_F(SmallNetworkTest, AnEmptyNetworkAnswersThatItIsEmpty) {
  EXPECT_EQ(Hits("kopi"), 0);
  v1::RecommendResponse response;
  EXPECT_THAT(Recommend("nobody", response), HasReason("PROFILE_NOT_FOUND"));
  v1::RecommendRequest request;
  request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
  request.mutable_profile()->add_facets()->set_role(v1::ROLE_BUSINESS);
  MITRA_ASSERT_OK(Call(*recommendations_, &v1::Recommendations::Stub::Recommend,
                       request, response));
  EXPECT_EQ(response.slates(0).recommendations_size(), 0);
  v1::Refresh refresh;
  EXPECT_THAT(Call(*refreshes_, &v1::Refreshes::Stub::StartRefresh,
                   v1::StartRefreshRequest(), refresh),
              HasReason("EMPTY_SCOPE"));
}

TEST_F(SmallNetworkTest, TheFirstMemberIsServedAlone) {
  v1::UpsertProfileRequest request;
  v1::Profile& first = *request.mutable_profile();
  first.set_profile_id("first");
  first.set_kind(v1::MEMBER_KIND_BUSINESS);
  first.set_display_name("Kopi Pertama");
  first.set_region_code("33.72.01");
  first.add_facets()->set_role(v1::ROLE_BUSINESS);
  v1::Profile stored;
  MITRA_ASSERT_OK(
      Call(*profiles_, &v1::Profiles::Stub::UpsertProfile, request, stored));
  size_ = 1;
  EXPECT_EQ(Hits("kopi"), 1);

  v1::RecommendResponse response;
  EXPECT_TRUE(
      testing::Eventually([&] { return Recommend("first", response).ok(); }));

  ASSERT_EQ(response.slates_size(), 10);
  for (const auto& slate : response.slates()) {
    EXPECT_EQ(slate.recommendations_size(), 0);
    EXPECT_THAT(slate.missing_signals(), Contains("ties"));
    EXPECT_THAT(slate.missing_signals(), Contains("sectors"));
  }
  v1::DiagnoseCapitalRequest diagnose;
  diagnose.set_profile_id("first");
  v1::DiagnoseCapitalResponse capital;
  MITRA_EXPECT_OK(Call(*recommendations_,
                       &v1::Recommendations::Stub::DiagnoseCapital, diagnose,
                       capital));
}

TEST_F(SmallNetworkTest, EverySizeIsSearchedRecommendedAndRefreshed) {
  for (const int size : {1, 3, 9, 40}) {
    SCOPED_TRACE(size);
    ASSERT_NO_FATAL_FAILURE(GrowTo(size));
    EXPECT_EQ(Hits("kopi"), std::min(10, size));
    // A refresh takes the network as it is; an answer about the last member
    // says that matching has come that far.
    v1::RecommendResponse latest;
    ASSERT_TRUE(
        testing::Eventually([&] { return Recommend(latest_, latest).ok(); }));

    // The guards hold what nobody gets anything from, as they should.
    const bool alone = size == 1;
    const v1::Refresh refresh = Refreshed(/*dry_run=*/alone);
    EXPECT_EQ(refresh.state(),
              alone ? v1::REFRESH_STATE_COMPUTED : v1::REFRESH_STATE_PUBLISHED)
        << refresh.ShortDebugString();
    EXPECT_EQ(refresh.members_total(), static_cast<uint64_t>(size));

    v1::RecommendResponse response;
    MITRA_ASSERT_OK(Recommend("toko-0", response));
    const auto& mentors = response.slates(0);
    EXPECT_EQ(mentors.recommendations_size(), std::min(10, size / 2));
    for (const auto& slate : response.slates()) {
      for (const auto& r : slate.recommendations()) {
        EXPECT_NE(r.profile_id(), "toko-0");
        EXPECT_TRUE(std::isfinite(r.score()) && r.score() >= 0 &&
                    r.score() <= 1)
            << r.score();
      }
    }
  }
}

}  // namespace
}  // namespace mitra
