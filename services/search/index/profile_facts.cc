#include "services/search/index/profile_facts.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/status/status_macros.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "services/search/filter/acceptance.h"
#include "services/search/index/member.h"
#include "services/search/lexical/profile_text.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mitra::search {
namespace {

absl::Status Refuse(const v1::ProfileChange& change, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(
      "feed: profile of revision ", change.profile().revision(), ": ", what));
}

absl::StatusOr<std::vector<float>> Decode(const v1::ProfileChange& change,
                                          const std::string& bytes,
                                          size_t dimension) {
  std::vector<float> values;
  if (bytes.empty()) return values;
  if (bytes.size() != dimension * sizeof(float)) {
    return Refuse(change,
                  absl::StrCat("vector: must have ", dimension, " values, has ",
                               bytes.size(), " bytes"));
  }
  values.resize(dimension);
  std::memcpy(values.data(), bytes.data(), bytes.size());  // little-endian
  double norm = 0;
  for (float v : values) norm += double{v} * double{v};
  // Written so that NaN fails, too.
  if (!(std::fabs(norm - 1) < 1e-2)) {
    return Refuse(change, "vector: is not of unit length");
  }
  return values;
}

template <typename Items>
uint16_t ResourceBits(const Items& items) {
  uint16_t bits = 0;
  for (const auto& item : items) {
    if (!item.expired()) bits |= static_cast<uint16_t>(1U << item.resource());
  }
  return bits;
}

uint16_t FreeSeats(const v1::Profile& profile, const v1::Facet& facet) {
  constexpr uint16_t kUnlimited = RowAttributes::kUnlimitedSeats;
  if (facet.has_seats()) {
    const uint64_t total = facet.seats().total();
    const uint64_t taken =
        uint64_t{facet.seats().taken_elsewhere()} + facet.seats().taken();
    const uint64_t free = total > taken ? total - taken : 0;
    return static_cast<uint16_t>(std::min<uint64_t>(free, kUnlimited - 1));
  }
  const bool counted = profile.kind() == v1::MEMBER_KIND_EVENT ||
                       profile.kind() == v1::MEMBER_KIND_PROGRAMME ||
                       facet.role() == v1::ROLE_MENTOR ||
                       facet.role() == v1::ROLE_FACILITATOR;
  return counted ? 0 : kUnlimited;
}

// The amounts of needs or offers that hold today.
template <typename Items>
void AddAmounts(const Items& items, Figure::Kind kind,
                std::vector<Figure>& figures) {
  for (const auto& item : items) {
    if (item.expired()) continue;
    const auto add = [&](const std::optional<Measured>& amount) {
      if (!amount.has_value()) return;
      figures.push_back({kind, static_cast<uint8_t>(item.resource()),
                         amount->measure, amount->value});
    };
    if (item.has_quantity()) {
      add(MeasureOf(item.quantity().amount(), item.quantity().unit()));
    }
    if (item.has_money()) {
      add(MeasureOfMoney(static_cast<double>(item.money().units()),
                         item.money().currency_code()));
    }
  }
}

std::vector<Figure> FiguresOf(const v1::Profile& profile,
                              const v1::Facet& facet) {
  std::vector<Figure> figures;
  AddAmounts(facet.offers(), Figure::kOffered, figures);
  AddAmounts(facet.needs(), Figure::kNeeded, figures);
  AppendRules(facet.acceptance(), figures);
  if (profile.has_event() && profile.event().has_start_time()) {
    figures.push_back(
        {Figure::kStart, 0, 0,
         static_cast<double>(profile.event().start_time().seconds())});
  }
  return figures;
}

RowAttributes MemberAttributes(const v1::Profile& profile) {
  RowAttributes attributes;
  attributes.kind = static_cast<uint8_t>(profile.kind());
  attributes.scale = static_cast<uint8_t>(profile.scale());
  attributes.verified = !profile.verified_by().empty();
  attributes.region = taxonomy::RegionIndex(profile.region_code());
  if (attributes.region != taxonomy::kNoRegion) {
    attributes.village = VillageNumber(profile.region_code());
  }
  size_t sectors = 0;
  for (const v1::Sector& sector : profile.sectors()) {
    const uint16_t number = taxonomy::SectorIndex(
        taxonomy::NormaliseSector(sector.code(), sector.edition()));
    if (number != taxonomy::kNoSector && sectors < attributes.sectors.size()) {
      attributes.sectors[sectors++] = number;
    }
  }
  size_t languages = 0;
  for (const std::string& tag : profile.languages()) {
    const uint16_t language = PackLanguage(tag);
    if (language != 0 && languages < attributes.languages.size()) {
      attributes.languages[languages++] = language;
    }
  }
  for (const v1::Norm& norm : profile.norms()) {
    if (!norm.expired()) {
      attributes.norms |= static_cast<uint16_t>(1U << norm.kind());
    }
  }
  return attributes;
}

}  // namespace

absl::StatusOr<std::vector<FacetFacts>> FacetsOf(
    const v1::ProfileChange& change, size_t dimension) {
  const v1::Profile& profile = change.profile();
  const RowAttributes shared = MemberAttributes(profile);
  std::vector<FacetFacts> facets;
  facets.reserve(static_cast<size_t>(profile.facets_size()));
  unsigned seen = 0;
  for (const v1::Facet& facet : profile.facets()) {
    if (facet.role() <= 0 || facet.role() >= kRoles) {
      return Refuse(change, absl::StrCat("role: is unknown, is ",
                                         static_cast<int>(facet.role())));
    }
    if ((seen >> facet.role() & 1) != 0) {
      return Refuse(change, "role: two facets have the same");
    }
    seen |= 1U << facet.role();
    FacetFacts& facts = facets.emplace_back();
    facts.role = static_cast<uint8_t>(facet.role());
    facts.attributes = shared;
    facts.attributes.needs = ResourceBits(facet.needs());
    facts.attributes.offers = ResourceBits(facet.offers());
    facts.attributes.free_seats = FreeSeats(profile, facet);
    facts.figures = FiguresOf(profile, facet);
    facts.eligible = !profile.hidden() && !facet.paused();
  }
  for (const v1::FacetVectors& vectors : change.vectors()) {
    const auto facts = std::find_if(
        facets.begin(), facets.end(),
        [&](const FacetFacts& f) { return f.role == vectors.role(); });
    if (facts == facets.end()) {
      return Refuse(change, "vector: of a role that the profile has not");
    }
    MITRA_ASSIGN_OR_RETURN(facts->need,
                           Decode(change, vectors.need(), dimension));
    MITRA_ASSIGN_OR_RETURN(facts->offer,
                           Decode(change, vectors.offer(), dimension));
  }
  return facets;
}

uint64_t TextHash(const v1::Profile& profile) {
  XXH3_state_t* state = XXH3_createState();
  XXH3_64bits_reset(state);
  ForEachText(profile, [&](TextField field, absl::string_view text) {
    const auto separator = static_cast<uint64_t>(field) << 32 | text.size();
    XXH3_64bits_update(state, &separator, sizeof(separator));
    XXH3_64bits_update(state, text.data(), text.size());
  });
  for (const v1::Sector& sector : profile.sectors()) {
    const auto separator =
        static_cast<uint64_t>(sector.edition()) << 32 | sector.code().size();
    XXH3_64bits_update(state, &separator, sizeof(separator));
    XXH3_64bits_update(state, sector.code().data(), sector.code().size());
  }
  const uint64_t hash = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return hash;
}

}  // namespace mitra::search
