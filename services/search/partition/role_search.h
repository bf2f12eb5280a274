// The k best rows of one role: chooses between scanning and walking, adds the
// delta, and scores what was found exactly.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_ROLE_SEARCH_H_
#define MITRA_SERVICES_SEARCH_PARTITION_ROLE_SEARCH_H_

#include <cstddef>
#include <limits>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "roaring/roaring.hh"
#include "services/search/partition/partition.h"

namespace mitra::search {

struct SearchPlan {
  // Up to this many rows are always scanned: exact, and at this size as fast as
  // a walk at a recall of .98.
  size_t scan_rows = 20000;
  // Up to this many matches of a filter are always scanned.
  size_t scan_matches = 30000;
  // Rows that are scanned in the time in which a walk becomes one row broader.
  // Measured at 2×128 dimensions and 86,000 rows: 8 ns a row against 0.6 µs on
  // a quiet machine, 16 against 0.6 when others want the memory, too.
  size_t rows_per_breadth = 60;
};

// Immutable parts of one role, as a view holds them.
struct RolePartitions {
  VectorRows::View rows;
  // The graph; null while the role is small.
  std::shared_ptr<const Partition> sealed;
  // Rows that may be found and are not in `sealed`.
  std::shared_ptr<const Roaring> outside;
};

// Returns the min(k, rows that pass) best rows by exact score, best first, rows
// of equal score in the order of `before`, which compares rows. Exact when the
// role is scanned; when its graph is walked, as good as the walk. Rows that
// score less than `least` may be left out. `lasting` says that `before` is the
// same relation for all who search this role: then its graph keeps what it
// learns of it, and dead rows are asked for, too.
absl::StatusOr<std::vector<ScoredRow>> SearchRole(
    const RolePartitions& role, const RowFilter& filter, const Query& query,
    size_t k, const SearchPlan& plan, RowsBefore before,
    float least = -std::numeric_limits<float>::infinity(),
    bool lasting = false);

// One of many searches of a role, as of SearchRole.
struct RoleQuestion {
  const RowFilter* filter = nullptr;
  const Query* query = nullptr;
  size_t k = 0;
  float least = -std::numeric_limits<float>::infinity();
};

// The answers of SearchRole(lasting) to each question, in their order: walks
// begin together, and rows are scanned for all of them at once.
std::vector<absl::StatusOr<std::vector<ScoredRow>>> SearchRoleForAll(
    const RolePartitions& role, absl::Span<const RoleQuestion> questions,
    const SearchPlan& plan, RowsBefore before);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_ROLE_SEARCH_H_
