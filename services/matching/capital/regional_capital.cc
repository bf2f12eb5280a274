#include "services/matching/capital/regional_capital.h"

#include <algorithm>
#include <vector>

namespace mitra::matching {
namespace {

CapitalSpread SpreadOf(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](size_t quarter) {
    return values[(values.size() - 1) * quarter / 4];
  };
  const auto none = std::count(values.begin(), values.end(), 0.0);
  return {at(1), at(2), at(3),
          static_cast<double>(none) / static_cast<double>(values.size())};
}

}  // namespace

std::optional<RegionalCapital> DescribeRegion(const MemberView& members,
                                              const GraphView& graph,
                                              const PeerIndex& peers,
                                              taxonomy::SectorNumber division,
                                              taxonomy::RegionNumber region,
                                              uint32_t sample) {
  std::vector<MemberIndex> measured;
  RegionalCapital capital;
  capital.members = peers.InCircle(division, region, sample, measured);
  const auto gone = [&](MemberIndex m) {
    return members.at(m).deleted || members.at(m).hidden;
  };
  measured.erase(std::remove_if(measured.begin(), measured.end(), gone),
                 measured.end());
  if (measured.size() < kFewestDescribed) return std::nullopt;
  capital.measured = static_cast<uint32_t>(measured.size());
  const uint32_t norms = CommonNorms(members, measured);
  std::array<std::vector<double>, kCapitalDimensions> values;
  for (const MemberIndex m : measured) {
    const auto own = MeasureCapital(members, graph, m, norms);
    for (int d = 0; d < kCapitalDimensions; ++d) values[d].push_back(own[d]);
  }
  for (int d = 0; d < kCapitalDimensions; ++d) {
    capital.spread[d] = SpreadOf(values[d]);
  }
  return capital;
}

}  // namespace mitra::matching
