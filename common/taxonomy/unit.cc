#include "common/taxonomy/unit.h"

#include <cmath>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/taxonomy/embedded_tables.h"

namespace mitra::taxonomy {
namespace {

struct Unit {
  absl::string_view code;
  Dimension dimension = Dimension::kNone;
  double factor = 0;
  absl::string_view indonesian;
  absl::string_view english;
};

Dimension ParseDimension(absl::string_view name) {
  static const auto* const kNames =
      new absl::flat_hash_map<absl::string_view, Dimension>{
          {"mass", Dimension::kMass},       {"volume", Dimension::kVolume},
          {"length", Dimension::kLength},   {"area", Dimension::kArea},
          {"time", Dimension::kTime},       {"count", Dimension::kCount},
          {"portion", Dimension::kPortion}, {"pack", Dimension::kPack},
          {"person", Dimension::kPerson},   {"energy", Dimension::kEnergy}};
  const auto found = kNames->find(name);
  if (found == kNames->end()) BadTable(UnitsTable(), name);
  return found->second;
}

const std::vector<Unit>& Units() {
  static const auto* const units = [] {
    auto* table = new std::vector<Unit>;
    ForEachRow(UnitsTable(), 5, [&](auto cells) {
      Unit unit{.code = cells[0],
                .dimension = ParseDimension(cells[1]),
                .indonesian = cells[3],
                .english = cells[4]};
      if (!absl::SimpleAtod(cells[2], &unit.factor) || !(unit.factor > 0)) {
        BadTable(UnitsTable(), unit.code);
      }
      table->push_back(unit);
    });
    return table;
  }();
  return *units;
}

// Null if the code is unknown.
const Unit* Find(absl::string_view code) {
  static const auto* const by_code = [] {
    auto* table = new absl::flat_hash_map<absl::string_view, const Unit*>;
    for (const Unit& unit : Units()) {
      if (!table->emplace(unit.code, &unit).second) {
        BadTable(UnitsTable(), unit.code);
      }
    }
    return table;
  }();
  const auto found = by_code->find(code);
  return found == by_code->end() ? nullptr : found->second;
}

bool Comparable(const Unit& a, const Unit& b) {
  return a.code == b.code ||
         (a.dimension == b.dimension && a.dimension != Dimension::kPack);
}

}  // namespace

bool IsValidUnit(absl::string_view code) { return Find(code) != nullptr; }

Dimension UnitDimension(absl::string_view code) {
  const Unit* unit = Find(code);
  return unit == nullptr ? Dimension::kNone : unit->dimension;
}

absl::string_view UnitName(absl::string_view code, Language language) {
  const Unit* unit = Find(code);
  if (unit == nullptr) return {};
  return language == Language::kEnglish ? unit->english : unit->indonesian;
}

std::vector<absl::string_view> UnitCodes() {
  std::vector<absl::string_view> codes;
  for (const Unit& unit : Units()) codes.push_back(unit.code);
  return codes;
}

absl::StatusOr<double> Convert(double amount, absl::string_view from,
                               absl::string_view to) {
  const Unit* source = Find(from);
  const Unit* target = Find(to);
  if (source == nullptr || target == nullptr) {
    return InvalidField(
        "unit", absl::StrCat("unknown unit \"",
                             CutUtf8(source == nullptr ? from : to, 32), "\""));
  }
  if (!Comparable(*source, *target)) {
    return InvalidField("unit", absl::StrCat("cannot turn ", source->code,
                                             " into ", target->code));
  }
  // The same unit gives back the same number, without rounding.
  const double result =
      source == target ? amount : amount * source->factor / target->factor;
  if (!std::isfinite(amount) || !std::isfinite(result)) {
    return InvalidField("amount", "must be finite");
  }
  return result;
}

}  // namespace mitra::taxonomy
