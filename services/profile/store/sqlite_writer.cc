#include "services/profile/store/sqlite_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/profile/store/sqlite_schema.h"

namespace mitra::profile {
namespace {

// About 20 MB.
constexpr size_t kKnownMembers = 1 << 17;

absl::Status EtagMismatch() {
  return MakeError(absl::StatusCode::kAborted, "ETAG_MISMATCH",
                   "etag: the record has changed since it was read");
}

absl::Status NoSuch(EntityType type) {
  return type == EntityType::kProfile
             ? MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                         "no such profile")
             : MakeError(absl::StatusCode::kNotFound, "NOT_FOUND",
                         "no such record");
}

EntityType TypeOf(const Operation& operation) {
  if (std::holds_alternative<Decide>(operation)) return EntityType{255};
  const Put* put = std::get_if<Put>(&operation);
  return put != nullptr ? put->type : EntityType::kProfile;
}

const std::string& KeyOf(const Operation& operation) {
  return std::visit([](const auto& o) -> const std::string& { return o.key; },
                    operation);
}

int64_t Signed(uint64_t value) { return static_cast<int64_t>(value); }

}  // namespace

// What must be known of a stored entity before it is replaced.
struct SqliteWriter::Row {
  uint64_t revision = 0;
  uint64_t incarnation = 0;
  uint64_t second_incarnation = 0;
  bool removed = false;
  absl::Time create_time;
  absl::Time update_time;
  std::string owner;
  std::string verified_by;
  std::string content_hash;
  std::string tally;
};

// One operation of one item, in the order in which they are applied.
struct SqliteWriter::Turn {
  Item* item;
  size_t index;
};

SqliteWriter::SqliteWriter(Connection& connection) : connection_(connection) {}

absl::StatusOr<std::unique_ptr<SqliteWriter>> SqliteWriter::Create(
    Connection& connection) {
  std::unique_ptr<SqliteWriter> writer(new SqliteWriter(connection));
  SqliteWriter& w = *writer;
  const std::pair<Statement*, std::string> statements[] = {
      {&w.begin_, "BEGIN IMMEDIATE"},
      {&w.commit_, "COMMIT"},
      {&w.rollback_, "ROLLBACK"},
      {&w.find_entity_,
       "SELECT revision, incarnation, second_incarnation, removed, create_ms, "
       "update_ms, owner, verified_by, content_hash, tally FROM entities "
       "WHERE type = ? AND key = ?"},
      {&w.find_member_,
       "SELECT incarnation, owner FROM entities WHERE type = 1 AND key = ?"},
      {&w.savepoint_, "SAVEPOINT decision"},
      {&w.release_, "RELEASE decision"},
      {&w.undo_, "ROLLBACK TO decision"},
      {&w.read_entity_,
       absl::StrCat("SELECT ", kEntityColumns,
                    " FROM entities e WHERE e.type = ? AND e.key = ?")},
      {&w.read_linked_,
       absl::StrCat("SELECT ", kEntityColumns,
                    " FROM links l CROSS JOIN entities e ON e.type = l.type "
                    "AND e.key = l.key WHERE l.member = ? AND "
                    "l.relation = ? ORDER BY l.key")},
      {&w.set_tally_,
       "UPDATE entities SET revision = ?, checksum = ?, tally = ? "
       "WHERE revision = ?"},
      {&w.insert_entity_,
       "INSERT INTO entities(revision, type, key, incarnation, "
       "second_incarnation, removed, create_ms, update_ms, next_expiry_ms, "
       "owner, verified_by, content_hash, checksum, body, secret, vectors, "
       "tally) "
       "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&w.delete_entity_, "DELETE FROM entities WHERE revision = ?"},
      {&w.delete_by_key_, "DELETE FROM entities WHERE type = ? AND key = ?"},
      {&w.insert_link_,
       "INSERT OR REPLACE INTO links(member, relation, key, type, other) "
       "VALUES(?, ?, ?, ?, ?)"},
      {&w.delete_link_,
       "DELETE FROM links WHERE member = ? AND relation = ? AND key = ?"},
      {&w.delete_links_, "DELETE FROM links WHERE member = ?"},
      {&w.find_links_,
       "SELECT relation, key, type, other FROM links WHERE member = ?"},
      {&w.find_tombstone_,
       "SELECT revision FROM tombstones WHERE id_hash = ? "
       "ORDER BY revision DESC LIMIT 1"},
      {&w.insert_tombstone_,
       "INSERT INTO tombstones(revision, id_hash, incarnation) "
       "VALUES(?, ?, ?)"},
  };
  for (const auto& [statement, sql] : statements) {
    *statement = connection.Prepare(sql);
    MITRA_RETURN_IF_ERROR(statement->status());
  }
  MITRA_RETURN_IF_ERROR(w.external_ids_.Prepare(connection));
  MITRA_RETURN_IF_ERROR(w.requests_.Prepare(connection));
  Statement latest = connection.Prepare(
      "SELECT max(coalesce((SELECT max(revision) FROM entities), 0), "
      "coalesce((SELECT max(revision) FROM tombstones), 0))");
  MITRA_RETURN_IF_ERROR(latest.Step().status());
  MITRA_ASSIGN_OR_RETURN(const uint64_t floor, ReadRevisionFloor(connection));
  w.head_ = std::max(static_cast<uint64_t>(latest.Int(0)), floor);
  w.next_revision_ = w.head_ + 1;
  return writer;
}

absl::StatusOr<CommittedChanges> SqliteWriter::Write(std::vector<Item>& items) {
  auto changes = std::make_shared<std::vector<Change>>();
  absl::Status status = begin_.Run();
  if (status.ok()) status = WriteAll(items, *changes);
  if (status.ok()) status = commit_.Run();
  if (!status.ok()) {
    if (!connection_.idle()) (void)rollback_.Run();
    next_revision_ = head_ + 1;
    known_members_.clear();
    return status;
  }
  head_ = next_revision_ - 1;
  for (Item& item : items) {
    if (item.result.ok() && !item.result->repeated) {
      item.result->revision = head_;
    }
  }
  return CommittedChanges(std::move(changes));
}

absl::Status SqliteWriter::WriteAll(std::vector<Item>& items,
                                    std::vector<Change>& changes) {
  std::vector<Turn> turns;
  for (Item& item : items) {
    item.result = CommitResult();
    bool found = false;
    if (item.batch->request) {
      MITRA_RETURN_IF_ERROR(requests_.Find(*item.batch, item.result, found));
    }
    if (found) continue;
    item.result->results.resize(item.batch->operations.size());
    for (size_t i = 0; i < item.batch->operations.size(); ++i) {
      turns.push_back({&item, i});
    }
  }
  // Stable: of operations on one key the later one comes later.
  std::stable_sort(turns.begin(), turns.end(),
                   [](const Turn& a, const Turn& b) {
                     const Operation& x = a.item->batch->operations[a.index];
                     const Operation& y = b.item->batch->operations[b.index];
                     if (TypeOf(x) != TypeOf(y)) return TypeOf(x) < TypeOf(y);
                     return KeyOf(x) < KeyOf(y);
                   });
  for (const Turn& turn : turns) {
    WriteBatch& batch = *turn.item->batch;
    OperationResult& result = turn.item->result->results[turn.index];
    MITRA_RETURN_IF_ERROR(std::visit(
        [&](auto& operation) {
          return Apply(batch, operation, result, changes);
        },
        batch.operations[turn.index]));
  }
  absl::Time now = absl::InfinitePast();
  for (Item& item : items) {
    now = std::max(now, item.batch->time);
    if (!item.batch->request || !item.result.ok() || item.result->repeated) {
      continue;
    }
    item.result->revision = next_revision_ - 1;
    MITRA_RETURN_IF_ERROR(requests_.Store(*item.batch, *item.result));
  }
  return requests_.ForgetOld(now);
}

absl::StatusOr<std::optional<SqliteWriter::Row>> SqliteWriter::Find(
    EntityType type, absl::string_view key) {
  StatementScope scope(find_entity_);
  find_entity_.Bind(1, static_cast<int64_t>(type)).BindText(2, key);
  MITRA_ASSIGN_OR_RETURN(const bool found, find_entity_.Step());
  if (!found) return std::optional<Row>();
  Row row;
  row.revision = static_cast<uint64_t>(find_entity_.Int(0));
  row.incarnation = static_cast<uint64_t>(find_entity_.Int(1));
  row.second_incarnation = static_cast<uint64_t>(find_entity_.Int(2));
  row.removed = find_entity_.Int(3) != 0;
  row.create_time = absl::FromUnixMillis(find_entity_.Int(4));
  row.update_time = absl::FromUnixMillis(find_entity_.Int(5));
  row.owner = std::string(find_entity_.Bytes(6));
  row.verified_by = std::string(find_entity_.Bytes(7));
  row.content_hash = std::string(find_entity_.Bytes(8));
  row.tally = std::string(find_entity_.Bytes(9));
  return std::optional<Row>(std::move(row));
}

absl::StatusOr<const SqliteWriter::KnownMember*> SqliteWriter::FindMember(
    const std::string& key) {
  const auto known = known_members_.find(key);
  if (known != known_members_.end()) return &known->second;
  StatementScope scope(find_member_);
  find_member_.BindText(1, key);
  MITRA_ASSIGN_OR_RETURN(const bool found, find_member_.Step());
  if (!found) return nullptr;
  if (known_members_.size() >= kKnownMembers) known_members_.clear();
  KnownMember& member = known_members_[key];
  member.incarnation = static_cast<uint64_t>(find_member_.Int(0));
  member.owner = std::string(find_member_.Bytes(1));
  return &member;
}

absl::Status SqliteWriter::Apply(const WriteBatch& batch, Put& put,
                                 OperationResult& result,
                                 std::vector<Change>& changes) {
  MITRA_ASSIGN_OR_RETURN(const std::optional<Row> current,
                         Find(put.type, put.key));
  const bool live = current && !current->removed;
  const Authority& authority = batch.authority;
  Entity entity;
  absl::Status refusal;
  if (put.by_member) {
    MITRA_RETURN_IF_ERROR(CheckLinks(batch, put, entity, refusal));
    if (!refusal.ok()) {
      result.status = std::move(refusal);
      return absl::OkStatus();
    }
  }
  if (current && !authority.all_members && !put.by_record && !put.by_member &&
      current->owner != authority.credential) {
    result.status =
        put.mode == Put::Mode::kUpdate
            ? NoSuch(put.type)
            : MakeError(absl::StatusCode::kPermissionDenied, "NOT_OWNER",
                        "the id belongs to another credential");
    return absl::OkStatus();
  }
  const bool same = current && !put.content_hash.empty() &&
                    current->content_hash == put.content_hash;
  if ((live && same && !put.derived) ||
      (current && current->removed && put.removed)) {
    result = {Outcome::kUnchanged,  absl::OkStatus(),     current->revision,
              current->create_time, current->update_time, current->owner,
              current->verified_by, current->tally};
    return absl::OkStatus();
  }
  if (!live && put.mode == Put::Mode::kUpdate) {
    result.status = NoSuch(put.type);
    return absl::OkStatus();
  }
  if (put.mode == Put::Mode::kCreate && current && !same) {
    result.status =
        MakeError(absl::StatusCode::kAlreadyExists,
                  put.type == EntityType::kEvidence ? "EVIDENCE_ID_TAKEN"
                                                    : "ALREADY_EXISTS",
                  "the id exists with another content");
    return absl::OkStatus();
  }
  if (put.expected_revision &&
      *put.expected_revision != (live ? current->revision : 0)) {
    result.status = EtagMismatch();
    return absl::OkStatus();
  }

  entity.type = put.type;
  entity.revision = next_revision_;
  entity.removed = put.removed;
  entity.create_time = live ? current->create_time : batch.time;
  entity.update_time = batch.time;
  entity.owner = current ? current->owner : authority.credential;
  if (!live && put.create_time) entity.create_time = *put.create_time;
  if (!current && !put.owner.empty()) entity.owner = put.owner;
  if (current || put.links.empty()) {
    entity.incarnation = current ? current->incarnation : entity.revision;
  }
  if (current) {
    entity.second_incarnation = current->second_incarnation;
    entity.tally = current->tally;
  }
  if (put.verified_by) {
    entity.verified_by = *put.verified_by;
  } else if (current) {
    entity.verified_by = current->verified_by;
  }
  entity.content_hash = put.content_hash.empty() && current
                            ? current->content_hash
                            : put.content_hash;
  if (!current && !put.links.empty() && !put.by_member) {
    MITRA_RETURN_IF_ERROR(CheckLinks(batch, put, entity, refusal));
  }
  if (refusal.ok()) MITRA_RETURN_IF_ERROR(external_ids_.Check(put, refusal));
  if (!refusal.ok()) {
    result.status = std::move(refusal);
    return absl::OkStatus();
  }

  MITRA_RETURN_IF_ERROR(Store(put, current, entity));
  ++next_revision_;
  result = {live ? Outcome::kUpdated : Outcome::kCreated,
            absl::OkStatus(),
            entity.revision,
            entity.create_time,
            entity.update_time,
            entity.owner,
            entity.verified_by,
            entity.tally};
  // A withdrawal may be tried again, when the disk was full.
  entity.key = put.removed ? put.key : std::move(put.key);
  entity.body = put.removed ? put.body : std::move(put.body);
  entity.secret = std::move(put.secret);
  entity.vectors = std::move(put.vectors);
  changes.emplace_back(std::in_place_type<Entity>, std::move(entity));
  return absl::OkStatus();
}

absl::Status SqliteWriter::CheckLinks(const WriteBatch& batch, const Put& put,
                                      Entity& entity, absl::Status& refusal) {
  for (size_t i = 0; i < put.links.size(); ++i) {
    const MemberLink& link = put.links[i];
    MITRA_ASSIGN_OR_RETURN(const KnownMember* const member,
                           FindMember(link.member));
    if (member == nullptr ||
        (link.incarnation != 0 && link.incarnation != member->incarnation) ||
        (link.must_own && !batch.authority.all_members &&
         member->owner != batch.authority.credential)) {
      refusal = MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                          absl::StrCat(link.field, ": no such profile"),
                          {{"field", link.field}});
      return absl::OkStatus();
    }
    if (i > 1) continue;
    (i == 0 ? entity.incarnation : entity.second_incarnation) =
        member->incarnation;
  }
  return absl::OkStatus();
}

absl::Status SqliteWriter::Store(const Put& put,
                                 const std::optional<Row>& current,
                                 const Entity& entity) {
  if (current) {
    MITRA_RETURN_IF_ERROR(
        delete_entity_.Bind(1, Signed(current->revision)).Run());
  }
  insert_entity_.Bind(1, Signed(entity.revision))
      .Bind(2, static_cast<int64_t>(put.type))
      .BindText(3, put.key)
      .Bind(4, Signed(entity.incarnation))
      .Bind(5, Signed(entity.second_incarnation))
      .Bind(6, entity.removed ? 1 : 0)
      .Bind(7, absl::ToUnixMillis(entity.create_time))
      .Bind(8, absl::ToUnixMillis(entity.update_time));
  if (put.next_expiry) {
    // Rounded up: never due before its time.
    insert_entity_.Bind(
        9, absl::ToUnixMillis(*put.next_expiry + absl::Nanoseconds(999'999)));
  } else {
    insert_entity_.BindNull(9);
  }
  MITRA_RETURN_IF_ERROR(
      insert_entity_.BindText(10, entity.owner)
          .BindText(11, entity.verified_by)
          .Bind(12, entity.content_hash)
          .Bind(13, ChecksumOf(entity.revision, put.body, put.secret,
                               put.vectors, entity.tally))
          .Bind(14, put.body)
          .Bind(15, put.secret)
          .Bind(16, put.vectors)
          .Bind(17, entity.tally)
          .Run());
  if (!current) {
    for (size_t i = 0; i < put.links.size(); ++i) {
      const MemberLink& link = put.links[i];
      const absl::string_view other =
          put.links.size() >= 2 && i < 2
              ? absl::string_view(put.links[1 - i].member)
              : absl::string_view();
      MITRA_RETURN_IF_ERROR(insert_link_.BindText(1, link.member)
                                .Bind(2, static_cast<int64_t>(link.relation))
                                .BindText(3, put.key)
                                .Bind(4, static_cast<int64_t>(put.type))
                                .BindText(5, other)
                                .Run());
    }
  }
  if (put.type != EntityType::kProfile) return absl::OkStatus();
  return external_ids_.Store(put, /*replaces=*/current.has_value());
}

absl::Status SqliteWriter::Apply(const WriteBatch& batch,
                                 DeleteMember& deletion,
                                 OperationResult& result,
                                 std::vector<Change>& changes) {
  MITRA_ASSIGN_OR_RETURN(const std::optional<Row> current,
                         Find(EntityType::kProfile, deletion.key));
  if (!current) {
    StatementScope scope(find_tombstone_);
    find_tombstone_.Bind(1, deletion.id_hash);
    MITRA_ASSIGN_OR_RETURN(const bool found, find_tombstone_.Step());
    if (found) {
      result.outcome = Outcome::kUnchanged;
      result.revision = static_cast<uint64_t>(find_tombstone_.Int(0));
    } else {
      result.status = NoSuch(EntityType::kProfile);
    }
    return absl::OkStatus();
  }
  if (!batch.authority.all_members &&
      current->owner != batch.authority.credential) {
    result.status = NoSuch(EntityType::kProfile);
    return absl::OkStatus();
  }
  if (deletion.expected_revision &&
      *deletion.expected_revision != current->revision) {
    result.status = EtagMismatch();
    return absl::OkStatus();
  }
  known_members_.erase(deletion.key);
  MITRA_RETURN_IF_ERROR(DeleteLinked(deletion.key));
  MITRA_RETURN_IF_ERROR(external_ids_.Delete(deletion.key));
  MITRA_RETURN_IF_ERROR(
      delete_entity_.Bind(1, Signed(current->revision)).Run());
  Tombstone tombstone{next_revision_, deletion.id_hash, current->incarnation};
  MITRA_RETURN_IF_ERROR(insert_tombstone_.Bind(1, Signed(tombstone.revision))
                            .Bind(2, tombstone.id_hash)
                            .Bind(3, Signed(tombstone.incarnation))
                            .Run());
  ++next_revision_;
  result.outcome = Outcome::kDeleted;
  result.revision = tombstone.revision;
  changes.emplace_back(std::in_place_type<Tombstone>, std::move(tombstone));
  return absl::OkStatus();
}

// What a decision reads; failures of the storage are kept apart from what it
// refuses.
class SqliteWriter::View : public TransactionView {
 public:
  explicit View(SqliteWriter& writer) : writer_(writer) {}

  absl::StatusOr<std::optional<Entity>> Get(EntityType type,
                                            absl::string_view key) override {
    Statement& read = writer_.read_entity_;
    StatementScope scope(read);
    read.Bind(1, static_cast<int64_t>(type)).BindText(2, key);
    MITRA_ASSIGN_OR_RETURN(const bool found, Next(read));
    if (!found) return std::optional<Entity>();
    Entity entity = ReadEntity(read);
    if (entity.removed) return std::optional<Entity>();
    return std::optional<Entity>(std::move(entity));
  }

  absl::StatusOr<std::vector<Entity>> ListLinked(absl::string_view member,
                                                 Relation relation) override {
    Statement& read = writer_.read_linked_;
    StatementScope scope(read);
    read.BindText(1, member).Bind(2, static_cast<int64_t>(relation));
    std::vector<Entity> entities;
    for (;;) {
      MITRA_ASSIGN_OR_RETURN(const bool found, Next(read));
      if (!found) return entities;
      Entity entity = ReadEntity(read);
      if (!entity.removed) entities.push_back(std::move(entity));
    }
  }

  const absl::Status& status() const { return status_; }

 private:
  absl::StatusOr<bool> Next(Statement& read) {
    absl::StatusOr<bool> found = read.Step();
    status_.Update(found.status());
    return found;
  }

  SqliteWriter& writer_;
  absl::Status status_;
};

absl::Status SqliteWriter::Apply(const WriteBatch&, const SetTally& set,
                                 OperationResult& result,
                                 std::vector<Change>& changes) {
  View view(*this);
  MITRA_ASSIGN_OR_RETURN(std::optional<Entity> entity,
                         view.Get(EntityType::kProfile, set.key));
  result.outcome = Outcome::kUnchanged;
  // The record does not add to what it cannot read.
  if (!entity || entity->damaged || entity->tally == set.tally) {
    return absl::OkStatus();
  }
  const uint64_t before = entity->revision;
  entity->revision = next_revision_;
  entity->tally = set.tally;
  MITRA_RETURN_IF_ERROR(
      set_tally_.Bind(1, Signed(entity->revision))
          .Bind(2, ChecksumOf(entity->revision, entity->body, entity->secret,
                              entity->vectors, entity->tally))
          .Bind(3, entity->tally)
          .Bind(4, Signed(before))
          .Run());
  ++next_revision_;
  result = {Outcome::kUpdated,   absl::OkStatus(),    entity->revision,
            entity->create_time, entity->update_time, entity->owner,
            entity->verified_by, entity->tally};
  changes.emplace_back(std::in_place_type<Entity>, *std::move(entity));
  return absl::OkStatus();
}

absl::Status SqliteWriter::Apply(const WriteBatch& batch,
                                 const Decide& decision,
                                 OperationResult& result,
                                 std::vector<Change>& changes) {
  View view(*this);
  absl::StatusOr<std::vector<Step>> steps = decision.decide(view);
  MITRA_RETURN_IF_ERROR(view.status());
  if (!steps.ok()) {
    result.status = steps.status();
    return absl::OkStatus();
  }
  return ApplyTogether(batch, *steps, result, changes);
}

absl::Status SqliteWriter::ApplyTogether(const WriteBatch& batch,
                                         std::vector<Step>& steps,
                                         OperationResult& result,
                                         std::vector<Change>& changes) {
  const uint64_t first_revision = next_revision_;
  const size_t changes_before = changes.size();
  MITRA_RETURN_IF_ERROR(savepoint_.Run());
  for (size_t i = 0; i < steps.size(); ++i) {
    OperationResult one;
    MITRA_RETURN_IF_ERROR(
        std::visit([&](auto& step) { return Apply(batch, step, one, changes); },
                   steps[i]));
    if (!one.status.ok()) {
      result = OperationResult();
      result.status = std::move(one.status);
      MITRA_RETURN_IF_ERROR(undo_.Run());
      known_members_.clear();
      next_revision_ = first_revision;
      changes.erase(changes.begin() + static_cast<ptrdiff_t>(changes_before),
                    changes.end());
      break;
    }
    if (i == 0) result = std::move(one);
  }
  return release_.Run();
}

absl::Status SqliteWriter::DeleteLinked(absl::string_view member) {
  struct Found {
    Relation relation;
    std::string key;
    int64_t type;
    std::string other;
  };
  std::vector<Found> linked;
  {
    StatementScope scope(find_links_);
    find_links_.BindText(1, member);
    for (;;) {
      MITRA_ASSIGN_OR_RETURN(const bool found, find_links_.Step());
      if (!found) break;
      linked.push_back({static_cast<Relation>(find_links_.Int(0)),
                        std::string(find_links_.Bytes(1)), find_links_.Int(2),
                        std::string(find_links_.Bytes(3))});
    }
  }
  for (const Found& found : linked) {
    if (found.relation == Relation::kAlternate) continue;
    MITRA_RETURN_IF_ERROR(
        delete_by_key_.Bind(1, found.type).BindText(2, found.key).Run());
    if (found.other.empty()) continue;
    MITRA_RETURN_IF_ERROR(
        delete_link_.BindText(1, found.other)
            .Bind(2, static_cast<int64_t>(OtherSide(found.relation)))
            .BindText(3, found.key)
            .Run());
  }
  return delete_links_.BindText(1, member).Run();
}

}  // namespace mitra::profile
