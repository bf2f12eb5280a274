// An array that one thread changes while others read fixed versions of it.
//
// The array is a directory of chunks. The writer copies a chunk the first time
// it changes it after a publication; a version is a copy of the directory. A
// chunk that was replaced, or a thing that an element pointed to, can still be
// read through older versions: it goes to the Garbage, which frees it when the
// last version that could see it is gone.
//
// Garbage is a chain with one link per publication. A version owns its link,
// and each link owns the next, so a link dies exactly when its version and all
// older ones are gone; it carries what was replaced right after its version.
// No element needs a reference count of its own.

#ifndef MITRA_SERVICES_MATCHING_MEMBERS_VERSIONED_ARRAY_H_
#define MITRA_SERVICES_MATCHING_MEMBERS_VERSIONED_ARRAY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace mitra::matching {

// One link; see above. Freed on whichever thread drops the last version.
class GarbageLink {
 public:
  GarbageLink() = default;
  ~GarbageLink() {
    Free();
    // A long chain must not be unwound by recursion.
    std::shared_ptr<GarbageLink> next = std::move(next_);
    while (next && next.use_count() == 1) {
      std::shared_ptr<GarbageLink> after = std::move(next->next_);
      next = std::move(after);
    }
  }
  GarbageLink(const GarbageLink&) = delete;
  GarbageLink& operator=(const GarbageLink&) = delete;

 private:
  friend class Garbage;
  struct Item {
    void* object;
    void (*free)(void*);
  };
  void Free() {
    for (const Item& item : items_) item.free(item.object);
    items_.clear();
  }
  std::vector<Item> items_;
  std::shared_ptr<GarbageLink> next_;
};

// The writer's end of the chain. One writer.
class Garbage {
 public:
  // Frees `object` once nobody can see it. `object` must be unreachable from
  // the writer's working copy.
  void Retire(const void* object, void (*free)(void*)) {
    items_.push_back({const_cast<void*>(object), free});
  }
  // The link for the version that is published now. What was retired since
  // the last call was visible in the version before.
  std::shared_ptr<GarbageLink> Publish() {
    auto link = std::make_shared<GarbageLink>();
    if (last_) {
      last_->items_ = std::move(items_);
      last_->next_ = link;
      items_.clear();
    }
    last_ = link;
    return link;
  }
  // What was retired since the last version goes with that version.
  ~Garbage() {
    if (last_) {
      last_->items_ = std::move(items_);
      return;
    }
    for (const auto& item : items_) item.free(item.object);
  }

 private:
  std::vector<GarbageLink::Item> items_;
  std::shared_ptr<GarbageLink> last_;
};

// T is trivially copyable and zero when value-initialised. Things that T
// points to are the owner's.
template <typename T>
class VersionedArray {
 public:
  static constexpr int kChunkBits = 10;
  static constexpr uint32_t kChunk = 1u << kChunkBits;

  // Readable as long as the GarbageLink published with it is held.
  class Version {
   public:
    uint32_t size() const { return size_; }
    // REQUIRES: i < size().
    const T& at(uint32_t i) const {
      return chunks_[i >> kChunkBits][i & (kChunk - 1)];
    }

   private:
    friend class VersionedArray;
    std::vector<const T*> chunks_;
    uint32_t size_ = 0;
  };

  // `garbage` must outlive the array.
  explicit VersionedArray(Garbage& garbage) : garbage_(garbage) {}
  ~VersionedArray() { Clear(); }
  VersionedArray(const VersionedArray&) = delete;
  VersionedArray& operator=(const VersionedArray&) = delete;

  uint32_t size() const { return size_; }
  const T& at(uint32_t i) const {
    return chunks_[i >> kChunkBits][i & (kChunk - 1)];
  }
  // Grows with value-initialised elements; never shrinks.
  void Resize(uint32_t size) {
    if (size <= size_) return;
    const size_t chunks = (size + kChunk - 1) >> kChunkBits;
    while (chunks_.size() < chunks) {
      chunks_.push_back(new T[kChunk]());
      own_.push_back(true);
    }
    size_ = size;
  }
  // The element, to be changed.
  T& Mutable(uint32_t i) {
    const size_t c = i >> kChunkBits;
    if (!own_[c]) {
      T* copy = new T[kChunk];
      std::copy(chunks_[c], chunks_[c] + kChunk, copy);
      garbage_.Retire(chunks_[c], FreeChunk);
      chunks_[c] = copy;
      own_[c] = true;
    }
    return chunks_[c][i & (kChunk - 1)];
  }
  Version Publish() {
    Version version;
    version.chunks_.assign(chunks_.begin(), chunks_.end());
    version.size_ = size_;
    own_.assign(own_.size(), false);
    return version;
  }
  // Empties the array.
  void Clear() {
    for (T* chunk : chunks_) garbage_.Retire(chunk, FreeChunk);
    chunks_.clear();
    own_.clear();
    size_ = 0;
  }
  size_t bytes() const {
    return chunks_.size() * kChunk * sizeof(T);  // NOLINT: T may be a pointer
  }

 private:
  static void FreeChunk(void* chunk) { delete[] static_cast<T*>(chunk); }

  Garbage& garbage_;
  std::vector<T*> chunks_;
  std::vector<bool> own_;  // not yet seen by any version
  uint32_t size_ = 0;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_MEMBERS_VERSIONED_ARRAY_H_
