// Ranking profiles as TOML files:
//
//   id = "learned-2026-11"
//   beta = 0.5
//   newcomer_share = 0.1
//   bridging_share = 0.1
//   random_share = 0.0
//   fatigue = 0.3
//   group_cap = 4
//
//   [local_shares]                  # of places, for who is near
//   district = 0.1
//   regency = 0.2
//   province = 0.3
//
//   [[ties]]                        # of subjects of that sector
//   sector = "10"
//   strong = 1.3
//   weak = 0.8
//
//   [mentor.wants]                  # P(subject wants candidate)
//   bias = -0.3
//   give_similarity = 5.0
//   [mentor.accepts]                # P(candidate accepts subject)
//   …
//
// Kinds are those of AllKinds(), features those of AllFeatures().

#ifndef MITRA_SERVICES_MATCHING_RANKING_PROFILE_FILE_H_
#define MITRA_SERVICES_MATCHING_RANKING_PROFILE_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/matching/ranking/ranking_profile.h"

namespace mitra::matching {

// A side that is left out has the weights of RankingProfile::Default(); in a
// side that stands there, a feature that is left out has weight 0. Everything
// of the top level but `id` may be left out.
// INVALID_ARGUMENT, naming the field or the line, for a key that is not known,
// a value of another type, or what RankingProfile::Validate refuses.
absl::StatusOr<RankingProfile> ParseRankingProfile(absl::string_view toml);

// All of it but weights of 0; ParseRankingProfile gives the same profile back,
// bit by bit.
std::string RankingProfileToml(const RankingProfile& profile);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_PROFILE_FILE_H_
