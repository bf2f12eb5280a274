#include "common/taxonomy/norm.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/taxonomy/embedded_tables.h"
#include "mitra/v1/member.pb.h"

namespace mitra::taxonomy {
namespace {

struct Row {
  absl::string_view prefix;  // empty for all sectors
  absl::string_view scales;  // digits, see ScaleDigit
  NormDemand demand = NormDemand::kNone;
  absl::string_view basis;
};

char ScaleDigit(v1::Scale scale) {
  switch (scale) {
    case v1::SCALE_SMALL:
      return '2';
    case v1::SCALE_MEDIUM:
      return '3';
    case v1::SCALE_LARGE:
      return '4';
    default:
      return '1';
  }
}

NormDemand ParseDemand(absl::string_view text) {
  if (text == "required") return NormDemand::kRequired;
  if (text == "expected") return NormDemand::kExpected;
  if (text != "none") BadTable(NormsTable(), text);
  return NormDemand::kNone;
}

using RowsByKind = std::array<std::vector<Row>, v1::NormKind_ARRAYSIZE>;

// Rows by kind, the longest prefix first.
const RowsByKind& Rows() {
  static const RowsByKind* const rows = [] {
    auto* table = new RowsByKind;
    ForEachRow(NormsTable(), 5, [&](auto cells) {
      v1::NormKind kind;
      if (!v1::NormKind_Parse(absl::StrCat("NORM_KIND_", cells[0]), &kind)) {
        BadTable(NormsTable(), cells[0]);
      }
      (*table)[kind].push_back(
          {.prefix = cells[1] == "*" ? absl::string_view() : cells[1],
           .scales = cells[2],
           .demand = ParseDemand(cells[3]),
           .basis = cells[4]});
    });
    for (std::vector<Row>& of_kind : *table) {
      std::stable_sort(of_kind.begin(), of_kind.end(),
                       [](const Row& a, const Row& b) {
                         return a.prefix.size() > b.prefix.size();
                       });
    }
    return table;
  }();
  return *rows;
}

// The row that holds for a business, or null.
const Row* Holding(v1::NormKind kind, absl::string_view sector,
                   v1::Scale scale) {
  if (!v1::NormKind_IsValid(kind)) return nullptr;
  for (const Row& row : Rows()[kind]) {
    if (absl::StartsWith(sector, row.prefix) &&
        absl::StrContains(row.scales, ScaleDigit(scale))) {
      return &row;
    }
  }
  return nullptr;
}

}  // namespace

absl::string_view NormEdition() { return TableEdition(NormsTable()); }

std::vector<NormRule> NormsFor(absl::string_view sector, v1::Scale scale) {
  std::vector<NormRule> rules;
  for (int kind = 0; kind < v1::NormKind_ARRAYSIZE; ++kind) {
    const Row* row = Holding(static_cast<v1::NormKind>(kind), sector, scale);
    if (row == nullptr || row->demand == NormDemand::kNone) continue;
    rules.push_back({.kind = static_cast<v1::NormKind>(kind),
                     .demand = row->demand,
                     .basis = row->basis});
  }
  std::stable_sort(
      rules.begin(), rules.end(),
      [](const NormRule& a, const NormRule& b) { return a.demand > b.demand; });
  return rules;
}

NormDemand DemandFor(v1::NormKind kind, absl::string_view sector,
                     v1::Scale scale) {
  const Row* row = Holding(kind, sector, scale);
  return row == nullptr ? NormDemand::kNone : row->demand;
}

}  // namespace mitra::taxonomy
