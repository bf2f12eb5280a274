#include "services/matching/refresh/refresh_runner.h"

#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"
#include "tests/support/temp_dir.h"

namespace mitra::matching {
namespace {

// One process of matching without its edges. Another one on the same folder is
// the same after a restart.
class Process {
 public:
  struct Options {
    size_t table_bytes = SIZE_MAX;
    // How far the record is, and how long search may take to read it.
    std::function<uint64_t()> head;
    absl::Duration catch_up = absl::ZeroDuration();
  };
  Process(World& world, FakeCandidateSource& source, std::string directory,
          Options options)
      : world_(world),
        trust_({}),
        recommender_(source, trust_, world.clock, &prices_, {}),
        cache_(nullptr, nullptr, world.clock, {}),
        server_([this] { return world_.view(); }, recommender_, cache_, epochs_,
                timer_),
        short_trust_({}),
        worker_(recommender_, source, short_trust_),
        keeper_(epochs_, prices_, nullptr, {.directory = directory}),
        candidates_(directory + "/candidates", {}) {
    RefreshTools tools;
    tools.views = [this] { return world_.view(); };
    tools.worker = &worker_;
    tools.slates = &server_;
    tools.keeper = &keeper_;
    tools.prices = &prices_;
    tools.candidates = &candidates_;
    tools.table_bytes = options.table_bytes;
    tools.head = std::move(options.head);
    tools.catch_up = options.catch_up;
    tools.clock = &world_.clock;
    tools.rankings = &rankings_;
    tools.impressions = &impressions_;
    tools.directory = std::move(directory);
    tools.threads = 1;  // the source is not thread-safe
    tools.patience = absl::ZeroDuration();
    runner_.emplace(tools, RefreshRunner::Options());
    keeper_.Restore(world_.view().members);
  }

  RefreshRunner& runner() { return *runner_; }
  EpochBoard& epochs() { return epochs_; }
  EpochKeeper& keeper() { return keeper_; }
  const PriceBoard& prices() const { return prices_; }
  SlateCache& cache() { return cache_; }
  RankingBoard& rankings() { return rankings_; }
  ImpressionBook& impressions() { return impressions_; }
  v1::Slate Ask(const std::string& id) {
    SlateRequest ask;
    ask.kind = FindKind(v1::RECOMMENDATION_KIND_MENTOR);
    ask.profile = rankings_.Find("", id);
    ask.parameters = DefaultParameters();
    rpc::CallContext call;
    SubjectName name;
    name.id = id;
    const auto slate = rpc::SyncWait(server_.Serve(call, name, ask));
    EXPECT_TRUE(slate.ok()) << slate.status();
    return slate.ok() ? *slate : v1::Slate();
  }
  // All lines of an export, as text.
  std::vector<std::string> Export(const std::string& id = "",
                                  const std::string& since = "") {
    std::vector<std::string> all;
    SlateExport::Options options;
    if (!since.empty()) options.since = *runner_->Slates(since);
    auto slates = runner_->Slates(id);
    EXPECT_TRUE(slates.ok()) << slates.status();
    if (!slates.ok()) return all;
    SlateExport out(*std::move(slates), std::move(options));
    while (true) {
      const auto lines = out.Next(world_.view(), 0);
      EXPECT_TRUE(lines.ok()) << lines.status();
      if (!lines.ok() || lines->empty()) return all;
      for (v1::SlateLine line : *lines) {
        line.clear_epoch();
        all.push_back(line.ShortDebugString());
      }
    }
  }

 private:
  World& world_;
  TrustCache trust_;
  PriceBoard prices_;
  Recommender recommender_;
  SlateCache cache_;
  EpochBoard epochs_;
  Timer timer_;
  SlateServer server_;
  ShortTrust short_trust_;
  ChunkWorker worker_;
  RankingBoard rankings_;
  ImpressionBook impressions_;
  EpochKeeper keeper_;
  CandidateStore candidates_;
  std::optional<RefreshRunner> runner_;
};

class RefreshRunnerTest : public ::testing::Test {
 protected:
  RefreshRunnerTest() : source_(world_) {
    for (int i = 0; i < 8; ++i) world_.Add(AProfile(absl::StrCat("b", i)));
    for (int i = 0; i < 15; ++i) world_.AddMentor(absl::StrCat("m", i));
    request_.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
    Restart();
  }
  void Restart() {
    process_.reset();
    process_.emplace(world_, source_, dir_.path(), options_);
  }
  RefreshRunner& runner() { return process_->runner(); }
  EpochBoard& epochs() { return process_->epochs(); }
  uint64_t Epoch() { return epochs().Of(v1::RECOMMENDATION_KIND_MENTOR); }
  v1::Refresh RunToEnd() {
    const auto started = runner().Start(request_);
    EXPECT_TRUE(started.ok()) << started.status();
    if (!started.ok()) return {};
    runner().WaitUntilIdle();
    return *runner().Get(started->refresh_id());
  }

  // Of the mentors, m0 is the most alike to everybody, m14 the least.
  void MakeTheFirstAlike() {
    for (int i = 0; i < 15; ++i) {
      const float near = .9f - .05f * static_cast<float>(i);
      source_.similarity[absl::StrCat("m", i)] = {near, near};
    }
  }

  const mitra::testing::TempDir dir_;
  World world_;
  FakeCandidateSource source_;
  Process::Options options_;
  std::optional<Process> process_;
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
  EXPECT_EQ(epochs().Of(v1::RECOMMENDATION_KIND_MENTOR), refresh.epoch());
  ASSERT_EQ(refresh.markets_size(), 1);
  EXPECT_EQ(refresh.markets(0).subjects(), 23u);
  EXPECT_EQ(refresh.markets(0).candidates(), 15u);

  const v1::Slate slate = process_->Ask("b3");
  EXPECT_EQ(slate.source(), v1::SLATE_SOURCE_PUBLISHED);
  EXPECT_EQ(slate.recommendations_size(), 10);
}

TEST_F(RefreshRunnerTest, APublishedSlateShowsNobodyWhoMayNotBeShown) {
  RunToEnd();
  world_.Block("b3", "m1");
  world_.Delete("m2");
  world_.Engage("b3", "m3", v1::ROLE_MENTOR);
  const v1::Slate slate = process_->Ask("b3");
  EXPECT_EQ(slate.recommendations_size(), 10);
  for (const auto& one : slate.recommendations()) {
    EXPECT_NE(one.profile_id(), "m1");
    EXPECT_NE(one.profile_id(), "m2");
    EXPECT_NE(one.profile_id(), "m3");
  }
}

TEST_F(RefreshRunnerTest, WhoIsAMentorAlreadyIsNotPublishedAsOne) {
  world_.Engage("b3", "m3", v1::ROLE_MENTOR);
  RunToEnd();
  const v1::Slate slate = process_->Ask("b3");
  EXPECT_EQ(slate.source(), v1::SLATE_SOURCE_PUBLISHED);
  EXPECT_EQ(slate.recommendations_size(), 10);
  for (const auto& one : slate.recommendations()) {
    EXPECT_NE(one.profile_id(), "m3");
  }
  for (const std::string& line : process_->Export("")) {
    if (line.find("\"b3\"") == std::string::npos) continue;
    EXPECT_EQ(line.find("\"m3\""), std::string::npos) << line;
  }
}

TEST_F(RefreshRunnerTest, ADryRunPublishesNothing) {
  request_.set_dry_run(true);

  const v1::Refresh refresh = RunToEnd();

  EXPECT_EQ(refresh.state(), v1::REFRESH_STATE_COMPUTED);
  EXPECT_EQ(refresh.members_done(), 23u);
  EXPECT_EQ(epochs().Of(v1::RECOMMENDATION_KIND_MENTOR), 0u);
  EXPECT_EQ(process_->cache().stats().slates, 0u);
}

v1::FixedPair Settle(const std::string& member, const std::string& candidate,
                     v1::PairDecision decision) {
  v1::FixedPair pair;
  pair.set_profile_id(member);
  pair.set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  pair.set_candidate_id(candidate);
  pair.set_decision(decision);
  return pair;
}

std::vector<std::string> ShownIn(const v1::Slate& slate) {
  std::vector<std::string> ids;
  for (const auto& one : slate.recommendations()) {
    ids.push_back(one.profile_id());
  }
  return ids;
}

TEST_F(RefreshRunnerTest, AReviewerSettlesPlacesOfAHeldResult) {
  request_.set_hold(true);
  const v1::Refresh held = RunToEnd();
  ASSERT_EQ(held.state(), v1::REFRESH_STATE_HELD);
  const std::string removed = "m9";  // stands in all slates
  v1::EditRefreshRequest edit;
  edit.set_refresh_id(held.refresh_id());
  *edit.add_pairs() = Settle("b3", "m14", v1::PAIR_DECISION_PIN);
  *edit.add_pairs() = Settle("b3", removed, v1::PAIR_DECISION_REMOVE);
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Refresh edited,
                             runner().Edit(edit, "reviewer"));
  ASSERT_EQ(edited.fixed_pairs_size(), 2);
  EXPECT_EQ(edited.fixed_pairs(0).decided_by(), "reviewer");
  EXPECT_TRUE(edited.fixed_pairs(0).has_decide_time());

  Restart();  // it is all on disk
  MITRA_ASSERT_OK(runner().Publish(held.refresh_id(), false).status());
  runner().WaitUntilIdle();
  const v1::Slate slate = process_->Ask("b3");
  EXPECT_EQ(slate.source(), v1::SLATE_SOURCE_PUBLISHED);
  const std::vector<std::string> shown = ShownIn(slate);
  ASSERT_EQ(shown.size(), 10u);
  EXPECT_EQ(shown[0], "m14");
  EXPECT_THAT(shown, ::testing::Not(::testing::Contains(removed)));
  EXPECT_THAT(ShownIn(process_->Ask("b4")), ::testing::Contains(removed));
}

TEST_F(RefreshRunnerTest, PlacesAreSettledAllOrNone) {
  request_.set_hold(true);
  const v1::Refresh held = RunToEnd();
  const auto before = process_->Export(held.refresh_id());
  v1::EditRefreshRequest edit;
  edit.set_refresh_id(held.refresh_id());
  *edit.add_pairs() = Settle("b3", "m14", v1::PAIR_DECISION_PIN);
  *edit.add_pairs() = Settle("b3", "nobody", v1::PAIR_DECISION_PIN);
  EXPECT_EQ(ReasonOf(runner().Edit(edit, "").status()), "PROFILE_NOT_FOUND");
  // Somebody who has blocked it cannot be pinned to a place it does not have.
  world_.Block("b3", "m1");
  edit.mutable_pairs(1)->set_candidate_id("b4");
  EXPECT_EQ(ReasonOf(runner().Edit(edit, "").status()), "NOT_AVAILABLE");
  EXPECT_EQ(runner().Get(held.refresh_id())->fixed_pairs_size(), 0);
  EXPECT_EQ(process_->Export(held.refresh_id()).size(), before.size());
}

TEST_F(RefreshRunnerTest, OnlyAHeldResultIsEdited) {
  const v1::Refresh published = RunToEnd();
  v1::EditRefreshRequest edit;
  edit.set_refresh_id(published.refresh_id());
  *edit.add_pairs() = Settle("b3", "m1", v1::PAIR_DECISION_PIN);
  EXPECT_EQ(ReasonOf(runner().Edit(edit, "").status()), "NOT_HELD");
}

TEST_F(RefreshRunnerTest, PairsSettledBeforehandAreNotComputed) {
  *request_.add_fixed_pairs() = Settle("b5", "m9", v1::PAIR_DECISION_PIN);
  *request_.add_fixed_pairs() = Settle("b5", "m3", v1::PAIR_DECISION_REMOVE);
  const v1::Refresh refresh = RunToEnd();
  ASSERT_EQ(refresh.state(), v1::REFRESH_STATE_PUBLISHED);
  EXPECT_EQ(refresh.markets(0).fixed_pairs(), 1u);
  const std::vector<std::string> shown = ShownIn(process_->Ask("b5"));
  ASSERT_FALSE(shown.empty());
  EXPECT_EQ(shown[0], "m9");
  EXPECT_THAT(shown, ::testing::Not(::testing::Contains("m3")));
}

TEST_F(RefreshRunnerTest, WithHardSeatsNoSeatStandsInFirstPlacesTwice) {
  for (int i = 0; i < 15; ++i) {
    v1::Profile mentor = AProfile(absl::StrCat("m", i), v1::ROLE_MENTOR);
    mentor.mutable_facets(0)->mutable_seats()->set_total(1);
    world_.Add(mentor);
  }
  request_.set_hard_seats(true);
  const v1::Refresh refresh = RunToEnd();
  ASSERT_EQ(refresh.state(), v1::REFRESH_STATE_PUBLISHED);
  EXPECT_EQ(refresh.markets(0).seats_given(), 15u);
  EXPECT_EQ(refresh.markets(0).seat_blocking_pairs(), 0u);
  EXPECT_EQ(process_->Ask("b1").recommendations_size(), 10);
}

TEST_F(RefreshRunnerTest, TellsHowLongEachPhaseTook) {
  const v1::Refresh refresh = RunToEnd();
  std::vector<std::string> phases;
  for (const v1::PhaseTime& one : refresh.phase_times()) {
    phases.push_back(one.phase());
    EXPECT_GE(one.seconds(), 0);
  }
  EXPECT_THAT(phases,
              ::testing::ElementsAre("candidates", "allocation", "publish"));
}

TEST_F(RefreshRunnerTest, OneRunsAtATime) {
  absl::Notification reached;
  absl::Notification go_on;
  source_.before_answer = [&] {
    if (!reached.HasBeenNotified()) reached.Notify();
    go_on.WaitForNotification();
  };
  request_.set_request_id("first");
  const auto first = runner().Start(request_);
  MITRA_ASSERT_OK(first);
  reached.WaitForNotification();
  v1::StartRefreshRequest other = request_;
  other.set_request_id("second");

  EXPECT_THAT(runner().Start(other), HasReason("REFRESH_RUNNING"));
  EXPECT_EQ(runner().Start(request_)->refresh_id(), first->refresh_id());
  go_on.Notify();
  runner().WaitUntilIdle();
  EXPECT_THAT(runner().List(), ::testing::SizeIs(1));
}

TEST_F(RefreshRunnerTest, WhoHearsOfTheEndMayStartTheNext) {
  for (int i = 0; i < 20; ++i) {
    const auto started = runner().Start(request_);
    MITRA_ASSERT_OK(started);
    while (!RefreshRunner::HasEnded(
        runner().Get(started->refresh_id())->state())) {
      std::this_thread::yield();
    }
  }
}

TEST_F(RefreshRunnerTest, ACancelledRefreshLeavesTheOldEpoch) {
  absl::Notification reached;
  absl::Notification go_on;
  source_.before_answer = [&] {
    if (!reached.HasBeenNotified()) reached.Notify();
    go_on.WaitForNotification();
  };
  const auto started = runner().Start(request_);
  MITRA_ASSERT_OK(started);
  reached.WaitForNotification();

  MITRA_ASSERT_OK(runner().Cancel(started->refresh_id()));
  go_on.Notify();
  runner().WaitUntilIdle();

  EXPECT_EQ(runner().Get(started->refresh_id())->state(),
            v1::REFRESH_STATE_CANCELLED);
  EXPECT_EQ(epochs().Of(v1::RECOMMENDATION_KIND_MENTOR), 0u);
}

TEST_F(RefreshRunnerTest, FailsWholeWhenSearchIsAway) {
  source_.failure = absl::UnavailableError("search is away");

  const v1::Refresh refresh = RunToEnd();

  EXPECT_EQ(refresh.state(), v1::REFRESH_STATE_FAILED);
  EXPECT_NE(refresh.error().code(), 0);
  EXPECT_EQ(epochs().Of(v1::RECOMMENDATION_KIND_MENTOR), 0u);
}

TEST_F(RefreshRunnerTest, WaitsForSearchToReadWhatTheRecordHeld) {
  options_.catch_up = absl::InfiniteDuration();
  Restart();
  source_.has_read = 1;
  std::vector<std::string> phases;
  source_.before_reach = [&](uint64_t wanted) {
    EXPECT_EQ(wanted, world_.revision());
    phases.push_back(runner().List().at(0).phase());
    if (phases.size() == 2) source_.has_read = wanted;
  };

  const v1::Refresh refresh = RunToEnd();

  EXPECT_THAT(phases, ::testing::ElementsAre("", "catch-up"));
  EXPECT_EQ(refresh.state(), v1::REFRESH_STATE_PUBLISHED);
  EXPECT_EQ(refresh.full_slates(), 23u);
  ASSERT_EQ(refresh.phase_times_size(), 4);
  EXPECT_EQ(refresh.phase_times(0).phase(), "catch-up");
}

TEST_F(RefreshRunnerTest, FailsByNameWhenSearchStaysBehind) {
  source_.has_read = 1;

  const v1::Refresh refresh = RunToEnd();

  EXPECT_EQ(refresh.state(), v1::REFRESH_STATE_FAILED);
  EXPECT_EQ(ReasonOf(FromRpcStatus(refresh.error())), "SEARCH_BEHIND");
  EXPECT_THAT(
      refresh.error().message(),
      ::testing::HasSubstr(absl::StrCat(
          "up to revision 1 only, the refresh began at ", world_.revision())));
  EXPECT_EQ(Epoch(), 0u);
}

TEST_F(RefreshRunnerTest, TakesNoCandidatesFromSearchThatFallsBehind) {
  source_.before_answer = [this] { source_.has_read = 1; };
  const v1::Refresh refresh = RunToEnd();
  EXPECT_EQ(refresh.state(), v1::REFRESH_STATE_FAILED);
  EXPECT_EQ(refresh.phase(), "candidates");
  EXPECT_EQ(ReasonOf(FromRpcStatus(refresh.error())), "SEARCH_BEHIND");
}

TEST_F(RefreshRunnerTest, MembersWhoAreInTheRecordByNowTakePart) {
  options_.catch_up = absl::InfiniteDuration();
  for (const bool told_by_caller : {false, true}) {
    const uint64_t next = world_.revision() + 1;
    absl::Notification asked;
    options_.head = [&] {
      if (!asked.HasBeenNotified()) asked.Notify();
      return told_by_caller ? 0 : next;
    };
    request_.set_min_revision(told_by_caller ? next : 0);
    Restart();
    const auto started = runner().Start(request_);
    MITRA_ASSERT_OK(started);
    asked.WaitForNotification();
    // The process reads on.
    world_.Add(AProfile(told_by_caller ? "b9" : "b8"));
    runner().WaitUntilIdle();
    EXPECT_EQ(runner().Get(started->refresh_id())->members_total(),
              told_by_caller ? 25u : 24u);
  }
}

TEST_F(RefreshRunnerTest, ACatchUpThatIsCancelledEnds) {
  options_.catch_up = absl::InfiniteDuration();
  Restart();
  source_.has_read = 1;
  absl::Notification waits;
  source_.before_reach = [&](uint64_t) {
    if (!waits.HasBeenNotified()) waits.Notify();
  };
  const auto started = runner().Start(request_);
  MITRA_ASSERT_OK(started);
  waits.WaitForNotification();
  MITRA_ASSERT_OK(runner().Cancel(started->refresh_id()));
  runner().WaitUntilIdle();
  EXPECT_EQ(runner().Get(started->refresh_id())->state(),
            v1::REFRESH_STATE_CANCELLED);
}

TEST_F(RefreshRunnerTest, KeepsToItsScope) {
  request_.mutable_scope()->add_profile_ids("b1");
  request_.mutable_scope()->add_profile_ids("b2");

  const v1::Refresh refresh = RunToEnd();
  EXPECT_EQ(refresh.members_total(), 2u);
  ASSERT_EQ(refresh.markets_size(), 1);
  EXPECT_EQ(refresh.markets(0).pairs(), 0u) << "a part is no market";
}

TEST_F(RefreshRunnerTest, EpochsRise) {
  const uint64_t first = RunToEnd().epoch();
  EXPECT_GT(RunToEnd().epoch(), first);
}

TEST_F(RefreshRunnerTest, UnknownRefreshesAreNotFound) {
  EXPECT_THAT(runner().Get("x"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(runner().Cancel("x"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RefreshRunnerTest, AScopeWithoutMembersIsRefused) {
  request_.mutable_scope()->add_profile_ids("nobody");
  EXPECT_THAT(runner().Start(request_), HasReason("EMPTY_SCOPE"));
}

TEST_F(RefreshRunnerTest, APartLeavesTheOthersTheirSlates) {
  RunToEnd();
  v1::StartRefreshRequest part = request_;
  part.mutable_scope()->add_profile_ids("b1");
  MITRA_ASSERT_OK(runner().Start(part));
  runner().WaitUntilIdle();
  for (const char* id : {"b1", "b2"}) {
    EXPECT_EQ(process_->Ask(id).source(), v1::SLATE_SOURCE_PUBLISHED) << id;
  }
}

TEST_F(RefreshRunnerTest, AHeldResultWaitsForItsReviewerOverARestart) {
  request_.set_hold(true);
  const v1::Refresh held = RunToEnd();
  EXPECT_EQ(held.state(), v1::REFRESH_STATE_HELD);
  EXPECT_EQ(Epoch(), 0u);
  EXPECT_EQ(process_->Ask("b3").source(), v1::SLATE_SOURCE_COMPUTED);

  Restart();
  MITRA_ASSERT_OK(runner().Publish(held.refresh_id(), false));
  runner().WaitUntilIdle();
  EXPECT_EQ(runner().Get(held.refresh_id())->state(),
            v1::REFRESH_STATE_PUBLISHED);
  EXPECT_EQ(process_->Ask("b3").source(), v1::SLATE_SOURCE_PUBLISHED);
  EXPECT_THAT(runner().Publish(held.refresh_id(), false),
              HasReason("NOT_HELD"));
}

TEST_F(RefreshRunnerTest, ARejectedResultIsGone) {
  request_.set_hold(true);
  const v1::Refresh held = RunToEnd();
  MITRA_ASSERT_OK(runner().Reject(held.refresh_id(), "too few"));
  EXPECT_EQ(runner().Get(held.refresh_id())->reject_reason(), "too few");
  EXPECT_THAT(runner().Publish(held.refresh_id(), true), HasReason("NOT_HELD"));
  EXPECT_THAT(runner().Slates(held.refresh_id()).status(),
              HasReason("SLATES_GONE"));

  v1::StartRefreshRequest again = request_;
  MITRA_ASSERT_OK(runner().Start(again));
  runner().WaitUntilIdle();
  world_.clock.Advance(absl::Hours(73));
  runner().Sweep();
  EXPECT_EQ(runner().List()[0].state(), v1::REFRESH_STATE_REJECTED)
      << "nobody reviewed it";
}

TEST_F(RefreshRunnerTest, GuardsRefuseWithTheReason) {
  request_.mutable_guards()->set_min_coverage(1);
  request_.mutable_guards()->set_max_gini(0);
  const v1::Refresh refresh = RunToEnd();
  EXPECT_EQ(refresh.state(), v1::REFRESH_STATE_HELD);
  ASSERT_GE(refresh.guard_failures_size(), 1);
  EXPECT_THAT(refresh.guard_failures(refresh.guard_failures_size() - 1),
              ::testing::HasSubstr("exposure Gini"));
  EXPECT_EQ(Epoch(), 0u);
  EXPECT_THAT(runner().Publish(refresh.refresh_id(), false),
              HasReason("GUARDS_FAILED"));
  MITRA_ASSERT_OK(runner().Publish(refresh.refresh_id(), true));
  runner().WaitUntilIdle();
  EXPECT_EQ(Epoch(), refresh.epoch());
}

TEST_F(RefreshRunnerTest, RollingBackBringsTheOldEpochAndItsPrices) {
  for (int i = 0; i < 5; ++i) {
    source_.similarity[absl::StrCat("m", i)] = {.9f, .9f};
  }
  const v1::Refresh first = RunToEnd();
  const MemberIndex famous = world_.view().members.Find("m0");
  const float price =
      process_->prices().LogPriceOf(v1::RECOMMENDATION_KIND_MENTOR, famous);
  EXPECT_LT(price, 0);
  // Search finds others; nothing that matching would hear of.
  source_.similarity.clear();
  request_.set_fresh(true);
  const v1::Refresh second = RunToEnd();
  EXPECT_NE(
      process_->prices().LogPriceOf(v1::RECOMMENDATION_KIND_MENTOR, famous),
      price);
  EXPECT_THAT(runner().RollBack(first.refresh_id()), HasReason("NOT_CURRENT"));

  MITRA_ASSERT_OK(runner().RollBack(second.refresh_id()));
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(Epoch(), first.epoch());
    EXPECT_FLOAT_EQ(
        process_->prices().LogPriceOf(v1::RECOMMENDATION_KIND_MENTOR, famous),
        price);
    Restart();  // and so it stays
  }
  EXPECT_EQ(runner().Get(second.refresh_id())->state(),
            v1::REFRESH_STATE_ROLLED_BACK);
}

TEST_F(RefreshRunnerTest, ARestartGoesOnAtTheLastChunkToTheSameResult) {
  for (int i = 0; i < 600; ++i) {
    world_.Add(AProfile(absl::StrCat("more-", i)));
  }
  for (int i = 0; i < 15; ++i) {
    source_.similarity[absl::StrCat("m", i)] = {.05f * i, .9f - .05f * i};
  }
  const v1::Refresh undisturbed = RunToEnd();
  ASSERT_EQ(undisturbed.state(), v1::REFRESH_STATE_PUBLISHED);
  ASSERT_EQ(undisturbed.chunks_total(), 3u);
  const std::vector<std::string> expected = process_->Export();
  ASSERT_EQ(expected.size(), 623u);

  // Search goes away in the second chunk, and then the process.
  request_.set_fresh(true);
  absl::Notification reached, go_on;
  int asked = 0;
  source_.before_answer = [&] {
    if (++asked != 300) return;
    reached.Notify();
    go_on.WaitForNotification();
  };
  const auto started = runner().Start(request_);
  MITRA_ASSERT_OK(started);
  reached.WaitForNotification();
  EXPECT_EQ(runner().Get(started->refresh_id())->chunks_done(), 1u);
  runner().Stop();
  go_on.Notify();
  process_.reset();
  source_.before_answer = nullptr;
  const size_t before = source_.asked.size();
  process_.emplace(world_, source_, dir_.path(), options_);
  EXPECT_EQ(Epoch(), undisturbed.epoch()) << "the old epoch stands";
  runner().Resume();
  runner().WaitUntilIdle();

  const v1::Refresh resumed = *runner().Get(started->refresh_id());
  EXPECT_EQ(resumed.state(), v1::REFRESH_STATE_PUBLISHED);
  EXPECT_EQ(resumed.restarts(), 1u);
  EXPECT_EQ(source_.asked.size() - before, 623u - 256u)
      << "the first chunk is not computed again";
  EXPECT_EQ(process_->Export(), expected);
  EXPECT_TRUE(process_->Export("", undisturbed.refresh_id()).empty())
      << "no slate has changed";
}

TEST_F(RefreshRunnerTest, WhatDoesNotFitIntoMemoryIsReadFromTheLedger) {
  for (int i = 0; i < 600; ++i) {
    world_.Add(AProfile(absl::StrCat("more-", i)));
  }
  request_.add_kinds(v1::RECOMMENDATION_KIND_PARTNER);
  request_.set_fresh(true);
  // All alike: the first few get everything.
  request_.mutable_guards()->set_max_gini(1);
  request_.mutable_guards()->set_min_coverage(0);
  request_.mutable_guards()->set_max_fragmentation(1);
  const v1::Refresh whole = RunToEnd();
  ASSERT_EQ(whole.state(), v1::REFRESH_STATE_PUBLISHED)
      << whole.ShortDebugString();
  const std::vector<std::string> slates = process_->Export();
  options_.table_bytes = 1;
  Restart();
  const v1::Refresh small = RunToEnd();
  ASSERT_EQ(small.state(), v1::REFRESH_STATE_PUBLISHED);
  ASSERT_EQ(small.markets_size(), 2);
  for (int k = 0; k < 2; ++k) {
    EXPECT_EQ(small.markets(k).ShortDebugString(),
              whole.markets(k).ShortDebugString());
  }
  EXPECT_EQ(small.full_slates(), whole.full_slates());
  EXPECT_EQ(process_->Export(), slates);
  // What needs all of them at once has them.
  request_.set_hard_seats(true);
  EXPECT_EQ(RunToEnd().state(), v1::REFRESH_STATE_PUBLISHED);
}

TEST_F(RefreshRunnerTest, CandidatesAreKeptWhileNothingHasChanged) {
  request_.set_dry_run(true);
  const v1::Refresh dry = RunToEnd();
  EXPECT_EQ(dry.chunks_kept(), 0u);
  request_.set_dry_run(false);
  source_.asked.clear();
  const v1::Refresh real = RunToEnd();
  EXPECT_EQ(real.state(), v1::REFRESH_STATE_PUBLISHED);
  EXPECT_EQ(real.chunks_kept(), 1u);
  EXPECT_TRUE(source_.asked.empty());
  EXPECT_EQ(real.markets(0).ShortDebugString(),
            dry.markets(0).ShortDebugString());
  const std::vector<std::string> slates = process_->Export();

  // Found anew they are the same.
  request_.set_fresh(true);
  const v1::Refresh anew = RunToEnd();
  EXPECT_EQ(anew.chunks_kept(), 0u);
  EXPECT_FALSE(source_.asked.empty());
  EXPECT_EQ(process_->Export(), slates);
}

TEST_F(RefreshRunnerTest, CandidatesAreFoundAnewAfterAnyChange) {
  RunToEnd();
  EXPECT_EQ(RunToEnd().chunks_kept(), 1u);
  world_.AddMentor("m-new");
  EXPECT_EQ(RunToEnd().chunks_kept(), 0u);
  EXPECT_EQ(RunToEnd().chunks_kept(), 1u);
  world_.Tie("b1", "m1");
  EXPECT_EQ(RunToEnd().chunks_kept(), 0u);
  world_.Block("b1", "m1");
  EXPECT_EQ(RunToEnd().chunks_kept(), 0u);
  request_.set_slate_size(20);
  EXPECT_EQ(RunToEnd().chunks_kept(), 0u) << "longer lists";
  request_.add_kinds(v1::RECOMMENDATION_KIND_PARTNER);
  EXPECT_EQ(RunToEnd().chunks_kept(), 0u) << "another kind";
  request_.mutable_scope()->add_profile_ids("b1");
  EXPECT_EQ(RunToEnd().chunks_kept(), 0u) << "other members";
  EXPECT_EQ(RunToEnd().chunks_kept(), 1u);
  world_.clock.Advance(absl::Minutes(10));
  EXPECT_EQ(RunToEnd().chunks_kept(), 0u) << "ties have faded";
  Restart();
  EXPECT_EQ(RunToEnd().chunks_kept(), 0u) << "another process";
}

TEST_F(RefreshRunnerTest, WhoIsDeletedMeanwhileIsLeftOut) {
  bool gone = false;
  source_.before_answer = [&] {
    if (!gone) world_.Delete("m3");
    gone = true;
  };
  const v1::Refresh refresh = RunToEnd();
  EXPECT_EQ(refresh.state(), v1::REFRESH_STATE_PUBLISHED);
  for (const std::string& line : process_->Export()) {
    EXPECT_THAT(line, ::testing::Not(::testing::HasSubstr("\"m3\"")));
  }
}

TEST_F(RefreshRunnerTest, TheReportSaysWhatTheSlatesAreLike) {
  const v1::Refresh refresh = RunToEnd();
  const auto report = runner().Report(refresh.refresh_id());
  MITRA_ASSERT_OK(report);
  const v1::MarketReport& market = report->refresh().markets(0);
  EXPECT_GE(market.coverage(), 10. / 15) << "all slates show 10 of 15";
  EXPECT_LE(market.coverage(), 1);
  EXPECT_DOUBLE_EQ(market.empty_share(), 0);
  EXPECT_DOUBLE_EQ(market.fragmentation(), 0);
  EXPECT_GE(market.envy(), 0);
  EXPECT_EQ(market.unmatched_size(), 0);
  ASSERT_EQ(market.by_role_size(), 1);
  EXPECT_EQ(market.by_role(0).group(), "MENTOR");
  EXPECT_EQ(market.by_role(0).candidates(), 15u);
  EXPECT_NEAR(market.by_role(0).exposure_share(), 1, 1e-9);
  ASSERT_GT(market.by_region_size(), 0);
  EXPECT_EQ(market.by_region(0).group().size(), 2u);
}

TEST_F(RefreshRunnerTest, FairnessZeroRanksEachListAlone) {
  for (int i = 0; i < 5; ++i) {
    source_.similarity[absl::StrCat("m", i)] = {.9f, .9f};
  }
  request_.set_fairness(0);
  RunToEnd();
  const auto& members = world_.view().members;
  for (MemberIndex i = 0; i < members.size(); ++i) {
    EXPECT_EQ(process_->prices().LogPriceOf(v1::RECOMMENDATION_KIND_MENTOR, i),
              0);
  }
}

// Whom a member is shown, best first, if it comes from a refresh.
std::vector<std::string> Published(Process& process, const std::string& id) {
  const v1::Slate slate = process.Ask(id);
  EXPECT_EQ(slate.source(), v1::SLATE_SOURCE_PUBLISHED);
  std::vector<std::string> ids;
  for (const auto& one : slate.recommendations()) {
    ids.push_back(one.profile_id());
  }
  return ids;
}

// Puts those first who say least alike.
RankingProfile UnlikeFirst() {
  RankingProfile profile = RankingProfile::Default();
  profile.id = "unlike-first";
  KindWeights& mentor = profile.kinds[v1::RECOMMENDATION_KIND_MENTOR];
  mentor.wants[Feature::kGiveSimilarity] = -5;
  mentor.accepts[Feature::kGiveSimilarity] = -5;
  mentor.accepts[Feature::kTakeSimilarity] = -5;
  return profile;
}

TEST_F(RefreshRunnerTest, ComputesAndServesByTheProfileThatServes) {
  MakeTheFirstAlike();
  request_.set_fairness(0);
  RunToEnd();
  EXPECT_EQ(Published(*process_, "b0").front(), "m0");

  const RankingProfile other = UnlikeFirst();
  MITRA_ASSERT_OK(process_->rankings().Apply(
      {other}, {{other.id, .5}, {RankingProfile::Default().id, .5}}));
  const v1::Refresh refresh = RunToEnd();

  EXPECT_EQ(refresh.state(), v1::REFRESH_STATE_PUBLISHED);
  ASSERT_EQ(refresh.ranking_arms_size(), 2);
  EXPECT_EQ(refresh.ranking_arms(0).ranking_profile_id(), other.id);
  int by_other = 0;
  for (int i = 0; i < 8; ++i) {
    const std::string id = absl::StrCat("b", i);
    const bool is_other =
        process_->rankings().Find("", id)->id == "unlike-first";
    by_other += is_other;
    EXPECT_EQ(Published(*process_, id).front(), is_other ? "m14" : "m0") << id;
  }
  EXPECT_GT(by_other, 0);
  EXPECT_LT(by_other, 8);
}

TEST_F(RefreshRunnerTest, AProfileThatDoesNotServeIsTriedWithoutBeingServed) {
  MakeTheFirstAlike();
  request_.set_fairness(0);
  RunToEnd();
  const RankingProfile other = UnlikeFirst();
  MITRA_ASSERT_OK(
      process_->rankings().Apply({other}, {{RankingProfile::Default().id, 1}}));
  request_.set_ranking_profile("nobodys");
  EXPECT_THAT(runner().Start(request_), NamesField("ranking_profile"));
  request_.set_ranking_profile(other.id);
  EXPECT_THAT(runner().Start(request_), NamesField("ranking_profile"));

  request_.set_hold(true);
  const v1::Refresh held = RunToEnd();
  ASSERT_EQ(held.state(), v1::REFRESH_STATE_HELD);
  ASSERT_EQ(held.ranking_arms_size(), 1);
  EXPECT_EQ(held.ranking_arms(0).ranking_profile_id(), other.id);
  EXPECT_EQ(Published(*process_, "b0").front(), "m0") << "as before";

  // Once it serves, what was computed with it is published and served.
  MITRA_ASSERT_OK(process_->rankings().Apply({}, {{other.id, 1}}));
  MITRA_ASSERT_OK(runner().Publish(held.refresh_id(), false));
  runner().WaitUntilIdle();
  EXPECT_EQ(Published(*process_, "b0").front(), "m14");
}

TEST_F(RefreshRunnerTest, WhoWasShownOftenStandsLowerInTheNextRefresh) {
  source_.similarity["m3"] = {.31f, .31f};
  request_.set_fairness(0);
  RunToEnd();
  EXPECT_EQ(Published(*process_, "b0").front(), "m3");
  const MemberView& members = world_.view().members;
  for (int day = 0; day < 12; ++day) {
    process_->impressions().Note(
        {members.Find("b0"), 1}, {members.Find("m3"), 1},
        absl::ToUnixSeconds(world_.clock.Now()) - day * 86'400);
  }
  RunToEnd();
  EXPECT_NE(Published(*process_, "b0").front(), "m3");
  EXPECT_EQ(Published(*process_, "b1").front(), "m3") << "b1 saw nobody";
}

TEST_F(RefreshRunnerTest, EverySlateLeadsOutOfTheOwnCircle) {
  auto group = AProfile("koperasi-a", v1::ROLE_COMMUNITY);
  group.set_kind(v1::MEMBER_KIND_GROUP);
  world_.Add(group);
  group.set_profile_id("koperasi-b");
  world_.Add(group);
  world_.Tie("b0", "koperasi-a", v1::EVIDENCE_KIND_MEMBERSHIP);
  for (int i = 0; i < 15; ++i) {
    const std::string id = absl::StrCat("m", i);
    world_.Tie(id, i < 14 ? "koperasi-a" : "koperasi-b",
               v1::EVIDENCE_KIND_MEMBERSHIP);
    source_.similarity[id] = i < 14 ? std::pair(.9f, .9f) : std::pair(.1f, .1f);
  }
  request_.set_fairness(0);
  RunToEnd();
  EXPECT_THAT(Published(*process_, "b0"), ::testing::Contains("m14"));

  RankingProfile other = RankingProfile::Default();
  other.id = "no-bridges";
  other.bridging_share = 0;
  other.newcomer_share = 0;
  other.group_cap = 0;
  MITRA_ASSERT_OK(process_->rankings().Apply({other}, {{other.id, 1}}));
  RunToEnd();
  EXPECT_THAT(Published(*process_, "b0"),
              ::testing::Not(::testing::Contains("m14")));
}

TEST_F(RefreshRunnerTest, ASlateOfTheRandomSliceSaysSo) {
  RankingProfile some = RankingProfile::Default();
  some.id = "some-random";
  some.random_share = .2;
  MITRA_ASSERT_OK(process_->rankings().Apply({some}, {{some.id, 1}}));
  for (int i = 8; i < 40; ++i) world_.Add(AProfile(absl::StrCat("b", i)));
  RunToEnd();
  int drawn = 0;
  for (int i = 0; i < 40; ++i) {
    const v1::Slate slate = process_->Ask(absl::StrCat("b", i));
    ASSERT_EQ(slate.recommendations_size(), 10);
    int marked = 0;
    for (const auto& one : slate.recommendations()) {
      for (const std::string& source : one.sources()) {
        marked += source == "random";
      }
    }
    EXPECT_TRUE(marked == 0 || marked == 10) << marked;
    drawn += marked > 0;
  }
  EXPECT_GE(drawn, 1);
  EXPECT_LE(drawn, 20);
}

TEST_F(RefreshRunnerTest, ADigestFitsAChatMessage) {
  RunToEnd();
  SlateExport::Options options;
  options.digests = true;
  SlateExport out(*runner().Slates(""), std::move(options));
  const auto lines = out.Next(world_.view(), 0);
  MITRA_ASSERT_OK(lines);
  for (const v1::SlateLine& line : *lines) {
    EXPECT_LE(line.digest().size(), 1000u);
    EXPECT_THAT(line.digest(), ::testing::HasSubstr("Halo "));
    EXPECT_THAT(line.digest(), ::testing::HasSubstr("1. "));
    EXPECT_THAT(line.digest(), ::testing::HasSubstr("Balas dengan nomor"));
  }
}

}  // namespace
}  // namespace mitra::matching
