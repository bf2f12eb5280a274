// Attribution tokens: which recommendation it was that something came of.
//
// matching makes one with each recommendation, profile reads it when feedback
// or an engagement brings it back; both know the record's token key.

#ifndef MITRA_COMMON_BASE_ATTRIBUTION_TOKEN_H_
#define MITRA_COMMON_BASE_ATTRIBUTION_TOKEN_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra {

inline constexpr absl::Duration kAttributionLife = absl::Hours(24 * 30);

struct Attribution {
  // Empty, and no life, for a subject that stood only in its request.
  std::string subject_id;
  uint64_t subject_incarnation = 0;
  std::string candidate_id;
  uint64_t candidate_incarnation = 0;
  int kind = 0;  // v1::RecommendationKind
  uint64_t slate_id = 0;
  uint32_t position = 0;  // in the slate, from 0
  std::string ranking_profile;
  // Its place was drawn by chance.
  bool randomised = false;
};

// A token under `key` (kTokenKeyBytes), good for kAttributionLife after `now`;
// at most 400 bytes. Empty without a key. Ids are at most 255 bytes.
std::string EncodeAttribution(absl::string_view key,
                              const Attribution& attribution, absl::Time now);

// INVALID_ARGUMENT naming `field`: BAD_ATTRIBUTION_TOKEN for what was not made
// under the key, ATTRIBUTION_TOKEN_EXPIRED for what is too old.
absl::StatusOr<Attribution> DecodeAttribution(absl::string_view key,
                                              absl::string_view token,
                                              absl::string_view field,
                                              absl::Time now);

// INVALID_ARGUMENT naming `field` (BAD_ATTRIBUTION_TOKEN): a good token where
// it does not belong.
absl::Status MisplacedAttribution(absl::string_view field,
                                  absl::string_view description);

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_ATTRIBUTION_TOKEN_H_
