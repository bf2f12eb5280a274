// Lists of hits that are being paged through.
//
// The first page computes the whole list; later pages read from it, so that no
// member comes twice and none is missed however the index changes meanwhile.

#ifndef MITRA_SERVICES_SEARCH_RETRIEVAL_RESULT_LISTS_H_
#define MITRA_SERVICES_SEARCH_RETRIEVAL_RESULT_LISTS_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"

namespace mitra::search {

// A hit that outlives its view: the member may be another by now.
struct ListedHit {
  uint32_t member;
  uint64_t incarnation;
  int role;
  float score;
};
using ResultList = std::vector<ListedHit>;

// Thread-safe. Keeps the lists used last; older ones are forgotten.
class ResultLists {
 public:
  explicit ResultLists(size_t capacity) : capacity_(capacity) {}

  // Returns the number under which the list is found again.
  uint64_t Keep(std::shared_ptr<const ResultList> list);
  // Null if the list has been forgotten.
  std::shared_ptr<const ResultList> Find(uint64_t number);

 private:
  struct Entry {
    uint64_t number;
    std::shared_ptr<const ResultList> list;
  };
  const size_t capacity_;
  absl::Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::list<Entry> used_ ABSL_GUARDED_BY(mutex_);  // last used first
  absl::flat_hash_map<uint64_t, std::list<Entry>::iterator> by_number_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_RETRIEVAL_RESULT_LISTS_H_
