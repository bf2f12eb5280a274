// Sectors by KBLI (Klasifikasi Baku Lapangan Usaha Indonesia) in the editions
// 2015, 2020 and 2025: codes of 2 to 5 digits and section letters.
//
// KBLI 2020 is canonical inside Mitra: ingestion turns every code into it with
// NormaliseSector, and distances, indexes and rules speak only KBLI 2020.
//
// All functions are pure and safe for concurrent use. Texts that are returned
// live as long as the program.

#ifndef MITRA_COMMON_TAXONOMY_SECTOR_H_
#define MITRA_COMMON_TAXONOMY_SECTOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace mitra::v1 {
enum KbliEdition : int;
}

namespace mitra::taxonomy {

// Edition of the sector tables. Snapshots that hold sector indexes hold it too.
absl::string_view SectorEdition();

// True if `code` (2 to 5 digits) is in that edition. UNSPECIFIED means 2020.
// Of KBLI 2025 only the 5-digit codes are published in our source; its shorter
// codes are valid if they are a prefix of one. Section letters are not valid.
bool IsValidSector(absl::string_view code, v1::KbliEdition edition);

// Title in Indonesian, empty if unknown. A shorter code of KBLI 2025 has none.
absl::string_view SectorTitle(absl::string_view code, v1::KbliEdition edition);
// Title of a KBLI 2020 code or section letter.
absl::string_view SectorTitle(absl::string_view code);

// The KBLI 2020 code that a code of `edition` stands for: the same code where
// the titles agree, another one where a title agrees there, else the deepest
// prefix that still means the same, at least its division (data/README.md says
// how data/sector_map.tsv was derived). A prefix of the answer is always safe
// to use. Empty if `code` is not valid in `edition`, or nothing is known.
absl::string_view NormaliseSector(absl::string_view code,
                                  v1::KbliEdition edition);

// Section letter 'A' to 'U' of a KBLI 2020 code; 0 if the code is unknown.
char SectorSection(absl::string_view code);

// Dense number of a KBLI 2020 code for columns: 1 to SectorCount() in order of
// the codes, so that a code and all below it are one range; kNoSector if
// unknown.
using SectorNumber = uint16_t;
inline constexpr SectorNumber kNoSector = 0;
SectorNumber SectorIndex(absl::string_view code);
size_t SectorCount();
// The code with that index; empty if out of range.
absl::string_view SectorCodeAt(SectorNumber index);
// The indexes of `code` and all below it: [begin, end); (0, 0) if unknown.
struct SectorRange {
  SectorNumber begin = 0;
  SectorNumber end = 0;
  bool Contains(SectorNumber index) const {
    return index >= begin && index < end;
  }
};
SectorRange SectorsUnder(absl::string_view code);

// How much two KBLI 2020 codes have in common.
enum class SectorNearness : uint8_t {
  kSameSubclass = 0,  // 5 digits (kelompok)
  kSameClass = 1,     // 4 digits (subgolongan)
  kSameGroup = 2,     // 3 digits (golongan)
  kSameDivision = 3,  // 2 digits (golongan pokok)
  kSameSection = 4,   // section letter (kategori)
  kUnrelated = 5,     // other sections, or a code that is unknown
};
// By the length of the common prefix. A short code never says more than its
// length: "10" against "10710" is kSameDivision. Symmetric.
SectorNearness SectorDistance(absl::string_view a, absl::string_view b);
SectorNearness SectorDistance(SectorNumber a, SectorNumber b);

// The same as a number: 1, .8, .6, .4, .1, 0 in the order of SectorNearness.
float SectorProximity(absl::string_view a, absl::string_view b);
float SectorProximity(SectorNumber a, SectorNumber b);

// True if businesses of KBLI 2020 sector `supplier` commonly sell what those of
// `buyer` work with (farming → food industry → restaurants). From a short table
// of relations between divisions and groups (data/supply.tsv), written by hand
// from what the classes produce, not estimated from input-output statistics.
// Not symmetric.
bool IsSupplyRelated(absl::string_view supplier, absl::string_view buyer);
bool IsSupplyRelated(SectorNumber supplier, SectorNumber buyer);

// The KBLI 2020 prefixes that supply `buyer`, in order of the table.
std::vector<absl::string_view> SupplierSectors(absl::string_view buyer);

}  // namespace mitra::taxonomy

#endif  // MITRA_COMMON_TAXONOMY_SECTOR_H_
