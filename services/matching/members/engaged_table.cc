#include "services/matching/members/engaged_table.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "mitra/v1/member.pb.h"

namespace mitra::matching {
namespace {

constexpr uint32_t kTrading = BitOf(v1::ROLE_BUSINESS) |
                              BitOf(v1::ROLE_ENTERPRISE) |
                              BitOf(v1::ROLE_SUPPLIER);

void FreeList(void* list) { delete static_cast<EngagedTable::List*>(list); }

// What `member` does not see of the other side.
Engaged OtherSide(const OpenEngagement& engagement, MemberIndex member) {
  const uint32_t role = BitOf(engagement.provider_role);
  if (member == engagement.seeker) return {engagement.provider, role};
  return {engagement.seeker, (role & kTrading) != 0 ? kTrading : 0};
}

}  // namespace

bool EngagedTable::Open(uint64_t key, const OpenEngagement& engagement) {
  const auto [at, is_new] = open_.try_emplace(key, engagement);
  if (!is_new) {
    if (at->second.revision >= engagement.revision) return false;
    const OpenEngagement before = std::exchange(at->second, engagement);
    Remove(before.seeker, key);
    Remove(before.provider, key);
  }
  keys_of_[engagement.seeker].push_back(key);
  keys_of_[engagement.provider].push_back(key);
  Rebuild(engagement.seeker);
  Rebuild(engagement.provider);
  return true;
}

std::optional<OpenEngagement> EngagedTable::Close(uint64_t key,
                                                  uint64_t revision) {
  const auto at = open_.find(key);
  if (at == open_.end() || at->second.revision >= revision) {
    return std::nullopt;
  }
  const OpenEngagement closed = at->second;
  open_.erase(at);
  Remove(closed.seeker, key);
  Remove(closed.provider, key);
  return closed;
}

std::vector<MemberIndex> EngagedTable::CloseAllOf(MemberIndex member) {
  std::vector<MemberIndex> others;
  const auto own = keys_of_.find(member);
  if (own == keys_of_.end()) return others;
  const std::vector<uint64_t> keys = own->second;
  for (const uint64_t key : keys) {
    const auto closed = Close(key, UINT64_MAX);
    if (!closed) continue;
    others.push_back(closed->seeker == member ? closed->provider
                                              : closed->seeker);
  }
  return others;
}

void EngagedTable::Remove(MemberIndex member, uint64_t key) {
  const auto at = keys_of_.find(member);
  if (at == keys_of_.end()) return;
  auto& keys = at->second;
  keys.erase(std::remove(keys.begin(), keys.end(), key), keys.end());
  if (keys.empty()) keys_of_.erase(at);
  Rebuild(member);
}

void EngagedTable::Rebuild(MemberIndex member) {
  auto list = std::make_unique<List>();
  if (const auto at = keys_of_.find(member); at != keys_of_.end()) {
    for (const uint64_t key : at->second) {
      const Engaged one = OtherSide(open_.at(key), member);
      if (one.hidden_roles == 0) continue;
      const auto place = std::lower_bound(
          list->begin(), list->end(), one.other,
          [](const Engaged& e, MemberIndex m) { return e.other < m; });
      if (place != list->end() && place->other == one.other) {
        place->hidden_roles |= one.hidden_roles;
      } else {
        list->insert(place, one);
      }
    }
  }
  if (member >= lists_.size()) {
    if (list->empty()) return;
    lists_.Resize(member + 1);
  }
  if (list->empty() && lists_.at(member) == nullptr) return;
  const List*& slot = lists_.Mutable(member);
  if (slot != nullptr) garbage_.Retire(slot, FreeList);
  slot = list->empty() ? nullptr : list.release();
}

void EngagedTable::Clear() {
  for (MemberIndex i = 0; i < lists_.size(); ++i) {
    if (lists_.at(i) != nullptr) garbage_.Retire(lists_.at(i), FreeList);
  }
  lists_.Clear();
  open_.clear();
  keys_of_.clear();
}

size_t EngagedTable::bytes() const {
  const size_t slot = sizeof(std::pair<uint64_t, OpenEngagement>) + 1;
  return lists_.bytes() + open_.capacity() * slot +
         open_.size() * 2 * (sizeof(uint64_t) + sizeof(Engaged));
}

}  // namespace mitra::matching
