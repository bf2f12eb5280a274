// The caller's hard filter, compiled once and asked of every member that is
// shown. Search filters first; matching decides, because only its roster is
// current.

#ifndef MITRA_SERVICES_MATCHING_RANKING_MEMBER_FILTER_H_
#define MITRA_SERVICES_MATCHING_RANKING_MEMBER_FILTER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "services/matching/members/member.h"

namespace mitra::v1 {
class MemberFilter;
}

namespace mitra::matching {

// Immutable; safe for concurrent use.
class CompiledFilter {
 public:
  // Accepts everybody.
  CompiledFilter() = default;
  // `filter` must have passed ValidateFilter.
  explicit CompiledFilter(const v1::MemberFilter& filter);

  // The facet of the member passes. Allocates nothing.
  bool Accepts(const Member& member, const Facet& facet) const;

 private:
  bool everybody_ = true;
  uint32_t kinds_ = 0;
  uint32_t scales_ = 0;
  uint32_t offers_ = 0;
  uint32_t needs_ = 0;
  uint32_t norms_ = 0;
  uint64_t languages_ = 0;
  bool by_language_ = false;
  bool seats_free_ = false;
  bool verified_ = false;
  std::vector<taxonomy::RegionRange> regions_;
  std::vector<taxonomy::SectorRange> sectors_;
  absl::flat_hash_set<std::string> excluded_;
};

// INVALID_ARGUMENT naming each bad field under `path`, for example
// "filter.region_codes[2]": unknown codes and enum values, bad ids, too many.
absl::Status ValidateFilter(const v1::MemberFilter& filter,
                            absl::string_view path);

// The grammar of member ids (CONTRACTS 4).
bool IsMemberId(absl::string_view id);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_MEMBER_FILTER_H_
