#include "services/matching/state/matching_view.h"

namespace mitra::matching {
namespace {

// Of one id through members that were merged one after the other.
constexpr int kMaxHops = 64;

}  // namespace

MemberIndex MatchingView::FindMeant(absl::string_view id) const {
  MemberIndex found = members.Find(id);
  if (redirects == nullptr) return found;
  for (int hop = 0; found == kNoMember && hop < kMaxHops; ++hop) {
    const auto at = redirects->find(id);
    if (at == redirects->end()) break;
    id = at->second;
    found = members.Find(id);
  }
  return found;
}

}  // namespace mitra::matching
