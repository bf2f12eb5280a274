// A caller's hard filter: checked, turned into attribute keys, and evaluated
// against one role's postings.

#ifndef MITRA_SERVICES_SEARCH_FILTER_MEMBER_FILTER_H_
#define MITRA_SERVICES_SEARCH_FILTER_MEMBER_FILTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "roaring/roaring.hh"
#include "services/search/filter/posting_index.h"
#include "services/search/filter/row_figures.h"

namespace mitra::v1 {
class MemberFilter;
}

namespace mitra::search {

// What a filter looks at.
struct FilterColumns {
  PostingIndex::View postings;
  AttributeVector::View attributes;
  FigureTable::View figures;
};

// Immutable.
class MemberFilter {
 public:
  static constexpr int kMaxValues = 100;
  static constexpr int kMaxExcluded = 1000;
  static constexpr int kMaxAmounts = 8;
  static constexpr int kMaxSeats = 1000;
  static constexpr int kMaxDepth = 4;
  static constexpr int kMaxFilters = 50;

  // Passes everything.
  MemberFilter() = default;

  // INVALID_ARGUMENT, naming the field under `path` ("filter"), for unknown
  // codes and enum values, ids outside the grammar, bounds that are not numbers
  // or cross, lists that are too long and filters that nest too deep.
  static absl::StatusOr<MemberFilter> FromProto(const v1::MemberFilter& proto,
                                                absl::string_view path);

  // The rows that pass, without regard to `excluded_ids`; null if there is no
  // condition on rows. What is returned may be a posting itself.
  std::shared_ptr<const Roaring> Match(const FilterColumns& columns) const {
    return MatchNode(root_, columns);
  }

  const std::vector<std::string>& excluded_ids() const { return excluded_ids_; }

  // Has the same matches.
  bool MatchesLike(const MemberFilter& other) const {
    return root_ == other.root_;
  }

 private:
  friend class FilterReader;

  // Rows with a figure within bounds, both inclusive.
  struct Range {
    Figure scale;
    double min;
    double max;
    friend bool operator==(const Range&, const Range&) = default;
  };
  // All of it must hold.
  struct Node {
    std::vector<std::vector<AttributeKey>> all_of_any_of;
    std::vector<Range> ranges;
    uint16_t min_free_seats = 0;
    std::vector<Node> any_of;
    std::vector<Node> none_of;
    friend bool operator==(const Node&, const Node&) = default;
  };
  static std::shared_ptr<const Roaring> MatchNode(const Node& node,
                                                  const FilterColumns& columns);
  static std::shared_ptr<const Roaring> MatchRange(
      const Range& range, const FilterColumns& columns);
  static std::shared_ptr<const Roaring> MatchSeats(
      uint16_t seats, const FilterColumns& columns);

  Node root_;
  std::vector<std::string> excluded_ids_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_FILTER_MEMBER_FILTER_H_
