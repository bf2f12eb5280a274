// Backups of a record that is written to, and what comes back from them.

#include <sodium.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/feed/follower.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/profile/backup/backups.h"
#include "services/profile/backup/restore.h"
#include "services/profile/store/sqlite_record_store.h"
#include "services/profile/store/store_testing.h"
#include "tests/support/temp_dir.h"

namespace mitra::profile {
namespace {

using ::testing::HasSubstr;

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() : executor_({.threads = 2, .max_queue = 100}) {
    auto opened = OpenStore(folder("record"));
    EXPECT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    auto backups = Backups::Open(folder("backups"), *store_, executor_, clock_);
    EXPECT_TRUE(backups.ok()) << backups.status();
    backups_ = *std::move(backups);
    store_->SetCommitListener(
        [this](const CommittedChanges& changes) { backups_->Note(changes); });
  }
  ~BackupTest() override { store_.reset(); }

  std::string folder(absl::string_view name) const {
    return absl::StrCat(dir_.path(), "/", name);
  }
  static absl::StatusOr<std::unique_ptr<SqliteRecordStore>> OpenStore(
      const std::string& folder) {
    SqliteRecordStore::Options options;
    options.directory = folder;
    options.space = "test/2/1";
    return SqliteRecordStore::Open(options);
  }
  absl::StatusOr<BackupInfo> Create(const std::string& name = "") {
    std::promise<absl::StatusOr<BackupInfo>> answer;
    rpc::Spawn(
        [](Backups& backups, std::string n,
           std::promise<absl::StatusOr<BackupInfo>>& out) -> rpc::Task<> {
          out.set_value(co_await backups.Create(std::move(n)));
        }(*backups_, name, answer));
    return answer.get_future().get();
  }
  DeleteMember Gone(const std::string& id) const {
    return {id, feed::IdHash(store_->info().id_hash_key, id), {}};
  }
  static std::set<std::string> Members(RecordStore& store) {
    std::set<std::string> ids;
    auto page = store.List(EntityType::kProfile, "", {100'000, 1 << 30});
    EXPECT_TRUE(page.ok()) << page.status();
    for (const Entity& entity : page->entities) {
      ids.insert(absl::StrCat(entity.key, "=", entity.body));
    }
    return ids;
  }

  testing::TempDir dir_;
  SystemClock clock_;
  rpc::Executor executor_;
  std::unique_ptr<SqliteRecordStore> store_;
  std::unique_ptr<Backups> backups_;
};

TEST_F(BackupTest, WhatComesBackIsTheRecordWithoutThoseDeletedSince) {
  for (int i = 0; i < 50; ++i) {
    Do(*store_, ProfilePut(absl::StrCat("m", i), absl::StrCat("v", i)));
  }
  Do(*store_, EvidencePut("e1", "m1", "m2", "said"));
  Do(*store_, Gone("m9"));
  std::set<std::string> then = Members(*store_);
  MITRA_ASSERT_OK_AND_ASSIGN(const BackupInfo backup, Create("first"));
  EXPECT_EQ(backup.revision, 52u);
  EXPECT_EQ(backup.members, 49u);
  Do(*store_, Gone("m1"));
  Do(*store_, ProfilePut("m2", "changed since"));
  const uint64_t last = Do(*store_, Gone("m3")).revision;
  store_.reset();

  const BackupFolder backups(folder("backups"));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const RestoreReport report,
      RestoreRecord(backups, "first", folder("restored")));

  EXPECT_EQ(report.deleted, 2u);
  EXPECT_EQ(report.known_deletions, 3u);
  MITRA_ASSERT_OK_AND_ASSIGN(auto restored, OpenStore(folder("restored")));
  then.erase("m1=body of v1");
  then.erase("m3=body of v3");
  EXPECT_EQ(Members(*restored), then);
  MITRA_ASSERT_OK_AND_ASSIGN(const auto evidence,
                             restored->Get(EntityType::kEvidence, "e1"));
  EXPECT_FALSE(evidence.has_value()) << "went with its author";
  EXPECT_NE(restored->info().incarnation, report.backup.record_incarnation);
  EXPECT_EQ(restored->info().incarnation, report.record_incarnation);
  EXPECT_GT(Do(*restored, ProfilePut("m1", "again")).revision, last)
      << "lives that began after the backup are not counted again";
}

TEST_F(BackupTest, IsMadeWhileTheRecordIsWritten) {
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      Do(*store_, ProfilePut(absl::StrCat("m", i), absl::StrCat("v", i)));
      ++written;
    }
  });
  while (written < 200) std::this_thread::yield();
  const auto backup = Create();
  stop = true;
  writer.join();
  MITRA_ASSERT_OK(backup.status());
  EXPECT_EQ(backup->members, backup->revision) << "one revision a member";

  MITRA_ASSERT_OK(BackupFolder(folder("backups")).Verify(backup->name));
}

TEST_F(BackupTest, WhatIsDamagedIsNotRestored) {
  Do(*store_, ProfilePut("m1", "v1"));
  MITRA_ASSERT_OK(Create("good").status());
  const BackupFolder backups(folder("backups"));
  {
    std::fstream file(backups.FileOf("good"),
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5000);
    file.put('!');
  }
  EXPECT_THAT(backups.Verify("good").status(),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(RestoreRecord(backups, "good", folder("restored")).status(),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(std::filesystem::exists(folder("restored")));
}

TEST_F(BackupTest, RefusesNamesAndFoldersThatAreTaken) {
  MITRA_ASSERT_OK(Create("one").status());
  EXPECT_THAT(Create("one").status(),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(Create("../x").status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const BackupFolder backups(folder("backups"));
  EXPECT_THAT(
      RestoreRecord(backups, "one", folder("record")).status(),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not empty")));
  EXPECT_THAT(RestoreRecord(backups, "none", folder("restored")).status(),
              StatusIs(absl::StatusCode::kNotFound));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto list, backups_->List());
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].name, "one");
}

TEST_F(BackupTest, TheJournalHoldsWhatWasDeletedBeforeItsTime) {
  Do(*store_, ProfilePut("m1", "v1"));
  store_->SetCommitListener(nullptr);
  Do(*store_, Gone("m1"));
  backups_.reset();
  MITRA_ASSERT_OK(
      Backups::Open(folder("backups"), *store_, executor_, clock_).status());
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto journal,
      DeletionJournal::Read(folder("backups"), store_->info().id_hash_key));
  ASSERT_EQ(journal.size(), 1u);
  EXPECT_EQ(journal[0].revision, 2u);
}

TEST_F(BackupTest, ATornLineOfTheJournalIsCutAndADamagedOneIsTold) {
  const std::string key = store_->info().id_hash_key;
  const auto entry = [](uint64_t revision) {
    return Tombstone{revision, std::string(16, 'h'), 1};
  };
  const std::string path = folder("journal");
  {
    MITRA_ASSERT_OK_AND_ASSIGN(auto journal, DeletionJournal::Open(path, key));
    MITRA_ASSERT_OK(journal->Append({entry(5), entry(7)}));
    MITRA_ASSERT_OK(journal->Append({entry(6), entry(9)}));
    EXPECT_EQ(journal->last(), 9u);
  }
  std::string file;
  for (const auto& found : std::filesystem::directory_iterator(path)) {
    file = found.path();
  }
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 3);
  {
    MITRA_ASSERT_OK_AND_ASSIGN(auto journal, DeletionJournal::Open(path, key));
    EXPECT_EQ(journal->last(), 7u);
    MITRA_ASSERT_OK(journal->Append({entry(9)}));
  }
  MITRA_ASSERT_OK_AND_ASSIGN(const auto read, DeletionJournal::Read(path, key));
  EXPECT_EQ(read.size(), 3u);
  {
    std::fstream damaged(file, std::ios::in | std::ios::out);
    damaged.put('x');
  }
  EXPECT_THAT(DeletionJournal::Read(path, key).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("line 1")));
}

}  // namespace
}  // namespace mitra::profile
