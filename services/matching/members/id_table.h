// Ids to indexes: one writer adds, readers look up without locks.
//
// Open addressing; a slot is one atomic word with 32 bits of the id's hash and
// the index, so that a look-up compares the id itself only on a likely hit.
// Entries are never removed: an index belongs to one id for ever, and a
// deleted member is recognised by its record. A full table is copied into one
// of twice the size; readers of the old one lose nothing that they could see.

#ifndef MITRA_SERVICES_MATCHING_MEMBERS_ID_TABLE_H_
#define MITRA_SERVICES_MATCHING_MEMBERS_ID_TABLE_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "common/base/prefetch.h"
#include "services/matching/members/codes.h"

namespace mitra::matching {

class IdTable {
 public:
  explicit IdTable(size_t capacity);

  static uint64_t Hash(absl::string_view id);

  // The first index under `hash` for which `matches` is true, or kNoMember.
  template <typename Matches>
  MemberIndex Find(uint64_t hash, Matches matches) const {
    for (size_t i = Position(hash >> 32);; i = (i + 1) & mask_) {
      const uint64_t slot = slots_[i].load(std::memory_order_acquire);
      if (slot == 0) return kNoMember;
      if ((slot >> 32) != (hash >> 32)) continue;
      const MemberIndex index = static_cast<MemberIndex>(slot) - 1;
      if (matches(index)) return index;
    }
  }

  // Begins to load what Find(hash, …) reads first.
  void Prefetch(uint64_t hash) const {
    PrefetchLine(&slots_[Position(hash >> 32)]);
  }
  // The first index whose slot fits `hash`, or kNoMember: most often the one
  // that Find gives.
  MemberIndex Guess(uint64_t hash) const {
    return Find(hash, [](MemberIndex) { return true; });
  }

  // Adds an entry. REQUIRES: !full(). The writer only.
  void Insert(uint64_t hash, MemberIndex index);
  bool full() const { return used_ * 10 >= (mask_ + 1) * 7; }
  // A table of twice the size with the same entries.
  std::unique_ptr<IdTable> Grown() const;
  size_t bytes() const { return (mask_ + 1) * sizeof(uint64_t); }

 private:
  // From the 32 bits that a slot holds, so that growing needs no ids.
  size_t Position(uint64_t high) const {
    return (high * 0x9E3779B97F4A7C15u >> 20) & mask_;
  }

  std::unique_ptr<std::atomic<uint64_t>[]> slots_;
  size_t mask_;
  size_t used_ = 0;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_MEMBERS_ID_TABLE_H_
