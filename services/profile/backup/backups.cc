#include "services/profile/backup/backups.h"

#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/observability/log.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/profile/store/sqlite_backup.h"

namespace mitra::profile {

absl::StatusOr<std::unique_ptr<Backups>> Backups::Open(
    const std::string& folder, RecordStore& store, rpc::Executor& executor,
    const Clock& clock) {
  std::unique_ptr<Backups> backups(new Backups(folder, store, executor, clock));
  absl::MutexLock lock(&backups->mutex_);
  MITRA_ASSIGN_OR_RETURN(
      backups->journal_,
      DeletionJournal::Open(folder, store.info().id_hash_key));
  MITRA_RETURN_IF_ERROR(backups->CatchUp());
  return backups;
}

absl::Status Backups::CatchUp() {
  for (;;) {
    MITRA_ASSIGN_OR_RETURN(const std::vector<Tombstone> missing,
                           store_.ReadDeletions(journal_->last(), 1000));
    if (missing.empty()) return absl::OkStatus();
    MITRA_RETURN_IF_ERROR(journal_->Append(missing));
  }
}

void Backups::Note(const CommittedChanges& changes) {
  std::vector<Tombstone> deletions;
  for (const Change& change : *changes) {
    const Tombstone* deletion = std::get_if<Tombstone>(&change);
    if (deletion != nullptr) deletions.push_back(*deletion);
  }
  if (deletions.empty()) return;
  absl::MutexLock lock(&mutex_);
  const absl::Status noted = behind_ ? CatchUp() : journal_->Append(deletions);
  behind_ = !noted.ok();
  if (behind_) {
    LogError("backup: a deletion could not be kept beside the backups",
             {{"error", std::string(noted.message())}});
  }
}

rpc::Task<absl::StatusOr<BackupInfo>> Backups::Create(std::string name) {
  BackupInfo info;
  info.create_time = clock_.Now();
  info.name = !name.empty()
                  ? std::move(name)
                  : absl::FormatTime("%Y%m%dT%H%M%E3SZ", info.create_time,
                                     absl::UTCTimeZone());
  info.record_incarnation = store_.info().incarnation;
  info.space = store_.info().space;
  MITRA_CO_ASSIGN_OR_RETURN(const std::string file, folder_.Begin(info.name));
  const auto start = [&](std::function<void(absl::StatusOr<uint64_t>)> done) {
    store_.Copy(file, std::move(done));
  };
  const absl::StatusOr<uint64_t> revision =
      co_await rpc::Callback<absl::StatusOr<uint64_t>>(start);
  (void)co_await executor_.Enter();
  absl::StatusOr<BackupInfo> finished =
      revision.ok() ? Finish(info, *revision, file)
                    : absl::StatusOr<BackupInfo>(revision.status());
  if (!finished.ok()) folder_.Abandon(info.name);
  co_return finished;
}

absl::StatusOr<BackupInfo> Backups::Finish(BackupInfo info, uint64_t revision,
                                           const std::string& file) const {
  info.revision = revision;
  MITRA_ASSIGN_OR_RETURN(info.members, CountMembers(file));
  return folder_.Finish(info);
}

}  // namespace mitra::profile
