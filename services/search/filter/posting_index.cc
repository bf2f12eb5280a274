#include "services/search/filter/posting_index.h"

#include <algorithm>
#include <iterator>

namespace mitra::search {

std::shared_ptr<const Roaring> PostingIndex::View::Find(
    AttributeKey key) const {
  const Shard& shard = shards_[ShardOf(key)];
  const auto it = shard.find(key);
  if (it == shard.end()) return nullptr;
  return {it->second, &it->second->rows};
}

void PostingIndex::View::ForEach(
    absl::FunctionRef<void(AttributeKey, const Roaring&)> each) const {
  for (size_t i = 0; i < kShards; ++i) {
    for (const auto& [key, posting] : shards_[i]) each(key, posting->rows);
  }
}

Roaring& PostingIndex::Mutable(AttributeKey key) {
  std::shared_ptr<Posting>& posting = shards_.Mutable(ShardOf(key))[key];
  if (posting == nullptr) {
    posting = std::make_shared<Posting>();
    posting->version = version_;
  } else if (posting->version != version_) {
    posting = std::make_shared<Posting>(*posting);
    posting->version = version_;
  }
  return posting->rows;
}

void PostingIndex::Add(uint32_t row, absl::Span<const AttributeKey> keys) {
  for (AttributeKey key : keys) Mutable(key).add(row);
}

void PostingIndex::Remove(uint32_t row, absl::Span<const AttributeKey> keys) {
  for (AttributeKey key : keys) {
    Roaring& rows = Mutable(key);
    rows.remove(row);
    if (rows.isEmpty()) shards_.Mutable(ShardOf(key)).erase(key);
  }
}

void PostingIndex::Change(uint32_t row, absl::Span<const AttributeKey> old,
                          absl::Span<const AttributeKey> now) {
  std::vector<AttributeKey> gone;
  std::vector<AttributeKey> come;
  std::set_difference(old.begin(), old.end(), now.begin(), now.end(),
                      std::back_inserter(gone));
  std::set_difference(now.begin(), now.end(), old.begin(), old.end(),
                      std::back_inserter(come));
  Remove(row, gone);
  Add(row, come);
}

PostingIndex::View PostingIndex::Freeze() {
  ++version_;
  View view;
  view.shards_ = shards_.Freeze();
  return view;
}

size_t PostingIndex::bytes() const {
  size_t bytes = 0;
  for (size_t i = 0; i < kShards; ++i) {
    for (const auto& [key, posting] : shards_[i]) {
      bytes += sizeof(key) + sizeof(Posting) + posting->rows.getSizeInBytes();
    }
  }
  return bytes;
}

}  // namespace mitra::search
