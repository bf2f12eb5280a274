#include "services/search/filter/member_filter.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "mitra/v1/filter.pb.h"

namespace mitra::search {
namespace {

// Turns the values of one list into keys, noting what is wrong.
class ListReader {
 public:
  ListReader(absl::string_view path, absl::string_view field, int size,
             int limit, FieldViolations& violations)
      : field_(absl::StrCat(path, ".", field)), violations_(violations) {
    if (size > limit) {
      violations.Add(field_, absl::StrCat("must have at most ", limit,
                                          " values, has ", size));
    }
  }
  void Bad(int i, absl::string_view what) {
    violations_.Add(absl::StrCat(field_, "[", i, "]"), what);
  }

 private:
  const std::string field_;
  FieldViolations& violations_;
};

template <typename IsValid, typename Key>
std::vector<AttributeKey> EnumKeys(
    const google::protobuf::RepeatedField<int>& values, ListReader reader,
    IsValid is_valid, Key key) {
  std::vector<AttributeKey> keys;
  for (int i = 0; i < values.size(); ++i) {
    if (values[i] == 0 || !is_valid(values[i])) {
      reader.Bad(i, absl::StrCat("is not a known value, is ", values[i]));
    } else {
      keys.push_back(key(values[i]));
    }
  }
  return keys;
}

}  // namespace

absl::StatusOr<MemberFilter> MemberFilter::FromProto(
    const v1::MemberFilter& proto, absl::string_view path) {
  FieldViolations violations;
  MemberFilter filter;
  const auto any_of = [&](std::vector<AttributeKey> keys) {
    if (!keys.empty()) filter.all_of_any_of_.push_back(std::move(keys));
  };
  const auto all_of = [&](const std::vector<AttributeKey>& keys) {
    for (AttributeKey key : keys) filter.all_of_any_of_.push_back({key});
  };
  const auto reader = [&](absl::string_view field, int size,
                          int limit = kMaxValues) {
    return ListReader(path, field, size, limit, violations);
  };

  any_of(EnumKeys(proto.kinds(), reader("kinds", proto.kinds_size()),
                  v1::MemberKind_IsValid, KindKey));
  any_of(EnumKeys(proto.scales(), reader("scales", proto.scales_size()),
                  v1::Scale_IsValid, ScaleKey));
  all_of(EnumKeys(proto.offers(), reader("offers", proto.offers_size()),
                  v1::Resource_IsValid, OfferKey));
  all_of(EnumKeys(proto.needs(), reader("needs", proto.needs_size()),
                  v1::Resource_IsValid, NeedKey));
  all_of(EnumKeys(proto.norms(), reader("norms", proto.norms_size()),
                  v1::NormKind_IsValid, NormKey));

  std::vector<AttributeKey> keys;
  ListReader regions = reader("region_codes", proto.region_codes_size());
  for (int i = 0; i < proto.region_codes_size(); ++i) {
    // Former codes stand for the place that they are today.
    const auto code = taxonomy::CurrentRegion(proto.region_codes(i));
    if (!code.has_value()) {
      regions.Bad(i, "is not a region code");
      continue;
    }
    const uint16_t number = taxonomy::RegionIndex(*code);
    const uint16_t village = VillageNumber(*code);
    keys.push_back(village == 0 ? RegionKey(number)
                                : VillageKey(number, village));
  }
  any_of(std::move(keys));

  keys.clear();
  ListReader sectors = reader("sector_codes", proto.sector_codes_size());
  for (int i = 0; i < proto.sector_codes_size(); ++i) {
    const uint16_t sector = taxonomy::SectorIndex(proto.sector_codes(i));
    if (sector == taxonomy::kNoSector) {
      sectors.Bad(i, "is not a sector code of KBLI 2020");
      continue;
    }
    keys.push_back(SectorKey(sector));
  }
  any_of(std::move(keys));

  keys.clear();
  ListReader languages = reader("languages", proto.languages_size());
  for (int i = 0; i < proto.languages_size(); ++i) {
    const uint32_t language = PackLanguage(proto.languages(i));
    if (language == 0 || proto.languages(i).size() > 8) {
      languages.Bad(i, "is not a primary language tag");
      continue;
    }
    keys.push_back(LanguageKey(language));
  }
  any_of(std::move(keys));

  if (proto.seats_free()) any_of({SeatsFreeKey()});
  if (proto.verified()) any_of({VerifiedKey()});

  ListReader excluded =
      reader("exclude_ids", proto.exclude_ids_size(), kMaxExcluded);
  for (int i = 0; i < proto.exclude_ids_size(); ++i) {
    if (!IsValidId(proto.exclude_ids(i))) {
      excluded.Bad(i, "is not a member id");
      continue;
    }
    filter.excluded_ids_.push_back(proto.exclude_ids(i));
  }
  if (!violations.empty()) return violations.ToStatus();
  return filter;
}

std::shared_ptr<const Roaring> MemberFilter::Match(
    const PostingIndex::View& postings) const {
  if (all_of_any_of_.empty()) return nullptr;
  std::vector<std::shared_ptr<const Roaring>> terms;
  for (const auto& any_of : all_of_any_of_) {
    std::shared_ptr<const Roaring> term;
    std::shared_ptr<Roaring> joined;
    for (AttributeKey key : any_of) {
      auto posting = postings.Find(key);
      if (posting == nullptr) continue;
      if (term == nullptr) {
        term = std::move(posting);
        continue;
      }
      if (joined == nullptr) {
        joined = std::make_shared<Roaring>(*term);
        term = joined;
      }
      *joined |= *posting;
    }
    if (term == nullptr) return std::make_shared<Roaring>();
    terms.push_back(std::move(term));
  }
  if (terms.size() == 1) return terms[0];
  // The smallest first keeps the intermediate results small.
  std::sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) {
    return a->cardinality() < b->cardinality();
  });
  auto matches = std::make_shared<Roaring>(*terms[0] & *terms[1]);
  for (size_t i = 2; i < terms.size(); ++i) *matches &= *terms[i];
  return matches;
}

}  // namespace mitra::search
