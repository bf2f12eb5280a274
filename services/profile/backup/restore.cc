#include "services/profile/backup/restore.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/feed/follower.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/profile/backup/deletion_journal.h"
#include "services/profile/ingest/engagement_plan.h"
#include "services/profile/store/sqlite_backup.h"
#include "services/profile/store/sqlite_record_store.h"
#include "services/profile/store/sqlite_schema.h"

namespace mitra::profile {
namespace {

namespace fs = std::filesystem;

// By the hash of an id: the latest life that was ended.
using Ended = absl::flat_hash_map<std::string, uint64_t>;

absl::Status Failed(absl::string_view what, const std::error_code& error) {
  return MakeError(absl::StatusCode::kInternal, "STORAGE_FAILURE",
                   absl::StrCat("restore: ", what, ": ", error.message()));
}

absl::Status CheckEmpty(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(folder, error) || fs::is_empty(folder, error)) {
    return absl::OkStatus();
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "FOLDER_NOT_EMPTY",
                   absl::StrCat(folder, ": is not empty"));
}

// The members of the record that are to be deleted.
absl::StatusOr<std::vector<DeleteMember>> FindDeleted(RecordStore& store,
                                                      const Ended& ended) {
  std::vector<DeleteMember> deletions;
  std::string after;
  for (bool more = !ended.empty(); more;) {
    MITRA_ASSIGN_OR_RETURN(
        const EntityPage page,
        store.List(EntityType::kProfile, after, {10'000, 8 << 20}));
    for (const Entity& entity : page.entities) {
      after = entity.key;
      std::string hash = feed::IdHash(store.info().id_hash_key, entity.key);
      const auto it = ended.find(hash);
      if (it == ended.end() || entity.incarnation > it->second) continue;
      deletions.push_back({entity.key, std::move(hash), {}});
    }
    more = page.more;
  }
  return deletions;
}

absl::Status DeleteAll(RecordStore& store,
                       std::vector<DeleteMember> deletions) {
  constexpr size_t kAtOnce = 200;
  for (size_t begin = 0; begin < deletions.size(); begin += kAtOnce) {
    WriteBatch batch;
    batch.authority.all_members = true;
    batch.time = absl::Now();
    const size_t end = std::min(deletions.size(), begin + kAtOnce);
    for (size_t i = begin; i < end; ++i) {
      batch.Add(DeleteMemberWithEngagements(std::move(deletions[i]),
                                            EngagementRules(), batch.time));
    }
    std::promise<absl::StatusOr<CommitResult>> done;
    store.Commit(std::move(batch), [&](absl::StatusOr<CommitResult> result) {
      done.set_value(std::move(result));
    });
    MITRA_ASSIGN_OR_RETURN(const CommitResult result, done.get_future().get());
    for (const OperationResult& one : result.results) {
      MITRA_RETURN_IF_ERROR(one.status);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RestoreReport> RestoreRecord(const BackupFolder& folder,
                                            const std::string& name,
                                            const std::string& into) {
  RestoreReport report;
  MITRA_RETURN_IF_ERROR(CheckEmpty(into));
  MITRA_ASSIGN_OR_RETURN(report.backup, folder.Verify(name));

  std::error_code error;
  const std::string partial =
      absl::StrCat(fs::path(into).lexically_normal().string(), ".restoring");
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error) return Failed(partial, error);
  const std::string file = partial + "/record.db";
  fs::copy_file(folder.FileOf(name), file, error);
  if (error) return Failed("the copy cannot be made", error);
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write, error);

  MITRA_ASSIGN_OR_RETURN(const RecordInfo old, ReadRecordInfo(file));
  MITRA_ASSIGN_OR_RETURN(const std::vector<Tombstone> journal,
                         DeletionJournal::Read(folder.path(), old.id_hash_key));
  report.known_deletions = journal.size();
  Ended ended;
  uint64_t floor = report.backup.revision;
  for (const Tombstone& deletion : journal) {
    floor = std::max(floor, deletion.revision);
    uint64_t& life = ended[deletion.id_hash];
    life = std::max(life, deletion.incarnation);
  }
  MITRA_ASSIGN_OR_RETURN(report.record_incarnation, MakeAnother(file, floor));
  {
    SqliteRecordStore::Options options;
    options.directory = partial;
    options.space = report.backup.space;
    MITRA_ASSIGN_OR_RETURN(const auto store, SqliteRecordStore::Open(options));
    MITRA_ASSIGN_OR_RETURN(std::vector<DeleteMember> deletions,
                           FindDeleted(*store, ended));
    report.deleted = deletions.size();
    MITRA_RETURN_IF_ERROR(DeleteAll(*store, std::move(deletions)));
  }
  MITRA_RETURN_IF_ERROR(SyncFile(file));
  fs::remove(into, error);  // it is empty
  fs::rename(partial, into, error);
  if (error) return Failed("the record cannot be given its place", error);
  const std::string parent = fs::absolute(into).parent_path().string();
  MITRA_RETURN_IF_ERROR(SyncFolder(parent));
  return report;
}

}  // namespace mitra::profile
