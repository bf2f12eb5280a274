#include "services/search/retrieval/facet_counts.h"

#include <algorithm>
#include <map>
#include <optional>

#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "services/search/retrieval/retriever.h"

namespace mitra::search {
namespace {

std::optional<CountedAttribute> AttributeOf(v1::CountedField field) {
  switch (field) {
    case v1::COUNTED_FIELD_KIND:
      return CountedAttribute::kKind;
    case v1::COUNTED_FIELD_PROVINCE:
    case v1::COUNTED_FIELD_REGENCY:
      return CountedAttribute::kRegion;
    case v1::COUNTED_FIELD_SECTOR:
      return CountedAttribute::kSector;
    case v1::COUNTED_FIELD_SCALE:
      return CountedAttribute::kScale;
    case v1::COUNTED_FIELD_LANGUAGE:
      return CountedAttribute::kLanguage;
    case v1::COUNTED_FIELD_NORM:
      return CountedAttribute::kNorm;
    case v1::COUNTED_FIELD_OFFER:
      return CountedAttribute::kOffer;
    case v1::COUNTED_FIELD_NEED:
      return CountedAttribute::kNeed;
    default:
      return std::nullopt;
  }
}

// The value's name in the API; empty if the field does not count it.
std::string NameOf(v1::CountedField field, uint64_t value) {
  const auto number = static_cast<int>(value);
  const auto region = [&](int level) -> std::string {
    const absl::string_view code =
        taxonomy::RegionCodeAt(static_cast<uint16_t>(value));
    return taxonomy::RegionLevel(code) == level ? std::string(code) : "";
  };
  switch (field) {
    case v1::COUNTED_FIELD_KIND:
      return v1::MemberKind_Name(number);
    case v1::COUNTED_FIELD_PROVINCE:
      return region(1);
    case v1::COUNTED_FIELD_REGENCY:
      return region(2);
    case v1::COUNTED_FIELD_SECTOR: {
      const absl::string_view code =
          taxonomy::SectorCodeAt(static_cast<uint16_t>(value));
      return code.size() == 2 ? std::string(code) : "";
    }
    case v1::COUNTED_FIELD_SCALE:
      return v1::Scale_Name(number);
    case v1::COUNTED_FIELD_LANGUAGE:
      return UnpackLanguage(static_cast<uint16_t>(value));
    case v1::COUNTED_FIELD_NORM:
      return v1::NormKind_Name(number);
    case v1::COUNTED_FIELD_OFFER:
    case v1::COUNTED_FIELD_NEED:
      return v1::Resource_Name(number);
    default:
      return "";
  }
}

// What of a role passes, excluded members left out.
Roaring PassingRows(const RoleView& role, const RowFilter& filter) {
  Roaring rows;
  if (filter.matches != nullptr) {
    rows = *filter.matches;
  } else if (const auto all = role.columns.postings.Find(AnyRowKey())) {
    rows = *all;
  }
  for (uint32_t row : filter.excluded) rows.remove(row);
  return rows;
}

}  // namespace

FacetCounts CountFacets(const IndexView& view, absl::Span<const int> roles,
                        const MemberFilter& filter,
                        absl::Span<const v1::CountedField> fields) {
  FacetCounts counts;
  std::vector<std::map<std::string, uint64_t>> by_value(fields.size());
  const std::vector<uint32_t> excluded =
      view.FindMembers(filter.excluded_ids());
  for (int number : roles) {
    const RoleView& role = view.roles[static_cast<size_t>(number)];
    const Roaring rows =
        PassingRows(role, FilterRole(view, number, filter, excluded));
    const uint64_t size = rows.cardinality();
    counts.facets += size;
    if (size == 0) continue;
    role.columns.postings.ForEach(
        [&](AttributeKey key, const Roaring& posting) {
          for (size_t i = 0; i < fields.size(); ++i) {
            const auto attribute = AttributeOf(fields[i]);
            if (!attribute.has_value()) continue;
            const auto value = ValueOf(*attribute, key);
            if (!value.has_value()) continue;
            const std::string name = NameOf(fields[i], *value);
            if (name.empty()) continue;
            const uint64_t count = rows.and_cardinality(posting);
            if (count > 0) by_value[i][name] += count;
          }
        });
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i] == v1::COUNTED_FIELD_ROLE) {
        by_value[i][v1::Role_Name(number)] += size;
      }
    }
  }
  for (const auto& values : by_value) {
    std::vector<ValueCount>& out = counts.fields.emplace_back();
    for (const auto& [value, count] : values) out.push_back({value, count});
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
      return a.count > b.count;
    });
  }
  return counts;
}

}  // namespace mitra::search
