#include "services/profile/store/sqlite_schema.h"

#include <sodium.h>
#include <xxhash.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::profile {
namespace {

constexpr int64_t kSchemaVersion = 3;
constexpr size_t kTokenKeyBytes = 32;
constexpr int64_t kApplicationId = 0x4d495452;  // "MITR"

// The rows of `entities` stand in the order of revisions: a change moves its
// entity to the end. So every write appends, whatever its key, and the change
// feed reads the table in order; only the small index by key is hit at random.
constexpr char kTables[] = R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE entities(
  revision INTEGER PRIMARY KEY,
  type INTEGER NOT NULL,
  key TEXT NOT NULL,
  incarnation INTEGER NOT NULL,
  second_incarnation INTEGER NOT NULL,
  removed INTEGER NOT NULL,
  create_ms INTEGER NOT NULL,
  update_ms INTEGER NOT NULL,
  next_expiry_ms INTEGER,
  owner TEXT NOT NULL,
  verified_by TEXT NOT NULL,
  content_hash BLOB NOT NULL,
  checksum INTEGER NOT NULL,
  body BLOB NOT NULL,
  secret BLOB NOT NULL,
  vectors BLOB NOT NULL,
  tally BLOB NOT NULL DEFAULT x'');
CREATE UNIQUE INDEX entities_by_key ON entities(type, key);
CREATE INDEX entities_by_expiry ON entities(next_expiry_ms)
  WHERE next_expiry_ms IS NOT NULL;
CREATE TABLE links(
  member TEXT NOT NULL,
  relation INTEGER NOT NULL,
  key TEXT NOT NULL,
  type INTEGER NOT NULL,
  other TEXT NOT NULL,
  PRIMARY KEY(member, relation, key)) WITHOUT ROWID;
CREATE TABLE external_ids(
  system TEXT NOT NULL,
  value TEXT NOT NULL,
  member TEXT NOT NULL,
  PRIMARY KEY(system, value)) WITHOUT ROWID;
CREATE INDEX external_ids_by_member ON external_ids(member);
CREATE TABLE tombstones(
  revision INTEGER PRIMARY KEY,
  id_hash BLOB NOT NULL,
  incarnation INTEGER NOT NULL);
CREATE INDEX tombstones_by_hash ON tombstones(id_hash);
CREATE TABLE requests(
  credential TEXT NOT NULL,
  method TEXT NOT NULL,
  request_id TEXT NOT NULL,
  body_hash BLOB NOT NULL,
  outcome BLOB NOT NULL,
  time_ms INTEGER NOT NULL,
  PRIMARY KEY(credential, method, request_id)) WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests(time_ms);
)sql";

std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

absl::StatusOr<int64_t> ReadNumber(Connection& connection,
                                   absl::string_view sql) {
  Statement statement = connection.Prepare(sql);
  MITRA_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

absl::Status WriteMeta(Connection& connection, absl::string_view name,
                       absl::string_view value) {
  return connection.Prepare("INSERT INTO meta(name, value) VALUES(?, ?)")
      .BindText(1, name)
      .Bind(2, value)
      .Run();
}

absl::StatusOr<std::string> ReadMeta(Connection& connection,
                                     absl::string_view name) {
  Statement statement =
      connection.Prepare("SELECT value FROM meta WHERE name = ?");
  statement.BindText(1, name);
  MITRA_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? std::string(statement.Bytes(0)) : "";
}

absl::Status Create(Connection& connection, const std::string& space) {
  uint64_t incarnation = 0;
  while (incarnation == 0) randombytes_buf(&incarnation, sizeof incarnation);
  MITRA_RETURN_IF_ERROR(connection.Execute("BEGIN IMMEDIATE"));
  MITRA_RETURN_IF_ERROR(connection.Execute(kTables));
  MITRA_RETURN_IF_ERROR(
      WriteMeta(connection, "incarnation", absl::StrCat(incarnation)));
  MITRA_RETURN_IF_ERROR(WriteMeta(connection, "id_hash_key", RandomBytes(16)));
  MITRA_RETURN_IF_ERROR(
      WriteMeta(connection, "token_key", RandomBytes(kTokenKeyBytes)));
  MITRA_RETURN_IF_ERROR(WriteMeta(connection, "space", space));
  MITRA_RETURN_IF_ERROR(connection.Execute(
      absl::StrCat("PRAGMA application_id = ", kApplicationId,
                   "; PRAGMA user_version = ", kSchemaVersion)));
  return connection.Execute("COMMIT");
}

// From version 1, which counted nothing of its members.
constexpr char kAddTally[] =
    "ALTER TABLE entities ADD COLUMN tally BLOB NOT NULL DEFAULT x''";

// From version 2, which kept tokens that nobody had checked with the ids in
// them. What they went with goes; its revisions are not counted again.
constexpr char kForgetTokens[] = R"sql(
INSERT OR REPLACE INTO meta(name, value) SELECT 'revision_floor', CAST(max(
  coalesce((SELECT max(revision) FROM entities), 0),
  coalesce((SELECT max(revision) FROM tombstones), 0),
  coalesce((SELECT CAST(value AS INTEGER) FROM meta
            WHERE name = 'revision_floor'), 0)) AS TEXT);
DELETE FROM links WHERE type = 5;
DELETE FROM entities WHERE type = 5;
)sql";

absl::Status Upgrade(Connection& connection, int64_t version) {
  MITRA_RETURN_IF_ERROR(connection.Execute("BEGIN IMMEDIATE"));
  if (version < 2) MITRA_RETURN_IF_ERROR(connection.Execute(kAddTally));
  MITRA_RETURN_IF_ERROR(connection.Execute(kForgetTokens));
  MITRA_RETURN_IF_ERROR(
      WriteMeta(connection, "token_key", RandomBytes(kTokenKeyBytes)));
  MITRA_RETURN_IF_ERROR(connection.Execute(
      absl::StrCat("PRAGMA user_version = ", kSchemaVersion)));
  return connection.Execute("COMMIT");
}

absl::Status Refuse(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason, message);
}

absl::StatusOr<RecordInfo> ReadInfo(Connection& connection) {
  RecordInfo info;
  MITRA_ASSIGN_OR_RETURN(const std::string incarnation,
                         ReadMeta(connection, "incarnation"));
  MITRA_ASSIGN_OR_RETURN(info.id_hash_key, ReadMeta(connection, "id_hash_key"));
  // Backups of earlier versions have none; they get it when they are opened.
  MITRA_ASSIGN_OR_RETURN(info.token_key, ReadMeta(connection, "token_key"));
  MITRA_ASSIGN_OR_RETURN(info.space, ReadMeta(connection, "space"));
  if (!absl::SimpleAtoi(incarnation, &info.incarnation) ||
      info.incarnation == 0 || info.id_hash_key.size() != 16) {
    return Refuse("NOT_A_RECORD", "the record's own description is damaged");
  }
  return info;
}

}  // namespace

absl::StatusOr<RecordInfo> OpenSchema(Connection& connection,
                                      const std::string& space) {
  if (sodium_init() < 0) return absl::InternalError("no source of randomness");
  MITRA_ASSIGN_OR_RETURN(const int64_t version,
                         ReadNumber(connection, "PRAGMA user_version"));
  MITRA_ASSIGN_OR_RETURN(const int64_t application,
                         ReadNumber(connection, "PRAGMA application_id"));
  MITRA_ASSIGN_OR_RETURN(
      const int64_t tables,
      ReadNumber(connection, "SELECT count(*) FROM sqlite_schema"));
  if (version > kSchemaVersion) {
    return Refuse("SCHEMA_TOO_NEW",
                  absl::StrCat("the record has schema ", version,
                               ", this program knows ", kSchemaVersion));
  }
  if (tables == 0) {
    MITRA_RETURN_IF_ERROR(Create(connection, space));
  } else if (application != kApplicationId) {
    return Refuse("NOT_A_RECORD", "the file is not a record of Mitra");
  } else if (version < kSchemaVersion) {
    MITRA_RETURN_IF_ERROR(Upgrade(connection, version));
  }
  MITRA_ASSIGN_OR_RETURN(const RecordInfo info, ReadInfo(connection));
  if (info.token_key.size() != kTokenKeyBytes) {
    return Refuse("NOT_A_RECORD", "the record has no key of tokens");
  }
  if (info.space != space) {
    return Refuse("SPACE_MISMATCH",
                  absl::StrCat("the record's vectors are in space ", info.space,
                               ", the configuration says ", space));
  }
  return info;
}

absl::StatusOr<RecordInfo> ReadRecordInfo(const std::string& file) {
  MITRA_ASSIGN_OR_RETURN(const auto connection,
                         Connection::Open(file, /*writable=*/false, ""));
  return ReadInfo(*connection);
}

absl::StatusOr<uint64_t> MakeAnother(const std::string& file, uint64_t floor) {
  if (sodium_init() < 0) return absl::InternalError("no source of randomness");
  uint64_t incarnation = 0;
  while (incarnation == 0) randombytes_buf(&incarnation, sizeof incarnation);
  MITRA_ASSIGN_OR_RETURN(const auto connection,
                         Connection::Open(file, /*writable=*/true, ""));
  MITRA_RETURN_IF_ERROR(connection->Execute("BEGIN IMMEDIATE"));
  MITRA_RETURN_IF_ERROR(connection->Execute(
      "DELETE FROM meta WHERE name IN ('incarnation', 'revision_floor')"));
  MITRA_RETURN_IF_ERROR(
      WriteMeta(*connection, "incarnation", absl::StrCat(incarnation)));
  MITRA_RETURN_IF_ERROR(
      WriteMeta(*connection, "revision_floor", absl::StrCat(floor)));
  MITRA_RETURN_IF_ERROR(connection->Execute("COMMIT"));
  return incarnation;
}

absl::StatusOr<uint64_t> ReadRevisionFloor(Connection& connection) {
  MITRA_ASSIGN_OR_RETURN(const std::string text,
                         ReadMeta(connection, "revision_floor"));
  uint64_t floor = 0;
  if (!text.empty() && !absl::SimpleAtoi(text, &floor)) {
    return Refuse("NOT_A_RECORD", "the record's own description is damaged");
  }
  return floor;
}

absl::Status ConfigureWriter(Connection& connection) {
  // The writer checkpoints by itself, never SQLite: see SqliteRecordStore.
  MITRA_RETURN_IF_ERROR(connection.Execute(
      "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;"
      "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
      "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;"
      "PRAGMA cache_size = -131072; PRAGMA temp_store = MEMORY"));
  connection.CountLogPages();
  return absl::OkStatus();
}

absl::Status ConfigureReader(Connection& connection) {
  return connection.Execute(
      "PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0;"
      "PRAGMA cache_size = -8192");
}

int64_t ChecksumOf(uint64_t revision, absl::string_view body,
                   absl::string_view secret, absl::string_view vectors,
                   absl::string_view tally) {
  uint64_t hash = XXH3_64bits_withSeed(body.data(), body.size(), revision);
  hash = XXH3_64bits_withSeed(secret.data(), secret.size(), hash);
  hash = XXH3_64bits_withSeed(vectors.data(), vectors.size(), hash);
  // Without one the sum is that of version 1.
  if (!tally.empty()) {
    hash = XXH3_64bits_withSeed(tally.data(), tally.size(), hash);
  }
  return static_cast<int64_t>(hash);
}

Entity ReadEntity(const Statement& row) {
  Entity entity;
  entity.revision = static_cast<uint64_t>(row.Int(0));
  entity.type = static_cast<EntityType>(row.Int(1));
  entity.key = std::string(row.Bytes(2));
  entity.incarnation = static_cast<uint64_t>(row.Int(3));
  entity.second_incarnation = static_cast<uint64_t>(row.Int(4));
  entity.removed = row.Int(5) != 0;
  entity.create_time = absl::FromUnixMillis(row.Int(6));
  entity.update_time = absl::FromUnixMillis(row.Int(7));
  entity.owner = std::string(row.Bytes(8));
  entity.verified_by = std::string(row.Bytes(9));
  entity.content_hash = std::string(row.Bytes(10));
  const absl::string_view body = row.Bytes(12);
  const absl::string_view secret = row.Bytes(13);
  const absl::string_view vectors = row.Bytes(14);
  const absl::string_view tally = row.Bytes(15);
  if (ChecksumOf(entity.revision, body, secret, vectors, tally) !=
      row.Int(11)) {
    entity.damaged = true;
    return entity;
  }
  entity.body = std::string(body);
  entity.secret = std::string(secret);
  entity.vectors = std::string(vectors);
  entity.tally = std::string(tally);
  return entity;
}

}  // namespace mitra::profile
