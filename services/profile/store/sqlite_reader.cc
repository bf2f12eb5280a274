#include "services/profile/store/sqlite_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/status_macros.h"
#include "services/profile/store/sqlite_schema.h"

namespace mitra::profile {
namespace {

size_t SizeOf(const Entity& entity) {
  return entity.key.size() + entity.body.size() + entity.secret.size() +
         entity.vectors.size() + 64;
}

Tombstone ReadTombstone(const Statement& row) {
  return {static_cast<uint64_t>(row.Int(0)), std::string(row.Bytes(1)),
          static_cast<uint64_t>(row.Int(2))};
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteReader>> SqliteReader::Open(
    const std::string& path, const std::string& vfs) {
  auto reader = std::make_unique<SqliteReader>();
  MITRA_ASSIGN_OR_RETURN(reader->connection_,
                         Connection::Open(path, /*writable=*/false, vfs));
  Connection& connection = *reader->connection_;
  MITRA_RETURN_IF_ERROR(ConfigureReader(connection));
  const std::string select = absl::StrCat("SELECT ", kEntityColumns, " FROM ");
  const std::pair<Statement*, std::string> statements[] = {
      {&reader->begin_, "BEGIN"},
      {&reader->end_, "ROLLBACK"},
      {&reader->get_,
       absl::StrCat(select, "entities e WHERE e.type = ? AND e.key = ?")},
      {&reader->list_, absl::StrCat(select,
                                    "entities e WHERE e.type = ? AND "
                                    "e.key > ? ORDER BY e.key")},
      {&reader->list_linked_,
       absl::StrCat(select,
                    "links l CROSS JOIN entities e ON e.type = l.type AND "
                    "e.key = l.key WHERE l.member = ? AND l.relation = ? AND "
                    "l.key > ? ORDER BY l.key")},
      {&reader->list_down_,
       absl::StrCat(select,
                    "links l CROSS JOIN entities e ON e.type = l.type AND "
                    "e.key = l.key WHERE l.member = ? AND l.relation = ? AND "
                    "l.key < ? ORDER BY l.key DESC")},
      {&reader->entities_, absl::StrCat(select,
                                        "entities e WHERE e.revision BETWEEN "
                                        "? AND ? ORDER BY e.revision")},
      {&reader->tombstones_,
       "SELECT revision, id_hash, incarnation FROM tombstones WHERE revision "
       "BETWEEN ? AND ? ORDER BY revision"},
      {&reader->expired_, absl::StrCat(select,
                                       "entities e WHERE e.next_expiry_ms <= "
                                       "? ORDER BY e.next_expiry_ms LIMIT ?")},
      {&reader->count_links_,
       "SELECT relation, count(*) FROM links WHERE member = ? "
       "GROUP BY relation"},
      {&reader->count_external_,
       "SELECT count(*) FROM external_ids WHERE member = ?"},
      {&reader->find_tombstones_,
       "SELECT revision, id_hash, incarnation FROM tombstones "
       "WHERE id_hash = ? ORDER BY revision DESC"},
  };
  for (const auto& [statement, sql] : statements) {
    *statement = connection.Prepare(sql);
    MITRA_RETURN_IF_ERROR(statement->status());
  }
  return reader;
}

Entity SqliteReader::Take(const Statement& row) {
  Entity entity = ReadEntity(row);
  if (entity.damaged) ++damaged_;
  return entity;
}

absl::StatusOr<std::optional<Entity>> SqliteReader::Get(EntityType type,
                                                        absl::string_view key) {
  StatementScope scope(get_);
  get_.Bind(1, static_cast<int64_t>(type)).BindText(2, key);
  MITRA_ASSIGN_OR_RETURN(const bool found, get_.Step());
  if (!found) return std::optional<Entity>();
  Entity entity = Take(get_);
  if (entity.removed) return std::optional<Entity>();
  return std::optional<Entity>(std::move(entity));
}

absl::StatusOr<std::vector<std::optional<Entity>>> SqliteReader::GetMany(
    EntityType type, absl::Span<const std::string> keys) {
  std::vector<std::optional<Entity>> entities;
  entities.reserve(keys.size());
  MITRA_RETURN_IF_ERROR(begin_.Run());
  absl::Status status;
  for (const std::string& key : keys) {
    auto entity = Get(type, key);
    status = entity.status();
    if (!status.ok()) break;
    entities.push_back(*std::move(entity));
  }
  (void)end_.Run();
  if (!status.ok()) return status;
  return entities;
}

absl::StatusOr<EntityPage> SqliteReader::ReadPage(Statement& statement,
                                                  PageLimit limit) {
  StatementScope scope(statement);
  EntityPage page;
  size_t bytes = 0;
  for (;;) {
    MITRA_ASSIGN_OR_RETURN(const bool found, statement.Step());
    if (!found) return page;
    if (page.entities.size() >= limit.entries) break;
    Entity entity = Take(statement);
    if (entity.removed) continue;
    bytes += SizeOf(entity);
    if (bytes > limit.bytes && !page.entities.empty()) break;
    page.entities.push_back(std::move(entity));
  }
  page.more = true;
  return page;
}

absl::StatusOr<EntityPage> SqliteReader::List(EntityType type,
                                              absl::string_view after,
                                              PageLimit limit) {
  list_.Bind(1, static_cast<int64_t>(type)).BindText(2, after);
  return ReadPage(list_, limit);
}

absl::StatusOr<EntityPage> SqliteReader::ListLinked(absl::string_view member,
                                                    Relation relation,
                                                    absl::string_view after,
                                                    PageLimit limit) {
  list_linked_.BindText(1, member)
      .Bind(2, static_cast<int64_t>(relation))
      .BindText(3, after);
  return ReadPage(list_linked_, limit);
}

absl::StatusOr<EntityPage> SqliteReader::ListLinkedDown(
    absl::string_view member, Relation relation, absl::string_view before,
    PageLimit limit) {
  // Keys are ASCII, so all of them are below DEL.
  list_down_.BindText(1, member)
      .Bind(2, static_cast<int64_t>(relation))
      .BindText(3, before.empty() ? absl::string_view("\x7f") : before);
  return ReadPage(list_down_, limit);
}

absl::StatusOr<ChangePage> SqliteReader::ReadChanges(uint64_t from,
                                                     uint64_t head,
                                                     PageLimit limit) {
  ChangePage page;
  page.head = head;
  page.watermark = head;
  if (from > head) return page;
  StatementScope entities_scope(entities_);
  StatementScope tombstones_scope(tombstones_);
  entities_.Bind(1, static_cast<int64_t>(from))
      .Bind(2, static_cast<int64_t>(head));
  tombstones_.Bind(1, static_cast<int64_t>(from))
      .Bind(2, static_cast<int64_t>(head));
  MITRA_ASSIGN_OR_RETURN(bool entity_there, entities_.Step());
  MITRA_ASSIGN_OR_RETURN(bool tombstone_there, tombstones_.Step());
  size_t bytes = 0;
  while (entity_there || tombstone_there) {
    const bool take_entity =
        entity_there &&
        (!tombstone_there || entities_.Int(0) < tombstones_.Int(0));
    Change change =
        take_entity
            ? Change(std::in_place_type<Entity>, Take(entities_))
            : Change(std::in_place_type<Tombstone>, ReadTombstone(tombstones_));
    bytes += take_entity ? SizeOf(std::get<Entity>(change)) : 64;
    if (!page.changes.empty() &&
        (page.changes.size() >= limit.entries || bytes > limit.bytes)) {
      page.watermark = RevisionOf(page.changes.back());
      return page;
    }
    page.changes.push_back(std::move(change));
    Statement& next = take_entity ? entities_ : tombstones_;
    MITRA_ASSIGN_OR_RETURN(const bool more, next.Step());
    (take_entity ? entity_there : tombstone_there) = more;
  }
  return page;
}

absl::StatusOr<std::vector<Tombstone>> SqliteReader::ReadDeletions(
    uint64_t after, size_t limit) {
  std::vector<Tombstone> deletions;
  StatementScope scope(tombstones_);
  tombstones_.Bind(1, static_cast<int64_t>(after) + 1).Bind(2, INT64_MAX);
  while (deletions.size() < limit) {
    MITRA_ASSIGN_OR_RETURN(const bool found, tombstones_.Step());
    if (!found) break;
    deletions.push_back(ReadTombstone(tombstones_));
  }
  return deletions;
}

absl::StatusOr<Footprint> SqliteReader::Trace(absl::string_view member,
                                              absl::string_view id_hash) {
  Footprint footprint;
  MITRA_RETURN_IF_ERROR(begin_.Run());
  const auto read = [&]() -> absl::Status {
    StatementScope links(count_links_);
    StatementScope external(count_external_);
    StatementScope tombstones(find_tombstones_);
    count_links_.BindText(1, member);
    for (;;) {
      MITRA_ASSIGN_OR_RETURN(const bool found, count_links_.Step());
      if (!found) break;
      footprint.links.emplace_back(static_cast<Relation>(count_links_.Int(0)),
                                   static_cast<uint64_t>(count_links_.Int(1)));
    }
    count_external_.BindText(1, member);
    MITRA_RETURN_IF_ERROR(count_external_.Step().status());
    footprint.external_ids = static_cast<uint64_t>(count_external_.Int(0));
    find_tombstones_.Bind(1, id_hash);
    for (;;) {
      MITRA_ASSIGN_OR_RETURN(const bool found, find_tombstones_.Step());
      if (!found) break;
      footprint.deletions.push_back(ReadTombstone(find_tombstones_));
    }
    return absl::OkStatus();
  };
  const absl::Status status = read();
  (void)end_.Run();
  if (!status.ok()) return status;
  return footprint;
}

absl::StatusOr<std::vector<Entity>> SqliteReader::ReadExpired(absl::Time time,
                                                              size_t limit) {
  StatementScope scope(expired_);
  expired_.Bind(1, absl::ToUnixMillis(time))
      .Bind(2, static_cast<int64_t>(limit));
  std::vector<Entity> entities;
  for (;;) {
    MITRA_ASSIGN_OR_RETURN(const bool found, expired_.Step());
    if (!found) return entities;
    entities.push_back(Take(expired_));
  }
}

}  // namespace mitra::profile
