// Applies groups of writes to the record, each group in one transaction.

#ifndef MITRA_SERVICES_PROFILE_STORE_SQLITE_WRITER_H_
#define MITRA_SERVICES_PROFILE_STORE_SQLITE_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/profile/store/record_store.h"
#include "services/profile/store/sqlite_connection.h"
#include "services/profile/store/sqlite_external_ids.h"
#include "services/profile/store/sqlite_requests.h"

namespace mitra::profile {

// Used by one thread. Every verdict is reached before anything of an operation
// is written, so a refused operation leaves no trace and its neighbours in the
// transaction go on.
class SqliteWriter {
 public:
  // `connection` must be configured as a writer and outlive the object.
  static absl::StatusOr<std::unique_ptr<SqliteWriter>> Create(
      Connection& connection);

  // A batch and what became of it.
  struct Item {
    WriteBatch* batch = nullptr;
    absl::StatusOr<CommitResult> result = CommitResult();
  };

  // Writes all items in one transaction, operations in the order of keys (a
  // random order costs 7 times as much), and fills in their results. Two items
  // must not have the same request key. On success returns the changes, moved
  // out of the batches. On failure nothing is stored.
  absl::StatusOr<CommittedChanges> Write(std::vector<Item>& items);

  // The latest revision that is committed.
  uint64_t head() const { return head_; }

 private:
  struct Row;
  struct KnownMember {
    uint64_t incarnation = 0;
    std::string owner;
  };
  struct Turn;
  class View;
  explicit SqliteWriter(Connection& connection);

  absl::Status WriteAll(std::vector<Item>& items, std::vector<Change>& changes);
  // These return an error only if the storage failed; what the operation comes
  // to is in `result`.
  absl::Status Apply(const WriteBatch& batch, Put& put, OperationResult& result,
                     std::vector<Change>& changes);
  absl::Status Apply(const WriteBatch& batch, DeleteMember& deletion,
                     OperationResult& result, std::vector<Change>& changes);
  absl::Status Apply(const WriteBatch& batch, const SetTally& set,
                     OperationResult& result, std::vector<Change>& changes);
  absl::Status Apply(const WriteBatch& batch, const Decide& decision,
                     OperationResult& result, std::vector<Change>& changes);
  // All steps, or none of them and the first refusal in `result`.
  absl::Status ApplyTogether(const WriteBatch& batch, std::vector<Step>& steps,
                             OperationResult& result,
                             std::vector<Change>& changes);
  absl::StatusOr<std::optional<Row>> Find(EntityType type,
                                          absl::string_view key);
  // What a link needs of a member; null if there is none. Valid until the next
  // call.
  absl::StatusOr<const KnownMember*> FindMember(const std::string& key);
  // Fills in the lives of the linked members, or refuses.
  absl::Status CheckLinks(const WriteBatch& batch, const Put& put,
                          Entity& entity, absl::Status& refusal);
  absl::Status Store(const Put& put, const std::optional<Row>& current,
                     const Entity& entity);
  absl::Status DeleteLinked(absl::string_view member);

  Connection& connection_;
  uint64_t head_ = 0;
  uint64_t next_revision_ = 1;
  // Members that were linked lately: most evidence names somebody that earlier
  // evidence has named. Always as in the transaction under way.
  absl::flat_hash_map<std::string, KnownMember> known_members_;
  SqliteExternalIds external_ids_;
  SqliteRequests requests_;

  Statement begin_, commit_, rollback_;
  Statement savepoint_, release_, undo_;
  Statement find_entity_, find_member_, read_entity_, read_linked_, set_tally_;
  Statement insert_entity_, delete_entity_, delete_by_key_;
  Statement insert_link_, delete_link_, delete_links_, find_links_;
  Statement find_tombstone_, insert_tombstone_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_SQLITE_WRITER_H_
