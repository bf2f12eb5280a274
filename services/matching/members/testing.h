// Builders of members for tests.

#ifndef MITRA_SERVICES_MATCHING_MEMBERS_TESTING_H_
#define MITRA_SERVICES_MATCHING_MEMBERS_TESTING_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "mitra/v1/profile.pb.h"
#include "services/matching/members/member_builder.h"
#include "services/matching/members/member_table.h"

namespace mitra::matching {

// Stands for feed::IdHash.
inline IdHash TestHash(absl::string_view id) {
  return {absl::HashOf(id), absl::HashOf(id, 1)};
}

// A profile of a business in Surakarta, to be changed by the caller.
inline v1::Profile AProfile(const std::string& id,
                            v1::Role role = v1::ROLE_BUSINESS) {
  v1::Profile profile;
  profile.set_profile_id(id);
  profile.set_kind(v1::MEMBER_KIND_BUSINESS);
  profile.set_display_name("Usaha " + id);
  profile.set_region_code("33.72.01");
  profile.set_scale(v1::SCALE_MICRO);
  v1::Sector* sector = profile.add_sectors();
  sector->set_code("10710");
  sector->set_edition(v1::KBLI_EDITION_2020);
  v1::Facet* facet = profile.add_facets();
  facet->set_role(role);
  if (role == v1::ROLE_MENTOR || role == v1::ROLE_FACILITATOR) {
    facet->mutable_seats()->set_total(3);
  }
  return profile;
}

// Puts a profile into a table; does not publish.
inline MemberIndex Put(MemberTable& table, const v1::Profile& profile,
                       uint64_t revision = 1, uint64_t incarnation = 1) {
  return table.Put(
      MakeMember(profile, {.incarnation = incarnation, .revision = revision}),
      TestHash(profile.profile_id()));
}

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_MEMBERS_TESTING_H_
