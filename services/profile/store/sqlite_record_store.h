// The record in one SQLite file.

#ifndef MITRA_SERVICES_PROFILE_STORE_SQLITE_RECORD_STORE_H_
#define MITRA_SERVICES_PROFILE_STORE_SQLITE_RECORD_STORE_H_

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

class Connection;
class SqliteBackup;
class SqliteReader;
class SqliteWriter;

// One thread writes: all that waits is one transaction and one sync of the log.
// The same connection does every checkpoint, because SQLite before 3.51.3 can
// corrupt a log that one connection folds while another commits to it
// (https://sqlite.org/wal.html#walresetbug); readers never do. A second thread
// tells the writers, so that the next group goes to disk meanwhile.
//
// After an error of the disk the writer acknowledges nothing until a restart:
// a failed sync cannot be repeated. A full disk is no such error; the next
// write simply tries again, and deletions are tried even then.
class SqliteRecordStore : public RecordStore {
 public:
  struct Options {
    // Folder of the record; created if absent. The files are record.db and what
    // SQLite puts beside it; record.lock keeps other processes out.
    std::string directory;
    // Embedding space of a new record; an old one must have the same.
    std::string space;
    // Connections for reading; a read waits while all are in use.
    int readers = 4;
    // What may wait; more is refused.
    size_t max_queued_operations = 50'000;
    size_t max_queued_bytes = 128 << 20;
    // Largest transaction.
    size_t max_group_operations = 8'000;
    size_t max_group_bytes = 16 << 20;
    // The log is folded into the file when it is longer than the first, and
    // readers are waited for when it is longer than the second.
    size_t fold_log_bytes = 64 << 20;
    size_t max_log_bytes = 256 << 20;
    // The log is folded and cut to nothing after this long without a write, so
    // that deleted bytes do not linger in it.
    absl::Duration idle_fold = absl::Seconds(2);
    // Name of a registered SQLite VFS, for tests; empty for the default.
    std::string vfs;
  };

  // FAILED_PRECONDITION with a reason (RECORD_IN_USE, SCHEMA_TOO_NEW,
  // NOT_A_RECORD, SPACE_MISMATCH) or INTERNAL if the files cannot be used.
  static absl::StatusOr<std::unique_ptr<SqliteRecordStore>> Open(
      Options options);
  // Writes what waits, tells all writers, folds the log.
  ~SqliteRecordStore() override;

  const RecordInfo& info() const override { return info_; }
  uint64_t head() const override { return head_.load(); }
  RecordHealth health() const override;
  void Commit(WriteBatch batch, CommitCallback done) override;
  void SetCommitListener(CommitListener listener) override;
  absl::StatusOr<std::optional<Entity>> Get(EntityType type,
                                            absl::string_view key) override;
  absl::StatusOr<std::vector<std::optional<Entity>>> GetMany(
      EntityType type, absl::Span<const std::string> keys) override;
  absl::StatusOr<EntityPage> List(EntityType type, absl::string_view after,
                                  PageLimit limit) override;
  absl::StatusOr<EntityPage> ListLinked(absl::string_view member,
                                        Relation relation,
                                        absl::string_view after,
                                        PageLimit limit) override;
  absl::StatusOr<EntityPage> ListLinkedDown(absl::string_view member,
                                            Relation relation,
                                            absl::string_view before,
                                            PageLimit limit) override;
  absl::StatusOr<ChangePage> ReadChanges(uint64_t from,
                                         PageLimit limit) override;
  absl::StatusOr<Footprint> Trace(absl::string_view member,
                                  absl::string_view id_hash) override;
  void Copy(const std::string& path, CopyCallback done) override;
  absl::StatusOr<std::vector<Tombstone>> ReadDeletions(uint64_t after,
                                                       size_t limit) override;
  absl::StatusOr<std::vector<Entity>> ReadExpired(absl::Time time,
                                                  size_t limit) override;

 private:
  struct Pending {
    WriteBatch batch;
    CommitCallback done;
    size_t bytes = 0;
  };
  struct Told {
    CommittedChanges changes;
    std::vector<std::pair<CommitCallback, absl::StatusOr<CommitResult>>> done;
  };
  // A copy that is wanted or under way.
  struct Copying {
    std::string path;
    CopyCallback done;
    std::unique_ptr<SqliteBackup> backup;  // of the writer thread
  };
  class ReaderLease;

  explicit SqliteRecordStore(Options options);

  void WriteLoop();
  // The error that ended the record, or UNAVAILABLE while it is being closed.
  absl::Status CheckOpen() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(queue_mutex_);
  std::vector<Pending> TakeGroup() ABSL_EXCLUSIVE_LOCKS_REQUIRED(queue_mutex_);
  void WriteGroup(std::vector<Pending> group);
  // What a failure of a group means for the groups after it.
  void NoteFailure(const absl::Status& status);
  void FoldLog(bool idle);
  // Copies some pages, if a copy is wanted.
  void CopySome();
  void EndCopy(absl::StatusOr<uint64_t> outcome);
  void TellLoop();
  void Tell(Told told);

  const Options options_;
  RecordInfo info_;
  int lock_file_ = -1;
  std::unique_ptr<Connection> write_connection_;  // of the writer thread
  std::unique_ptr<SqliteWriter> writer_;
  CommitListener listener_;

  std::atomic<uint64_t> head_{0};
  std::atomic<bool> disk_full_{false};
  std::atomic<uint64_t> log_bytes_{0};
  std::atomic<uint64_t> commits_{0};
  std::atomic<uint64_t> operations_{0};
  std::atomic<uint64_t> damaged_{0};

  mutable absl::Mutex queue_mutex_;
  std::deque<Pending> queue_ ABSL_GUARDED_BY(queue_mutex_);
  size_t queued_operations_ ABSL_GUARDED_BY(queue_mutex_) = 0;
  size_t queued_bytes_ ABSL_GUARDED_BY(queue_mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(queue_mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(queue_mutex_);
  std::unique_ptr<Copying> copying_ ABSL_GUARDED_BY(queue_mutex_);

  absl::Mutex tell_mutex_;
  std::deque<Told> to_tell_ ABSL_GUARDED_BY(tell_mutex_);
  bool all_written_ ABSL_GUARDED_BY(tell_mutex_) = false;

  absl::Mutex readers_mutex_;
  std::vector<std::unique_ptr<SqliteReader>> readers_
      ABSL_GUARDED_BY(readers_mutex_);

  std::thread write_thread_;
  std::thread tell_thread_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_SQLITE_RECORD_STORE_H_
