// The first 64 bits of the feed's keyed hash of a member id.

#ifndef MITRA_SERVICES_SEARCH_INDEX_ID_HASH_H_
#define MITRA_SERVICES_SEARCH_INDEX_ID_HASH_H_

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "common/feed/follower.h"

namespace mitra::search {

inline uint64_t FirstBits(absl::string_view id_hash) {
  uint64_t bits = 0;
  std::memcpy(&bits, id_hash.data(),
              id_hash.size() < sizeof(bits) ? id_hash.size() : sizeof(bits));
  return bits;
}

// FirstBits(feed::IdHash(key, id)), without memory from the heap.
uint64_t IdHash64(absl::string_view key, absl::string_view id);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_INDEX_ID_HASH_H_
