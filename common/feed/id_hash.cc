#include <sodium.h>

#include <cstring>

#include "common/feed/follower.h"

namespace mitra::feed {

std::string IdHash(absl::string_view key, absl::string_view profile_id) {
  static_assert(crypto_shorthash_siphashx24_KEYBYTES == 16);
  static_assert(crypto_shorthash_siphashx24_BYTES == 16);
  unsigned char padded[16] = {};
  std::memcpy(padded, key.data(), std::min<size_t>(key.size(), sizeof padded));
  std::string hash(16, '\0');
  crypto_shorthash_siphashx24(
      reinterpret_cast<unsigned char*>(hash.data()),
      reinterpret_cast<const unsigned char*>(profile_id.data()),
      profile_id.size(), padded);
  return hash;
}

}  // namespace mitra::feed
