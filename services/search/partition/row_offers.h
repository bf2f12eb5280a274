// How a row of a graph that was found comes into a pool: with its twins.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_ROW_OFFERS_H_
#define MITRA_SERVICES_SEARCH_PARTITION_ROW_OFFERS_H_

#include <cstddef>
#include <cstdint>

#include "services/search/partition/hnsw_links.h"
#include "services/search/partition/partition.h"
#include "services/search/partition/twin_order.h"

namespace mitra::search {

class RowOffers {
 public:
  // All must outlive this. `twins` may be null: then all twins of a row are
  // offered, in no order.
  RowOffers(const HnswLinks& graph, const PartitionSearch& search,
            const TwinOrder* twins, EstimatePool& pool)
      : graph_(graph),
        search_(search),
        twins_(search.before == nullptr ? nullptr : twins),
        pool_(pool) {}

  // Offers a row that stands in the graph, and its twins, so far as they pass
  // the filter.
  void Offer(uint32_t row, float estimate) {
    if (estimate < pool_.threshold()) return;
    if (twins_ != nullptr && graph_.weight(row) > kHerd) {
      OfferFirst(row, estimate);
      return;
    }
    OfferOne(row, estimate);
    for (const uint32_t twin : graph_.twins_of(row)) OfferOne(twin, estimate);
  }

 private:
  // From here on it is worth while to know the order of twins.
  static constexpr size_t kHerd = 2;

  void OfferOne(uint32_t row, float estimate) {
    if (search_.filter.Passes(row)) pool_.Add(row, estimate);
  }
  // Of a row and its twins those that can be among what is wanted, and one
  // more, by which who looks at the pool sees that there are more.
  void OfferFirst(uint32_t row, float estimate) {
    const TwinOrder::Group& group =
        twins_->Of(graph_, row, search_.rows, *search_.before);
    uint32_t like = EstimatePool::kNobody;
    uint32_t place = 0;
    for (const uint32_t one : group.same) {
      if (!search_.filter.Passes(one)) continue;
      if (place == 0) like = one;
      pool_.Add({one, estimate, like, place});
      if (++place > pool_.want()) break;
    }
    for (const uint32_t other : group.others) OfferOne(other, estimate);
  }

  const HnswLinks& graph_;
  const PartitionSearch& search_;
  const TwinOrder* const twins_;
  EstimatePool& pool_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_ROW_OFFERS_H_
