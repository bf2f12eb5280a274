#include "common/snapshot/snapshot.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "common/base/random.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra::snapshot {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = ::testing::TempDir() + "/snapshot_" + info->name() +
            std::to_string(getpid());
  }
  ~SnapshotTest() override {
    for (const char* suffix : {"", ".prev", ".tmp"}) {
      unlink((path_ + suffix).c_str());
    }
  }

  absl::Status Write(const std::string& marker, uint32_t version = 1) {
    MITRA_ASSIGN_OR_RETURN(auto writer, Writer::Create(path_, "test", version,
                                                       {{"marker", marker}}));
    const std::vector<uint64_t> numbers = {1, 2, 3};
    MITRA_RETURN_IF_ERROR(writer->WriteVector<uint64_t>("numbers", numbers));
    const std::vector<std::string> words = {"a", "", "ccc"};
    MITRA_RETURN_IF_ERROR(writer->WriteStrings("words", words));
    MITRA_RETURN_IF_ERROR(writer->WriteVector<uint32_t>("nothing", {}));
    MITRA_RETURN_IF_ERROR(writer->BeginSection("big", true));
    MITRA_RETURN_IF_ERROR(writer->Append(big_));
    MITRA_RETURN_IF_ERROR(writer->EndSection());
    return writer->Finish().status();
  }

  std::string ReadAll() {
    std::ifstream file(path_, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void Overwrite(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  std::string path_;
  std::string big_ = std::string(300'000, 'x') + "end";
};

TEST_F(SnapshotTest, GivesBackWhatWasWritten) {
  big_ = std::string((3 << 20) + 17, 'y');
  MITRA_ASSERT_OK(Write("one"));

  MITRA_ASSERT_OK_AND_ASSIGN(auto reader, Reader::Open(path_, "test", 1));

  EXPECT_EQ(reader->Get("marker"), "one");
  EXPECT_THAT(*reader->ReadVector<uint64_t>("numbers"), ElementsAre(1, 2, 3));
  EXPECT_THAT(*reader->ReadStrings("words"), ElementsAre("a", "", "ccc"));
  EXPECT_THAT(*reader->ReadVector<uint32_t>("nothing"), IsEmpty());
  EXPECT_EQ(*reader->ReadSection("big"), big_);
  EXPECT_THAT(reader->ReadSection("none"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SnapshotTest, EveryTruncationIsNoticed) {
  MITRA_ASSERT_OK(Write("one"));
  const std::string whole = ReadAll();
  for (size_t size = 0; size < whole.size();
       size += size < 200 ? 1 : whole.size() / 97 + 1) {
    Overwrite(whole.substr(0, size));
    EXPECT_THAT(Reader::Open(path_, "test", 1), HasReason("SNAPSHOT_DAMAGED"))
        << size;
  }
  Overwrite(whole.substr(0, whole.size() - 1));
  EXPECT_THAT(Reader::Open(path_, "test", 1), HasReason("SNAPSHOT_DAMAGED"));
  Overwrite(whole + "x");
  EXPECT_THAT(Reader::Open(path_, "test", 1), HasReason("SNAPSHOT_DAMAGED"));
}

TEST_F(SnapshotTest, EveryFlippedBitIsNoticed) {
  big_ = "short";
  MITRA_ASSERT_OK(Write("one"));
  const std::string whole = ReadAll();
  Random random(20261125);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    damaged[random.Below(whole.size())] ^=
        static_cast<char>(1 << random.Below(8));
    Overwrite(damaged);
    const auto reader = Reader::Open(path_, "test", 1);
    EXPECT_FALSE(reader.ok()) << "flip " << i;
  }
}

TEST_F(SnapshotTest, ANewerVersionOrAnotherFormatIsRefused) {
  MITRA_ASSERT_OK(Write("one", 2));
  EXPECT_THAT(Reader::Open(path_, "test", 1), HasReason("SNAPSHOT_TOO_NEW"));
  EXPECT_THAT(Reader::Open(path_, "other", 2),
              HasReason("SNAPSHOT_OTHER_FORMAT"));
  EXPECT_THAT(Reader::Open(path_ + "-none", "test", 1),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SnapshotTest, FallsBackToThePreviousGeneration) {
  MITRA_ASSERT_OK(Write("one"));
  MITRA_ASSERT_OK(Write("two"));
  MITRA_ASSERT_OK_AND_ASSIGN(auto newest, OpenNewestGood(path_, "test", 1));
  EXPECT_EQ(newest->Get("marker"), "two");

  Overwrite(ReadAll().substr(0, 50));
  MITRA_ASSERT_OK_AND_ASSIGN(auto previous, OpenNewestGood(path_, "test", 1));
  EXPECT_EQ(previous->Get("marker"), "one");

  unlink((path_ + ".prev").c_str());
  EXPECT_THAT(OpenNewestGood(path_, "test", 1),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SnapshotTest, AnUnfinishedWriteChangesNothing) {
  MITRA_ASSERT_OK(Write("one"));
  {
    MITRA_ASSERT_OK_AND_ASSIGN(auto writer,
                               Writer::Create(path_, "test", 1, {}));
    MITRA_ASSERT_OK(writer->BeginSection("x", false));
  }
  MITRA_ASSERT_OK_AND_ASSIGN(auto reader, Reader::Open(path_, "test", 1));
  EXPECT_EQ(reader->Get("marker"), "one");
  EXPECT_NE(access((path_ + ".tmp").c_str(), F_OK), 0);
}

TEST_F(SnapshotTest, RemovesWhatACrashLeft) {
  std::ofstream(path_ + ".tmp") << "half";
  RemoveLeftovers(path_);
  EXPECT_NE(access((path_ + ".tmp").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace mitra::snapshot
