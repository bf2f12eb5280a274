// Where rows begin that are counted by number.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_OFFSETS_H_
#define MITRA_SERVICES_MATCHING_REFRESH_OFFSETS_H_

#include <cstdint>
#include <numeric>
#include <vector>

namespace mitra::matching {

// One more than `counts`: the last is the end.
inline std::vector<uint32_t> OffsetsOf(const std::vector<uint32_t>& counts) {
  std::vector<uint32_t> begin(counts.size() + 1, 0);
  std::partial_sum(counts.begin(), counts.end(), begin.begin() + 1);
  return begin;
}

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_OFFSETS_H_
