#include "services/search/filter/filter_reader.h"

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "common/validation/field_checks.h"
#include "mitra/v1/filter.pb.h"

namespace mitra::search {
namespace {

constexpr double kMaxAmount = 1e15;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string At(const std::string& field, int i) {
  return absl::StrCat(field, "[", i, "]");
}

std::optional<AttributeKey> RegionKeyOf(const std::string& text) {
  // Former codes stand for the place that they are today.
  const auto code = taxonomy::CurrentRegion(text);
  if (!code.has_value()) return std::nullopt;
  const uint16_t number = taxonomy::RegionIndex(*code);
  const uint16_t village = VillageNumber(*code);
  return village == 0 ? RegionKey(number) : VillageKey(number, village);
}

std::optional<AttributeKey> SectorKeyOf(const std::string& code) {
  const uint16_t sector = taxonomy::SectorIndex(code);
  if (sector == taxonomy::kNoSector) return std::nullopt;
  return SectorKey(sector);
}

std::optional<AttributeKey> LanguageKeyOf(const std::string& tag) {
  const uint16_t language = PackLanguage(tag);
  if (language == 0 || !IsLanguageTag(tag)) return std::nullopt;
  return LanguageKey(language);
}

}  // namespace

bool FilterReader::CheckSize(const std::string& field, int size, int limit) {
  if (size <= limit) return true;
  violations_.Add(
      field, absl::StrCat("must have at most ", limit, " values, has ", size));
  return false;
}

MemberFilter::Node FilterReader::Read(const v1::MemberFilter& proto,
                                      const std::string& path, int depth) {
  MemberFilter::Node node;
  if (++filters_ == MemberFilter::kMaxFilters + 1) {
    violations_.Add(path, absl::StrCat("must hold at most ",
                                       MemberFilter::kMaxFilters, " filters"));
  }
  if (filters_ > MemberFilter::kMaxFilters) return node;
  if (depth > 1 && proto.exclude_ids_size() > 0) {
    violations_.Add(path + ".exclude_ids", "is only for the outermost filter");
  }
  ReadCodes(proto, path, node);
  ReadTimes(proto, path, node);
  const int seats = proto.min_free_seats();
  if (seats < 0 || seats > MemberFilter::kMaxSeats) {
    violations_.Add(path + ".min_free_seats",
                    absl::StrCat("must be from 0 to ", MemberFilter::kMaxSeats,
                                 ", is ", seats));
  } else {
    node.min_free_seats = static_cast<uint16_t>(seats);
  }
  const auto amounts = [&](const auto& list, const char* name,
                           Figure::Kind kind) {
    const std::string field = path + name;
    if (!CheckSize(field, list.size(), MemberFilter::kMaxAmounts)) return;
    for (int i = 0; i < list.size(); ++i) {
      ReadAmount(list[i], At(field, i), kind, node);
    }
  };
  amounts(proto.offer_amounts(), ".offer_amounts", Figure::kOffered);
  amounts(proto.need_amounts(), ".need_amounts", Figure::kNeeded);
  ReadNested(proto, path, depth, node);
  return node;
}

void FilterReader::ReadCodes(const v1::MemberFilter& proto,
                             const std::string& path,
                             MemberFilter::Node& node) {
  const auto keys_of = [&](const char* name, const auto& values, auto key,
                           const char* otherwise) {
    const std::string field = path + name;
    std::vector<AttributeKey> keys;
    if (!CheckSize(field, values.size(), MemberFilter::kMaxValues)) return keys;
    for (int i = 0; i < values.size(); ++i) {
      const std::optional<AttributeKey> found = key(values[i]);
      if (found.has_value()) {
        keys.push_back(*found);
      } else {
        violations_.Add(At(field, i), otherwise);
      }
    }
    return keys;
  };
  const auto value_of = [](auto is_valid, auto key) {
    return [is_valid, key](int value) {
      return value != 0 && is_valid(value)
                 ? std::optional<AttributeKey>(key(value))
                 : std::nullopt;
    };
  };
  constexpr const char* kUnknown = "is not a known value";
  const auto any_of = [&](std::vector<AttributeKey> keys) {
    if (!keys.empty()) node.all_of_any_of.push_back(std::move(keys));
  };
  const auto all_of = [&](const std::vector<AttributeKey>& keys) {
    for (AttributeKey key : keys) node.all_of_any_of.push_back({key});
  };
  any_of(keys_of(".kinds", proto.kinds(),
                 value_of(v1::MemberKind_IsValid, KindKey), kUnknown));
  any_of(keys_of(".scales", proto.scales(),
                 value_of(v1::Scale_IsValid, ScaleKey), kUnknown));
  all_of(keys_of(".offers", proto.offers(),
                 value_of(v1::Resource_IsValid, OfferKey), kUnknown));
  all_of(keys_of(".needs", proto.needs(),
                 value_of(v1::Resource_IsValid, NeedKey), kUnknown));
  all_of(keys_of(".norms", proto.norms(),
                 value_of(v1::NormKind_IsValid, NormKey), kUnknown));
  any_of(keys_of(".region_codes", proto.region_codes(), RegionKeyOf,
                 "is not a region code"));
  any_of(keys_of(".sector_codes", proto.sector_codes(), SectorKeyOf,
                 "is not a sector code of KBLI 2020"));
  any_of(keys_of(".languages", proto.languages(), LanguageKeyOf,
                 "is not a primary language tag"));
  if (proto.seats_free()) any_of({SeatsFreeKey()});
  if (proto.verified()) any_of({VerifiedKey()});
}

void FilterReader::ReadTimes(const v1::MemberFilter& proto,
                             const std::string& path,
                             MemberFilter::Node& node) {
  if (!proto.has_starts_from() && !proto.has_starts_before()) return;
  MemberFilter::Range range = {
      {Figure::kStart, 0, 0, 0}, -kInfinity, kInfinity};
  if (proto.has_starts_from()) {
    range.min = static_cast<double>(proto.starts_from().seconds());
  }
  if (proto.has_starts_before()) {
    // Times are kept in whole seconds.
    range.max = static_cast<double>(proto.starts_before().seconds()) - 1;
  }
  if (range.min > range.max) {
    violations_.Add(path + ".starts_before", "must be after starts_from");
  }
  node.ranges.push_back(range);
}

void FilterReader::ReadAmount(const v1::AmountFilter& proto,
                              const std::string& path, Figure::Kind kind,
                              MemberFilter::Node& node) {
  if (proto.resource() == 0 || !v1::Resource_IsValid(proto.resource())) {
    violations_.Add(path + ".resource", "is required, a known resource");
    return;
  }
  if (!proto.has_min() && !proto.has_max()) {
    violations_.Add(path, "must have min or max");
    return;
  }
  // Written so that NaN fails, too.
  const auto in_range = [](double v) { return v >= 0 && v <= kMaxAmount; };
  if (proto.has_min() && !in_range(proto.min())) {
    violations_.Add(path + ".min", "must be from 0 to 1e15");
    return;
  }
  if (proto.has_max() && !(in_range(proto.max()) &&
                           (!proto.has_min() || proto.max() >= proto.min()))) {
    violations_.Add(path + ".max", "must be from min to 1e15");
    return;
  }
  const bool money = proto.measure_case() == v1::AmountFilter::kCurrencyCode;
  const auto measure = [&](double amount) {
    return money ? MeasureOfMoney(amount, proto.currency_code())
                 : MeasureOf(amount, proto.unit());
  };
  const auto min = measure(proto.has_min() ? proto.min() : 0);
  const auto max = measure(proto.has_max() ? proto.max() : kMaxAmount);
  if (proto.measure_case() == v1::AmountFilter::MEASURE_NOT_SET) {
    violations_.Add(path, "must have unit or currency_code");
  } else if (!min.has_value() || !max.has_value()) {
    violations_.Add(path + (money ? ".currency_code" : ".unit"),
                    money ? "is not a currency code" : "is not a known unit");
  } else {
    const auto resource = static_cast<uint8_t>(proto.resource());
    node.ranges.push_back({{kind, resource, min->measure, 0},
                           proto.has_min() ? min->value : -kInfinity,
                           proto.has_max() ? max->value : kInfinity});
  }
}

void FilterReader::ReadNested(const v1::MemberFilter& proto,
                              const std::string& path, int depth,
                              MemberFilter::Node& node) {
  if (proto.any_of_size() + proto.none_of_size() == 0) return;
  if (depth == MemberFilter::kMaxDepth) {
    violations_.Add(path, absl::StrCat("must nest at most ",
                                       MemberFilter::kMaxDepth, " deep"));
    return;
  }
  for (int i = 0; i < proto.any_of_size(); ++i) {
    node.any_of.push_back(
        Read(proto.any_of(i), At(path + ".any_of", i), depth + 1));
  }
  for (int i = 0; i < proto.none_of_size(); ++i) {
    node.none_of.push_back(
        Read(proto.none_of(i), At(path + ".none_of", i), depth + 1));
  }
}

std::vector<std::string> FilterReader::ReadExcluded(
    const v1::MemberFilter& proto, const std::string& path) {
  const std::string field = path + ".exclude_ids";
  std::vector<std::string> ids;
  if (!CheckSize(field, proto.exclude_ids_size(), MemberFilter::kMaxExcluded)) {
    return ids;
  }
  for (int i = 0; i < proto.exclude_ids_size(); ++i) {
    if (!IsValidId(proto.exclude_ids(i))) {
      violations_.Add(At(field, i), "is not a member id");
      continue;
    }
    ids.push_back(proto.exclude_ids(i));
  }
  return ids;
}

}  // namespace mitra::search
