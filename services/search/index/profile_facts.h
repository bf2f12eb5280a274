// What search takes from a profile of the feed.

#ifndef MITRA_SERVICES_SEARCH_INDEX_PROFILE_FACTS_H_
#define MITRA_SERVICES_SEARCH_INDEX_PROFILE_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/search/filter/row_attributes.h"

namespace mitra::v1 {
class Profile;
class ProfileChange;
}  // namespace mitra::v1

namespace mitra::search {

struct FacetFacts {
  uint8_t role = 0;
  RowAttributes attributes;  // without the member number
  std::vector<Figure> figures;
  // May be shown to others: not hidden, not paused, not over.
  bool eligible = false;
  // d values, or none.
  std::vector<float> need;
  std::vector<float> offer;
};

// The facets of a change. FAILED_PRECONDITION, naming the profile's part that
// is wrong but no content, if roles repeat or are unknown, or vectors are of
// another length than `dimension`, not finite, not of unit length, or of a role
// that the profile does not have: the feed is then another one than we believe.
absl::StatusOr<std::vector<FacetFacts>> FacetsOf(
    const v1::ProfileChange& change, size_t dimension);

// A hash over all that the lexical index takes from the profile: texts and
// lines of business.
uint64_t TextHash(const v1::Profile& profile);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_INDEX_PROFILE_FACTS_H_
