#include "common/taxonomy/sector.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/taxonomy/embedded_tables.h"
#include "mitra/v1/member.pb.h"

namespace mitra::taxonomy {
namespace {

constexpr size_t kMaxDigits = 5;

bool IsSectionLetter(absl::string_view code) {
  return code.size() == 1 && absl::ascii_isupper(code[0]);
}

// 2 to 5 digits; whether they mean anything is a matter of the tables.
bool IsCode(absl::string_view code) {
  return code.size() >= 2 && code.size() <= kMaxDigits &&
         std::all_of(code.begin(), code.end(), absl::ascii_isdigit);
}

int DivisionOf(absl::string_view code) {
  return (code[0] - '0') * 10 + (code[1] - '0');
}

struct Sector {
  absl::string_view code;
  absl::string_view title;
  char section = 0;
  SectorNumber end = 0;  // one behind the last sector below this one
};

struct SupplyRow {
  absl::string_view supplier_code;
  SectorRange supplier;
  SectorRange buyer;
};

// An edition that is not canonical.
struct Edition {
  absl::flat_hash_map<absl::string_view, absl::string_view> titles;
  absl::flat_hash_set<absl::string_view> prefixes;
  // Codes that do not stand for themselves.
  absl::flat_hash_map<absl::string_view, absl::string_view> canonical;

  bool Contains(absl::string_view code) const {
    return titles.contains(code) || prefixes.contains(code);
  }
};

class SectorTable {
 public:
  SectorTable() : sectors_(1) {
    ReadCanonical();
    ReadEdition(Sectors2015Table(), edition_2015_);
    ReadEdition(Sectors2025Table(), edition_2025_);
    ForEachRow(SectorMapTable(), 3, [&](auto cells) {
      Edition& edition = cells[0] == "2015" ? edition_2015_ : edition_2025_;
      if (!edition.Contains(cells[1]) || Find(cells[2]) == kNoSector) {
        BadTable(SectorMapTable(), cells[1]);
      }
      edition.canonical.emplace(cells[1], cells[2]);
    });
    ForEachRow(SupplyTable(), 3, [&](auto cells) {
      const SectorRange supplier = Under(cells[0]);
      const SectorRange buyer = Under(cells[1]);
      if (supplier.begin == kNoSector || buyer.begin == kNoSector) {
        BadTable(SupplyTable(), cells[0]);
      }
      supply_by_buyer_[DivisionOf(cells[1])].push_back(
          {cells[0], supplier, buyer});
    });
  }

  SectorNumber Find(absl::string_view code) const {
    const auto found = by_code_.find(code);
    return found == by_code_.end() ? kNoSector : found->second;
  }
  const Sector& At(SectorNumber index) const {
    return sectors_[index < sectors_.size() ? index : kNoSector];
  }
  SectorRange Under(absl::string_view code) const {
    const SectorNumber index = Find(code);
    return {.begin = index, .end = At(index).end};
  }
  size_t size() const { return sectors_.size() - 1; }

  // Null for the canonical edition and for values that are no edition.
  const Edition* Other(v1::KbliEdition edition) const {
    switch (edition) {
      case v1::KBLI_EDITION_2015:
        return &edition_2015_;
      case v1::KBLI_EDITION_2025:
        return &edition_2025_;
      default:
        return nullptr;
    }
  }

  const std::vector<SupplyRow>& SupplyTo(const Sector& buyer) const {
    static const auto* const kNone = new std::vector<SupplyRow>;
    return IsCode(buyer.code) ? supply_by_buyer_[DivisionOf(buyer.code)]
                              : *kNone;
  }

 private:
  void ReadCanonical() {
    char section = 0;
    SectorNumber section_index = kNoSector;
    ForEachRow(Sectors2020Table(), 2, [&](auto cells) {
      const absl::string_view code = cells[0];
      const auto index = static_cast<SectorNumber>(sectors_.size());
      if (IsSectionLetter(code)) {
        section = code[0];
        section_index = index;
      } else if (!IsCode(code)) {
        BadTable(Sectors2020Table(), code);
      }
      if (section_index == kNoSector ||
          sectors_.size() == std::numeric_limits<SectorNumber>::max() ||
          !by_code_.emplace(code, index).second) {
        BadTable(Sectors2020Table(), code);
      }
      sectors_.push_back({.code = code, .title = cells[1], .section = section});
      // In order of the codes a sector comes before all that is below it.
      sectors_[section_index].end = index + 1;
      for (size_t length = 2; length <= code.size(); ++length) {
        const SectorNumber ancestor = Find(code.substr(0, length));
        if (ancestor == kNoSector) BadTable(Sectors2020Table(), code);
        sectors_[ancestor].end = index + 1;
      }
    });
  }

  void ReadEdition(absl::string_view table, Edition& edition) {
    ForEachRow(table, 2, [&](auto cells) {
      const absl::string_view code = cells[0];
      const bool as_2020 = cells[1] == "=";
      if (!IsCode(code) || (as_2020 && Find(code) == kNoSector)) {
        BadTable(table, code);
      }
      edition.titles.emplace(code, as_2020 ? At(Find(code)).title : cells[1]);
      for (size_t length = 2; length < code.size(); ++length) {
        edition.prefixes.insert(code.substr(0, length));
      }
    });
  }

  std::vector<Sector> sectors_;  // [0] stands for none
  absl::flat_hash_map<absl::string_view, SectorNumber> by_code_;
  Edition edition_2015_;
  Edition edition_2025_;
  std::array<std::vector<SupplyRow>, 100> supply_by_buyer_;
};

const SectorTable& Table() {
  static const SectorTable* const table = new SectorTable;
  return *table;
}

bool IsEdition(v1::KbliEdition edition) {
  return v1::KbliEdition_IsValid(edition);
}

}  // namespace

absl::string_view SectorEdition() { return TableEdition(Sectors2020Table()); }

bool IsValidSector(absl::string_view code, v1::KbliEdition edition) {
  if (!IsCode(code) || !IsEdition(edition)) return false;
  const Edition* other = Table().Other(edition);
  return other != nullptr ? other->Contains(code)
                          : Table().Find(code) != kNoSector;
}

absl::string_view SectorTitle(absl::string_view code, v1::KbliEdition edition) {
  if (!IsEdition(edition)) return {};
  const Edition* other = Table().Other(edition);
  if (other == nullptr) return SectorTitle(code);
  const auto found = other->titles.find(code);
  return found == other->titles.end() ? absl::string_view() : found->second;
}

absl::string_view SectorTitle(absl::string_view code) {
  return Table().At(Table().Find(code)).title;
}

absl::string_view NormaliseSector(absl::string_view code,
                                  v1::KbliEdition edition) {
  if (!IsValidSector(code, edition)) return {};
  absl::string_view canonical = code;
  if (const Edition* other = Table().Other(edition); other != nullptr) {
    const auto found = other->canonical.find(code);
    if (found != other->canonical.end()) canonical = found->second;
  }
  // The text of the table, which outlives the caller's.
  return Table().At(Table().Find(canonical)).code;
}

char SectorSection(absl::string_view code) {
  return Table().At(Table().Find(code)).section;
}

SectorNumber SectorIndex(absl::string_view code) { return Table().Find(code); }

size_t SectorCount() { return Table().size(); }

absl::string_view SectorCodeAt(SectorNumber index) {
  return Table().At(index).code;
}

SectorRange SectorsUnder(absl::string_view code) { return Table().Under(code); }

SectorNearness SectorDistance(absl::string_view a, absl::string_view b) {
  return SectorDistance(SectorIndex(a), SectorIndex(b));
}

SectorNearness SectorDistance(SectorNumber a, SectorNumber b) {
  const Sector& first = Table().At(a);
  const Sector& second = Table().At(b);
  if (first.section == 0 || first.section != second.section) {
    return SectorNearness::kUnrelated;
  }
  const size_t shorter = std::min(first.code.size(), second.code.size());
  size_t common = 0;
  while (common < shorter && first.code[common] == second.code[common]) {
    ++common;
  }
  switch (common) {
    case 5:
      return SectorNearness::kSameSubclass;
    case 4:
      return SectorNearness::kSameClass;
    case 3:
      return SectorNearness::kSameGroup;
    case 2:
      return SectorNearness::kSameDivision;
    default:
      return SectorNearness::kSameSection;
  }
}

float SectorProximity(absl::string_view a, absl::string_view b) {
  return SectorProximity(SectorIndex(a), SectorIndex(b));
}

float SectorProximity(SectorNumber a, SectorNumber b) {
  constexpr float kProximity[] = {1, .8f, .6f, .4f, .1f, 0};
  return kProximity[static_cast<size_t>(SectorDistance(a, b))];
}

bool IsSupplyRelated(absl::string_view supplier, absl::string_view buyer) {
  return IsSupplyRelated(SectorIndex(supplier), SectorIndex(buyer));
}

bool IsSupplyRelated(SectorNumber supplier, SectorNumber buyer) {
  for (const SupplyRow& row : Table().SupplyTo(Table().At(buyer))) {
    if (row.supplier.Contains(supplier) && row.buyer.Contains(buyer)) {
      return true;
    }
  }
  return false;
}

std::vector<absl::string_view> SupplierSectors(absl::string_view buyer) {
  std::vector<absl::string_view> suppliers;
  const SectorNumber index = SectorIndex(buyer);
  for (const SupplyRow& row : Table().SupplyTo(Table().At(index))) {
    if (row.buyer.Contains(index)) suppliers.push_back(row.supplier_code);
  }
  return suppliers;
}

}  // namespace mitra::taxonomy
