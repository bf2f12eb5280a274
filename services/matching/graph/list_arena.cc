#include "services/matching/graph/list_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace mitra::matching {
namespace {

constexpr size_t kHugePage = 2u << 20;
// A small network shall not hold megabytes; a large one wants few regions.
constexpr size_t kFirstRegion = 64u << 10, kLargestRegion = 32u << 20;
// What no class is large enough for is allocated by itself.
constexpr uintptr_t kAlone = 63;

}  // namespace

const std::array<size_t, ListArena::kClasses>& ListArena::Lines() {
  static const auto* const lines = [] {
    auto* table = new std::array<size_t, kClasses>;
    for (size_t c = 0; c < kClasses; ++c) {
      (*table)[c] =
          c < kFineClasses ? c + 1 : (*table)[c - 1] + (*table)[c - 1] / 4;
    }
    return table;
  }();
  return *lines;
}

size_t ListArena::ClassOf(size_t lines) {
  const auto& all = Lines();
  return static_cast<size_t>(std::lower_bound(all.begin(), all.end(), lines) -
                             all.begin());
}

ListArena::~ListArena() {
  for (const Region& region : regions_) {
    ::operator delete(region.begin,
                      std::align_val_t(std::min(region.size, kHugePage)));
  }
}

char* ListArena::Carve(size_t bytes) {
  if (left_ < bytes) {
    const size_t size = std::clamp(std::max(bytes_, bytes), kFirstRegion,
                                   std::max(kLargestRegion, bytes));
    // A power of two, so that large ones consist of whole huge pages.
    size_t rounded = kFirstRegion;
    while (rounded < size) rounded *= 2;
    Region region;
    region.size = rounded;
    region.begin = static_cast<char*>(::operator new(
        rounded, std::align_val_t(std::min(rounded, kHugePage))));
    if (rounded >= kHugePage) {
      // Only a hint: without it walks are slower.
      (void)madvise(region.begin, rounded, MADV_HUGEPAGE);
    }
    next_ = region.begin;
    left_ = rounded;
    bytes_ += rounded;
    regions_.push_back(region);
  }
  left_ -= bytes;
  return std::exchange(next_, next_ + bytes);
}

char* ListArena::Allocate(size_t bytes) {
  const size_t lines = (bytes + kPrefix + kLine - 1) / kLine;
  const size_t size_class = ClassOf(lines);
  char* block = nullptr;
  uintptr_t mark = reinterpret_cast<uintptr_t>(this);
  if (size_class == kClasses) {
    block = static_cast<char*>(
        ::operator new(lines* kLine, std::align_val_t(kLine)));
    mark |= kAlone;
  } else {
    absl::MutexLock lock(&mutex_);
    std::vector<char*>& free = free_[size_class];
    if (free.empty()) {
      block = Carve(Lines()[size_class] * kLine);
    } else {
      block = free.back();
      free.pop_back();
    }
    mark |= size_class;
  }
  std::memcpy(block, &mark, sizeof mark);
  return block + kPrefix;
}

void ListArena::Free(void* list) {
  char* const block = static_cast<char*>(list) - kPrefix;
  uintptr_t mark = 0;
  std::memcpy(&mark, block, sizeof mark);
  const uintptr_t size_class = mark % kLine;
  if (size_class == kAlone) {
    ::operator delete(block, std::align_val_t(kLine));
    return;
  }
  auto* const arena = reinterpret_cast<ListArena*>(mark - size_class);
  absl::MutexLock lock(&arena->mutex_);
  arena->free_[size_class].push_back(block);
}

size_t ListArena::bytes() const {
  absl::MutexLock lock(&mutex_);
  return bytes_;
}

}  // namespace mitra::matching
