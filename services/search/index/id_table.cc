#include "services/search/index/id_table.h"

namespace mitra::search {
namespace {

size_t SlotsFor(size_t capacity) {
  size_t slots = 64;
  while (slots < 2 * capacity) slots *= 2;
  return slots;
}

uint64_t Entry(uint64_t hash, uint32_t low) { return hash << 32 | low; }

}  // namespace

IdTable::IdTable(size_t capacity)
    : mask_(SlotsFor(capacity) - 1),
      slots_(std::make_unique<std::atomic<uint64_t>[]>(mask_ + 1)) {}

uint32_t IdTable::Find(uint64_t hash,
                       absl::FunctionRef<bool(uint32_t)> is_it) const {
  for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
    const uint64_t entry = slots_[i].load(std::memory_order_acquire);
    if (entry == 0) return kNone;
    const auto low = static_cast<uint32_t>(entry);
    if (entry >> 32 == (hash & UINT32_MAX) && low != kRemoved &&
        is_it(low - 1)) {
      return low - 1;
    }
  }
}

uint32_t IdTable::Guess(uint64_t hash) const {
  for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
    const uint64_t entry = slots_[i].load(std::memory_order_acquire);
    if (entry == 0) return kNone;
    const auto low = static_cast<uint32_t>(entry);
    if (entry >> 32 == (hash & UINT32_MAX) && low != kRemoved) return low - 1;
  }
}

void IdTable::Insert(uint64_t hash, uint32_t member) {
  size_t i = hash & mask_;
  while (slots_[i].load(std::memory_order_relaxed) != 0) i = (i + 1) & mask_;
  slots_[i].store(Entry(hash, member + 1), std::memory_order_release);
  ++used_;
}

void IdTable::Remove(uint64_t hash, uint32_t member) {
  for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
    const uint64_t entry = slots_[i].load(std::memory_order_relaxed);
    if (entry == 0) return;
    if (entry == Entry(hash, member + 1)) {
      slots_[i].store(Entry(hash, kRemoved), std::memory_order_release);
      return;
    }
  }
}

}  // namespace mitra::search
