// Engagements across the whole cluster: what is asked and answered at the
// gateway decides who stands in the next slate.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <latch>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/engagements_service.grpc.pb.h"
#include "mitra/v1/evidence_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/grpc_status.h"

namespace mitra {
namespace {

using ::testing::Contains;
using ::testing::Not;

// Calls of one platform that owns everybody.
class Platform {
 public:
  Platform(const std::string& target, std::string key)
      : channel_(
            grpc::CreateChannel(target, grpc::InsecureChannelCredentials())),
        key_(std::move(key)),
        engagements_(v1::Engagements::NewStub(channel_)),
        profiles_(v1::Profiles::NewStub(channel_)),
        recommendations_(v1::Recommendations::NewStub(channel_)),
        evidence_(v1::EvidenceRecords::NewStub(channel_)) {}

  absl::StatusOr<v1::Profile> Put(const std::string& id, v1::Role role,
                                  int seats = -1,
                                  const std::string& etag = "") {
    v1::UpsertProfileRequest request;
    v1::Profile& profile = *request.mutable_profile();
    profile.set_profile_id(id);
    profile.set_kind(role == v1::ROLE_MENTOR ? v1::MEMBER_KIND_PERSON
                                             : v1::MEMBER_KIND_BUSINESS);
    profile.set_display_name("Warung " + id);
    profile.set_region_code("33.72.01");
    profile.add_sectors()->set_code("56102");
    v1::Facet& facet = *profile.add_facets();
    facet.set_role(role);
    if (seats >= 0) {
      facet.mutable_seats()->set_total(static_cast<uint32_t>(seats));
    }
    if (role == v1::ROLE_MENTOR) {
      v1::Offer& offer = *facet.add_offers();
      offer.set_resource(v1::RESOURCE_MENTORING);
      offer.set_text("pembukuan dan pemasaran warung");
    } else {
      v1::Need& need = *facet.add_needs();
      need.set_resource(v1::RESOURCE_MENTORING);
      need.set_text("pembukuan warung");
    }
    profile.set_etag(etag);
    return Call(*profiles_, &v1::Profiles::Stub::UpsertProfile, request);
  }

  absl::StatusOr<v1::Engagement> Ask(const std::string& seeker,
                                     const std::string& mentor,
                                     std::vector<std::string> next = {}) {
    v1::RequestEngagementRequest request;
    request.set_seeker_id(seeker);
    request.set_provider_id(mentor);
    request.set_provider_role(v1::ROLE_MENTOR);
    request.set_note("mohon bimbingan");
    for (std::string& id : next) request.add_alternate_ids(std::move(id));
    return Call(*engagements_, &v1::Engagements::Stub::RequestEngagement,
                request);
  }
  absl::StatusOr<v1::Engagement> Move(const v1::Engagement& engagement,
                                      const std::string& actor,
                                      v1::EngagementState state,
                                      const std::string& etag = "") {
    v1::ChangeEngagementRequest request;
    request.set_engagement_id(engagement.engagement_id());
    request.set_actor_id(actor);
    request.set_state(state);
    request.set_etag(etag);
    if (state == v1::ENGAGEMENT_STATE_COMPLETED) {
      request.set_quality(.9);
      request.set_promise_kept(true);
    }
    return Call(*engagements_, &v1::Engagements::Stub::ChangeEngagement,
                request);
  }
  absl::StatusOr<v1::Engagement> Read(const std::string& id) {
    v1::GetEngagementRequest request;
    request.set_engagement_id(id);
    return Call(*engagements_, &v1::Engagements::Stub::GetEngagement, request);
  }
  absl::StatusOr<v1::Evidence> ReadEvidence(const std::string& id) {
    v1::GetEvidenceRequest request;
    request.set_evidence_id(id);
    return Call(*evidence_, &v1::EvidenceRecords::Stub::GetEvidence, request);
  }

  // The mentors that `subject` is shown, no older than `revision`.
  std::vector<std::string> Mentors(const std::string& subject,
                                   uint64_t revision) {
    v1::RecommendRequest request;
    request.set_profile_id(subject);
    request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
    request.set_page_size(20);
    request.set_min_revision(revision);
    const auto response =
        Call(*recommendations_, &v1::Recommendations::Stub::Recommend, request);
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<std::string> ids;
    if (!response.ok()) return ids;
    for (const auto& slate : response->slates()) {
      for (const auto& one : slate.recommendations()) {
        ids.push_back(one.profile_id());
      }
    }
    return ids;
  }

  // Matching can be reached again.
  bool IsAnswered(const std::string& subject) {
    v1::RecommendRequest request;
    request.set_profile_id(subject);
    request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
    return Call(*recommendations_, &v1::Recommendations::Stub::Recommend,
                request)
        .ok();
  }
  v1::WhyNotCause WhyNot(const std::string& subject,
                         const std::string& mentor) {
    v1::WhyNotRequest request;
    request.set_profile_id(subject);
    request.set_candidate_id(mentor);
    request.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
    const auto response =
        Call(*recommendations_, &v1::Recommendations::Stub::WhyNot, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->cause() : v1::WHY_NOT_CAUSE_UNSPECIFIED;
  }

 private:
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(
      Stub& stub,
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const Request& request) {
    grpc::ClientContext context;
    if (!key_.empty()) {
      context.AddMetadata("authorization", absl::StrCat("Bearer ", key_));
    }
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
    Response response;
    const absl::Status status =
        ToStatus((stub.*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  std::shared_ptr<grpc::Channel> channel_;
  const std::string key_;
  std::unique_ptr<v1::Engagements::Stub> engagements_;
  std::unique_ptr<v1::Profiles::Stub> profiles_;
  std::unique_ptr<v1::Recommendations::Stub> recommendations_;
  std::unique_ptr<v1::EvidenceRecords::Stub> evidence_;
};

// Each test has mentors and seekers of its own in one cluster.
class EngagementTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = testing::Cluster::Start();
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = started->release();
    platform_ = new Platform(cluster_->target("gateway"), cluster_->key());
    MITRA_ASSERT_OK(platform_->Put("seeker", v1::ROLE_BUSINESS));
    MITRA_ASSERT_OK(platform_->Put("other", v1::ROLE_BUSINESS));
    for (const char* id : {"always-1", "always-2", "always-3"}) {
      MITRA_ASSERT_OK(platform_->Put(id, v1::ROLE_MENTOR, 50));
    }
  }
  static void TearDownTestSuite() {
    delete platform_;
    delete cluster_;
    platform_ = nullptr;
    cluster_ = nullptr;
  }

  static testing::Cluster* cluster_;
  static Platform* platform_;
};
testing::Cluster* EngagementTest::cluster_ = nullptr;
Platform* EngagementTest::platform_ = nullptr;

TEST_F(EngagementTest, OneLifeFromRequestToEvidence) {
  Platform& p = *platform_;
  MITRA_ASSERT_OK_AND_ASSIGN(const auto mentor,
                             p.Put("sari", v1::ROLE_MENTOR, 1));
  EXPECT_THAT(p.Mentors("seeker", mentor.revision()), Contains("sari"));

  MITRA_ASSERT_OK_AND_ASSIGN(const auto asked, p.Ask("seeker", "sari"));
  EXPECT_EQ(asked.state(), v1::ENGAGEMENT_STATE_REQUESTED);
  EXPECT_THAT(p.Mentors("other", asked.revision()), Not(Contains("sari")))
      << "the only seat is held";
  EXPECT_THAT(p.Ask("other", "sari").status(), HasReason("NO_SEAT"));

  EXPECT_THAT(p.Move(asked, "seeker", v1::ENGAGEMENT_STATE_ACCEPTED).status(),
              HasReason("WRONG_SIDE"));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto accepted,
      p.Move(asked, "sari", v1::ENGAGEMENT_STATE_ACCEPTED, asked.etag()));
  EXPECT_THAT(p.Move(asked, "sari", v1::ENGAGEMENT_STATE_ACCEPTED).status(),
              HasReason("ILLEGAL_TRANSITION"))
      << "accepted twice";
  EXPECT_THAT(
      p.Move(asked, "seeker", v1::ENGAGEMENT_STATE_CANCELLED, asked.etag())
          .status(),
      HasReason("ETAG_MISMATCH"));
  MITRA_ASSERT_OK(p.Move(accepted, "seeker", v1::ENGAGEMENT_STATE_ACTIVE));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto done,
      p.Move(accepted, "seeker", v1::ENGAGEMENT_STATE_COMPLETED));
  EXPECT_THAT(p.Mentors("other", done.revision()), Contains("sari"))
      << "the seat is free again";

  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto evidence,
      p.ReadEvidence(
          absl::StrCat("engagement-", asked.engagement_id(), "-seeker")));
  EXPECT_EQ(evidence.author_id(), "seeker");
  EXPECT_EQ(evidence.about_id(), "sari");
  EXPECT_EQ(evidence.kind(), v1::EVIDENCE_KIND_MENTORING);
  EXPECT_FLOAT_EQ(evidence.quality(), .9f);
}

TEST_F(EngagementTest, WhoIsAskedIsNotRecommendedAgainUntilItIsOver) {
  Platform& p = *platform_;
  MITRA_ASSERT_OK(p.Put("asker", v1::ROLE_BUSINESS));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto mentor,
                             p.Put("dewi", v1::ROLE_MENTOR, 9));
  EXPECT_THAT(p.Mentors("asker", mentor.revision()), Contains("dewi"));

  MITRA_ASSERT_OK_AND_ASSIGN(const auto asked, p.Ask("asker", "dewi"));
  EXPECT_THAT(p.Mentors("asker", asked.revision()), Not(Contains("dewi")));
  EXPECT_THAT(p.Mentors("other", asked.revision()), Contains("dewi"))
      << "seats are free for others";
  EXPECT_EQ(p.WhyNot("asker", "dewi"), v1::WHY_NOT_CAUSE_ENGAGED);
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto accepted,
      p.Move(asked, "dewi", v1::ENGAGEMENT_STATE_ACCEPTED));
  EXPECT_THAT(p.Mentors("asker", accepted.revision()), Not(Contains("dewi")));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto active, p.Move(asked, "asker", v1::ENGAGEMENT_STATE_ACTIVE));
  EXPECT_THAT(p.Mentors("asker", active.revision()), Not(Contains("dewi")));

  // Not by what the process remembers only.
  cluster_->Kill("matching");
  MITRA_ASSERT_OK(cluster_->Restart("matching"));
  ASSERT_TRUE(testing::Eventually([&] { return p.IsAnswered("asker"); }));
  EXPECT_THAT(p.Mentors("asker", active.revision()), Not(Contains("dewi")));

  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto done, p.Move(asked, "asker", v1::ENGAGEMENT_STATE_COMPLETED));
  EXPECT_THAT(p.Mentors("asker", done.revision()), Contains("dewi"));
}

TEST_F(EngagementTest, AFreedSeatIsInTheVeryNextSlate) {
  Platform& p = *platform_;
  MITRA_ASSERT_OK(p.Put("wati", v1::ROLE_MENTOR, 2));
  MITRA_ASSERT_OK(p.Put("third", v1::ROLE_BUSINESS));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto first, p.Ask("seeker", "wati"));
  EXPECT_THAT(p.Mentors("third", first.revision()), Contains("wati"))
      << "one seat is left";
  MITRA_ASSERT_OK_AND_ASSIGN(const auto second, p.Ask("other", "wati"));
  EXPECT_THAT(p.Mentors("third", second.revision()), Not(Contains("wati")));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto cancelled,
      p.Move(first, "seeker", v1::ENGAGEMENT_STATE_CANCELLED));
  EXPECT_THAT(p.Mentors("third", cancelled.revision()), Contains("wati"));
}

// Fifty seats are asked for, then the mentor has one only.
TEST_F(EngagementTest, OfFiftyParallelAcceptsOnOneSeatExactlyOneWins) {
  constexpr int kAsking = 50;
  Platform& p = *platform_;
  MITRA_ASSERT_OK(p.Put("budi", v1::ROLE_MENTOR, kAsking));
  std::vector<v1::Engagement> asked;
  for (int i = 0; i < kAsking; ++i) {
    const std::string seeker = absl::StrCat("crowd-", i);
    MITRA_ASSERT_OK(p.Put(seeker, v1::ROLE_BUSINESS));
    MITRA_ASSERT_OK_AND_ASSIGN(auto engagement, p.Ask(seeker, "budi"));
    asked.push_back(std::move(engagement));
  }
  // Lower than what is held: nobody is thrown out, nobody more comes in.
  MITRA_ASSERT_OK(p.Put("budi", v1::ROLE_MENTOR, 1));
  EXPECT_THAT(p.Ask("other", "budi").status(), HasReason("NO_SEAT"));

  std::vector<absl::Status> outcomes(kAsking);
  std::latch start(kAsking);
  std::vector<std::thread> threads;
  for (int i = 0; i < kAsking; ++i) {
    threads.emplace_back([&, i] {
      Platform mine(cluster_->target("gateway"), cluster_->key());
      start.arrive_and_wait();
      outcomes[i] =
          mine.Move(asked[i], "budi", v1::ENGAGEMENT_STATE_ACCEPTED).status();
    });
  }
  for (std::thread& thread : threads) thread.join();

  int accepted = 0;
  uint64_t revision = 0;
  for (int i = 0; i < kAsking; ++i) {
    if (!outcomes[i].ok()) {
      EXPECT_THAT(outcomes[i], HasReason("NO_SEAT"));
    }
    MITRA_ASSERT_OK_AND_ASSIGN(const auto now,
                               p.Read(asked[i].engagement_id()));
    EXPECT_EQ(now.state() == v1::ENGAGEMENT_STATE_ACCEPTED, outcomes[i].ok());
    accepted += outcomes[i].ok();
    revision = std::max(revision, now.revision());
  }
  EXPECT_EQ(accepted, 1);
  EXPECT_THAT(p.Mentors("seeker", revision), Not(Contains("budi")));
}

TEST_F(EngagementTest, ADeclineGoesToTheNextChoiceThatCanBeAsked) {
  Platform& p = *platform_;
  MITRA_ASSERT_OK(p.Put("tina", v1::ROLE_MENTOR, 1));
  MITRA_ASSERT_OK(p.Put("full", v1::ROLE_MENTOR, 0));
  MITRA_ASSERT_OK(p.Put("umar", v1::ROLE_MENTOR, 1));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto asked,
                             p.Ask("seeker", "tina", {"full", "umar"}));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto declined,
      p.Move(asked, "tina", v1::ENGAGEMENT_STATE_DECLINED));
  ASSERT_FALSE(declined.next_engagement_id().empty());
  MITRA_ASSERT_OK_AND_ASSIGN(const auto next,
                             p.Read(declined.next_engagement_id()));
  EXPECT_EQ(next.provider_id(), "umar") << "full has no seat";
  EXPECT_EQ(next.note(), "mohon bimbingan");
  EXPECT_THAT(p.Mentors("other", declined.revision()), Contains("tina"));
  EXPECT_THAT(p.Mentors("other", declined.revision()), Not(Contains("umar")));
  EXPECT_THAT(p.Ask("seeker", "tina").status(), HasReason("COOLING_DOWN"));
}

TEST(EngagementExpiryTest, SilenceGoesToTheNextChoiceAndComesTooLate) {
  auto started = testing::Cluster::StartProfileOnly(
      {{"profile", {"--engagements.hold=1s", "--expiry.period=1s"}}});
  ASSERT_TRUE(started.ok()) << started.status();
  Platform p((*started)->target("profile"), "");
  MITRA_ASSERT_OK(p.Put("seeker", v1::ROLE_BUSINESS));
  MITRA_ASSERT_OK(p.Put("silent", v1::ROLE_MENTOR, 1));
  MITRA_ASSERT_OK(p.Put("next", v1::ROLE_MENTOR, 1));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto asked,
                             p.Ask("seeker", "silent", {"next"}));
  v1::Engagement expired;
  ASSERT_TRUE(testing::Eventually([&] {
    const auto now = p.Read(asked.engagement_id());
    if (!now.ok() || now->state() != v1::ENGAGEMENT_STATE_EXPIRED) return false;
    expired = *now;
    return true;
  }));
  EXPECT_THAT(p.Move(asked, "silent", v1::ENGAGEMENT_STATE_ACCEPTED).status(),
              HasReason("ILLEGAL_TRANSITION"));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto next,
                             p.Read(expired.next_engagement_id()));
  EXPECT_EQ(next.provider_id(), "next");
}

}  // namespace
}  // namespace mitra
