#include "services/matching/refresh/funnel.h"

#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"

namespace mitra::matching {
namespace {

constexpr v1::RecommendationKind kMentor = v1::RECOMMENDATION_KIND_MENTOR;

v1::Engagement Engaged(v1::EngagementState state,
                       const std::string& provider = "m0") {
  v1::Engagement engagement;
  engagement.set_seeker_id("b0");
  engagement.set_provider_id(provider);
  engagement.set_provider_role(v1::ROLE_MENTOR);
  engagement.set_state(state);
  return engagement;
}

class FunnelTest : public ::testing::Test {
 protected:
  FunnelTest() {
    v1::Profile profile = AProfile("b0");
    profile.set_region_code("33.74");
    profile.clear_sectors();
    profile.add_sectors()->set_code("10750");
    world_.Add(profile);
    world_.AddMentor("m0");
    view_ = world_.view();
  }

  World world_;
  MatchingView view_;
};

TEST_F(FunnelTest, AnEngagementCountsAtEveryStepThatItHasTaken) {
  Funnel funnel(view_.members);
  funnel.AddPlaces(kMentor, view_.members.Find("b0"), 10);
  for (const v1::EngagementState state :
       {v1::ENGAGEMENT_STATE_REQUESTED, v1::ENGAGEMENT_STATE_ACCEPTED,
        v1::ENGAGEMENT_STATE_DECLINED, v1::ENGAGEMENT_STATE_EXPIRED}) {
    funnel.Add(Engaged(state));
  }
  v1::Engagement done = Engaged(v1::ENGAGEMENT_STATE_COMPLETED);
  done.set_promise_kept(true);
  funnel.Add(done);

  const std::vector<v1::FunnelRow> rows = funnel.Rows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].kind(), kMentor);
  EXPECT_EQ(rows[0].region_code(), "33");
  EXPECT_EQ(rows[0].sector_division(), "10");
  EXPECT_EQ(rows[0].placed(), 10u);
  EXPECT_EQ(rows[0].requested(), 5u);
  EXPECT_EQ(rows[0].accepted(), 2u);
  EXPECT_EQ(rows[0].met(), 1u);
  EXPECT_EQ(rows[0].completed(), 1u);
  EXPECT_EQ(rows[0].outcomes(), 1u);
  EXPECT_EQ(rows[0].declined(), 1u);
  EXPECT_EQ(rows[0].expired(), 1u);
}

TEST_F(FunnelTest, ABrokenPromiseIsNoOutcome) {
  Funnel funnel(view_.members);
  v1::Engagement done = Engaged(v1::ENGAGEMENT_STATE_COMPLETED);
  done.set_promise_kept(false);
  done.set_quality(.9);
  funnel.Add(done);
  ASSERT_EQ(funnel.Rows().size(), 1u);
  EXPECT_EQ(funnel.Rows()[0].outcomes(), 0u);
}

TEST_F(FunnelTest, WhatIsToldTwiceCountsOnce) {
  Funnel funnel(view_.members);
  v1::Attribution from;
  from.set_kind(v1::RECOMMENDATION_KIND_PARTNER);
  v1::Engagement active = Engaged(v1::ENGAGEMENT_STATE_ACTIVE);
  *active.mutable_attribution() = from;
  funnel.Add(active);
  from.set_subject_id("b0");
  from.set_candidate_id("m0");
  v1::Feedback met;
  met.set_kind(v1::FEEDBACK_KIND_MET);
  *met.mutable_attribution() = from;
  funnel.Add(met);
  v1::Feedback opened = met;
  opened.set_kind(v1::FEEDBACK_KIND_OPENED);
  funnel.Add(opened);
  funnel.Add(opened);
  v1::Feedback nothing;
  nothing.set_kind(v1::FEEDBACK_KIND_OPENED);
  funnel.Add(nothing);
  const auto rows = funnel.Rows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].kind(), v1::RECOMMENDATION_KIND_PARTNER)
      << "of the recommendation";
  EXPECT_EQ(rows[0].met(), 1u);
  EXPECT_EQ(rows[0].looked_at(), 1u);
}

TEST_F(FunnelTest, GoesOnWithWhatWasCountedBefore) {
  Funnel before(view_.members);
  before.AddPlaces(kMentor, view_.members.Find("b0"), 7);
  google::protobuf::RepeatedPtrField<v1::FunnelRow> kept;
  for (const auto& row : before.Rows()) *kept.Add() = row;
  Funnel funnel(view_.members);
  funnel.Load(kept);
  funnel.Add(Engaged(v1::ENGAGEMENT_STATE_REQUESTED));
  ASSERT_EQ(funnel.Rows().size(), 1u);
  EXPECT_EQ(funnel.Rows()[0].placed(), 7u);
  EXPECT_EQ(funnel.Rows()[0].requested(), 1u);
}

}  // namespace
}  // namespace mitra::matching
