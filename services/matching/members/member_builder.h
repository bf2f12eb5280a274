// Makes the compact record of a member from what the feed brings.

#ifndef MITRA_SERVICES_MATCHING_MEMBERS_MEMBER_BUILDER_H_
#define MITRA_SERVICES_MATCHING_MEMBERS_MEMBER_BUILDER_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "services/matching/members/member.h"

namespace mitra::v1 {
class Profile;
}  // namespace mitra::v1

namespace mitra::matching {

struct MemberDetails {
  uint64_t incarnation = 0;
  uint64_t revision = 0;
  uint32_t consent_bits = 0;
  // Requests that the member answered, either way, and that it let expire.
  uint32_t answered = 0;
  uint32_t unanswered = 0;
};

// Never fails: the record has checked the profile, and what cannot be read is
// left out. Sectors are turned into KBLI 2020, former regions into today's.
OwnedMember MakeMember(const v1::Profile& profile,
                       const MemberDetails& details);

// The same member with other consents.
OwnedMember WithConsents(const Member& member, uint32_t consent_bits);

// What is left of a member that is gone: life and revision.
OwnedMember DeletedMember(uint64_t incarnation, uint64_t revision);

// The block of a record as bytes, and a record from such bytes. FromBytes
// returns null when they cannot be a record: lists outside the block, or
// another layout.
absl::string_view BytesOf(const Member& member);
OwnedMember MemberFromBytes(absl::string_view bytes);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_MEMBERS_MEMBER_BUILDER_H_
