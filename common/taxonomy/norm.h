// Which norms a business needs, by sector and scale (data/norms.tsv).
//
// The table is a help for people and a feature for ranking, not legal advice:
// it knows the sector of a business, not its products. Pure and safe for
// concurrent use.

#ifndef MITRA_COMMON_TAXONOMY_NORM_H_
#define MITRA_COMMON_TAXONOMY_NORM_H_

#include <vector>

#include "absl/strings/string_view.h"

namespace mitra::v1 {
enum NormKind : int;
enum Scale : int;
}  // namespace mitra::v1

namespace mitra::taxonomy {

// How strongly a norm is asked for.
enum class NormDemand {
  // Nothing asks for it.
  kNone = 0,
  // Not demanded by law; buyers and partners commonly ask for it.
  kExpected = 1,
  // Demanded by a regulation for the usual product of the sector.
  kRequired = 2,
};

struct NormRule {
  v1::NormKind kind;
  NormDemand demand = NormDemand::kNone;
  // The regulation or custom behind it, in Indonesian; lives for ever.
  absl::string_view basis;
};

// Edition of the table.
absl::string_view NormEdition();

// The norms for a business of that KBLI 2020 sector and scale, those required
// first, then by kind; at most one rule per kind and none with kNone. An
// unknown sector gets only what holds for all sectors. SCALE_UNSPECIFIED is
// read as micro, the most lenient.
std::vector<NormRule> NormsFor(absl::string_view sector, v1::Scale scale);

// The demand for one norm.
NormDemand DemandFor(v1::NormKind kind, absl::string_view sector,
                     v1::Scale scale);

}  // namespace mitra::taxonomy

#endif  // MITRA_COMMON_TAXONOMY_NORM_H_
