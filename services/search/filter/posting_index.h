// For each value of each attribute, the rows that have it: roaring bitmaps that
// readers see in frozen versions.

#ifndef MITRA_SERVICES_SEARCH_FILTER_POSTING_INDEX_H_
#define MITRA_SERVICES_SEARCH_FILTER_POSTING_INDEX_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "roaring/roaring.hh"
#include "services/search/filter/row_attributes.h"
#include "services/search/persistent/cow_vector.h"

namespace mitra::search {

// For one writer; Views may be read meanwhile. Only rows that may be found are
// in it.
class PostingIndex {
  struct Posting {
    uint64_t version;
    Roaring rows;
  };
  using Shard = absl::flat_hash_map<AttributeKey, std::shared_ptr<Posting>>;
  static constexpr size_t kShards = 256;
  static size_t ShardOf(AttributeKey key) {
    return (key * 0x9e3779b97f4a7c15ULL) >> 56;
  }

 public:
  class View {
   public:
    // The rows with that value; null if there are none.
    std::shared_ptr<const Roaring> Find(AttributeKey key) const;
    // Calls `each` for every key that has rows, in no order.
    void ForEach(
        absl::FunctionRef<void(AttributeKey, const Roaring&)> each) const;

   private:
    friend class PostingIndex;
    CowVector<Shard, 1, 16>::View shards_;
  };

  PostingIndex() { shards_.Grow(kShards); }

  // Both lists sorted. O(log n) per key and row, and a copy of each bitmap that
  // is touched for the first time since Freeze().
  void Add(uint32_t row, absl::Span<const AttributeKey> keys);
  void Remove(uint32_t row, absl::Span<const AttributeKey> keys);
  // From the keys `old` to the keys `now`.
  void Change(uint32_t row, absl::Span<const AttributeKey> old,
              absl::Span<const AttributeKey> now);

  View Freeze();
  size_t bytes() const;

 private:
  Roaring& Mutable(AttributeKey key);

  uint64_t version_ = 1;
  CowVector<Shard, 1, 16> shards_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_FILTER_POSTING_INDEX_H_
