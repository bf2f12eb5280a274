// The whole index as a request sees it: one consistent, immutable state.

#ifndef MITRA_SERVICES_SEARCH_INDEX_INDEX_VIEW_H_
#define MITRA_SERVICES_SEARCH_INDEX_INDEX_VIEW_H_

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/base/prefetch.h"
#include "services/search/index/id_table.h"
#include "services/search/index/member.h"
#include "services/search/index/role_index.h"
#include "services/search/lexical/lexical_index.h"

namespace mitra::search {

// Knows which versions of the index somebody still holds. Thread-safe.
class ViewTracker {
 public:
  void Enter(uint64_t version);
  void Leave(uint64_t version);
  // No version below this one is held.
  uint64_t oldest() const;

 private:
  mutable absl::Mutex mutex_;
  std::multiset<uint64_t> held_ ABSL_GUARDED_BY(mutex_);
};

struct IndexView {
  explicit IndexView(std::shared_ptr<ViewTracker> tracker, uint64_t number);
  ~IndexView();
  IndexView(const IndexView&) = delete;
  IndexView& operator=(const IndexView&) = delete;

  static constexpr uint32_t kNoMember = IdTable::kNone;

  // The member with that id, kNoMember if there is none.
  uint32_t FindMember(absl::string_view id) const;
  const Member& member(uint32_t number) const { return *members[number]; }
  // The numbers of the members with these ids, in their order; unknown ids are
  // left out.
  std::vector<uint32_t> FindMembers(absl::Span<const std::string> wanted) const;
  // Calls `each(i, members[numbers[i]])` in order. Members lie all over memory:
  // those of the next few are called for ahead.
  // `numbers` must be below members.size(); the pointer may be null.
  template <typename Each>
  void ForEachMember(absl::Span<const uint32_t> numbers, Each each) const;

  const uint64_t version;
  // Changes of the record up to here are in it.
  uint64_t watermark = 0;
  uint64_t record_incarnation = 0;
  // "<embedder id>/<dimension>/<generation>"; empty before the first header.
  std::string space;
  size_t dimension = 0;
  std::string id_hash_key;
  std::array<RoleView, kRoles> roles;
  MemberVector::View members;
  size_t live_members = 0;
  std::shared_ptr<const IdTable> ids;
  LexicalView lexical;
  // Text with this serial or a later one is not in the view.
  uint64_t next_serial = 0;

 private:
  const std::shared_ptr<ViewTracker> tracker_;
};

template <typename Each>
void IndexView::ForEachMember(absl::Span<const uint32_t> numbers,
                              Each each) const {
  constexpr size_t kAhead = 6;
  const size_t count = numbers.size();
  for (size_t i = 0; i < count + 2 * kAhead; ++i) {
    if (i < count) PrefetchLine(&members[numbers[i]]);
    if (i >= kAhead && i - kAhead < count) {
      PrefetchBytes(members[numbers[i - kAhead]].get(), 2 * kCacheLine);
    }
    if (i >= 2 * kAhead) {
      const size_t at = i - 2 * kAhead;
      each(at, members[numbers[at]].get());
    }
  }
}

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_INDEX_INDEX_VIEW_H_
