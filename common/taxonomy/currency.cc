#include "common/taxonomy/currency.h"

#include "absl/container/flat_hash_set.h"
#include "common/taxonomy/embedded_tables.h"

namespace mitra::taxonomy {

bool IsValidCurrency(absl::string_view code) {
  static const auto* const kCodes = [] {
    auto* table = new absl::flat_hash_set<absl::string_view>;
    ForEachRow(CurrenciesTable(), 2, [&](auto cells) {
      const absl::string_view row = cells[0];
      if (row.size() != 3 || !table->insert(row).second) {
        BadTable(CurrenciesTable(), row);
      }
    });
    return table;
  }();
  return kCodes->contains(code);
}

}  // namespace mitra::taxonomy
