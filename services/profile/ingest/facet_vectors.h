// The vectors of a profile's facets: made from their texts, or taken from the
// caller.

#ifndef MITRA_SERVICES_PROFILE_INGEST_FACET_VECTORS_H_
#define MITRA_SERVICES_PROFILE_INGEST_FACET_VECTORS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "common/embedding/embedder.h"

namespace mitra::v1 {
class Profile;
}

namespace mitra::profile {

// Vectors are stored as they travel in the feed: the serialised fields
// `vectors` of a ProfileChange, one FacetVectors per facet, each side d
// little-endian float32 of unit length or empty.

// Embeds what each facet of `shown` (the followers' form) seeks and gives. What
// has expired does not count. The need side speaks of needs only; the offer
// side of offers, the headline, and, where a member sells, its products; the
// text about the member and its sectors stand behind both. Without needs there
// is no need vector.
std::string EmbedFacets(const v1::Profile& shown,
                        const embedding::Embedder& embedder);

// Takes the callers' vectors of `given`, scaled to unit length.
std::string TakeVectors(const v1::Profile& given);

// Puts stored vectors back into the facets of the same role that bring none, as
// made by `model`.
void RestoreVectors(absl::string_view vectors, absl::string_view model,
                    v1::Profile& given);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_FACET_VECTORS_H_
