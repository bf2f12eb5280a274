#include "services/search/index/id_hash.h"

#include <sodium.h>

#include <algorithm>

namespace mitra::search {

uint64_t IdHash64(absl::string_view key, absl::string_view id) {
  unsigned char padded[crypto_shorthash_siphashx24_KEYBYTES] = {};
  std::memcpy(padded, key.data(), std::min(key.size(), sizeof(padded)));
  unsigned char hash[crypto_shorthash_siphashx24_BYTES];
  crypto_shorthash_siphashx24(hash,
                              reinterpret_cast<const unsigned char*>(id.data()),
                              id.size(), padded);
  return FirstBits({reinterpret_cast<const char*>(hash), sizeof(hash)});
}

}  // namespace mitra::search
