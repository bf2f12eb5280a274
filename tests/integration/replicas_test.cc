// Two matching processes of one cluster: a refresh belongs to one of them and
// can be asked after at both; what it publishes is an event; and what the
// gateway's matching knows of merged members and of seats that are few.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/events_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "mitra/v1/refreshes_service.grpc.pb.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/grpc_status.h"

namespace mitra {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr auto kMentor = v1::RECOMMENDATION_KIND_MENTOR;
constexpr char kHome[] = "33.72.01";
constexpr char kFar[] = "73.71";

class ReplicasTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::vector<std::string> few = {"--seats.standby_below=1",
                                          "--seats.pause_below=0.5"};
    auto started =
        testing::Cluster::Start({{"matching", few}, {"matching2", few}});
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = started->release();
    MITRA_ASSERT_OK(cluster_->Restart("matching2"));
    for (int i = 0; i < 6; ++i) {
      MITRA_ASSERT_OK(
          Put(Profile(absl::StrCat("seeker-", i), v1::ROLE_BUSINESS)));
      MITRA_ASSERT_OK(
          Put(Profile(absl::StrCat("mentor-", i), v1::ROLE_MENTOR, 3)));
    }
  }
  static void TearDownTestSuite() {
    delete cluster_;
    cluster_ = nullptr;
  }

  static v1::Profile Profile(const std::string& id, v1::Role role,
                             uint32_t seats = 0, const char* region = kHome) {
    v1::Profile profile;
    profile.set_profile_id(id);
    profile.set_kind(v1::MEMBER_KIND_BUSINESS);
    profile.set_display_name(absl::StrCat("Toko ", id));
    profile.set_region_code(region);
    profile.add_sectors()->set_code("47111");
    v1::Facet& facet = *profile.add_facets();
    facet.set_role(role);
    if (role == v1::ROLE_MENTOR) {
      facet.mutable_seats()->set_total(seats);
      facet.add_offers()->set_resource(v1::RESOURCE_MENTORING);
      facet.mutable_offers(0)->set_text("mengatur stok dan kas toko");
    } else {
      facet.add_needs()->set_resource(v1::RESOURCE_MENTORING);
      facet.mutable_needs(0)->set_text("mengatur stok toko");
    }
    return profile;
  }

  // At the gateway, or at one process itself.
  template <typename Service, typename Request, typename Response>
  static absl::StatusOr<Response> Call(
      const std::string& where,
      grpc::Status (Service::Stub::*method)(grpc::ClientContext*,
                                            const Request&, Response*),
      const Request& request) {
    const auto stub = Service::NewStub(Channel(where));
    grpc::ClientContext context;
    Prepare(where, context);
    Response response;
    const absl::Status status =
        ToStatus(((*stub).*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  static std::shared_ptr<grpc::Channel> Channel(const std::string& where) {
    return grpc::CreateChannel(cluster_->target(where),
                               grpc::InsecureChannelCredentials());
  }
  static void Prepare(const std::string& where, grpc::ClientContext& context) {
    if (where == "gateway") {
      context.AddMetadata("authorization",
                          absl::StrCat("Bearer ", cluster_->key()));
    }
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
  }

  static absl::Status Put(const v1::Profile& profile) {
    v1::UpsertProfileRequest request;
    *request.mutable_profile() = profile;
    const auto put = Call<v1::Profiles>(
        "gateway", &v1::Profiles::Stub::UpsertProfile, request);
    if (put.ok()) revision_ = std::max(revision_, put->revision());
    return put.status();
  }

  static v1::Slate Mentors(const std::string& id) {
    v1::RecommendRequest request;
    request.set_profile_id(id);
    request.add_kinds(kMentor);
    request.set_min_revision(revision_);
    const auto response = Call<v1::Recommendations>(
        "gateway", &v1::Recommendations::Stub::Recommend, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->slates(0) : v1::Slate();
  }
  static std::vector<std::string> Ids(const v1::Slate& slate) {
    std::vector<std::string> ids;
    for (const auto& one : slate.recommendations()) {
      ids.push_back(one.profile_id());
    }
    return ids;
  }

  template <typename Request>
  static absl::StatusOr<v1::Refresh> Refresh(
      const std::string& where,
      grpc::Status (v1::Refreshes::Stub::*method)(grpc::ClientContext*,
                                                  const Request&, v1::Refresh*),
      const std::string& id) {
    Request request;
    request.set_refresh_id(id);
    return Call<v1::Refreshes>(where, method, request);
  }
  // Published at the gateway's matching.
  static v1::Refresh Publish() {
    const auto started =
        Call<v1::Refreshes>("gateway", &v1::Refreshes::Stub::StartRefresh,
                            v1::StartRefreshRequest());
    EXPECT_TRUE(started.ok()) << started.status();
    if (!started.ok()) return {};
    v1::Refresh ended = *started;
    EXPECT_TRUE(testing::Eventually(
        [&] {
          const auto now = Refresh("gateway", &v1::Refreshes::Stub::GetRefresh,
                                   started->refresh_id());
          if (now.ok()) ended = *now;
          return ended.has_end_time();
        },
        absl::Seconds(60)));
    EXPECT_EQ(ended.state(), v1::REFRESH_STATE_PUBLISHED)
        << ended.ShortDebugString();
    return ended;
  }

  static testing::Cluster* cluster_;
  static uint64_t revision_;
};
testing::Cluster* ReplicasTest::cluster_ = nullptr;
uint64_t ReplicasTest::revision_ = 0;

TEST_F(ReplicasTest, ARefreshCanBeAskedAfterAtEitherProcess) {
  const v1::Refresh before = Publish();
  const v1::Refresh refresh = Publish();
  const std::string& id = refresh.refresh_id();
  const std::string there = "matching2";

  // Others hear of it within a second or so.
  v1::Refresh seen;
  ASSERT_TRUE(testing::Eventually(
      [&] {
        const auto now = Refresh(there, &v1::Refreshes::Stub::GetRefresh, id);
        if (now.ok()) seen = *now;
        return seen.state() == v1::REFRESH_STATE_PUBLISHED;
      },
      absl::Seconds(30)));
  EXPECT_EQ(seen.epoch(), refresh.epoch());
  EXPECT_THAT(Refresh(there, &v1::Refreshes::Stub::WaitRefresh, id), IsOk());

  v1::GetRefreshReportRequest report;
  report.set_refresh_id(id);
  MITRA_ASSERT_OK_AND_ASSIGN(
      const v1::RefreshReport read,
      Call<v1::Refreshes>(there, &v1::Refreshes::Stub::GetRefreshReport,
                          report));
  EXPECT_EQ(read.refresh().markets_size(), 2);

  v1::ExportSlatesRequest wanted;
  wanted.set_refresh_id(id);
  const auto stub = v1::Refreshes::NewStub(Channel(there));
  grpc::ClientContext context;
  Prepare(there, context);
  const auto stream = stub->ExportSlates(&context, wanted);
  v1::SlateLine line;
  int lines = 0;
  while (stream->Read(&line)) ++lines;
  EXPECT_THAT(ToStatus(stream->Finish()), IsOk());
  EXPECT_EQ(lines, 24) << "two kinds of twelve members";

  EXPECT_THAT(Refresh(there, &v1::Refreshes::Stub::PublishRefresh, id),
              HasReason("NOT_HELD"))
      << "the error is that of the process that keeps it";
  const auto back = Refresh(there, &v1::Refreshes::Stub::RollBackRefresh, id);
  MITRA_ASSERT_OK(back);
  EXPECT_EQ(back->state(), v1::REFRESH_STATE_ROLLED_BACK);
  EXPECT_EQ(Refresh("gateway", &v1::Refreshes::Stub::GetRefresh, id)->state(),
            v1::REFRESH_STATE_ROLLED_BACK);
  EXPECT_THAT(Refresh(there, &v1::Refreshes::Stub::GetRefresh, "nobodys"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ReplicasTest, WhoFollowsEventsHearsOfANewEpochAndOfARollBack) {
  const v1::Refresh first = Publish();
  const auto stub = v1::Events::NewStub(Channel("gateway"));
  grpc::ClientContext context;
  Prepare("gateway", context);
  v1::WatchEventsRequest request;
  request.add_kinds(v1::EVENT_KIND_EPOCH);
  const auto stream = stub->WatchEvents(&context, request);
  // Reads until the epoch is the current one of mentors.
  const auto hears = [&](uint64_t epoch) {
    v1::WatchEventsResponse response;
    while (stream->Read(&response)) {
      for (const v1::Event& event : response.events()) {
        EXPECT_TRUE(event.has_epoch()) << event.ShortDebugString();
        for (const v1::KindEpochs& kind : event.epoch().kinds()) {
          if (kind.kind() == kMentor && kind.epochs_size() > 0 &&
              kind.epochs(0) == epoch) {
            return true;
          }
        }
      }
    }
    return false;
  };
  EXPECT_TRUE(hears(first.epoch()));
  const v1::Refresh second = Publish();
  EXPECT_TRUE(hears(second.epoch()));
  MITRA_ASSERT_OK(Refresh("gateway", &v1::Refreshes::Stub::RollBackRefresh,
                          second.refresh_id()));
  EXPECT_TRUE(hears(first.epoch()));
  context.TryCancel();
  (void)stream->Finish();
}

TEST_F(ReplicasTest, OnlyServicesTellEpochs) {
  v1::TellEpochRequest request;
  request.mutable_epoch()->set_order(UINT64_MAX);
  EXPECT_FALSE(
      Call<v1::Events>("gateway", &v1::Events::Stub::TellEpoch, request).ok());
  request.mutable_epoch()->set_order(0);
  EXPECT_THAT(
      Call<v1::Events>("profile", &v1::Events::Stub::TellEpoch, request),
      NamesField("epoch.order"));
}

TEST_F(ReplicasTest, AMergedMembersIdIsRecommendedToAndAskedAbout) {
  MITRA_ASSERT_OK(Put(Profile("twin-old", v1::ROLE_BUSINESS)));
  MITRA_ASSERT_OK(Put(Profile("twin", v1::ROLE_BUSINESS)));
  v1::MergeProfilesRequest merge;
  merge.set_from_profile_id("twin-old");
  merge.set_into_profile_id("twin");
  const auto merged =
      Call<v1::Profiles>("gateway", &v1::Profiles::Stub::MergeProfiles, merge);
  MITRA_ASSERT_OK(merged);
  revision_ = std::max(revision_, merged->revision());

  EXPECT_THAT(Ids(Mentors("twin-old")), Not(IsEmpty()));
  EXPECT_EQ(Ids(Mentors("twin-old")), Ids(Mentors("twin")));

  v1::ScorePairsRequest pairs;
  pairs.set_profile_id("mentor-0");
  pairs.set_kind(v1::RECOMMENDATION_KIND_PARTNER);
  pairs.add_candidate_ids("twin-old");
  MITRA_ASSERT_OK_AND_ASSIGN(
      const v1::ScorePairsResponse scored,
      Call<v1::Recommendations>("gateway",
                                &v1::Recommendations::Stub::ScorePairs, pairs));
  EXPECT_EQ(scored.scores(0).candidate_id(), "twin-old");
  EXPECT_TRUE(scored.scores(0).eligible());

  // A restart reads it from the snapshot or from the feed.
  cluster_->Kill("matching");
  MITRA_ASSERT_OK(cluster_->Restart("matching"));
  EXPECT_TRUE(testing::Eventually(
      [&] {
        v1::RecommendRequest request;
        request.set_profile_id("twin-old");
        request.add_kinds(kMentor);
        return Call<v1::Recommendations>(
                   "gateway", &v1::Recommendations::Stub::Recommend, request)
            .ok();
      },
      absl::Seconds(30)));
}

TEST_F(ReplicasTest, WhereSeatsAreFewWhoStandsByIsShownAndThenThereIsAPause) {
  MITRA_ASSERT_OK(Put(Profile("far", v1::ROLE_BUSINESS, 0, kFar)));
  const v1::Slate pause = Mentors("far");
  EXPECT_THAT(Ids(pause), IsEmpty()) << "nobody there has a seat";
  EXPECT_TRUE(pause.supply().paused());
  EXPECT_EQ(pause.supply().region_code(), "73");
  EXPECT_EQ(pause.supply().pause_below(), .5);
  EXPECT_FALSE(Mentors("seeker-0").has_supply()) << "elsewhere are enough";

  v1::Profile helper = Profile("helper", v1::ROLE_MENTOR, 2, kFar);
  helper.mutable_facets(0)->set_standby(true);
  MITRA_ASSERT_OK(Put(helper));
  const v1::Slate thin = Mentors("far");
  EXPECT_THAT(Ids(thin), Contains("helper"));
  EXPECT_FALSE(thin.supply().paused());
  EXPECT_EQ(thin.supply().seats_per_seeker(), 0);
  EXPECT_EQ(thin.supply().seats_per_seeker_with_standby(), 2);
  EXPECT_THAT(Ids(Mentors("seeker-0")), Not(Contains("helper")));

  MITRA_ASSERT_OK(Put(Profile("regular", v1::ROLE_MENTOR, 4, kFar)));
  const v1::Slate enough = Mentors("far");
  EXPECT_THAT(Ids(enough), Contains("regular"));
  EXPECT_THAT(Ids(enough), Not(Contains("helper")));
  EXPECT_FALSE(enough.has_supply());
}

}  // namespace
}  // namespace mitra
