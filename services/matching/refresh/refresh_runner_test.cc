#include "services/matching/refresh/refresh_runner.h"

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/page_token.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"

namespace mitra::matching {
namespace {

class RefreshRunnerTest : public testing::Test {
 protected:
  RefreshRunnerTest()
      : source_(world_),
        trust_({}),
        recommender_(source_, trust_, world_.clock, &prices_, {}),
        cache_(nullptr, nullptr, world_.clock, {}),
        server_([this] { return world_.view(); }, recommender_, cache_, epochs_,
                timer_, {.token_key = NewPageTokenKey()}),
        runner_(server_, epochs_, prices_, nullptr, world_.clock, {}) {
    for (int i = 0; i < 8; ++i) world_.Add(AProfile(absl::StrCat("b", i)));
    for (int i = 0; i < 15; ++i) world_.AddMentor(absl::StrCat("m", i));
    request_.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
  }
  v1::Refresh RunToEnd() {
    const auto started = runner_.Start(request_);
    EXPECT_TRUE(started.ok()) << started.status();
    if (!started.ok()) return {};
    runner_.WaitUntilIdle();
    return *runner_.Get(started->refresh_id());
  }

  World world_;
  FakeCandidateSource source_;
  TrustCache trust_;
  PriceBoard prices_;
  Recommender recommender_;
  SlateCache cache_;
  EpochBoard epochs_;
  Timer timer_;
  SlateServer server_;
  RefreshRunner runner_;
  v1::StartRefreshRequest request_;
};

TEST_F(RefreshRunnerTest, PublishesASlateForEverybody) {
  const v1::Refresh refresh = RunToEnd();

  EXPECT_EQ(refresh.state(), v1::REFRESH_STATE_PUBLISHED);
  EXPECT_EQ(refresh.members_total(), 23u);
  EXPECT_EQ(refresh.members_done(), 23u);
  EXPECT_EQ(refresh.full_slates(), 23u);
  EXPECT_EQ(refresh.empty_slates(), 0u);
  EXPECT_GE(refresh.exposure_gini(), 0);
  EXPECT_LT(refresh.exposure_gini(), 1);
  EXPECT_EQ(epochs_.Of(v1::RECOMMENDATION_KIND_MENTOR), refresh.epoch());
  ASSERT_EQ(refresh.markets_size(), 1);
  EXPECT_EQ(refresh.markets(0).subjects(), 23u);
  EXPECT_EQ(refresh.markets(0).candidates(), 15u);

  SlateRequest ask;
  ask.kind = FindKind(v1::RECOMMENDATION_KIND_MENTOR);
  ask.profile = &RankingProfile::Default();
  ask.parameters = DefaultParameters();
  rpc::CallContext call;
  SubjectName name;
  name.id = "b3";
  const auto slate = rpc::SyncWait(server_.Serve(call, name, ask));
  MITRA_ASSERT_OK(slate);
  EXPECT_EQ(slate->source(), v1::SLATE_SOURCE_PUBLISHED);
  EXPECT_EQ(slate->recommendations_size(), 10);
}

TEST_F(RefreshRunnerTest, APublishedSlateShowsNobodyWhoMayNotBeShown) {
  RunToEnd();
  world_.Block("b3", "m1");
  world_.Delete("m2");
  SlateRequest ask;
  ask.kind = FindKind(v1::RECOMMENDATION_KIND_MENTOR);
  ask.profile = &RankingProfile::Default();
  ask.parameters = DefaultParameters();
  rpc::CallContext call;
  SubjectName name;
  name.id = "b3";

  const auto slate = rpc::SyncWait(server_.Serve(call, name, ask));

  MITRA_ASSERT_OK(slate);
  EXPECT_EQ(slate->recommendations_size(), 10);
  for (const auto& one : slate->recommendations()) {
    EXPECT_NE(one.profile_id(), "m1");
    EXPECT_NE(one.profile_id(), "m2");
  }
}

TEST_F(RefreshRunnerTest, ADryRunPublishesNothing) {
  request_.set_dry_run(true);

  const v1::Refresh refresh = RunToEnd();

  EXPECT_EQ(refresh.state(), v1::REFRESH_STATE_HELD);
  EXPECT_EQ(refresh.members_done(), 23u);
  EXPECT_EQ(epochs_.Of(v1::RECOMMENDATION_KIND_MENTOR), 0u);
  EXPECT_EQ(cache_.stats().slates, 0u);
}

TEST_F(RefreshRunnerTest, OneRunsAtATime) {
  absl::Notification reached;
  absl::Notification go_on;
  source_.before_answer = [&] {
    if (!reached.HasBeenNotified()) reached.Notify();
    go_on.WaitForNotification();
  };
  request_.set_request_id("first");
  const auto first = runner_.Start(request_);
  MITRA_ASSERT_OK(first);
  reached.WaitForNotification();
  v1::StartRefreshRequest other = request_;
  other.set_request_id("second");

  EXPECT_THAT(runner_.Start(other), HasReason("REFRESH_RUNNING"));
  EXPECT_EQ(runner_.Start(request_)->refresh_id(), first->refresh_id());
  go_on.Notify();
  runner_.WaitUntilIdle();
  EXPECT_THAT(runner_.List(), testing::SizeIs(1));
}

TEST_F(RefreshRunnerTest, ACancelledRefreshLeavesTheOldEpoch) {
  absl::Notification reached;
  absl::Notification go_on;
  source_.before_answer = [&] {
    if (!reached.HasBeenNotified()) reached.Notify();
    go_on.WaitForNotification();
  };
  const auto started = runner_.Start(request_);
  MITRA_ASSERT_OK(started);
  reached.WaitForNotification();

  MITRA_ASSERT_OK(runner_.Cancel(started->refresh_id()));
  go_on.Notify();
  runner_.WaitUntilIdle();

  EXPECT_EQ(runner_.Get(started->refresh_id())->state(),
            v1::REFRESH_STATE_CANCELLED);
  EXPECT_EQ(epochs_.Of(v1::RECOMMENDATION_KIND_MENTOR), 0u);
}

TEST_F(RefreshRunnerTest, FailsWholeWhenSearchIsAway) {
  source_.failure = absl::UnavailableError("search is away");

  const v1::Refresh refresh = RunToEnd();

  EXPECT_EQ(refresh.state(), v1::REFRESH_STATE_FAILED);
  EXPECT_NE(refresh.error().code(), 0);
  EXPECT_EQ(epochs_.Of(v1::RECOMMENDATION_KIND_MENTOR), 0u);
}

TEST_F(RefreshRunnerTest, KeepsToItsScope) {
  request_.mutable_scope()->add_profile_ids("b1");
  request_.mutable_scope()->add_profile_ids("b2");

  const v1::Refresh refresh = RunToEnd();
  EXPECT_EQ(refresh.members_total(), 2u);
  EXPECT_EQ(refresh.markets_size(), 0) << "a part is no market";
}

TEST_F(RefreshRunnerTest, EpochsRise) {
  const uint64_t first = RunToEnd().epoch();
  EXPECT_GT(RunToEnd().epoch(), first);
}

TEST_F(RefreshRunnerTest, UnknownRefreshesAreNotFound) {
  EXPECT_THAT(runner_.Get("x"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(runner_.Cancel("x"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace mitra::matching
