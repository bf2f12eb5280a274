// Regions of Indonesia by their Kemendagri code, dotted, four levels:
// province "33", regency (kabupaten or kota) "33.72", district (kecamatan)
// "33.72.01", village (desa or kelurahan) "33.72.01.1001".
//
// The first three levels are a table (data/regions.tsv, Kemendagri codes as
// published by idn-area-data 3.1.2, ODbL 1.0). Villages are accepted by their
// grammar when their district is in the table, and otherwise behave as that
// district.
//
// All functions are pure and safe for concurrent use. Texts that are returned
// live as long as the program. Look-ups by code are one hash look-up, look-ups
// by index one array access.

#ifndef MITRA_COMMON_TAXONOMY_REGION_H_
#define MITRA_COMMON_TAXONOMY_REGION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace mitra::taxonomy {

// Edition of the region table, for example "kemendagri/idn-area-data-3.1.2".
// Snapshots that hold region indexes must hold it too: indexes of another
// edition mean other places.
absl::string_view RegionEdition();

// True for a code of the current table, or a village in one of its districts.
// False for former codes: see CurrentRegion.
bool IsValidRegion(absl::string_view code);

// The code under which the place of `code` is known today: `code` itself if it
// is valid, the new code if it was replaced (data/region_changes.tsv: the six
// provinces of Papua of 2022, Kalimantan Utara, Sulawesi Barat), nothing if it
// is unknown. A village of a former district is its district, a district of a
// former regency whose districts are not listed is that regency: what is given
// is always the right place, if a wider one. A number that was given to another
// place since means that place. Ingestion stores this.
std::optional<std::string> CurrentRegion(absl::string_view code);

// Name, for example "Jawa Tengah", "Kota Surakarta", "Laweyan". A village has
// its district's name. Empty if the code is unknown.
absl::string_view RegionName(absl::string_view code);

// Name with the ancestors, for people: "Laweyan, Kota Surakarta, Jawa Tengah".
std::string RegionFullName(absl::string_view code);

// 1 province, 2 regency, 3 district, 4 village; 0 if the code is unknown.
int RegionLevel(absl::string_view code);

// The ancestor-or-self of `code` at `level` (1 to 4), a prefix of `code`. Empty
// if the code is unknown or above that level.
absl::string_view AncestorAt(absl::string_view code, int level);

// Dense number of a region for columns: 1 to RegionCount() in order of the
// codes, so that a region and all below it are one range. kNoRegion for unknown
// codes and for members that are everywhere; a village has its district's.
using RegionNumber = uint16_t;
inline constexpr RegionNumber kNoRegion = 0;
RegionNumber RegionIndex(absl::string_view code);

// Number of regions in the table; valid indexes are 1 to RegionCount().
size_t RegionCount();

// The code with that index; empty for kNoRegion or an index out of range.
absl::string_view RegionCodeAt(RegionNumber index);

// The indexes of `code` and all below it: [begin, end). Empty (0, 0) if the
// code is unknown. A filter by region prefix is a test against this range.
struct RegionRange {
  RegionNumber begin = 0;
  RegionNumber end = 0;
  bool Contains(RegionNumber index) const {
    return index >= begin && index < end;
  }
};
RegionRange RegionsUnder(absl::string_view code);

// How near two regions are, nearest first.
enum class RegionNearness : uint8_t {
  kSameDistrict = 0,
  kSameRegency = 1,
  kSameProvince = 2,
  // Other provinces of one island (islands joined by a bridge count as one).
  kSameIsland = 3,
  // Water lies between, or nothing is known of one of the two. Never a
  // neighbour, even inside one province or regency.
  kElsewhere = 4,
};

// Nearness by the deepest common ancestor, and by island: two places on
// different islands (data/islands.tsv) are kElsewhere whatever ancestor they
// share. If one region contains the other, the level of the container decides.
// Symmetric.
RegionNearness RegionDistance(absl::string_view a, absl::string_view b);
RegionNearness RegionDistance(RegionNumber a, RegionNumber b);

// Nearness as a number in [0, 1]: 1 same district, .8 same regency, .5 same
// province, .25 same island; across water .15 in one regency, .1 in one
// province, else 0. 0 if one is unknown. Symmetric. The steps order places;
// they are no measured acceptance, which is what the ranking profile is for.
float RegionProximity(absl::string_view a, absl::string_view b);
float RegionProximity(RegionNumber a, RegionNumber b);

// Name of the island that a region stands on, for example "Jawa", "Lombok".
// Empty if the region is unknown or spreads over several islands.
absl::string_view RegionIsland(absl::string_view code);

}  // namespace mitra::taxonomy

#endif  // MITRA_COMMON_TAXONOMY_REGION_H_
