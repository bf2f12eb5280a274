#include "services/matching/members/member_table.h"

#include <algorithm>
#include <utility>

#include "common/base/prefetch.h"
#include "services/matching/members/member_builder.h"

namespace mitra::matching {
namespace {

void FreeMember(void* member) {
  MemberDeleter()(static_cast<const Member*>(member));
}

void FreeBlocks(void* blocks) {
  delete static_cast<std::vector<MemberIndex>*>(blocks);
}

// Adds or removes `value` in a sorted list; false if nothing changed.
bool SetMembership(std::vector<MemberIndex>& list, MemberIndex value,
                   bool present) {
  const auto at = std::lower_bound(list.begin(), list.end(), value);
  const bool found = at != list.end() && *at == value;
  if (found == present) return false;
  if (present) {
    list.insert(at, value);
  } else {
    list.erase(at);
  }
  return true;
}

}  // namespace

MemberView::MemberView() {
  static const auto* const empty = [] {
    auto state = std::make_shared<State>();
    state->ids = std::make_shared<IdTable>(16);
    state->supply = std::make_shared<SeatSupply>();
    return new std::shared_ptr<const State>(std::move(state));
  }();
  state_ = *empty;
}

MemberView::MemberView(std::shared_ptr<const State> state)
    : state_(std::move(state)) {}

const Member& MemberView::Nobody() {
  static const Member* const nobody = DeletedMember(0, 0).release();
  return *nobody;
}

MemberIndex MemberView::Find(absl::string_view id) const {
  return state_->ids->Find(IdTable::Hash(id), [&](MemberIndex index) {
    if (index >= size()) return false;  // newer than this view
    const Member& member = *state_->members.at(index);
    return !member.deleted && member.id.view() == id;
  });
}

std::vector<MemberIndex> MemberView::FindAll(
    absl::Span<const absl::string_view> ids) const {
  // Each pass calls for what the next one reads.
  std::vector<uint64_t> hashes(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    hashes[i] = IdTable::Hash(ids[i]);
    state_->ids->Prefetch(hashes[i]);
  }
  for (const uint64_t hash : hashes) {
    const MemberIndex guess = state_->ids->Guess(hash);
    if (guess < size()) PrefetchLine(&state_->members.at(guess));
  }
  for (const uint64_t hash : hashes) {
    const MemberIndex guess = state_->ids->Guess(hash);
    if (guess < size()) PrefetchBytes(&at(guess), 4 * kCacheLine);
  }
  std::vector<MemberIndex> found(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    found[i] = state_->ids->Find(hashes[i], [&](MemberIndex index) {
      if (index >= size()) return false;
      const Member& member = *state_->members.at(index);
      return !member.deleted && member.id.view() == ids[i];
    });
  }
  return found;
}

absl::Span<const MemberIndex> MemberView::BlockedWith(MemberIndex index) const {
  if (index >= state_->blocks.size()) return {};
  const Blocks* blocks = state_->blocks.at(index);
  return blocks == nullptr ? absl::Span<const MemberIndex>() : *blocks;
}

bool MemberView::Blocked(MemberIndex a, MemberIndex b) const {
  const absl::Span<const MemberIndex> blocked = BlockedWith(a);
  return std::binary_search(blocked.begin(), blocked.end(), b);
}

MemberTable::MemberTable(SupplyLevels levels)
    : ids_(std::make_shared<IdTable>(1024)), supply_(levels) {
  Publish();
}

MemberTable::~MemberTable() {
  for (MemberIndex i = 0; i < members_.size(); ++i) {
    garbage_.Retire(members_.at(i), FreeMember);
  }
  for (MemberIndex i = 0; i < blocks_.size(); ++i) {
    if (blocks_.at(i) != nullptr) garbage_.Retire(blocks_.at(i), FreeBlocks);
  }
}

MemberIndex MemberTable::Put(OwnedMember member, const IdHash& id_hash) {
  const auto found = by_hash_.find(id_hash);
  if (found == by_hash_.end()) {
    const MemberIndex index = members_.size();
    by_hash_.emplace(id_hash, index);
    hashes_.push_back(id_hash);
    members_.Resize(index + 1);
    AddId(member->id, index);
    ++live_;
    Replace(index, std::move(member));
    return index;
  }
  const MemberIndex index = found->second;
  const Member& old = at(index);
  if (member->incarnation < old.incarnation) return kNoMember;
  if (member->incarnation == old.incarnation) {
    if (old.deleted || member->revision <= old.revision) return kNoMember;
    if (member->consent_bits != old.consent_bits) {
      member = WithConsents(*member, old.consent_bits);
    }
  } else if (old.deleted) {
    AddId(member->id, index);
    ++live_;
  } else {
    // A new life without news of the old one's end.
    Delete(id_hash, old.incarnation, old.revision);
    AddId(member->id, index);
    ++live_;
  }
  Replace(index, std::move(member));
  return index;
}

MemberIndex MemberTable::Delete(const IdHash& id_hash, uint64_t incarnation,
                                uint64_t revision) {
  const MemberIndex index = FindHash(id_hash);
  if (index == kNoMember) return kNoMember;
  const Member& old = at(index);
  if (old.incarnation > incarnation) return kNoMember;
  const bool lived = !old.deleted;
  if (!lived && old.incarnation == incarnation) return kNoMember;
  if (lived) --live_;
  for (auto* directed : {&blocks_out_, &blocks_in_}) {
    auto& others = directed == &blocks_out_ ? blocks_in_ : blocks_out_;
    const auto own = directed->find(index);
    if (own == directed->end()) continue;
    const std::vector<MemberIndex> partners = std::move(own->second);
    directed->erase(own);
    for (const MemberIndex partner : partners) {
      SetMembership(others[partner], index, false);
      RebuildBlocks(partner);
    }
  }
  RebuildBlocks(index);
  engaged_.CloseAllOf(index);
  Replace(index, DeletedMember(incarnation, std::max(revision, old.revision)));
  return lived ? index : kNoMember;
}

bool MemberTable::SetConsent(MemberIndex index, int purpose, bool granted) {
  if (index >= size() || at(index).deleted) return false;
  const Member& member = at(index);
  const uint32_t bits = granted ? member.consent_bits | BitOf(purpose)
                                : member.consent_bits & ~BitOf(purpose);
  if (bits == member.consent_bits) return false;
  Replace(index, WithConsents(member, bits));
  return true;
}

void MemberTable::SetBlock(MemberIndex blocker, MemberIndex blocked,
                           bool present) {
  if (blocker == blocked || blocker >= size() || blocked >= size()) return;
  if (!SetMembership(blocks_out_[blocker], blocked, present)) return;
  SetMembership(blocks_in_[blocked], blocker, present);
  RebuildBlocks(blocker);
  RebuildBlocks(blocked);
}

MemberIndex MemberTable::Find(absl::string_view id) const {
  return ids_->Find(IdTable::Hash(id), [&](MemberIndex index) {
    return !at(index).deleted && at(index).id.view() == id;
  });
}

MemberIndex MemberTable::FindHash(const IdHash& id_hash) const {
  const auto found = by_hash_.find(id_hash);
  return found == by_hash_.end() ? kNoMember : found->second;
}

absl::Span<const MemberIndex> MemberTable::BlockedBy(
    MemberIndex blocker) const {
  const auto found = blocks_out_.find(blocker);
  return found == blocks_out_.end() ? absl::Span<const MemberIndex>()
                                    : found->second;
}

void MemberTable::Publish() {
  auto state = std::make_shared<MemberView::State>();
  state->garbage = garbage_.Publish();
  state->members = members_.Publish();
  state->blocks = blocks_.Publish();
  state->engaged = engaged_.Publish();
  state->ids = ids_;
  state->live = live_;
  if (published_supply_ == nullptr) {
    published_supply_ = std::make_shared<const SeatSupply>(supply_);
  }
  state->supply = published_supply_;
  MemberView next(std::move(state));
  absl::MutexLock lock(&mutex_);
  // Swapped, so that the old view is let go outside the lock.
  std::swap(published_, next);
}

MemberView MemberTable::view() const {
  absl::ReaderMutexLock lock(&mutex_);
  return published_;
}

void MemberTable::Clear() {
  for (MemberIndex i = 0; i < members_.size(); ++i) {
    garbage_.Retire(members_.at(i), FreeMember);
  }
  for (MemberIndex i = 0; i < blocks_.size(); ++i) {
    if (blocks_.at(i) != nullptr) garbage_.Retire(blocks_.at(i), FreeBlocks);
  }
  members_.Clear();
  blocks_.Clear();
  engaged_.Clear();
  ids_ = std::make_shared<IdTable>(1024);
  by_hash_.clear();
  hashes_.clear();
  blocks_out_.clear();
  blocks_in_.clear();
  live_ = 0;
  record_bytes_ = 0;
  supply_ = SeatSupply(supply_.levels());
  published_supply_ = nullptr;
  Publish();
}

MemberTable::Memory MemberTable::memory() const {
  // flat_hash_map: one slot and one control byte, at most 7/8 full.
  const size_t hash_slot = sizeof(std::pair<IdHash, MemberIndex>) + 1;
  return {.records = record_bytes_,
          .index = members_.bytes() + blocks_.bytes() + engaged_.bytes() +
                   ids_->bytes() + hashes_.capacity() * sizeof(IdHash) +
                   by_hash_.capacity() * hash_slot};
}

void MemberTable::Replace(MemberIndex index, OwnedMember member) {
  const Member*& slot = members_.Mutable(index);
  published_supply_ = nullptr;
  supply_.Count(*member, 1);
  if (slot != nullptr) {
    supply_.Count(*slot, -1);
    record_bytes_ -= slot->bytes;
    garbage_.Retire(slot, FreeMember);
  }
  record_bytes_ += member->bytes;
  slot = member.release();
}

void MemberTable::RebuildBlocks(MemberIndex index) {
  auto both = std::make_unique<MemberView::Blocks>();
  for (auto* directed : {&blocks_out_, &blocks_in_}) {
    const auto found = directed->find(index);
    if (found == directed->end()) continue;
    if (found->second.empty()) {
      directed->erase(found);
      continue;
    }
    both->insert(both->end(), found->second.begin(), found->second.end());
  }
  std::sort(both->begin(), both->end());
  both->erase(std::unique(both->begin(), both->end()), both->end());
  if (index >= blocks_.size()) {
    if (both->empty()) return;
    blocks_.Resize(index + 1);
  }
  if (both->empty() && blocks_.at(index) == nullptr) return;
  const MemberView::Blocks*& slot = blocks_.Mutable(index);
  if (slot != nullptr) garbage_.Retire(slot, FreeBlocks);
  slot = both->empty() ? nullptr : both.release();
}

void MemberTable::AddId(absl::string_view id, MemberIndex index) {
  const uint64_t hash = IdTable::Hash(id);
  const auto same = [&](MemberIndex i) { return i == index; };
  if (ids_->Find(hash, same) == index) return;
  if (ids_->full()) ids_ = ids_->Grown();
  ids_->Insert(hash, index);
}

}  // namespace mitra::matching
