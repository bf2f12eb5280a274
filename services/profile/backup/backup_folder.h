// A folder of backups: each a folder with a copy of the record and a
// description of it.

#ifndef MITRA_SERVICES_PROFILE_BACKUP_BACKUP_FOLDER_H_
#define MITRA_SERVICES_PROFILE_BACKUP_BACKUP_FOLDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace mitra::profile {

struct BackupInfo {
  std::string name;
  uint64_t revision = 0;
  uint64_t record_incarnation = 0;
  uint64_t members = 0;
  uint64_t bytes = 0;
  absl::Time create_time;
  std::string space;
  std::string checksum;  // XXH3 of the file, hexadecimal
};

// Not thread-safe for one name; otherwise a view of the file system.
class BackupFolder {
 public:
  explicit BackupFolder(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  // The copy inside a finished backup.
  std::string FileOf(const std::string& name) const;

  // Makes room for a new backup and gives the path to which the record is to be
  // copied. ALREADY_EXISTS (BACKUP_EXISTS).
  absl::StatusOr<std::string> Begin(const std::string& name) const;
  // Checks and describes what was copied and gives the backup its name.
  absl::StatusOr<BackupInfo> Finish(BackupInfo info) const;
  // Removes what Begin() made.
  void Abandon(const std::string& name) const;

  // Finished backups, the newest first.
  absl::StatusOr<std::vector<BackupInfo>> List() const;
  // The description of a backup whose file was read whole and is what was
  // written. NOT_FOUND (NO_SUCH_BACKUP), DATA_LOSS (BACKUP_DAMAGED).
  absl::StatusOr<BackupInfo> Verify(const std::string& name) const;

 private:
  std::string FolderOf(const std::string& name) const;
  std::string UnfinishedOf(const std::string& name) const;

  std::string path_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_BACKUP_BACKUP_FOLDER_H_
