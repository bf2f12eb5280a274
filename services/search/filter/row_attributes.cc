#include "services/search/filter/row_attributes.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"

namespace mitra::search {
namespace {

enum class Attribute : uint64_t {
  kKind = 1,
  kScale,
  kRegion,
  kVillage,
  kSector,
  kLanguage,
  kNorm,
  kOffer,
  kNeed,
  kSeatsFree,
  kVerified,
  kFreeSeats,
  kFigure,
  kAnyRow,
  kRule,
};

AttributeKey Key(Attribute attribute, uint64_t value) {
  return static_cast<uint64_t>(attribute) << 48 | value;
}

void AppendBits(Attribute attribute, uint16_t bits,
                std::vector<AttributeKey>& keys) {
  for (unsigned rest = bits; rest != 0; rest &= rest - 1) {
    keys.push_back(Key(attribute, static_cast<uint64_t>(__builtin_ctz(rest))));
  }
}

}  // namespace

uint16_t PackLanguage(absl::string_view tag) {
  uint32_t packed = 0;
  size_t letters = 0;
  for (char c : tag) {
    if (c == '-') break;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c < 'a' || c > 'z' || letters == 3) return 0;
    packed = packed << 5 | static_cast<uint32_t>(c - 'a' + 1);
    ++letters;
  }
  return static_cast<uint16_t>(packed);
}

std::string UnpackLanguage(uint16_t packed) {
  std::string tag;
  for (uint32_t rest = packed; rest != 0; rest >>= 5) {
    tag.insert(tag.begin(), static_cast<char>('a' + (rest & 31) - 1));
  }
  return tag;
}

AttributeKey KindKey(int kind) {
  return Key(Attribute::kKind, static_cast<uint64_t>(kind));
}
AttributeKey ScaleKey(int scale) {
  return Key(Attribute::kScale, static_cast<uint64_t>(scale));
}
AttributeKey RegionKey(uint16_t region) {
  return Key(Attribute::kRegion, region);
}
AttributeKey VillageKey(uint16_t district, uint16_t village) {
  return Key(Attribute::kVillage, uint64_t{district} << 16 | village);
}
AttributeKey SectorKey(uint16_t sector) {
  return Key(Attribute::kSector, sector);
}
AttributeKey LanguageKey(uint16_t language) {
  return Key(Attribute::kLanguage, language);
}
AttributeKey NormKey(int norm) {
  return Key(Attribute::kNorm, static_cast<uint64_t>(norm));
}
AttributeKey OfferKey(int resource) {
  return Key(Attribute::kOffer, static_cast<uint64_t>(resource));
}
AttributeKey NeedKey(int resource) {
  return Key(Attribute::kNeed, static_cast<uint64_t>(resource));
}
AttributeKey FreeSeatsKey(uint16_t seats) {
  return Key(Attribute::kFreeSeats, seats);
}
AttributeKey FigureKey(const Figure& scale, uint32_t step) {
  return Key(Attribute::kFigure, uint64_t{scale.kind} << 32 |
                                     uint64_t{scale.resource} << 25 |
                                     uint64_t{scale.measure} << 9 | step);
}
AttributeKey AnyRowKey() { return Key(Attribute::kAnyRow, 0); }

AttributeKey AnyRuleKey() { return Key(Attribute::kRule, 0); }
AttributeKey HasRuleKey(Rule rule) {
  return Key(Attribute::kRule, static_cast<uint64_t>(rule) << 32);
}
AttributeKey RuleKey(Rule rule, uint16_t value) {
  constexpr uint64_t kOneValue = 1 << 16;
  return Key(Attribute::kRule,
             static_cast<uint64_t>(rule) << 32 | kOneValue | value);
}

void ForEachRegionAbove(uint16_t region,
                        absl::FunctionRef<void(uint16_t)> visit) {
  if (region == taxonomy::kNoRegion) return;
  const absl::string_view code = taxonomy::RegionCodeAt(region);
  for (int level = 1; level <= 3; ++level) {
    const absl::string_view ancestor = taxonomy::AncestorAt(code, level);
    if (ancestor.empty()) break;
    visit(taxonomy::RegionIndex(ancestor));
  }
}

void ForEachSectorAbove(uint16_t sector,
                        absl::FunctionRef<void(uint16_t)> visit) {
  if (sector == taxonomy::kNoSector) return;
  const absl::string_view code = taxonomy::SectorCodeAt(sector);
  for (size_t digits = 2; digits <= code.size(); ++digits) {
    const uint16_t ancestor = taxonomy::SectorIndex(code.substr(0, digits));
    if (ancestor != taxonomy::kNoSector) visit(ancestor);
  }
}

std::optional<uint64_t> ValueOf(CountedAttribute attribute, AttributeKey key) {
  const Attribute of = [&] {
    switch (attribute) {
      case CountedAttribute::kKind:
        return Attribute::kKind;
      case CountedAttribute::kScale:
        return Attribute::kScale;
      case CountedAttribute::kRegion:
        return Attribute::kRegion;
      case CountedAttribute::kSector:
        return Attribute::kSector;
      case CountedAttribute::kLanguage:
        return Attribute::kLanguage;
      case CountedAttribute::kNorm:
        return Attribute::kNorm;
      case CountedAttribute::kOffer:
        return Attribute::kOffer;
      case CountedAttribute::kNeed:
        return Attribute::kNeed;
    }
    return Attribute::kAnyRow;
  }();
  constexpr uint64_t kValueBits = (uint64_t{1} << 48) - 1;
  if (key >> 48 != static_cast<uint64_t>(of)) return std::nullopt;
  return key & kValueBits;
}

AttributeKey SeatsFreeKey() { return Key(Attribute::kSeatsFree, 0); }
AttributeKey VerifiedKey() { return Key(Attribute::kVerified, 0); }

uint16_t VillageNumber(absl::string_view code) {
  constexpr size_t kDistrictLength = sizeof("33.72.01.") - 1;
  uint32_t number = 0;
  if (code.size() != kDistrictLength + 4 ||
      !absl::SimpleAtoi(code.substr(kDistrictLength), &number)) {
    return 0;
  }
  return static_cast<uint16_t>(number);
}

void KeysOf(const RowAttributes& attributes, absl::Span<const Figure> figures,
            std::vector<AttributeKey>& keys) {
  keys.clear();
  keys.push_back(AnyRowKey());
  if (attributes.kind != 0) keys.push_back(KindKey(attributes.kind));
  if (attributes.scale != 0) keys.push_back(ScaleKey(attributes.scale));
  ForEachRegionAbove(attributes.region, [&](uint16_t region) {
    keys.push_back(RegionKey(region));
  });
  if (attributes.region != taxonomy::kNoRegion && attributes.village != 0) {
    keys.push_back(VillageKey(attributes.region, attributes.village));
  }
  for (uint16_t sector : attributes.sectors) {
    if (sector == taxonomy::kNoSector) break;
    ForEachSectorAbove(
        sector, [&](uint16_t above) { keys.push_back(SectorKey(above)); });
  }
  for (uint16_t language : attributes.languages) {
    if (language == 0) break;
    keys.push_back(LanguageKey(language));
  }
  AppendBits(Attribute::kNorm, attributes.norms, keys);
  AppendBits(Attribute::kOffer, attributes.offers, keys);
  AppendBits(Attribute::kNeed, attributes.needs, keys);
  if (attributes.free_seats > 0) {
    keys.push_back(SeatsFreeKey());
    keys.push_back(
        FreeSeatsKey(std::min(attributes.free_seats, kMostSeatsKey)));
  }
  for (const Figure& figure : figures) {
    if (figure.kind == Figure::kRule) {
      const auto rule = static_cast<Rule>(figure.resource);
      keys.push_back(AnyRuleKey());
      keys.push_back(HasRuleKey(rule));
      keys.push_back(RuleKey(rule, figure.measure));
    } else {
      keys.push_back(FigureKey(figure, FigureStep(figure.value)));
    }
  }
  if (attributes.verified) keys.push_back(VerifiedKey());
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
}

}  // namespace mitra::search
