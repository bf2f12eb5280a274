#include "services/matching/refresh/member_order.h"

#include <xxhash.h>

#include <algorithm>
#include <numeric>
#include <tuple>

namespace mitra::matching {
namespace {

struct Place {
  taxonomy::SectorNumber sector;
  uint64_t words;
  uint32_t region;
  MemberIndex member;
};

uint64_t WordsOf(const Member& member) {
  uint64_t hash = 0;
  if (member.facets.empty()) return hash;
  const Facet& facet = member.facets[0];
  for (const auto* items : {&facet.needs, &facet.offers}) {
    for (const Item& item : *items) {
      const absl::string_view text = item.text.view();
      hash = XXH3_64bits_withSeed(text.data(), text.size(), hash);
    }
  }
  return hash;
}

}  // namespace

std::vector<std::string> IdsInOrder(const MemberView& members,
                                    absl::Span<const MemberIndex> indices) {
  std::vector<Place> places;
  places.reserve(indices.size());
  for (const MemberIndex index : indices) {
    const Member& member = members.at(index);
    places.push_back(
        {member.sectors.empty() ? taxonomy::kNoSector : member.sectors[0],
         WordsOf(member), member.region, index});
  }
  std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) {
    const auto key = [](const Place& place) {
      return std::tie(place.sector, place.words, place.region);
    };
    if (key(a) != key(b)) return key(a) < key(b);
    return a.member != b.member &&
           members.at(a.member).id.view() < members.at(b.member).id.view();
  });
  std::vector<std::string> ids;
  ids.reserve(places.size());
  for (const Place& place : places) {
    ids.emplace_back(members.at(place.member).id.view());
  }
  return ids;
}

PositionsById::PositionsById(absl::Span<const std::string> ids)
    : ids_(ids), by_id_(ids.size()) {
  std::iota(by_id_.begin(), by_id_.end(), 0U);
  std::sort(by_id_.begin(), by_id_.end(),
            [&](uint32_t a, uint32_t b) { return ids_[a] < ids_[b]; });
}

size_t PositionsById::Find(absl::string_view id) const {
  const auto at = std::lower_bound(
      by_id_.begin(), by_id_.end(), id,
      [&](uint32_t a, absl::string_view wanted) { return ids_[a] < wanted; });
  return at != by_id_.end() && ids_[*at] == id ? *at : ids_.size();
}

}  // namespace mitra::matching
