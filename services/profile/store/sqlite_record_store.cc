#include "services/profile/store/sqlite_record_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/profile/store/sqlite_backup.h"
#include "services/profile/store/sqlite_connection.h"
#include "services/profile/store/sqlite_reader.h"
#include "services/profile/store/sqlite_schema.h"
#include "services/profile/store/sqlite_writer.h"

namespace mitra::profile {
namespace {

constexpr size_t kPageBytes = 8192;
// Of a copy between two transactions: about 2 ms.
constexpr int kPagesAtOnce = 512;

size_t SizeOf(const WriteBatch& batch) {
  size_t bytes = 0;
  for (const Operation& operation : batch.operations) {
    bytes += 200;
    if (const Put* put = std::get_if<Put>(&operation)) {
      bytes += put->body.size() + put->secret.size() + put->vectors.size();
    }
  }
  return bytes;
}

bool OnlyDeletes(const WriteBatch& batch) {
  for (const Operation& operation : batch.operations) {
    const Put* put = std::get_if<Put>(&operation);
    if (put != nullptr && !put->removed) return false;
    const Decide* decide = std::get_if<Decide>(&operation);
    if (decide != nullptr && !decide->deletes) return false;
  }
  return true;
}

std::string KeyOf(const RequestKey& key) {
  return absl::StrCat(key.credential, "\n", key.method, "\n", key.request_id);
}

absl::Status CannotUse(absl::string_view path, absl::string_view doing) {
  return MakeError(
      absl::StatusCode::kInternal, "STORAGE_FAILURE",
      absl::StrCat(path, ": cannot ", doing, ": ", std::strerror(errno)));
}

// Keeps other processes out for as long as the descriptor is open.
absl::StatusOr<int> LockFolder(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    errno = error.value();
    return CannotUse(directory, "create the folder");
  }
  const std::string path = directory + "/record.lock";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return CannotUse(path, "open");
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    close(file);
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "RECORD_IN_USE",
        absl::StrCat(directory, ": another process has this record open"));
  }
  return file;
}

}  // namespace

// A reader taken out of the pool for the length of a scope.
class SqliteRecordStore::ReaderLease {
 public:
  explicit ReaderLease(SqliteRecordStore& store) : store_(store) {
    absl::MutexLock lock(&store_.readers_mutex_);
    store_.readers_mutex_.Await(absl::Condition(
        +[](SqliteRecordStore* s)
             ABSL_NO_THREAD_SAFETY_ANALYSIS { return !s->readers_.empty(); },
        &store_));
    reader_ = std::move(store_.readers_.back());
    store_.readers_.pop_back();
    damaged_before_ = reader_->damaged();
  }
  ~ReaderLease() {
    store_.damaged_ += reader_->damaged() - damaged_before_;
    absl::MutexLock lock(&store_.readers_mutex_);
    store_.readers_.push_back(std::move(reader_));
  }
  SqliteReader* operator->() { return reader_.get(); }

 private:
  SqliteRecordStore& store_;
  std::unique_ptr<SqliteReader> reader_;
  uint64_t damaged_before_ = 0;
};

SqliteRecordStore::SqliteRecordStore(Options options)
    : options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<SqliteRecordStore>> SqliteRecordStore::Open(
    Options options) {
  std::unique_ptr<SqliteRecordStore> store(
      new SqliteRecordStore(std::move(options)));
  const Options& o = store->options_;
  MITRA_ASSIGN_OR_RETURN(store->lock_file_, LockFolder(o.directory));
  const std::string path = o.directory + "/record.db";
  MITRA_ASSIGN_OR_RETURN(store->write_connection_,
                         Connection::Open(path, /*writable=*/true, o.vfs));
  MITRA_RETURN_IF_ERROR(ConfigureWriter(*store->write_connection_));
  MITRA_ASSIGN_OR_RETURN(store->info_,
                         OpenSchema(*store->write_connection_, o.space));
  MITRA_ASSIGN_OR_RETURN(store->writer_,
                         SqliteWriter::Create(*store->write_connection_));
  store->head_ = store->writer_->head();
  for (int i = 0; i < o.readers; ++i) {
    MITRA_ASSIGN_OR_RETURN(std::unique_ptr<SqliteReader> reader,
                           SqliteReader::Open(path, o.vfs));
    absl::MutexLock lock(&store->readers_mutex_);
    store->readers_.push_back(std::move(reader));
  }
  SqliteRecordStore* self = store.get();
  store->write_thread_ = std::thread([self] { self->WriteLoop(); });
  store->tell_thread_ = std::thread([self] { self->TellLoop(); });
  return store;
}

SqliteRecordStore::~SqliteRecordStore() {
  {
    absl::MutexLock lock(&queue_mutex_);
    stopping_ = true;
  }
  if (write_thread_.joinable()) write_thread_.join();
  {
    absl::MutexLock lock(&tell_mutex_);
    all_written_ = true;
  }
  if (tell_thread_.joinable()) tell_thread_.join();
  {
    absl::MutexLock lock(&readers_mutex_);
    readers_.clear();
  }
  writer_.reset();
  write_connection_.reset();
  if (lock_file_ >= 0) close(lock_file_);
}

RecordHealth SqliteRecordStore::health() const {
  RecordHealth health;
  {
    absl::MutexLock lock(&queue_mutex_);
    health.writable = failure_;
    health.queued_operations = queued_operations_;
  }
  health.disk_full = disk_full_;
  health.log_bytes = log_bytes_;
  health.commits = commits_;
  health.operations = operations_;
  health.damaged_reads = damaged_;
  return health;
}

void SqliteRecordStore::SetCommitListener(CommitListener listener) {
  absl::MutexLock lock(&tell_mutex_);
  listener_ = std::move(listener);
}

absl::Status SqliteRecordStore::CheckOpen() const {
  if (!failure_.ok()) return failure_;
  if (!stopping_) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnavailable, "DRAINING",
                   "the record is being closed");
}

void SqliteRecordStore::Commit(WriteBatch batch, CommitCallback done) {
  Pending pending{std::move(batch), std::move(done), 0};
  pending.bytes = SizeOf(pending.batch);
  const size_t operations = pending.batch.operations.size();
  absl::Status refusal;
  {
    absl::MutexLock lock(&queue_mutex_);
    refusal = CheckOpen();
    if (!refusal.ok()) {
      // Nothing more is taken.
    } else if (!queue_.empty() &&
               (queued_operations_ + operations >
                    options_.max_queued_operations ||
                queued_bytes_ + pending.bytes > options_.max_queued_bytes)) {
      refusal = WithRetryDelay(MakeError(absl::StatusCode::kResourceExhausted,
                                         "QUEUE_FULL", "too many writes wait"),
                               absl::Milliseconds(100));
    } else {
      queued_operations_ += operations;
      queued_bytes_ += pending.bytes;
      queue_.push_back(std::move(pending));
      return;
    }
  }
  pending.done(std::move(refusal));
}

std::vector<SqliteRecordStore::Pending> SqliteRecordStore::TakeGroup() {
  std::vector<Pending> group;
  absl::flat_hash_set<std::string> requests;
  size_t operations = 0;
  size_t bytes = 0;
  while (!queue_.empty()) {
    Pending& next = queue_.front();
    operations += next.batch.operations.size();
    bytes += next.bytes;
    if (!group.empty() && (operations > options_.max_group_operations ||
                           bytes > options_.max_group_bytes)) {
      break;
    }
    // A repeat must see the outcome of the first.
    if (next.batch.request &&
        !requests.insert(KeyOf(*next.batch.request)).second) {
      break;
    }
    queued_operations_ -= next.batch.operations.size();
    queued_bytes_ -= next.bytes;
    group.push_back(std::move(next));
    queue_.pop_front();
  }
  return group;
}

void SqliteRecordStore::WriteLoop() {
  bool folded = false;
  for (;;) {
    std::vector<Pending> group;
    bool copying = false;
    {
      absl::MutexLock lock(&queue_mutex_);
      queue_mutex_.AwaitWithTimeout(
          absl::Condition(
              +[](SqliteRecordStore* self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                return self->stopping_ || !self->queue_.empty() ||
                       self->copying_ != nullptr;
              },
              this),
          folded ? absl::InfiniteDuration() : options_.idle_fold);
      if (queue_.empty() && stopping_) break;
      group = TakeGroup();
      copying = copying_ != nullptr;
    }
    if (copying) CopySome();
    if (group.empty() && copying) continue;
    if (group.empty()) {
      FoldLog(/*idle=*/true);
      folded = true;
      continue;
    }
    folded = false;
    WriteGroup(std::move(group));
    FoldLog(/*idle=*/false);
  }
  EndCopy(MakeError(absl::StatusCode::kUnavailable, "DRAINING",
                    "the record is being closed"));
  FoldLog(/*idle=*/true);
}

void SqliteRecordStore::Copy(const std::string& path, CopyCallback done) {
  absl::Status refusal;
  {
    absl::MutexLock lock(&queue_mutex_);
    refusal = CheckOpen();
    if (!refusal.ok()) {
      // No copy is begun any more.
    } else if (copying_ != nullptr) {
      refusal = MakeError(absl::StatusCode::kAborted, "BACKUP_RUNNING",
                          "another backup is being made");
    } else {
      copying_ = std::make_unique<Copying>();
      copying_->path = path;
      copying_->done = std::move(done);
      return;
    }
  }
  done(std::move(refusal));
}

void SqliteRecordStore::CopySome() {
  Copying* copying = nullptr;
  {
    absl::MutexLock lock(&queue_mutex_);
    copying = copying_.get();  // only this thread takes it away
  }
  if (copying->backup == nullptr) {
    auto begun = SqliteBackup::Begin(*write_connection_, copying->path);
    if (!begun.ok()) return EndCopy(begun.status());
    copying->backup = *std::move(begun);
  }
  const absl::StatusOr<bool> whole = copying->backup->Step(kPagesAtOnce);
  if (!whole.ok()) return EndCopy(whole.status());
  if (*whole) EndCopy(writer_->head());
}

void SqliteRecordStore::EndCopy(absl::StatusOr<uint64_t> outcome) {
  std::unique_ptr<Copying> ended;
  {
    absl::MutexLock lock(&queue_mutex_);
    ended = std::move(copying_);
  }
  if (ended == nullptr) return;
  ended->backup.reset();
  ended->done(std::move(outcome));
}

void SqliteRecordStore::WriteGroup(std::vector<Pending> group) {
  Told told;
  told.done.resize(group.size());
  const absl::Time now = absl::Now();
  absl::Status failure;
  {
    absl::MutexLock lock(&queue_mutex_);
    failure = failure_;
  }
  std::vector<SqliteWriter::Item> items;
  std::vector<size_t> places;
  size_t operations = 0;
  for (size_t i = 0; i < group.size(); ++i) {
    told.done[i].first = std::move(group[i].done);
    if (!failure.ok()) {
      told.done[i].second = failure;
    } else if (group[i].batch.deadline < now) {
      told.done[i].second =
          MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                    "the write waited for longer than its deadline");
    } else {
      items.push_back({&group[i].batch, CommitResult()});
      places.push_back(i);
      operations += group[i].batch.operations.size();
    }
  }
  if (!items.empty()) {
    absl::StatusOr<CommittedChanges> changes = writer_->Write(items);
    if (!changes.ok()) {
      NoteFailure(changes.status());
      for (SqliteWriter::Item& item : items) item.result = changes.status();
      if (absl::IsResourceExhausted(changes.status())) {
        // Deletions need almost no space: the room that the failed group took
        // in the log is theirs now.
        std::vector<SqliteWriter::Item> deletes;
        std::vector<size_t> from;
        for (size_t i = 0; i < items.size(); ++i) {
          if (!OnlyDeletes(*items[i].batch)) continue;
          deletes.push_back({items[i].batch, CommitResult()});
          from.push_back(i);
        }
        if (!deletes.empty() && deletes.size() < items.size()) {
          changes = writer_->Write(deletes);
          if (!changes.ok()) NoteFailure(changes.status());
          for (size_t i = 0; i < deletes.size() && changes.ok(); ++i) {
            items[from[i]].result = std::move(deletes[i].result);
          }
        }
      }
    } else {
      disk_full_ = false;
    }
    if (changes.ok()) {
      told.changes = *std::move(changes);
      head_ = writer_->head();
      ++commits_;
      operations_ += operations;
    }
    for (size_t i = 0; i < items.size(); ++i) {
      told.done[places[i]].second = std::move(items[i].result);
    }
  }
  Tell(std::move(told));
}

void SqliteRecordStore::NoteFailure(const absl::Status& status) {
  if (absl::IsResourceExhausted(status)) {
    disk_full_ = true;
  } else if (absl::IsInternal(status)) {
    absl::MutexLock lock(&queue_mutex_);
    failure_ = status;
  }
}

void SqliteRecordStore::FoldLog(bool idle) {
  const size_t bytes =
      static_cast<size_t>(write_connection_->log_pages()) * kPageBytes;
  log_bytes_ = bytes;
  if (bytes == 0 || (!idle && bytes < options_.fold_log_bytes)) return;
  const absl::StatusOr<bool> done = write_connection_->Checkpoint(
      /*truncate=*/idle || bytes > options_.max_log_bytes);
  if (!done.ok()) NoteFailure(done.status());
  log_bytes_ = static_cast<size_t>(write_connection_->log_pages()) * kPageBytes;
}

void SqliteRecordStore::Tell(Told told) {
  absl::MutexLock lock(&tell_mutex_);
  to_tell_.push_back(std::move(told));
}

void SqliteRecordStore::TellLoop() {
  for (;;) {
    Told told;
    CommitListener listener;
    {
      absl::MutexLock lock(&tell_mutex_);
      tell_mutex_.Await(absl::Condition(
          +[](SqliteRecordStore* self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
            return self->all_written_ || !self->to_tell_.empty();
          },
          this));
      if (to_tell_.empty()) return;
      told = std::move(to_tell_.front());
      to_tell_.pop_front();
      listener = listener_;
    }
    if (listener && told.changes && !told.changes->empty()) {
      listener(told.changes);
    }
    for (auto& [done, result] : told.done) done(std::move(result));
  }
}

absl::StatusOr<std::optional<Entity>> SqliteRecordStore::Get(
    EntityType type, absl::string_view key) {
  return ReaderLease(*this)->Get(type, key);
}

absl::StatusOr<std::vector<std::optional<Entity>>> SqliteRecordStore::GetMany(
    EntityType type, absl::Span<const std::string> keys) {
  return ReaderLease(*this)->GetMany(type, keys);
}

absl::StatusOr<EntityPage> SqliteRecordStore::List(EntityType type,
                                                   absl::string_view after,
                                                   PageLimit limit) {
  const uint64_t known_head = head();
  MITRA_ASSIGN_OR_RETURN(EntityPage page,
                         ReaderLease(*this)->List(type, after, limit));
  page.head = known_head;
  return page;
}

absl::StatusOr<EntityPage> SqliteRecordStore::ListLinked(
    absl::string_view member, Relation relation, absl::string_view after,
    PageLimit limit) {
  const uint64_t known_head = head();
  MITRA_ASSIGN_OR_RETURN(EntityPage page, ReaderLease(*this)->ListLinked(
                                              member, relation, after, limit));
  page.head = known_head;
  return page;
}

absl::StatusOr<EntityPage> SqliteRecordStore::ListLinkedDown(
    absl::string_view member, Relation relation, absl::string_view before,
    PageLimit limit) {
  const uint64_t known_head = head();
  MITRA_ASSIGN_OR_RETURN(EntityPage page, ReaderLease(*this)->ListLinkedDown(
                                              member, relation, before, limit));
  page.head = known_head;
  return page;
}

absl::StatusOr<ChangePage> SqliteRecordStore::ReadChanges(uint64_t from,
                                                          PageLimit limit) {
  return ReaderLease(*this)->ReadChanges(from, head(), limit);
}

absl::StatusOr<Footprint> SqliteRecordStore::Trace(absl::string_view member,
                                                   absl::string_view id_hash) {
  return ReaderLease(*this)->Trace(member, id_hash);
}

absl::StatusOr<std::vector<Tombstone>> SqliteRecordStore::ReadDeletions(
    uint64_t after, size_t limit) {
  return ReaderLease(*this)->ReadDeletions(after, limit);
}

absl::StatusOr<std::vector<Entity>> SqliteRecordStore::ReadExpired(
    absl::Time time, size_t limit) {
  return ReaderLease(*this)->ReadExpired(time, limit);
}

}  // namespace mitra::profile
