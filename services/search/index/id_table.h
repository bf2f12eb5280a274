// From the hash of a member id to the member's dense number.
//
// Open addressing over atomic words: one writer inserts and removes while
// readers look up without a lock. What a reader finds is only a hint, to be
// confirmed against the members of its own view.

#ifndef MITRA_SERVICES_SEARCH_INDEX_ID_TABLE_H_
#define MITRA_SERVICES_SEARCH_INDEX_ID_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "common/base/prefetch.h"

namespace mitra::search {

class IdTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // Room for about `capacity` members before it is Crowded().
  explicit IdTable(size_t capacity);

  // The first number under `hash` that `is_it` confirms; kNone if none.
  uint32_t Find(uint64_t hash, absl::FunctionRef<bool(uint32_t)> is_it) const;
  // The first number that stands under `hash`, most likely the right one.
  uint32_t Guess(uint64_t hash) const;
  // Calls for what Find and Guess read first.
  void Prefetch(uint64_t hash) const { PrefetchLine(&slots_[hash & mask_]); }

  // For the writer. A number is inserted once and removed with its hash.
  void Insert(uint64_t hash, uint32_t member);
  void Remove(uint64_t hash, uint32_t member);
  // More than half of the slots have been used: make a larger table.
  bool Crowded() const { return 2 * used_ > mask_ + 1; }
  size_t bytes() const { return (mask_ + 1) * sizeof(uint64_t); }

 private:
  static constexpr uint32_t kRemoved = UINT32_MAX - 1;

  size_t mask_;
  size_t used_ = 0;                                 // removed ones included
  std::unique_ptr<std::atomic<uint64_t>[]> slots_;  // tag << 32 | member + 1
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_INDEX_ID_TABLE_H_
