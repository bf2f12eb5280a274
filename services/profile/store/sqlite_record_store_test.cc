// What holds for the record in SQLite beyond the contract of RecordStore.

#include "services/profile/store/sqlite_record_store.h"

#include <sodium.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/profile/store/sqlite_backup.h"
#include "services/profile/store/sqlite_connection.h"
#include "services/profile/store/store_testing.h"

namespace mitra::profile {
namespace {

class SqliteRecordStoreTest : public ::testing::Test {
 protected:
  SqliteRecordStoreTest()
      : directory_(absl::StrCat(::testing::TempDir(), "/sqlite-",
                                randombytes_random())) {
    options_.directory = directory_ + "/record";
    options_.space = "test/2/1";
  }
  ~SqliteRecordStoreTest() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Open() {
    auto opened = SqliteRecordStore::Open(options_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  // `rows` members with 10 kB each.
  void Write(int first, int rows) {
    for (int i = first; i < first + rows; ++i) {
      Put put = ProfilePut(absl::StrCat("m", i), absl::StrCat("v", i));
      put.body = std::string(10'000, 'x');
      const OperationResult result = Do(*store_, std::move(put));
      ASSERT_TRUE(result.status.ok()) << result.status;
    }
  }
  uint64_t SizeOf(const std::string& file) const {
    std::error_code error;
    const auto size =
        std::filesystem::file_size(options_.directory + "/" + file, error);
    return error ? 0 : size;
  }
  absl::StatusOr<uint64_t> Copy(const std::string& path) {
    std::promise<absl::StatusOr<uint64_t>> answer;
    store_->Copy(path, [&](absl::StatusOr<uint64_t> revision) {
      answer.set_value(std::move(revision));
    });
    return answer.get_future().get();
  }

  const std::string directory_;
  SqliteRecordStore::Options options_;
  std::unique_ptr<SqliteRecordStore> store_;
};

TEST_F(SqliteRecordStoreTest, TheLogIsFoldedIntoTheFileAsItGrows) {
  options_.fold_log_bytes = 1 << 20;
  Open();
  Write(0, 400);
  EXPECT_GT(SizeOf("record.db"), 2u << 20) << "the file holds what was written";
  EXPECT_LT(SizeOf("record.db-wal"), 3u << 20) << "the log does not";
  EXPECT_LT(store_->health().log_bytes, 2u << 20);
}

TEST_F(SqliteRecordStoreTest, TheLogIsCutWhenNobodyWrites) {
  options_.idle_fold = absl::Milliseconds(10);
  Open();
  Write(0, 10);
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while ((SizeOf("record.db-wal") > 0 || store_->health().log_bytes > 0) &&
         absl::Now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(SizeOf("record.db-wal"), 0u);
  EXPECT_EQ(store_->health().log_bytes, 0u);
}

TEST_F(SqliteRecordStoreTest, ACopyMadeUnderWritesIsTheRecordAtItsRevision) {
  Open();
  Write(0, 600);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      Do(*store_, ProfilePut(absl::StrCat("m", i % 900), absl::StrCat("w", i)));
      if (i % 7 == 0) Do(*store_, Deletion(absl::StrCat("m", i % 300)));
    }
  });
  const std::string folder = directory_ + "/copy";
  std::filesystem::create_directories(folder);
  auto revision = Copy(folder + "/record.db");
  stop = true;
  writer.join();
  MITRA_ASSERT_OK(revision.status());
  EXPECT_GE(*revision, 600u);
  MITRA_ASSERT_OK(CheckAndSync(folder + "/record.db"));

  SqliteRecordStore::Options options = options_;
  options.directory = folder;
  MITRA_ASSERT_OK_AND_ASSIGN(auto copy, SqliteRecordStore::Open(options));
  EXPECT_EQ(copy->head(), *revision);
  EXPECT_EQ(copy->info().incarnation, store_->info().incarnation);
  // What has not changed since is the same; what is newer is not in it.
  MITRA_ASSERT_OK_AND_ASSIGN(const ChangePage then,
                             copy->ReadChanges(1, {100'000, 1 << 30}));
  MITRA_ASSERT_OK_AND_ASSIGN(const ChangePage now,
                             store_->ReadChanges(1, {100'000, 1 << 30}));
  std::map<uint64_t, std::string> kept;
  for (const Change& change : then.changes) {
    const Entity* entity = std::get_if<Entity>(&change);
    kept[RevisionOf(change)] = entity == nullptr ? "" : entity->body;
    EXPECT_LE(RevisionOf(change), *revision);
  }
  size_t common = 0;
  for (const Change& change : now.changes) {
    if (RevisionOf(change) > *revision) continue;
    ASSERT_TRUE(kept.contains(RevisionOf(change)));
    const Entity* entity = std::get_if<Entity>(&change);
    EXPECT_EQ(kept[RevisionOf(change)], entity == nullptr ? "" : entity->body);
    ++common;
  }
  EXPECT_GT(common, 0u);
}

TEST_F(SqliteRecordStoreTest, ACopyThatCannotBeWrittenHarmsNothing) {
  Open();
  Write(0, 3);
  EXPECT_FALSE(Copy(directory_ + "/no/such/folder/record.db").ok());
  Write(3, 3);
  EXPECT_EQ(store_->head(), 6u);
}

TEST_F(SqliteRecordStoreTest, TheKeyOfTokensIsTheRecordsForEver) {
  Open();
  const std::string key = store_->info().token_key;
  EXPECT_EQ(key.size(), 32u);
  store_.reset();
  Open();
  EXPECT_EQ(store_->info().token_key, key);
  SqliteRecordStore::Options other = options_;
  other.directory = directory_ + "/other";
  MITRA_ASSERT_OK_AND_ASSIGN(const auto another,
                             SqliteRecordStore::Open(other));
  EXPECT_NE(another->info().token_key, key);
}

// Version 2 kept feedback under tokens that nobody had checked.
TEST_F(SqliteRecordStoreTest, AnOlderRecordGetsAKeyAndForgetsItsFeedback) {
  Open();
  Write(0, 2);
  Put feedback = ProfilePut("f", "token of m0");
  feedback.type = EntityType::kFeedback;
  feedback.links = {{"m0", Relation::kSubject, "actor_id", false}};
  MITRA_ASSERT_OK(Do(*store_, feedback).status);
  store_.reset();
  {
    MITRA_ASSERT_OK_AND_ASSIGN(
        const auto connection,
        Connection::Open(options_.directory + "/record.db", true, ""));
    MITRA_ASSERT_OK(connection->Execute(
        "DELETE FROM meta WHERE name = 'token_key'; PRAGMA user_version = 2"));
  }
  Open();
  EXPECT_EQ(store_->info().token_key.size(), 32u);
  EXPECT_FALSE(store_->Get(EntityType::kFeedback, "f")->has_value());
  EXPECT_TRUE(store_->Trace("m0", "")->links.empty());
  EXPECT_EQ(store_->head(), 3u) << "no revision is given twice";
  Write(2, 1);
  EXPECT_EQ(store_->head(), 4u);
}

}  // namespace
}  // namespace mitra::profile
