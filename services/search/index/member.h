// What search keeps of a member besides the rows of its facets.

#ifndef MITRA_SERVICES_SEARCH_INDEX_MEMBER_H_
#define MITRA_SERVICES_SEARCH_INDEX_MEMBER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/inlined_vector.h"
#include "services/search/persistent/cow_vector.h"

namespace mitra::search {

// Roles are the values of v1::Role, 1 to 9.
inline constexpr int kRoles = 10;

struct FacetRow {
  uint8_t role;
  uint32_t row;  // in the role's rows
};

// Immutable; a change makes a new one.
struct Member {
  std::string id;
  std::string display_name;
  std::string region_code;
  uint64_t incarnation = 0;
  uint64_t revision = 0;
  bool hidden = false;
  // Names the text of this member in the lexical index; 0 for none.
  uint64_t text_serial = 0;
  uint64_t text_hash = 0;
  absl::InlinedVector<FacetRow, 2> facets;
};

// By dense member number; null where no member is.
using MemberVector = CowVector<std::shared_ptr<const Member>, 64>;

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_INDEX_MEMBER_H_
