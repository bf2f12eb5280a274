// The twins of a graph's rows in the order in which rows of equal score are
// answered.
//
// In a large network most members say what many others say. Of 2,000 that say
// the same a question for 160 can only use the first 160; to find out which
// these are, and to score all of them, took longer than the walk that met them.
// A group of twins is put in order when it is first asked for and stays so: as
// long as a row stands in a graph it belongs to one member.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_TWIN_ORDER_H_
#define MITRA_SERVICES_SEARCH_PARTITION_TWIN_ORDER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "services/search/partition/hnsw_links.h"
#include "services/search/partition/vector_rows.h"

namespace mitra::search {

// Thread-safe.
class TwinOrder {
 public:
  // A row of the graph and its twins.
  struct Group {
    // Rows that have the same exact scores for every question, in order.
    std::vector<uint32_t> same;
    // Those whose low half bytes are others, in no order.
    std::vector<uint32_t> others;
  };

  explicit TwinOrder(size_t groups);
  ~TwinOrder();
  TwinOrder(const TwinOrder&) = delete;
  TwinOrder& operator=(const TwinOrder&) = delete;

  // The group of a row that has twins. `before` orders rows and must be the
  // same relation for all who ask; it must tell of dead rows something, too.
  const Group& Of(const HnswLinks& graph, uint32_t row,
                  const VectorRows::View& vectors,
                  absl::FunctionRef<bool(uint32_t, uint32_t)> before) const;

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  const size_t size_;
  // By HnswLinks::group(); null until asked for.
  const std::unique_ptr<std::atomic<const Group*>[]> groups_;
  mutable std::atomic<size_t> bytes_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_TWIN_ORDER_H_
