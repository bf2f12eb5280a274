// Compact forms of what a member carries.

#ifndef MITRA_SERVICES_MATCHING_MEMBERS_CODES_H_
#define MITRA_SERVICES_MATCHING_MEMBERS_CODES_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace mitra::matching {

// Dense index of a member inside this process; never on the wire. The same
// member id always has the same index, over deletion and re-creation, until
// the process starts afresh.
using MemberIndex = uint32_t;
inline constexpr MemberIndex kNoMember = 0xFFFFFFFF;

// One bit of each v1 enum value below 32 (resources, norms, roles, scales).
inline constexpr uint32_t BitOf(int value) {
  return value > 0 && value < 32 ? 1u << value : 0u;
}

// One bit per language known here (Indonesian, its regional languages, and
// those of trade); 0 for others, which therefore never count as shared.
uint64_t LanguageBit(absl::string_view tag);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_MEMBERS_CODES_H_
