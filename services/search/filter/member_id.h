// The grammar of member ids (the whole project's, see the README).

#ifndef MITRA_SERVICES_SEARCH_FILTER_MEMBER_ID_H_
#define MITRA_SERVICES_SEARCH_FILTER_MEMBER_ID_H_

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace mitra::search {

inline constexpr char kMemberIdRule[] =
    "must match [A-Za-z0-9][A-Za-z0-9._~-]{0,63}";

inline bool IsMemberId(absl::string_view id) {
  if (id.empty() || id.size() > 64 ||
      !absl::ascii_isalnum(static_cast<unsigned char>(id[0]))) {
    return false;
  }
  for (char c : id) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' &&
        c != '_' && c != '~' && c != '-') {
      return false;
    }
  }
  return true;
}

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_FILTER_MEMBER_ID_H_
