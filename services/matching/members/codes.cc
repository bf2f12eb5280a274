#include "services/matching/members/codes.h"

#include <array>

namespace mitra::matching {

uint64_t LanguageBit(absl::string_view tag) {
  // The order is that of bits in snapshots: append only.
  static constexpr std::array<absl::string_view, 32> kTags = {
      "id",  "en",  "jv",  "su",  "mad", "ms",  "min", "bug",
      "bjn", "ace", "ban", "sas", "mak", "btk", "bbc", "bts",
      "btx", "nij", "gor", "day", "iba", "tet", "zh",  "ar",
      "hi",  "ta",  "ja",  "ko",  "nl",  "fr",  "de",  "pap"};
  for (size_t i = 0; i < kTags.size(); ++i) {
    if (tag == kTags[i]) return uint64_t{1} << i;
  }
  return 0;
}

}  // namespace mitra::matching
