// The data files of this folder, as bytes inside the library.

#ifndef MITRA_COMMON_TAXONOMY_EMBEDDED_TABLES_H_
#define MITRA_COMMON_TAXONOMY_EMBEDDED_TABLES_H_

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mitra::taxonomy {

absl::string_view RegionsTable();
absl::string_view RegionChangesTable();
absl::string_view IslandsTable();
absl::string_view Sectors2015Table();
absl::string_view Sectors2020Table();
absl::string_view Sectors2025Table();
absl::string_view SectorMapTable();
absl::string_view SupplyTable();
absl::string_view NormsTable();
absl::string_view UnitsTable();
absl::string_view CurrenciesTable();
absl::string_view RelatedWordsTable();

// The edition of a table: its first line without "# ".
absl::string_view TableEdition(absl::string_view table);

// Calls `row` for each row of a table, in order, with its `columns` cells,
// which live as long as the program. Ends the program if a row has another
// number of cells: the tables are part of the code.
void ForEachRow(
    absl::string_view table, size_t columns,
    absl::FunctionRef<void(absl::Span<const absl::string_view>)> row);

// Ends the program because `table` is wrong near `where`.
[[noreturn]] void BadTable(absl::string_view table, absl::string_view where);

}  // namespace mitra::taxonomy

#endif  // MITRA_COMMON_TAXONOMY_EMBEDDED_TABLES_H_
