// Feedback across the whole cluster: tokens that matching gave out are what
// the record takes, and nothing else is.

#include <grpcpp/grpcpp.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "mitra/v1/archive_service.grpc.pb.h"
#include "mitra/v1/engagements_service.grpc.pb.h"
#include "mitra/v1/feedback_service.grpc.pb.h"
#include "tests/integration/cluster_fixture.h"

namespace mitra {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class FeedbackTest : public ClusterTest {
 protected:
  template <typename Stub, typename Request, typename Response>
  static absl::Status Call(Stub& stub,
                           grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                        const Request&,
                                                        Response*),
                           const Request& request, Response& response) {
    grpc::ClientContext context;
    Prepare(context);
    return ToStatus((stub.*method)(&context, request, &response));
  }
  // The first mentors that a business is shown.
  static std::vector<v1::Recommendation> Mentors(const std::string& id,
                                                 bool fresh = false) {
    const auto response = Recommend(id, 5, fresh);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok()) return {};
    const auto& list = response->slates(0).recommendations();
    return {list.begin(), list.end()};
  }
  static v1::Feedback Sale(const v1::Recommendation& one, double amount) {
    v1::Feedback feedback;
    feedback.set_attribution_token(one.attribution_token());
    feedback.set_kind(v1::FEEDBACK_KIND_OUTCOME);
    feedback.set_outcome(v1::OUTCOME_KIND_SALES);
    feedback.set_amount(amount);
    return feedback;
  }
  static std::vector<absl::Status> Record(std::vector<v1::Feedback> rows,
                                          const std::string& actor = "") {
    auto stub = v1::FeedbackRecords::NewStub(channel_);
    v1::BatchRecordFeedbackRequest request;
    for (v1::Feedback& row : rows) *request.add_feedback() = std::move(row);
    request.set_actor_id(actor);
    v1::BatchRecordFeedbackResponse response;
    const absl::Status status =
        Call(*stub, &v1::FeedbackRecords::Stub::BatchRecordFeedback, request,
             response);
    if (!status.ok()) return {status};
    std::vector<absl::Status> statuses;
    for (const auto& one : response.statuses()) {
      statuses.push_back(FromRpcStatus(one));
    }
    return statuses;
  }
  // Exported feedback about a member, on either side.
  static std::vector<v1::Feedback> Exported(const std::string& member) {
    auto stub = v1::Archive::NewStub(channel_);
    grpc::ClientContext context;
    Prepare(context);
    v1::ExportRequest request;
    request.add_kinds(v1::RECORD_KIND_FEEDBACK);
    auto stream = stub->Export(&context, request);
    std::vector<v1::Feedback> found;
    v1::ExportResponse response;
    while (stream->Read(&response)) {
      for (const v1::ExportRow& row : response.rows()) {
        const v1::Attribution& about = row.feedback().attribution();
        EXPECT_EQ(row.feedback().attribution_token(), "");
        if (about.subject_id() == member || about.candidate_id() == member) {
          found.push_back(row.feedback());
        }
      }
    }
    EXPECT_THAT(ToStatus(stream->Finish()), IsOk());
    return found;
  }
};

TEST_F(FeedbackTest, WhatIsShownCanBeSpokenOfAndNothingElse) {
  const std::string viewer = Business(5);
  std::vector<v1::Recommendation> mentors;
  // Search and matching are still taking the import in.
  ASSERT_TRUE(testing::Eventually([&] {
    mentors = Mentors(viewer, /*fresh=*/true);
    return mentors.size() >= 3;
  }));
  v1::Feedback forged = Sale(mentors[1], 1);
  forged.set_attribution_token("made-up");
  const auto statuses =
      Record({Sale(mentors[0], 5), forged, Sale(mentors[0], 9)}, viewer);
  ASSERT_THAT(statuses, SizeIs(3));
  EXPECT_THAT(statuses[0], IsOk());
  EXPECT_THAT(statuses[1], NamesField("feedback[1].attribution_token"));
  EXPECT_THAT(statuses[1], HasReason("BAD_ATTRIBUTION_TOKEN"));
  EXPECT_THAT(statuses[2], IsOk());
  // Somebody else speaks of what was shown to the viewer.
  EXPECT_THAT(Record({Sale(mentors[1], 1)}, Business(6)),
              ElementsAre(NamesField("feedback[0].attribution_token")));

  const auto kept = Exported(viewer);
  ASSERT_THAT(kept, SizeIs(2));
  for (const v1::Feedback& one : kept) {
    EXPECT_EQ(one.attribution().candidate_id(), mentors[0].profile_id());
    EXPECT_EQ(one.attribution().position(), 0u);
    EXPECT_EQ(one.attribution().kind(), v1::RECOMMENDATION_KIND_MENTOR);
  }
}

// That they tire a ranking, over days, is tested where the clock is ours
// (recommender_test).
TEST_F(FeedbackTest, ImpressionsReachMatchingAndAreNotKept) {
  const std::string viewer = Business(8);
  const auto known = [] {
    return Figure(MatchingStatus(), "impression_subjects");
  };
  const auto shown_to = Mentors(viewer, true);
  ASSERT_GE(shown_to.size(), 2u);
  EXPECT_EQ(known(), 0) << "nothing was shown yet";
  v1::Feedback shown;
  shown.set_attribution_token(shown_to[0].attribution_token());
  shown.set_kind(v1::FEEDBACK_KIND_SHOWN);
  EXPECT_THAT(Record({shown, shown}, viewer), ElementsAre(IsOk(), IsOk()));
  EXPECT_TRUE(testing::Eventually([&] { return known() == 1; }));
  EXPECT_THAT(Exported(viewer), IsEmpty());
}

TEST_F(FeedbackTest, TokensOutliveTheProcessesThatMadeThem) {
  const std::string viewer = Business(7);
  const auto mentors = Mentors(viewer, true);
  ASSERT_FALSE(mentors.empty());
  cluster_->Kill("matching");
  MITRA_ASSERT_OK(cluster_->Restart("matching"));
  EXPECT_THAT(Record({Sale(mentors[0], 2)}, viewer), ElementsAre(IsOk()));
  cluster_->Kill("profile");
  MITRA_ASSERT_OK(cluster_->Restart("profile"));
  EXPECT_TRUE(testing::Eventually([&] {
    const auto again = Record({Sale(mentors[0], 3)}, viewer);
    return again.size() == 1 && again[0].ok();
  }));
  ASSERT_THAT(IdsWhenBack(viewer), Not(IsEmpty()));
  const auto fresh = Mentors(viewer, true);
  ASSERT_FALSE(fresh.empty());
  EXPECT_THAT(Record({Sale(fresh[0], 4)}, viewer), ElementsAre(IsOk()));
}

TEST_F(FeedbackTest, DeletingTheCandidateTakesTheFeedbackAlong) {
  const std::string viewer = Business(8);
  const auto mentors = Mentors(viewer);
  ASSERT_FALSE(mentors.empty());
  const std::string candidate = mentors[0].profile_id();
  EXPECT_THAT(Record({Sale(mentors[0], 5)}, viewer), ElementsAre(IsOk()));
  EXPECT_THAT(Exported(candidate), SizeIs(1));
  auto profiles = v1::Profiles::NewStub(channel_);
  v1::DeleteProfileRequest request;
  request.set_profile_id(candidate);
  v1::DeleteProfileResponse response;
  MITRA_ASSERT_OK(
      Call(*profiles, &v1::Profiles::Stub::DeleteProfile, request, response));
  EXPECT_THAT(Exported(candidate), IsEmpty());
  EXPECT_THAT(Record({Sale(mentors[0], 6)}, viewer),
              ElementsAre(StatusIs(absl::StatusCode::kNotFound)));
}

TEST_F(FeedbackTest, AnEngagementTakesTheTokenOfItsRecommendationOnly) {
  const std::string viewer = Business(9);
  const auto mentors = Mentors(viewer);
  ASSERT_GE(mentors.size(), 2u);
  auto stub = v1::Engagements::NewStub(channel_);
  const auto ask = [&](const std::string& token) {
    v1::RequestEngagementRequest request;
    request.set_seeker_id(viewer);
    request.set_provider_id(mentors[0].profile_id());
    request.set_provider_role(v1::ROLE_MENTOR);
    request.set_attribution_token(token);
    v1::Engagement response;
    const absl::Status status = Call(
        *stub, &v1::Engagements::Stub::RequestEngagement, request, response);
    return status.ok() ? absl::StatusOr<v1::Engagement>(response)
                       : absl::StatusOr<v1::Engagement>(status);
  };
  EXPECT_THAT(ask("rubbish !").status(), NamesField("attribution_token"));
  EXPECT_THAT(ask(mentors[1].attribution_token()).status(),
              HasReason("BAD_ATTRIBUTION_TOKEN"));
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement engagement,
                             ask(mentors[0].attribution_token()));
  EXPECT_NE(engagement.attribution().slate_id(), 0u);
}

}  // namespace
}  // namespace mitra
