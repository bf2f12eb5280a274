// The tables of the record and what is fixed when it is created.

#ifndef MITRA_SERVICES_PROFILE_STORE_SQLITE_SCHEMA_H_
#define MITRA_SERVICES_PROFILE_STORE_SQLITE_SCHEMA_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/profile/store/record_store.h"
#include "services/profile/store/sqlite_connection.h"

namespace mitra::profile {

// Creates the tables if the file is new, else checks that they are ours.
// `space` is the embedding space of a new record; an old record must have the
// same. FAILED_PRECONDITION if the file was written by a newer version
// (SCHEMA_TOO_NEW), is something else (NOT_A_RECORD), or is in another space
// (SPACE_MISMATCH); nothing is written then.
absl::StatusOr<RecordInfo> OpenSchema(Connection& connection,
                                      const std::string& space);

// The description of a record that nobody has open.
absl::StatusOr<RecordInfo> ReadRecordInfo(const std::string& file);

// Makes a copied record another one, with a new incarnation, which it returns.
// Its next revision is after `floor`, so that what was counted in the life of
// the first one is never counted again.
absl::StatusOr<uint64_t> MakeAnother(const std::string& file, uint64_t floor);

// The revision after which the record begins to count, besides what is in it.
absl::StatusOr<uint64_t> ReadRevisionFloor(Connection& connection);

// Settings of a connection: of the one that writes, and of those that read.
absl::Status ConfigureWriter(Connection& connection);
absl::Status ConfigureReader(Connection& connection);

// The columns of an entity, in the order in which ReadEntity() takes them, of
// the table that is called `e` in the statement.
inline constexpr char kEntityColumns[] =
    "e.revision, e.type, e.key, e.incarnation, e.second_incarnation, "
    "e.removed, e.create_ms, e.update_ms, e.owner, e.verified_by, "
    "e.content_hash, e.checksum, e.body, e.secret, e.vectors, e.tally";

// Checksum of what is stored of an entity.
int64_t ChecksumOf(uint64_t revision, absl::string_view body,
                   absl::string_view secret, absl::string_view vectors,
                   absl::string_view tally);

// The entity in the current row of a statement that selects kEntityColumns.
// Its bytes are checked against their checksum.
Entity ReadEntity(const Statement& row);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_SQLITE_SCHEMA_H_
