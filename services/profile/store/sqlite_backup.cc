#include "services/profile/store/sqlite_backup.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::profile {
namespace {

absl::Status Sync(const std::string& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  const bool synced = file >= 0 && fsync(file) == 0;
  const int error = errno;
  if (file >= 0) close(file);
  if (synced) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kInternal, "STORAGE_FAILURE",
      absl::StrCat(path, ": cannot be synced: ", std::strerror(error)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteBackup>> SqliteBackup::Begin(
    Connection& source, const std::string& path) {
  std::unique_ptr<SqliteBackup> backup(new SqliteBackup);
  MITRA_ASSIGN_OR_RETURN(backup->copy_,
                         Connection::Open(path, /*writable=*/true, ""));
  // Nobody reads it before it is whole and synced.
  MITRA_RETURN_IF_ERROR(backup->copy_->Execute(
      "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
      "PRAGMA locking_mode = EXCLUSIVE"));
  backup->backup_ =
      sqlite3_backup_init(backup->copy_->db(), "main", source.db(), "main");
  if (backup->backup_ == nullptr) {
    return SqliteError(sqlite3_extended_errcode(backup->copy_->db()),
                       "beginning a copy");
  }
  return backup;
}

SqliteBackup::~SqliteBackup() {
  if (backup_ != nullptr) sqlite3_backup_finish(backup_);
}

absl::StatusOr<bool> SqliteBackup::Step(int pages) {
  const int code = sqlite3_backup_step(backup_, pages);
  if (code == SQLITE_OK) return false;
  const int finished = sqlite3_backup_finish(backup_);
  backup_ = nullptr;
  if (code != SQLITE_DONE) return SqliteError(code, "copying the record");
  if (finished != SQLITE_OK) return SqliteError(finished, "ending a copy");
  copy_.reset();
  return true;
}

absl::Status CheckAndSync(const std::string& path) {
  {
    MITRA_ASSIGN_OR_RETURN(const auto copy,
                           Connection::Open(path, /*writable=*/true, ""));
    // Without a log of its own the file can be copied as it is.
    MITRA_RETURN_IF_ERROR(copy->Execute("PRAGMA journal_mode = DELETE"));
    Statement check = copy->Prepare("PRAGMA quick_check(1)");
    MITRA_ASSIGN_OR_RETURN(const bool row, check.Step());
    if (!row || check.Bytes(0) != "ok") {
      return MakeError(absl::StatusCode::kDataLoss, "BACKUP_DAMAGED",
                       absl::StrCat(path, ": the database is damaged"));
    }
  }
  MITRA_RETURN_IF_ERROR(SyncFile(path));
  return SyncFolder(std::filesystem::path(path).parent_path().string());
}

absl::StatusOr<uint64_t> CountMembers(const std::string& path) {
  MITRA_ASSIGN_OR_RETURN(const auto copy,
                         Connection::Open(path, /*writable=*/false, ""));
  Statement count = copy->Prepare(
      "SELECT count(*) FROM entities INDEXED BY entities_by_key "
      "WHERE type = 1");
  MITRA_RETURN_IF_ERROR(count.Step().status());
  return static_cast<uint64_t>(count.Int(0));
}

absl::Status SyncFile(const std::string& path) { return Sync(path, O_RDWR); }

absl::Status SyncFolder(const std::string& path) {
  return Sync(path, O_RDONLY | O_DIRECTORY);
}

}  // namespace mitra::profile
