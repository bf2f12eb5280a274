// Backups of the running record.

#ifndef MITRA_SERVICES_PROFILE_BACKUP_BACKUPS_H_
#define MITRA_SERVICES_PROFILE_BACKUP_BACKUPS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "common/rpc/executor.h"
#include "common/rpc/task.h"
#include "services/profile/backup/backup_folder.h"
#include "services/profile/backup/deletion_journal.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// Thread-safe.
class Backups {
 public:
  // Opens the folder, which is made if need be, and brings its journal of
  // deletions up to the record. All must outlive the object.
  static absl::StatusOr<std::unique_ptr<Backups>> Open(
      const std::string& folder, RecordStore& store, rpc::Executor& executor,
      const Clock& clock);

  // Keeps what was deleted; to be called for each commit, before its writers
  // are told. What cannot be written is logged and tried again with the next
  // deletion.
  void Note(const CommittedChanges& changes);

  // Copies, checks and describes the record. Errors: as CreateBackup of
  // archive_service.proto.
  rpc::Task<absl::StatusOr<BackupInfo>> Create(std::string name);
  absl::StatusOr<std::vector<BackupInfo>> List() const {
    return folder_.List();
  }

 private:
  Backups(const std::string& folder, RecordStore& store,
          rpc::Executor& executor, const Clock& clock)
      : folder_(folder), store_(store), executor_(executor), clock_(clock) {}
  absl::StatusOr<BackupInfo> Finish(BackupInfo info, uint64_t revision,
                                    const std::string& file) const;
  absl::Status CatchUp() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const BackupFolder folder_;
  RecordStore& store_;
  rpc::Executor& executor_;
  const Clock& clock_;
  absl::Mutex mutex_;
  std::unique_ptr<DeletionJournal> journal_ ABSL_GUARDED_BY(mutex_);
  // The journal lacks something.
  bool behind_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_BACKUP_BACKUPS_H_
