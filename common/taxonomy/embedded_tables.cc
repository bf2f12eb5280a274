#include "common/taxonomy/embedded_tables.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

// The assembler reads the files: no generated source, no long compilation.
// MITRA_TAXONOMY_DATA is the data folder, from CMakeLists.txt.
#define MITRA_EMBED(name)                                        \
  asm(".pushsection .rodata\n"                                   \
      ".global mitra_taxonomy_" #name                            \
      "_begin\n"                                                 \
      ".global mitra_taxonomy_" #name                            \
      "_end\n"                                                   \
      "mitra_taxonomy_" #name                                    \
      "_begin:\n"                                                \
      ".incbin \"" MITRA_TAXONOMY_DATA "/" #name                 \
      ".tsv\"\n"                                                 \
      "mitra_taxonomy_" #name                                    \
      "_end:\n"                                                  \
      ".byte 0\n"                                                \
      ".popsection\n");                                          \
  extern "C" const char mitra_taxonomy_##name##_begin[];         \
  extern "C" const char mitra_taxonomy_##name##_end[];           \
  namespace mitra::taxonomy {                                    \
  namespace {                                                    \
  absl::string_view Bytes_##name() {                             \
    return {mitra_taxonomy_##name##_begin,                       \
            static_cast<size_t>(mitra_taxonomy_##name##_end -    \
                                mitra_taxonomy_##name##_begin)}; \
  }                                                              \
  }                                                              \
  }

MITRA_EMBED(regions)
MITRA_EMBED(region_changes)
MITRA_EMBED(islands)
MITRA_EMBED(sectors_2015)
MITRA_EMBED(sectors_2020)
MITRA_EMBED(sectors_2025)
MITRA_EMBED(sector_map)
MITRA_EMBED(supply)
MITRA_EMBED(norms)
MITRA_EMBED(units)
MITRA_EMBED(currencies)
MITRA_EMBED(related_words)

namespace mitra::taxonomy {

absl::string_view RegionsTable() { return Bytes_regions(); }
absl::string_view RegionChangesTable() { return Bytes_region_changes(); }
absl::string_view IslandsTable() { return Bytes_islands(); }
absl::string_view Sectors2015Table() { return Bytes_sectors_2015(); }
absl::string_view Sectors2020Table() { return Bytes_sectors_2020(); }
absl::string_view Sectors2025Table() { return Bytes_sectors_2025(); }
absl::string_view SectorMapTable() { return Bytes_sector_map(); }
absl::string_view SupplyTable() { return Bytes_supply(); }
absl::string_view NormsTable() { return Bytes_norms(); }
absl::string_view UnitsTable() { return Bytes_units(); }
absl::string_view CurrenciesTable() { return Bytes_currencies(); }
absl::string_view RelatedWordsTable() { return Bytes_related_words(); }

absl::string_view TableEdition(absl::string_view table) {
  absl::string_view line = table.substr(0, table.find('\n'));
  absl::ConsumePrefix(&line, "# ");
  return line;
}

void ForEachRow(
    absl::string_view table, size_t columns,
    absl::FunctionRef<void(absl::Span<const absl::string_view>)> row) {
  std::vector<absl::string_view> cells;
  for (absl::string_view line : absl::StrSplit(table, '\n')) {
    if (line.empty() || line.front() == '#') continue;
    cells.clear();
    for (absl::string_view cell : absl::StrSplit(line, '\t')) {
      cells.push_back(cell);
    }
    if (cells.size() != columns) BadTable(table, line);
    row(cells);
  }
}

void BadTable(absl::string_view table, absl::string_view where) {
  std::fprintf(stderr, "taxonomy: table %s is wrong at \"%s\"\n",
               std::string(TableEdition(table)).c_str(),
               std::string(where).c_str());
  std::abort();
}

}  // namespace mitra::taxonomy
