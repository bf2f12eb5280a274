// In which order a refresh takes members: those of one trade who say the same,
// in the same places, one after the other.
//
// Neighbours in this order ask search the same or nearly so, and get nearly the
// same candidates: vectors, graph and records that one has called for are in
// the cache when the next one needs them. Finding candidates takes two thirds
// of the time that it takes in the order of ids (100,000 members).

#ifndef MITRA_SERVICES_MATCHING_REFRESH_MEMBER_ORDER_H_
#define MITRA_SERVICES_MATCHING_REFRESH_MEMBER_ORDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/matching/members/member_table.h"

namespace mitra::matching {

// The ids of members in that order, which depends on what the record says of
// them only. O(n log n).
std::vector<std::string> IdsInOrder(const MemberView& members,
                                    absl::Span<const MemberIndex> indices);

// Finds ids in a list of any order. Keeps a reference to it; 4 bytes for each.
class PositionsById {
 public:
  explicit PositionsById(absl::Span<const std::string> ids);
  // ids.size() if it is not among them.
  size_t Find(absl::string_view id) const;

 private:
  const absl::Span<const std::string> ids_;
  std::vector<uint32_t> by_id_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_MEMBER_ORDER_H_
