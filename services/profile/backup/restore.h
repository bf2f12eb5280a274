// Brings a record back from a backup.

#ifndef MITRA_SERVICES_PROFILE_BACKUP_RESTORE_H_
#define MITRA_SERVICES_PROFILE_BACKUP_RESTORE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "services/profile/backup/backup_folder.h"

namespace mitra::profile {

struct RestoreReport {
  BackupInfo backup;
  // The record's new incarnation: followers start afresh.
  uint64_t record_incarnation = 0;
  // Members of the backup that had been deleted since and were not brought
  // back, and all deletions that were known.
  uint64_t deleted = 0;
  uint64_t known_deletions = 0;
};

// Makes a record in the folder `into`, which must be absent or empty, from a
// verified backup; `into` appears only when the record is whole. Members that
// the folder's journal of deletions knows as deleted since the backup was made
// are deleted from it with all that belongs to them, as DeleteProfile would.
// What else was written since is not in it. For a process that nobody else
// restores in.
//
// Errors: as BackupFolder::Verify; FAILED_PRECONDITION (FOLDER_NOT_EMPTY);
// DATA_LOSS (JOURNAL_DAMAGED); INTERNAL (STORAGE_FAILURE).
absl::StatusOr<RestoreReport> RestoreRecord(const BackupFolder& folder,
                                            const std::string& name,
                                            const std::string& into);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_BACKUP_RESTORE_H_
