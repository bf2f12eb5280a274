// A vector whose readers hold frozen versions while one writer goes on.
//
// Items live in chunks, chunks in blocks. Freeze() copies only the list of
// blocks; the first change to a chunk after that copies the chunk and its
// block, so a commit costs in proportion to what it touches, also at millions
// of items.

#ifndef MITRA_SERVICES_SEARCH_PERSISTENT_COW_VECTOR_H_
#define MITRA_SERVICES_SEARCH_PERSISTENT_COW_VECTOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace mitra::search {

// The vector itself is for one thread at a time; Views may be read by any
// number of threads meanwhile. T must be default-constructible and copyable.
template <typename T, size_t kChunkItems = 64, size_t kBlockChunks = 64>
class CowVector {
  struct Chunk {
    uint64_t version;
    std::array<T, kChunkItems> items{};
  };
  struct Block {
    uint64_t version;
    std::array<std::shared_ptr<Chunk>, kBlockChunks> chunks{};
  };
  static constexpr size_t kBlockItems = kChunkItems * kBlockChunks;

 public:
  // A frozen version. Cheap to copy, never changes.
  class View {
   public:
    size_t size() const { return size_; }
    // `i` must be < size().
    const T& operator[](size_t i) const {
      return (*blocks_)[i / kBlockItems]
          ->chunks[i % kBlockItems / kChunkItems]
          ->items[i % kChunkItems];
    }

   private:
    friend class CowVector;
    std::shared_ptr<const std::vector<std::shared_ptr<Block>>> blocks_;
    size_t size_ = 0;
  };

  size_t size() const { return size_; }

  const T& operator[](size_t i) const {
    return blocks_[i / kBlockItems]
        ->chunks[i % kBlockItems / kChunkItems]
        ->items[i % kChunkItems];
  }

  // The i-th item for changing; `i` must be < size().
  T& Mutable(size_t i) {
    std::shared_ptr<Block>& block = blocks_[i / kBlockItems];
    if (block->version != version_) {
      block = std::make_shared<Block>(*block);
      block->version = version_;
      changed_ = true;
    }
    std::shared_ptr<Chunk>& chunk =
        block->chunks[i % kBlockItems / kChunkItems];
    if (chunk->version != version_) {
      chunk = std::make_shared<Chunk>(*chunk);
      chunk->version = version_;
    }
    return chunk->items[i % kChunkItems];
  }

  // Makes room for items [0, size), the new ones default-constructed. Never
  // shrinks.
  void Grow(size_t size) {
    while (size_ < size) {
      if (size_ % kBlockItems == 0) {
        blocks_.push_back(std::make_shared<Block>());
        blocks_.back()->version = version_;
      }
      if (size_ % kChunkItems == 0) {
        std::shared_ptr<Block>& block = blocks_.back();
        if (block->version != version_) {
          block = std::make_shared<Block>(*block);
          block->version = version_;
        }
        auto chunk = std::make_shared<Chunk>();
        chunk->version = version_;
        block->chunks[size_ % kBlockItems / kChunkItems] = std::move(chunk);
      }
      const size_t room = kChunkItems - size_ % kChunkItems;
      size_ += room < size - size_ ? room : size - size_;
      changed_ = true;
    }
  }

  void Clear() {
    blocks_.clear();
    size_ = 0;
    changed_ = true;
  }

  // The state of now, which later changes leave alone.
  View Freeze() {
    if (changed_ || frozen_.blocks_ == nullptr) {
      frozen_.blocks_ =
          std::make_shared<const std::vector<std::shared_ptr<Block>>>(blocks_);
      frozen_.size_ = size_;
      changed_ = false;
    }
    ++version_;
    return frozen_;
  }

 private:
  uint64_t version_ = 1;
  size_t size_ = 0;
  bool changed_ = true;
  std::vector<std::shared_ptr<Block>> blocks_;
  View frozen_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PERSISTENT_COW_VECTOR_H_
