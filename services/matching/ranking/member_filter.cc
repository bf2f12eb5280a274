#include "services/matching/ranking/member_filter.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "common/validation/field_checks.h"
#include "mitra/v1/filter.pb.h"
#include "services/matching/ranking/recommendation_kinds.h"

namespace mitra::matching {
namespace {

constexpr int kMaxValues = 100;
constexpr int kMaxExcluded = 1000;

template <typename Values>
uint32_t Bits(const Values& values) {
  uint32_t bits = 0;
  for (const int value : values) bits |= BitOf(value);
  return bits;
}

bool InsideAny(taxonomy::RegionNumber region,
               const std::vector<taxonomy::RegionRange>& ranges) {
  for (const taxonomy::RegionRange& range : ranges) {
    if (range.Contains(region)) return true;
  }
  return false;
}

bool InsideAny(absl::Span<const taxonomy::SectorNumber> sectors,
               const std::vector<taxonomy::SectorRange>& ranges) {
  for (const taxonomy::SectorNumber sector : sectors) {
    for (const taxonomy::SectorRange& range : ranges) {
      if (range.Contains(sector)) return true;
    }
  }
  return false;
}

class Checker {
 public:
  Checker(absl::string_view path, FieldViolations& violations)
      : path_(path), violations_(violations) {}

  template <typename Values, typename IsValid>
  void Each(absl::string_view field, const Values& values, int max,
            absl::string_view what, IsValid is_valid) {
    if (values.size() > max) {
      violations_.Add(
          absl::StrCat(path_, ".", field),
          absl::StrCat("at most ", max, " values, has ", values.size()));
      return;
    }
    for (int i = 0; i < values.size(); ++i) {
      if (is_valid(values[i])) continue;
      violations_.Add(absl::StrCat(path_, ".", field, "[", i, "]"), what);
    }
  }

 private:
  absl::string_view path_;
  FieldViolations& violations_;
};

}  // namespace

bool IsMemberId(absl::string_view id) {
  if (id.empty() || id.size() > 64 || !absl::ascii_isalnum(id[0])) return false;
  for (const char c : id) {
    if (!absl::ascii_isalnum(c) && c != '.' && c != '_' && c != '~' &&
        c != '-') {
      return false;
    }
  }
  return true;
}

CompiledFilter::CompiledFilter(const v1::MemberFilter& filter)
    : kinds_(Bits(filter.kinds())),
      scales_(Bits(filter.scales())),
      offers_(Bits(filter.offers())),
      needs_(Bits(filter.needs())),
      norms_(Bits(filter.norms())),
      by_language_(filter.languages_size() > 0),
      seats_free_(filter.seats_free()),
      verified_(filter.verified()) {
  for (const std::string& code : filter.region_codes()) {
    const auto current = taxonomy::CurrentRegion(code);
    regions_.push_back(taxonomy::RegionsUnder(current ? *current : code));
  }
  for (const std::string& code : filter.sector_codes()) {
    sectors_.push_back(taxonomy::SectorsUnder(code));
  }
  for (const std::string& tag : filter.languages()) {
    languages_ |= LanguageBit(tag);
  }
  excluded_.insert(filter.exclude_ids().begin(), filter.exclude_ids().end());
  everybody_ = kinds_ == 0 && scales_ == 0 && offers_ == 0 && needs_ == 0 &&
               norms_ == 0 && !by_language_ && !seats_free_ && !verified_ &&
               regions_.empty() && sectors_.empty() && excluded_.empty();
}

bool CompiledFilter::Accepts(const Member& member, const Facet& facet) const {
  if (everybody_) return true;
  if (kinds_ != 0 && (kinds_ & BitOf(member.kind)) == 0) return false;
  if (scales_ != 0 && (scales_ & BitOf(member.scale)) == 0) return false;
  if ((facet.offer_bits & offers_) != offers_) return false;
  if ((facet.need_bits & needs_) != needs_) return false;
  if ((member.norm_bits & norms_) != norms_) return false;
  if (by_language_ && (member.languages & languages_) == 0) return false;
  if (seats_free_ && facet.full()) return false;
  if (verified_ && !member.verified) return false;
  if (!regions_.empty() && !InsideAny(member.region, regions_)) return false;
  if (!sectors_.empty() && !InsideAny(member.sectors, sectors_)) return false;
  return excluded_.empty() || !excluded_.contains(member.id.view());
}

absl::Status ValidateFilter(const v1::MemberFilter& filter,
                            absl::string_view path) {
  FieldViolations violations;
  Checker check(path, violations);
  check.Each("kinds", filter.kinds(), kMaxValues, "unknown value",
             [](int v) { return v != 0 && v1::MemberKind_IsValid(v); });
  check.Each("region_codes", filter.region_codes(), kMaxValues,
             "unknown region", [](const std::string& code) {
               return taxonomy::CurrentRegion(code).has_value();
             });
  check.Each("sector_codes", filter.sector_codes(), kMaxValues,
             "unknown sector", [](const std::string& code) {
               return taxonomy::IsValidSector(code, v1::KBLI_EDITION_2020);
             });
  check.Each("scales", filter.scales(), kMaxValues, "unknown value",
             [](int v) { return v != 0 && v1::Scale_IsValid(v); });
  const auto is_resource = [](int v) {
    return v != 0 && v1::Resource_IsValid(v);
  };
  check.Each("offers", filter.offers(), kMaxValues, "unknown value",
             is_resource);
  check.Each("needs", filter.needs(), kMaxValues, "unknown value", is_resource);
  check.Each("norms", filter.norms(), kMaxValues, "unknown value",
             [](int v) { return v != 0 && v1::NormKind_IsValid(v); });
  check.Each("languages", filter.languages(), kMaxValues,
             "must be 2 or 3 lower-case letters",
             [](const std::string& tag) { return IsLanguageTag(tag); });
  // Members here have no amounts: a filter that cannot be held to is refused.
  if (filter.offer_amounts_size() > 0 || filter.need_amounts_size() > 0 ||
      filter.min_free_seats() != 0 || filter.has_starts_from() ||
      filter.has_starts_before() || filter.any_of_size() > 0 ||
      filter.none_of_size() > 0) {
    violations.Add(path,
                   "amounts, seats, times and nested filters are only "
                   "for SearchProfiles");
  }
  check.Each("exclude_ids", filter.exclude_ids(), kMaxExcluded,
             "not a member id",
             [](const std::string& id) { return IsMemberId(id); });
  return violations.ToStatus();
}

}  // namespace mitra::matching
