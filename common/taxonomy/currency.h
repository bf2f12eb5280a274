// Currencies (data/currencies.tsv).

#ifndef MITRA_COMMON_TAXONOMY_CURRENCY_H_
#define MITRA_COMMON_TAXONOMY_CURRENCY_H_

#include "absl/strings/string_view.h"

namespace mitra::taxonomy {

// True for a code of ISO 4217 that stands for money, in capitals: "IDR". Pure
// and safe for concurrent use.
bool IsValidCurrency(absl::string_view code);

}  // namespace mitra::taxonomy

#endif  // MITRA_COMMON_TAXONOMY_CURRENCY_H_
