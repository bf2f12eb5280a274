// A copy of an SQLite file that is made while the file is written to.

#ifndef MITRA_SERVICES_PROFILE_STORE_SQLITE_BACKUP_H_
#define MITRA_SERVICES_PROFILE_STORE_SQLITE_BACKUP_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/profile/store/sqlite_connection.h"

struct sqlite3_backup;

namespace mitra::profile {

// Used by the thread of the connection that writes. Because that connection
// itself copies, what it commits between two steps goes into the copy at once;
// no long read holds the log, and the copy never has to begin again
// (https://sqlite.org/backup.html).
class SqliteBackup {
 public:
  // `source` must outlive the object. The file must not exist.
  static absl::StatusOr<std::unique_ptr<SqliteBackup>> Begin(
      Connection& source, const std::string& path);
  ~SqliteBackup();
  SqliteBackup(const SqliteBackup&) = delete;
  SqliteBackup& operator=(const SqliteBackup&) = delete;

  // Copies up to `pages` more. True when the copy is whole: then it is what the
  // source is at this moment, closed, but not synced yet.
  absl::StatusOr<bool> Step(int pages);

 private:
  SqliteBackup() = default;

  std::unique_ptr<Connection> copy_;
  sqlite3_backup* backup_ = nullptr;
};

// Checks that a file is a sound SQLite database and syncs it and its folder.
// DATA_LOSS (BACKUP_DAMAGED) if it is not.
absl::Status CheckAndSync(const std::string& path);

// Living members in a copy of the record.
absl::StatusOr<uint64_t> CountMembers(const std::string& path);

// INTERNAL (STORAGE_FAILURE) if the disk does not have it.
absl::Status SyncFile(const std::string& path);
absl::Status SyncFolder(const std::string& path);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_SQLITE_BACKUP_H_
