// The heap of a service in huge pages, where the machine gives them on request.
//
// Ranking reads records and ties of members all over the heap; with pages of
// 4 KiB the search for the page costs as much as the miss itself: at a million
// members a slate took a third more time. Linked into the services, it works
// by being there: it registers itself with the allocator before main().

#include <gperftools/malloc_extension.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>

namespace mitra {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
// Taken from the system at once; used bit by bit, so it costs addresses only.
constexpr size_t kRegion = size_t{256} << 20;

// Called by the allocator, one call at a time; must not allocate.
class HugePages final : public SysAllocator {
 public:
  void* Alloc(size_t size, size_t* actual_size, size_t alignment) override {
    if (alignment > kHugePage || size > SIZE_MAX - kRegion) return nullptr;
    const size_t bytes = (size + kHugePage - 1) / kHugePage * kHugePage;
    if (left_ < bytes && !TakeRegion(bytes)) return nullptr;
    void* piece = next_;
    next_ += bytes;
    left_ -= bytes;
    if (actual_size != nullptr) *actual_size = bytes;
    return piece;
  }

 private:
  // What is left of the last region stays untouched.
  bool TakeRegion(size_t at_least) {
    const size_t size = at_least > kRegion ? at_least : kRegion;
    void* mapped = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return false;
    auto* begin = static_cast<char*>(mapped);
    const size_t past = reinterpret_cast<uintptr_t>(begin) % kHugePage;
    if (past > 0) begin += kHugePage - past;
    madvise(begin, size, MADV_HUGEPAGE);  // in vain where there are none
    next_ = begin;
    left_ = size;
    return true;
  }

  char* next_ = nullptr;
  size_t left_ = 0;
};

// Never destroyed: there is allocation after the last destructor.
[[maybe_unused]] const bool registered = [] {
  alignas(HugePages) static char place[sizeof(HugePages)];
  MallocExtension::instance()->SetSystemAllocator(new (place) HugePages);
  return true;
}();

}  // namespace
}  // namespace mitra
