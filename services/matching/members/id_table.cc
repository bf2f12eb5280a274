#include "services/matching/members/id_table.h"

#include "absl/hash/hash.h"

namespace mitra::matching {
namespace {

size_t PowerOfTwoAtLeast(size_t n) {
  size_t size = 16;
  while (size < n) size *= 2;
  return size;
}

}  // namespace

IdTable::IdTable(size_t capacity)
    : slots_(new std::atomic<uint64_t>[PowerOfTwoAtLeast(capacity)]()),
      mask_(PowerOfTwoAtLeast(capacity) - 1) {}

uint64_t IdTable::Hash(absl::string_view id) {
  return absl::Hash<absl::string_view>{}(id);
}

void IdTable::Insert(uint64_t hash, MemberIndex index) {
  size_t i = Position(hash >> 32);
  while (slots_[i].load(std::memory_order_relaxed) != 0) i = (i + 1) & mask_;
  // Release: who sees the entry sees the member behind it, as far as its own
  // version of the table reaches.
  slots_[i].store((hash >> 32 << 32) | (uint64_t{index} + 1),
                  std::memory_order_release);
  ++used_;
}

std::unique_ptr<IdTable> IdTable::Grown() const {
  auto grown = std::make_unique<IdTable>(2 * (mask_ + 1));
  for (size_t i = 0; i <= mask_; ++i) {
    const uint64_t slot = slots_[i].load(std::memory_order_relaxed);
    if (slot != 0) grown->Insert(slot, static_cast<MemberIndex>(slot) - 1);
  }
  return grown;
}

}  // namespace mitra::matching
