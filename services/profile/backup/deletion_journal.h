// Who was deleted, kept beside the backups, so that a restored backup brings
// nobody back.

#ifndef MITRA_SERVICES_PROFILE_BACKUP_DELETION_JOURNAL_H_
#define MITRA_SERVICES_PROFILE_BACKUP_DELETION_JOURNAL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/profile/store/entity.h"

namespace mitra::profile {

// A file of lines "revision incarnation hash check" in the order of revisions,
// only ever appended to; ids stand in it as keyed hashes. There is one per key
// of id hashes, so that the records of a folder do not mix. For one thread.
class DeletionJournal {
 public:
  // Opens or creates the journal of a record in a folder of backups. A torn
  // last line is cut off. DATA_LOSS (JOURNAL_DAMAGED) if a line before it is
  // not what was written; INTERNAL (STORAGE_FAILURE).
  static absl::StatusOr<std::unique_ptr<DeletionJournal>> Open(
      const std::string& folder, absl::string_view id_hash_key);
  // What it holds; nothing if there is none.
  static absl::StatusOr<std::vector<Tombstone>> Read(
      const std::string& folder, absl::string_view id_hash_key);
  ~DeletionJournal();
  DeletionJournal(const DeletionJournal&) = delete;
  DeletionJournal& operator=(const DeletionJournal&) = delete;

  // The latest revision in it; 0 for none.
  uint64_t last() const { return last_; }
  // Adds those that are later than last(); on disk when it returns OK.
  absl::Status Append(absl::Span<const Tombstone> deletions);

 private:
  DeletionJournal(int file, uint64_t last) : file_(file), last_(last) {}

  const int file_;
  uint64_t last_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_BACKUP_DELETION_JOURNAL_H_
