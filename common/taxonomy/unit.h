// Units of quantities: codes, dimensions, conversion (data/units.tsv).
//
// Pure and safe for concurrent use; texts live as long as the program.

#ifndef MITRA_COMMON_TAXONOMY_UNIT_H_
#define MITRA_COMMON_TAXONOMY_UNIT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/taxonomy/names.h"

namespace mitra::taxonomy {

// What a unit measures. Amounts of different dimensions never compare.
enum class Dimension {
  kNone = 0,  // unknown unit
  kMass,      // base kg
  kVolume,    // base l
  kLength,    // base m
  kArea,      // base m2
  kTime,      // base day; a month is 30 and a year 365 days
  kCount,     // base pcs
  kPortion,   // base portion
  kPack,      // base box; packages have no common size, so each is its own
              // and converts to no other
  kPerson,    // base person
  kEnergy,    // base kwh
};

// True for a code of the table, for example "kg". Codes are lower case.
bool IsValidUnit(absl::string_view code);

// The dimension of a unit; kNone if it is unknown.
Dimension UnitDimension(absl::string_view code);

// The name for people, for example "kilogram", "porsi" / "portion"; empty if
// unknown.
absl::string_view UnitName(absl::string_view code, Language language);

// All codes, in the order of the table.
std::vector<absl::string_view> UnitCodes();

// `amount` of unit `from` expressed in unit `to`. INVALID_ARGUMENT, naming
// "unit", if a unit is unknown or one cannot be turned into the other, and
// naming "amount" if it or the result is not finite.
absl::StatusOr<double> Convert(double amount, absl::string_view from,
                               absl::string_view to);

}  // namespace mitra::taxonomy

#endif  // MITRA_COMMON_TAXONOMY_UNIT_H_
