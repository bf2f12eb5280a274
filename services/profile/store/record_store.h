// The record: the only place where facts are kept.
//
// Every write gets its own revision from one counter; revisions become visible
// in the order of commits, and the change feed is an index over them. A member
// that is deleted leaves a tombstone and nothing else.

#ifndef MITRA_SERVICES_PROFILE_STORE_RECORD_STORE_H_
#define MITRA_SERVICES_PROFILE_STORE_RECORD_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "services/profile/store/entity.h"
#include "services/profile/store/write_batch.h"

namespace mitra::profile {

// Fixed when the record is created.
struct RecordInfo {
  // Another record, or a restored one, has another number.
  uint64_t incarnation = 0;
  // Key of the hashes under which deletions travel, 16 bytes.
  std::string id_hash_key;
  // Key of page and attribution tokens, 32 bytes; a secret of the services.
  std::string token_key;
  // Embedding space of the vectors.
  std::string space;
};

// How the record is doing.
struct RecordHealth {
  // OK, or why writes are refused until a restart.
  absl::Status writable;
  // The last write found the disk full.
  bool disk_full = false;
  size_t queued_operations = 0;
  uint64_t log_bytes = 0;      // of the write-ahead log
  uint64_t commits = 0;        // transactions since start
  uint64_t operations = 0;     // operations in them
  uint64_t damaged_reads = 0;  // records whose bytes were not as written
};

// What one page may hold; it ends at whichever comes first, but holds at least
// one entry if there is one.
struct PageLimit {
  size_t entries = 1000;
  size_t bytes = 256 << 10;
};

struct EntityPage {
  std::vector<Entity> entities;
  // More may follow after the last key.
  bool more = false;
  // Head of the record when the page was read.
  uint64_t head = 0;
};

struct ChangePage {
  // In the order of revisions.
  std::vector<Change> changes;
  // Everything up to here is in this page or before it.
  uint64_t watermark = 0;
  uint64_t head = 0;
};

// What the record holds of one member.
struct Footprint {
  // How many entities hang on it, by relation; withdrawn ones count, because
  // they still name it.
  std::vector<std::pair<Relation, uint64_t>> links;
  uint64_t external_ids = 0;
  // Lives of the id that were ended, the latest first.
  std::vector<Tombstone> deletions;
};

// What was committed together, in the order of revisions.
using CommittedChanges = std::shared_ptr<const std::vector<Change>>;

// Thread-safe. Reads see everything that was acknowledged before they began,
// hold the record for a short time only, and fail with INTERNAL
// (STORAGE_FAILURE) if it cannot be read. Records that are damaged are returned
// as such, never as if they were right.
class RecordStore {
 public:
  using CommitCallback = std::function<void(absl::StatusOr<CommitResult>)>;
  using CommitListener = std::function<void(const CommittedChanges&)>;
  using CopyCallback = std::function<void(absl::StatusOr<uint64_t>)>;

  virtual ~RecordStore() = default;

  virtual const RecordInfo& info() const = 0;
  // The latest revision that readers can see; 0 for an empty record.
  virtual uint64_t head() const = 0;
  virtual RecordHealth health() const = 0;

  // Writes a batch and calls `done` once, when it is on disk, from any thread.
  // What waits is committed together.
  //
  // Errors of the whole batch, after which nothing of it is stored:
  // - RESOURCE_EXHAUSTED: too much waits (QUEUE_FULL) or no space is left
  //   (STORAGE_FULL), both with RetryInfo.
  // - ALREADY_EXISTS: the request id was used with another body
  //   (REQUEST_ID_REUSED).
  // - DEADLINE_EXCEEDED: its turn came too late.
  // - INTERNAL (STORAGE_FAILURE): the disk failed; whether the batch is there
  //   is only known after a restart.
  // Errors of single operations are in the result.
  virtual void Commit(WriteBatch batch, CommitCallback done) = 0;

  // Called for each commit that changed something, in order, before the
  // writers are told. Set once, before the first write.
  virtual void SetCommitListener(CommitListener listener) = 0;

  // One entity; nothing if there is none or it was withdrawn.
  virtual absl::StatusOr<std::optional<Entity>> Get(EntityType type,
                                                    absl::string_view key) = 0;

  // The same for many keys in one read, in their order.
  virtual absl::StatusOr<std::vector<std::optional<Entity>>> GetMany(
      EntityType type, absl::Span<const std::string> keys) = 0;

  // Entities of a type with a key after `after`, by key. Withdrawn ones are
  // left out.
  virtual absl::StatusOr<EntityPage> List(EntityType type,
                                          absl::string_view after,
                                          PageLimit limit) = 0;

  // Entities that hang on a member by a relation, the same way.
  virtual absl::StatusOr<EntityPage> ListLinked(absl::string_view member,
                                                Relation relation,
                                                absl::string_view after,
                                                PageLimit limit) = 0;

  // The same, from the greatest key below `before` downwards; all keys if that
  // is empty.
  virtual absl::StatusOr<EntityPage> ListLinkedDown(absl::string_view member,
                                                    Relation relation,
                                                    absl::string_view before,
                                                    PageLimit limit) = 0;

  // Changes from `from` on (inclusive), withdrawn entities included.
  virtual absl::StatusOr<ChangePage> ReadChanges(uint64_t from,
                                                 PageLimit limit) = 0;

  // What is left of a member, living or not. `id_hash` as in its tombstone.
  virtual absl::StatusOr<Footprint> Trace(absl::string_view member,
                                          absl::string_view id_hash) = 0;

  // Copies the record into a new file while it goes on to be written, and calls
  // `done` once, from any thread, with the revision that the copy holds. The
  // copy is not synced or checked yet. ABORTED (BACKUP_RUNNING) while another
  // copy is made; else as Commit.
  virtual void Copy(const std::string& path, CopyCallback done) = 0;

  // Tombstones after a revision, in the order of revisions.
  virtual absl::StatusOr<std::vector<Tombstone>> ReadDeletions(
      uint64_t after, size_t limit) = 0;

  // Entities whose next expiry is at or before `time`, earliest first.
  virtual absl::StatusOr<std::vector<Entity>> ReadExpired(absl::Time time,
                                                          size_t limit) = 0;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_RECORD_STORE_H_
