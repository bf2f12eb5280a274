// Social capital of the businesses of a region or sector, in aggregate.

#ifndef MITRA_SERVICES_MATCHING_CAPITAL_REGIONAL_CAPITAL_H_
#define MITRA_SERVICES_MATCHING_CAPITAL_REGIONAL_CAPITAL_H_

#include <array>
#include <cstdint>
#include <optional>

#include "services/matching/capital/social_capital.h"

namespace mitra::matching {

// Fewer members than this are not described: quartiles would tell of single
// ones.
inline constexpr uint32_t kFewestDescribed = 20;

// How a dimension's raw measure (0 to 1) is spread over the members.
struct CapitalSpread {
  double lower_quartile = 0;
  double median = 0;
  double upper_quartile = 0;
  double none = 0;  // share with 0
};

struct RegionalCapital {
  uint32_t members = 0;   // in all
  uint32_t measured = 0;  // at most `sample`, evenly over the members
  std::array<CapitalSpread, kCapitalDimensions> spread;  // by CapitalDimension
};

// Of the businesses of `division` (kNoSector: all) inside `region` (kNoRegion:
// everywhere). Nothing if they are fewer than kFewestDescribed. Members that
// have gone since `peers` was made are left out.
std::optional<RegionalCapital> DescribeRegion(const MemberView& members,
                                              const GraphView& graph,
                                              const PeerIndex& peers,
                                              taxonomy::SectorNumber division,
                                              taxonomy::RegionNumber region,
                                              uint32_t sample = 1000);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_CAPITAL_REGIONAL_CAPITAL_H_
