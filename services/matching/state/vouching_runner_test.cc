#include "services/matching/state/vouching_runner.h"

#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "services/matching/members/testing.h"
#include "services/matching/trust/reputation.h"

namespace mitra::matching {
namespace {

constexpr int64_t kNow = 1'764'000'000;

class VouchingRunnerTest : public ::testing::Test {
 protected:
  VouchingRunnerTest()
      : state_({.clock = [] { return absl::FromUnixSeconds(kNow); }}) {
    v1::FeedHeader header;
    header.set_record_incarnation(5);
    header.set_id_hash_key("0123456789abcdef");
    header.set_space("hashing-v1/8/1");
    EXPECT_TRUE(state_.Reset(header).ok());
  }
  void Apply(v1::Change change) {
    change.set_revision(++revision_);
    MITRA_ASSERT_OK(state_.Apply(change));
  }
  void Add(const std::string& id, bool verified) {
    v1::Change change;
    v1::Profile& profile = *change.mutable_profile()->mutable_profile();
    profile = AProfile(id);
    if (verified) profile.set_verified_by("platform");
    change.mutable_profile()->set_incarnation(1);
    Apply(std::move(change));
  }
  void Tie(const std::string& author, const std::string& about) {
    v1::Change change;
    v1::Evidence& piece = *change.mutable_evidence()->mutable_evidence();
    piece.set_evidence_id(absl::StrCat("e", revision_));
    piece.set_author_id(author);
    piece.set_about_id(about);
    piece.set_kind(v1::EVIDENCE_KIND_COLLABORATION);
    piece.mutable_event_time()->set_seconds(kNow - 86'400);
    change.mutable_evidence()->set_author_incarnation(1);
    change.mutable_evidence()->set_about_incarnation(1);
    Apply(std::move(change));
  }
  // 12 verified members and 4 others in one circle; 4 fakes apart, who praise
  // m15 as m0 to m3 do.
  void Fill() {
    for (int i = 0; i < 16; ++i) Add(absl::StrCat("m", i), i < 12);
    for (int i = 0; i < 4; ++i) Add(absl::StrCat("fake", i), false);
    for (int i = 0; i < 16; ++i) {
      for (int step = 1; step <= 3; ++step) {
        Tie(absl::StrCat("m", i), absl::StrCat("m", (i + step) % 16));
      }
    }
    for (int i = 0; i < 4; ++i) {
      Tie(absl::StrCat("fake", i), absl::StrCat("fake", (i + 1) % 4));
      Tie(absl::StrCat("fake", i), "m15");
    }
    MITRA_ASSERT_OK(state_.Commit(revision_));
  }
  uint32_t EvidenceAbout(const std::string& id) {
    const MatchingView view = state_.view();
    return ReputationOf(view.graph, view.members.Find(id)).evidence;
  }

  MatchingState state_;
  uint64_t revision_ = 0;
};

TEST_F(VouchingRunnerTest, WeighsRatersFromTheNextCommitOn) {
  Fill();
  EXPECT_EQ(EvidenceAbout("fake1"), 1u);
  VouchingRunner runner(state_, {});
  EXPECT_TRUE(runner.RunOnce());
  EXPECT_EQ(EvidenceAbout("fake1"), 1u);
  MITRA_ASSERT_OK(state_.Commit(revision_));
  EXPECT_TRUE(state_.view().graph.weighs_raters());
  EXPECT_EQ(state_.stats().stale_reputations, 0u);
  EXPECT_GE(state_.vouching()->seeds, 10u);
  // Only edges between the two circles lead to the fakes, and they made them.
  EXPECT_GT(EvidenceAbout("m5"), 0u);
}

TEST_F(VouchingRunnerTest, AHandfulOfSeedsWeighsNobody) {
  Fill();
  VouchingRunner::Options options;
  options.min_seeds = 13;
  VouchingRunner runner(state_, options);
  EXPECT_TRUE(runner.RunOnce());
  MITRA_ASSERT_OK(state_.Commit(revision_));
  EXPECT_FALSE(state_.view().graph.weighs_raters());
}

TEST_F(VouchingRunnerTest, ComputesOnlyWhenSomethingChanged) {
  Fill();
  VouchingRunner runner(state_, {});
  EXPECT_TRUE(runner.RunOnce());
  EXPECT_FALSE(runner.RunOnce());
  MITRA_ASSERT_OK(state_.Commit(revision_));
  EXPECT_FALSE(runner.RunOnce());
  Tie("m0", "m8");
  MITRA_ASSERT_OK(state_.Commit(revision_));
  EXPECT_TRUE(runner.RunOnce());
}

TEST_F(VouchingRunnerTest, ManyNewTiesDoNotWaitForTheInterval) {
  Fill();
  VouchingRunner runner(state_, {});
  EXPECT_TRUE(runner.Due(absl::Now()));
  EXPECT_TRUE(runner.RunOnce());
  const absl::Time soon = absl::Now() + absl::Minutes(1);
  EXPECT_FALSE(runner.Due(soon));
  Tie("m0", "m8");
  MITRA_ASSERT_OK(state_.Commit(revision_));
  EXPECT_FALSE(runner.Due(soon));  // few, and more may follow
  for (int i = 1; i < 8; ++i) {
    Tie(absl::StrCat("m", i), absl::StrCat("m", i + 8));
  }
  MITRA_ASSERT_OK(state_.Commit(revision_));
  EXPECT_TRUE(runner.Due(soon));
}

TEST_F(VouchingRunnerTest, ARecordAtRestDoesNotWaitForTheInterval) {
  Fill();
  VouchingRunner runner(state_, {});
  EXPECT_TRUE(runner.RunOnce());
  const absl::Time soon = absl::Now() + absl::Minutes(1);
  Tie("m0", "m8");
  MITRA_ASSERT_OK(state_.Commit(revision_));
  EXPECT_FALSE(runner.Due(soon));
  EXPECT_TRUE(runner.Due(soon));
  EXPECT_TRUE(runner.RunOnce());
  EXPECT_FALSE(runner.Due(soon));
  EXPECT_TRUE(runner.Due(soon + absl::Hours(1)));  // the interval is over
}

TEST_F(VouchingRunnerTest, SnapshotsKeepTheWeights) {
  Fill();
  VouchingRunner runner(state_, {});
  runner.RunOnce();
  MITRA_ASSERT_OK(state_.Commit(revision_));
  const std::string path =
      ::testing::TempDir() + "/" +
      ::testing::UnitTest::GetInstance()->current_test_info()->name() +
      std::to_string(::getpid());
  MITRA_ASSERT_OK(state_.Save(path));
  MatchingState restored({.clock = [] { return absl::FromUnixSeconds(kNow); }});
  MITRA_ASSERT_OK(restored.Load(path));
  const MatchingView before = state_.view(), after = restored.view();
  ASSERT_TRUE(after.graph.weighs_raters());
  for (MemberIndex m = 0; m < before.members.size(); ++m) {
    EXPECT_EQ(before.graph.RaterWeight(m), after.graph.RaterWeight(m));
    EXPECT_NEAR(ReputationOf(before.graph, m).value,
                ReputationOf(after.graph, m).value, 1e-6);
  }
  std::filesystem::remove_all(path);
}

TEST_F(VouchingRunnerTest, WeightsOfAnotherRecordAreVoid) {
  Fill();
  VouchingRunner runner(state_, {});
  runner.RunOnce();
  v1::FeedHeader header;
  header.set_record_incarnation(6);
  header.set_id_hash_key("0123456789abcdef");
  MITRA_ASSERT_OK(state_.Reset(header));
  EXPECT_EQ(state_.vouching(), nullptr);
  MITRA_ASSERT_OK(state_.Commit(1));
  EXPECT_FALSE(state_.view().graph.weighs_raters());
}

TEST_F(VouchingRunnerTest, StopsAtOnce) {
  VouchingRunner runner(state_, {});
  runner.Start();
}

}  // namespace
}  // namespace mitra::matching
