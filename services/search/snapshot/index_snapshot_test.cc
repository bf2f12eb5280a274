#include "services/search/snapshot/index_snapshot.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/search/testing/sample_index.h"

namespace mitra::search {
namespace {

constexpr size_t kDimension = SampleIndex::kDimension;

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class IndexSnapshotTest : public testing::Test {
 protected:
  IndexSnapshotTest() {
    std::string folder = testing::TempDir() + "search-XXXXXX";
    folder_ = mkdtemp(folder.data());
    path_ = folder_ + "/index";
  }
  ~IndexSnapshotTest() override { std::filesystem::remove_all(folder_); }

  static IndexState::Options Options() { return SampleOptions(); }
  static void Fill(IndexState& state, int members) {
    SampleIndex(8).Fill(state, members);
  }
  static std::string Answers(const IndexState& state) {
    return AnswersOf(state);
  }

  std::string folder_;
  std::string path_;
};

TEST_F(IndexSnapshotTest, RestoredIndexAnswersTheSameAndGoesOn) {
  IndexState state(Options());
  Fill(state, 400);
  MITRA_ASSERT_OK_AND_ASSIGN(const auto written,
                             WriteIndexSnapshot(state, path_));
  EXPECT_GT(written.bytes, 0U);

  IndexState restored(Options());
  const feed::Position position = RestoreIndexSnapshot(restored, path_);

  EXPECT_EQ(position.record_incarnation, 7U);
  EXPECT_EQ(position.watermark, written.revision);
  EXPECT_TRUE(restored.usable());
  EXPECT_EQ(Answers(restored), Answers(state));
  EXPECT_EQ(restored.figures().roles[v1::ROLE_MENTOR].graph,
            state.figures().roles[v1::ROLE_MENTOR].graph);
  // The deleted stay deleted, whatever comes late.
  const uint64_t next = position.watermark + 1;
  MITRA_ASSERT_OK(restored.SetHeader(HeaderFor(kDimension)));
  MITRA_ASSERT_OK(restored.Apply(ChangeBuilder("p13", 5).change()));
  UnitVectors vectors(kDimension, 4);
  for (IndexState* each : {&state, &restored}) {
    UnitVectors same(kDimension, 5);
    for (int i = 0; i < 100; ++i) {
      MITRA_ASSERT_OK(
          each->Apply(ChangeBuilder(absl::StrCat("p", 5 * i), next + i, 2)
                          .Facet(v1::ROLE_MENTOR, same.Next(), same.Next())
                          .change()));
    }
    MITRA_ASSERT_OK(each->Commit(next + 100));
    Settle(*each);
  }
  EXPECT_EQ(Answers(restored), Answers(state));
}

TEST_F(IndexSnapshotTest, EveryDamageFallsBackToTheSnapshotBefore) {
  IndexState older(Options());
  Fill(older, 150);
  MITRA_ASSERT_OK(WriteIndexSnapshot(older, path_));
  IndexState newer(Options());
  Fill(newer, 180);
  MITRA_ASSERT_OK(WriteIndexSnapshot(newer, path_));
  const std::string good = ReadFile(path_);
  const std::string want_old = Answers(older);
  const std::string want_new = Answers(newer);
  {
    IndexState restored(Options());
    RestoreIndexSnapshot(restored, path_);
    ASSERT_EQ(Answers(restored), want_new);
  }

  std::vector<std::string> damaged = {
      "", good.substr(0, 1), good.substr(0, good.size() / 2),
      good.substr(0, good.size() - 1),
      good.substr(0, good.size() - 4096) + std::string(4096, '\0')};
  std::mt19937 random(6);
  for (int i = 0; i < 10; ++i) {
    std::string flipped = good;
    flipped[random() % good.size()] ^= static_cast<char>(1 << random() % 8);
    damaged.push_back(flipped);
  }
  for (const std::string& bytes : damaged) {
    WriteFile(path_, bytes);
    IndexState restored(Options());
    const feed::Position position = RestoreIndexSnapshot(restored, path_);
    ASSERT_GT(position.watermark, 0U);
    ASSERT_EQ(Answers(restored), want_old);
  }
  WriteFile(path_ + ".prev", "rubbish");
  IndexState empty(Options());
  EXPECT_EQ(RestoreIndexSnapshot(empty, path_).watermark, 0U);
  EXPECT_FALSE(empty.usable());
}

TEST_F(IndexSnapshotTest, NoSnapshotMeansFromTheBeginning) {
  IndexState state(Options());
  EXPECT_EQ(RestoreIndexSnapshot(state, path_).record_incarnation, 0U);
  EXPECT_THAT(WriteIndexSnapshot(state, path_),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(IndexSnapshotTest, AnotherRecordOrSpaceIsNoticed) {
  IndexState state(Options());
  Fill(state, 150);
  MITRA_ASSERT_OK(WriteIndexSnapshot(state, path_));
  IndexState restored(Options());
  RestoreIndexSnapshot(restored, path_);
  v1::FeedHeader space = HeaderFor(kDimension);
  space.set_space("test/16/2");

  EXPECT_THAT(restored.SetHeader(space), HasReason(kSpaceChanged));
  EXPECT_THAT(restored.SetHeader(HeaderFor(kDimension, 8)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  // The feed starts afresh for another record.
  MITRA_ASSERT_OK(restored.Reset(HeaderFor(kDimension, 8)));
  MITRA_ASSERT_OK(restored.Commit(1));
  EXPECT_EQ(restored.Read()->live_members, 0U);
}

}  // namespace
}  // namespace mitra::search
