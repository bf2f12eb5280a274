// Reads of the record on one connection.

#ifndef MITRA_SERVICES_PROFILE_STORE_SQLITE_READER_H_
#define MITRA_SERVICES_PROFILE_STORE_SQLITE_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/profile/store/record_store.h"
#include "services/profile/store/sqlite_connection.h"

namespace mitra::profile {

// Used by one thread at a time. Each call is one short read; none leaves a
// transaction open. The methods are those of RecordStore; `head` is the head
// that was known before the call.
class SqliteReader {
 public:
  static absl::StatusOr<std::unique_ptr<SqliteReader>> Open(
      const std::string& path, const std::string& vfs);

  absl::StatusOr<std::optional<Entity>> Get(EntityType type,
                                            absl::string_view key);
  absl::StatusOr<std::vector<std::optional<Entity>>> GetMany(
      EntityType type, absl::Span<const std::string> keys);
  absl::StatusOr<EntityPage> List(EntityType type, absl::string_view after,
                                  PageLimit limit);
  absl::StatusOr<EntityPage> ListLinked(absl::string_view member,
                                        Relation relation,
                                        absl::string_view after,
                                        PageLimit limit);
  absl::StatusOr<EntityPage> ListLinkedDown(absl::string_view member,
                                            Relation relation,
                                            absl::string_view before,
                                            PageLimit limit);
  absl::StatusOr<ChangePage> ReadChanges(uint64_t from, uint64_t head,
                                         PageLimit limit);
  absl::StatusOr<std::vector<Entity>> ReadExpired(absl::Time time,
                                                  size_t limit);
  absl::StatusOr<std::vector<Tombstone>> ReadDeletions(uint64_t after,
                                                       size_t limit);
  absl::StatusOr<Footprint> Trace(absl::string_view member,
                                  absl::string_view id_hash);

  uint64_t damaged() const { return damaged_; }

 private:
  absl::StatusOr<EntityPage> ReadPage(Statement& statement, PageLimit limit);
  Entity Take(const Statement& row);

  std::unique_ptr<Connection> connection_;
  uint64_t damaged_ = 0;
  Statement begin_, end_;
  Statement get_, list_, list_linked_, list_down_, entities_, tombstones_,
      expired_, count_links_, count_external_, find_tombstones_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_SQLITE_READER_H_
