// Writes to the record and what became of them.

#ifndef MITRA_SERVICES_PROFILE_STORE_WRITE_BATCH_H_
#define MITRA_SERVICES_PROFILE_STORE_WRITE_BATCH_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/profile/store/entity.h"

namespace mitra::profile {

// On whose behalf a write is done.
struct Authority {
  // Label of the credential; owner of what it creates.
  std::string credential;
  // May write what others own.
  bool all_members = false;
};

// A member that must exist for an entity to be written, and the link to it.
struct MemberLink {
  std::string member;
  Relation relation = Relation::kAuthor;
  // Name of the request field, for the error.
  std::string field;
  // The member must be the authority's own.
  bool must_own = false;
  // Which life of the member is meant; 0 for any.
  uint64_t incarnation = 0;
};

// Writes one entity whole. Never partly done.
struct Put {
  enum class Mode {
    kUpsert,  // created, or replaced
    kCreate,  // created; there with another content is ALREADY_EXISTS
    kUpdate,  // replaced; absent is NOT_FOUND
  };
  EntityType type = EntityType::kProfile;
  std::string key;
  Mode mode = Mode::kUpsert;
  // Only if the entity is at this revision, else ABORTED (ETAG_MISMATCH). Then
  // 0 means that there must be none.
  std::optional<uint64_t> expected_revision;
  // The same content as stored changes nothing, unless `derived` says that the
  // new state follows from the passing of time or from an act of its own.
  std::string content_hash;
  bool derived = false;
  bool removed = false;
  std::string body;
  std::string secret;
  std::string vectors;
  // Set: replaces the stored value; else that one stays.
  std::optional<std::string> verified_by;
  // When the sweeper must look at it next.
  std::optional<absl::Time> next_expiry;
  // The record writes it by itself, whoever the entity belongs to.
  bool by_record = false;
  // It belongs to the first linked member: who may write that one may write
  // it, whoever wrote it before.
  bool by_member = false;
  // For what is stored again under another name: when it was created and who
  // brought it.
  std::optional<absl::Time> create_time;
  std::string owner;
  // At most two, and alternates after them; fixed when the entity is created.
  std::vector<MemberLink> links;
  // Pairs of system and value, unique among members; replace those stored.
  std::vector<std::pair<std::string, std::string>> external_ids;
};

// Deletes a member with everything that hangs on it; one change in the feed.
// Deleting again gives the revision of the first deletion.
struct DeleteMember {
  std::string key;
  std::string id_hash;
  std::optional<uint64_t> expected_revision;
};

// Sets what the record counts of a member, a revision of its own; everything
// else of the profile stays. Nothing happens if the member is gone.
struct SetTally {
  std::string key;
  std::string tally;
};

using Step = std::variant<Put, DeleteMember, SetTally>;

// The record as it stands within a transaction: what earlier operations of the
// same group wrote is there already.
class TransactionView {
 public:
  virtual ~TransactionView() = default;
  // As in RecordStore.
  virtual absl::StatusOr<std::optional<Entity>> Get(EntityType type,
                                                    absl::string_view key) = 0;
  // All of them, by key.
  virtual absl::StatusOr<std::vector<Entity>> ListLinked(
      absl::string_view member, Relation relation) = 0;
};

// Steps that are decided inside the transaction, so that nothing can come
// between what was read and what is written, and that are done all or not at
// all. The result is that of the first step.
struct Decide {
  // For logs; decisions are taken after all other operations of a group.
  std::string key;
  // Refuses with an error. Short, without side effects; may be called again.
  std::function<absl::StatusOr<std::vector<Step>>(TransactionView&)> decide;
  // Makes room rather than takes it: goes on when the disk is full.
  bool deletes = false;
};

using Operation = std::variant<Put, DeleteMember, SetTally, Decide>;

// Makes a repeat of the same request harmless for 24 hours.
struct RequestKey {
  std::string credential;
  std::string method;
  std::string request_id;
  std::string body_hash;
};

// Operations that are made durable together. Each has its own verdict: one that
// is refused does not touch the others.
struct WriteBatch {
  Authority authority;
  absl::Time time;
  // Not begun after this time (DEADLINE_EXCEEDED).
  absl::Time deadline = absl::InfiniteFuture();
  std::optional<RequestKey> request;
  std::vector<Operation> operations;

  void Add(Put put) {
    operations.emplace_back(std::in_place_type<Put>, std::move(put));
  }
  void Add(DeleteMember deletion) {
    operations.emplace_back(std::in_place_type<DeleteMember>,
                            std::move(deletion));
  }
  void Add(Decide decision) {
    operations.emplace_back(std::in_place_type<Decide>, std::move(decision));
  }
};

enum class Outcome : uint8_t {
  kRefused = 0,
  kCreated = 1,
  kUpdated = 2,
  kUnchanged = 3,
  kDeleted = 4,
};

// What became of one operation.
struct OperationResult {
  Outcome outcome = Outcome::kRefused;
  // Why it was refused.
  absl::Status status;
  // Revision of the entity after it; 0 if refused.
  uint64_t revision = 0;
  absl::Time create_time;
  absl::Time update_time;
  std::string owner;
  std::string verified_by;
  std::string tally;
};

struct CommitResult {
  // One per operation, in their order.
  std::vector<OperationResult> results;
  // The record's head after the batch.
  uint64_t revision = 0;
  // The request had been carried out before; these are its first results.
  bool repeated = false;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_WRITE_BATCH_H_
