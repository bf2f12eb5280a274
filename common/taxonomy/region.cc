#include "common/taxonomy/region.h"

#include <limits>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/taxonomy/embedded_tables.h"

namespace mitra::taxonomy {
namespace {

// Bytes of a dotted code of each level.
constexpr size_t kCodeLength[] = {0, 2, 5, 8, 13};

using IslandNumber = uint8_t;
constexpr IslandNumber kNoIsland = 0;

struct Region {
  absl::string_view code;
  absl::string_view name;
  int level = 0;
  // Ancestor-or-self by level; kNoRegion below the own level.
  RegionNumber ancestors[4] = {};
  // One behind the last region below this one.
  RegionNumber end = 0;
  IslandNumber island = kNoIsland;
};

int LevelOfLength(size_t length) {
  for (int level = 1; level <= 4; ++level) {
    if (kCodeLength[level] == length) return level;
  }
  return 0;
}

// ".1001", ".2001" or ".3001": a kelurahan, a desa or a desa adat.
bool IsVillageSuffix(absl::string_view suffix) {
  return suffix.size() == 5 && suffix[0] == '.' && suffix[1] >= '1' &&
         suffix[1] <= '3' && absl::ascii_isdigit(suffix[2]) &&
         absl::ascii_isdigit(suffix[3]) && absl::ascii_isdigit(suffix[4]);
}

// ".07".
bool IsDistrictSuffix(absl::string_view suffix) {
  return suffix.size() == 3 && suffix[0] == '.' &&
         absl::ascii_isdigit(suffix[1]) && absl::ascii_isdigit(suffix[2]);
}

class RegionTable {
 public:
  RegionTable() : regions_(1), islands_{""} {
    ReadRegions();
    ReadIslands();
    ForEachRow(RegionChangesTable(), 2, [&](auto cells) {
      const absl::string_view former = cells[0];
      if (Find(cells[1]) == kNoRegion || Find(former) != kNoRegion ||
          former.size() != cells[1].size() ||
          !changes_.emplace(former, cells[1]).second) {
        BadTable(RegionChangesTable(), former);
      }
      if (former.size() == kCodeLength[3]) {
        districts_known_.insert(former.substr(0, kCodeLength[2]));
      }
    });
  }

  // kNoRegion if the code is unknown; the district of a village.
  RegionNumber Find(absl::string_view code) const {
    if (code.size() == kCodeLength[4] &&
        IsVillageSuffix(code.substr(kCodeLength[3]))) {
      code = code.substr(0, kCodeLength[3]);
    }
    const auto found = by_code_.find(code);
    return found == by_code_.end() ? kNoRegion : found->second;
  }

  const Region& At(RegionNumber index) const {
    return regions_[index < regions_.size() ? index : kNoRegion];
  }
  size_t size() const { return regions_.size() - 1; }
  absl::string_view IslandName(IslandNumber island) const {
    return islands_[island];
  }

  std::optional<std::string> Current(absl::string_view code) const {
    if (Find(code) != kNoRegion) return std::string(code);
    // Villages were numbered anew, too: their district is what is known.
    if (code.size() == kCodeLength[4] &&
        IsVillageSuffix(code.substr(kCodeLength[3]))) {
      code = code.substr(0, kCodeLength[3]);
    }
    if (const auto change = changes_.find(code); change != changes_.end()) {
      return std::string(change->second);
    }
    if (code.size() != kCodeLength[3] ||
        !IsDistrictSuffix(code.substr(kCodeLength[2])) ||
        districts_known_.contains(code.substr(0, kCodeLength[2]))) {
      return std::nullopt;
    }
    const auto regency = changes_.find(code.substr(0, kCodeLength[2]));
    if (regency == changes_.end()) return std::nullopt;
    return std::string(regency->second);
  }

 private:
  void ReadRegions() {
    ForEachRow(RegionsTable(), 2, [&](auto cells) {
      const auto index = static_cast<RegionNumber>(regions_.size());
      Region region{.code = cells[0],
                    .name = cells[1],
                    .level = LevelOfLength(cells[0].size())};
      if (region.level < 1 || region.level > 3 ||
          regions_.size() == std::numeric_limits<RegionNumber>::max() ||
          !by_code_.emplace(region.code, index).second) {
        BadTable(RegionsTable(), region.code);
      }
      for (int level = 1; level <= region.level; ++level) {
        region.ancestors[level] =
            Find(region.code.substr(0, kCodeLength[level]));
        if (region.ancestors[level] == kNoRegion) {
          BadTable(RegionsTable(), region.code);
        }
      }
      regions_.push_back(region);
      // In order of the codes a region comes before all that is below it.
      for (int level = 1; level <= region.level; ++level) {
        regions_[region.ancestors[level]].end = index + 1;
      }
    });
  }

  void ReadIslands() {
    absl::flat_hash_map<absl::string_view, IslandNumber> numbers;
    absl::flat_hash_map<absl::string_view, IslandNumber> by_region;
    ForEachRow(IslandsTable(), 2, [&](auto cells) {
      if (Find(cells[0]) == kNoRegion) BadTable(IslandsTable(), cells[0]);
      IslandNumber island = kNoIsland;
      if (cells[1] != "-") {
        const auto [entry, added] = numbers.emplace(
            cells[1], static_cast<IslandNumber>(islands_.size()));
        if (added) islands_.push_back(cells[1]);
        island = entry->second;
      }
      by_region[cells[0]] = island;
    });
    if (islands_.size() > std::numeric_limits<IslandNumber>::max()) {
      BadTable(IslandsTable(), "number of islands");
    }
    for (Region& region : regions_) {
      for (int level = region.level; level >= 1; --level) {
        const auto found =
            by_region.find(region.code.substr(0, kCodeLength[level]));
        if (found == by_region.end()) continue;
        region.island = found->second;
        break;
      }
    }
  }

  std::vector<Region> regions_;  // [0] stands for none
  absl::flat_hash_map<absl::string_view, RegionNumber> by_code_;
  std::vector<absl::string_view> islands_;
  // By former code; and the former regencies whose districts are all listed.
  absl::flat_hash_map<absl::string_view, absl::string_view> changes_;
  absl::flat_hash_set<absl::string_view> districts_known_;
};

const RegionTable& Table() {
  static const RegionTable* const table = new RegionTable;
  return *table;
}

// The deepest level at which the two have the same ancestor; 0 if none.
int CommonLevel(const Region& a, const Region& b) {
  int level = 0;
  while (level < 3 && a.ancestors[level + 1] != kNoRegion &&
         a.ancestors[level + 1] == b.ancestors[level + 1]) {
    ++level;
  }
  return level;
}

// One contains the other, or they are the same.
bool Nested(const Region& a, const Region& b, int common_level) {
  return common_level > 0 &&
         (common_level == a.level || common_level == b.level);
}

bool OnOneIsland(const Region& a, const Region& b) {
  return a.island != kNoIsland && a.island == b.island;
}

}  // namespace

absl::string_view RegionEdition() { return TableEdition(RegionsTable()); }

bool IsValidRegion(absl::string_view code) {
  return Table().Find(code) != kNoRegion;
}

std::optional<std::string> CurrentRegion(absl::string_view code) {
  return Table().Current(code);
}

absl::string_view RegionName(absl::string_view code) {
  return Table().At(Table().Find(code)).name;
}

std::string RegionFullName(absl::string_view code) {
  const Region& region = Table().At(Table().Find(code));
  std::string name(region.name);
  for (int level = region.level - 1; level >= 1; --level) {
    absl::StrAppend(&name, ", ", Table().At(region.ancestors[level]).name);
  }
  return name;
}

int RegionLevel(absl::string_view code) {
  return IsValidRegion(code) ? LevelOfLength(code.size()) : 0;
}

absl::string_view AncestorAt(absl::string_view code, int level) {
  if (level < 1 || level > RegionLevel(code)) return {};
  return code.substr(0, kCodeLength[level]);
}

RegionNumber RegionIndex(absl::string_view code) { return Table().Find(code); }

size_t RegionCount() { return Table().size(); }

absl::string_view RegionCodeAt(RegionNumber index) {
  return Table().At(index).code;
}

RegionRange RegionsUnder(absl::string_view code) {
  const RegionNumber index = Table().Find(code);
  return {.begin = index, .end = Table().At(index).end};
}

RegionNearness RegionDistance(absl::string_view a, absl::string_view b) {
  return RegionDistance(RegionIndex(a), RegionIndex(b));
}

RegionNearness RegionDistance(RegionNumber a, RegionNumber b) {
  const Region& first = Table().At(a);
  const Region& second = Table().At(b);
  const int level = CommonLevel(first, second);
  if (!OnOneIsland(first, second) && !Nested(first, second, level)) {
    return RegionNearness::kElsewhere;
  }
  switch (level) {
    case 3:
      return RegionNearness::kSameDistrict;
    case 2:
      return RegionNearness::kSameRegency;
    case 1:
      return RegionNearness::kSameProvince;
    default:
      return RegionNearness::kSameIsland;
  }
}

float RegionProximity(absl::string_view a, absl::string_view b) {
  return RegionProximity(RegionIndex(a), RegionIndex(b));
}

float RegionProximity(RegionNumber a, RegionNumber b) {
  switch (RegionDistance(a, b)) {
    case RegionNearness::kSameDistrict:
      return 1;
    case RegionNearness::kSameRegency:
      return .8f;
    case RegionNearness::kSameProvince:
      return .5f;
    case RegionNearness::kSameIsland:
      return .25f;
    case RegionNearness::kElsewhere:
      break;
  }
  switch (CommonLevel(Table().At(a), Table().At(b))) {
    case 2:
      return .15f;
    case 1:
      return .1f;
    default:
      return 0;
  }
}

absl::string_view RegionIsland(absl::string_view code) {
  const RegionTable& table = Table();
  return table.IslandName(table.At(table.Find(code)).island);
}

}  // namespace mitra::taxonomy
