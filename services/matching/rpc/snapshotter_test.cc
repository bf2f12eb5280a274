#include "services/matching/rpc/snapshotter.h"

#include <filesystem>
#include <string>

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "tests/support/temp_dir.h"

namespace mitra::matching {
namespace {

class SnapshotterTest : public ::testing::Test {
 protected:
  SnapshotterTest() {
    v1::FeedHeader header;
    header.set_record_incarnation(5);
    header.set_id_hash_key("0123456789abcdef");
    header.set_space("hashing-v1/8/1");
    MITRA_EXPECT_OK(state_.Reset(header));
  }
  // A commit of the feed's thread so much later. True if there is a snapshot
  // that was not there before.
  bool Writes(absl::Duration later, uint64_t revision) {
    now_ += later;
    std::filesystem::remove(snapshotter_.path());
    MITRA_EXPECT_OK(state_.Commit(revision));
    CommitSummary summary;
    summary.revision = revision;
    snapshotter_.OnCommit(summary);
    return std::filesystem::exists(snapshotter_.path());
  }

  mitra::testing::TempDir directory_;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  MatchingState state_{{.clock = [this] { return now_; }}};
  Snapshotter snapshotter_{state_, directory_.path(), absl::Minutes(10),
                           [this] { return now_; }};
};

TEST_F(SnapshotterTest, WritesOncePerIntervalWhileTheRecordChanges) {
  EXPECT_FALSE(Writes(absl::Seconds(1), 1));
  uint64_t revision = 1;
  for (int second = 2; second < 600; ++second) {
    EXPECT_FALSE(Writes(absl::Seconds(1), ++revision)) << second;
  }
  EXPECT_TRUE(Writes(absl::Seconds(1), ++revision));
  EXPECT_FALSE(Writes(absl::Seconds(1), ++revision));
}

TEST_F(SnapshotterTest, WritesWhatHasComeToRest) {
  EXPECT_FALSE(Writes(absl::Seconds(20), 7));
  EXPECT_FALSE(Writes(absl::Seconds(4), 7));
  EXPECT_TRUE(Writes(absl::Seconds(1), 7));
  // Once is enough.
  EXPECT_FALSE(Writes(absl::Seconds(60), 7));
  EXPECT_FALSE(Writes(absl::Hours(1), 7));
}

TEST_F(SnapshotterTest, ManyShortRestsMakeFewSnapshots) {
  uint64_t revision = 0;
  int written = 0;
  for (int i = 0; i < 20; ++i) {
    written += Writes(absl::Seconds(1), ++revision);
    written += Writes(absl::Seconds(5), revision);
  }
  EXPECT_GT(written, 0);
  EXPECT_LE(written, 12);  // 120 s, with 10 s between two
}

}  // namespace
}  // namespace mitra::matching
