#include "services/search/filter/member_filter.h"

#include <algorithm>
#include <utility>

#include "common/status/errors.h"
#include "mitra/v1/filter.pb.h"
#include "services/search/filter/filter_reader.h"

namespace mitra::search {
namespace {

using Rows = std::shared_ptr<const Roaring>;

// The union of `rows` and `more`, either of which may be null for nothing.
void Join(Rows& rows, std::shared_ptr<Roaring>& own, Rows more) {
  if (more == nullptr) return;
  if (rows == nullptr) {
    rows = std::move(more);
    return;
  }
  if (own == nullptr) {
    own = std::make_shared<Roaring>(*rows);
    rows = own;
  }
  *own |= *more;
}

Rows AnyOf(const std::vector<AttributeKey>& keys,
           const PostingIndex::View& postings) {
  Rows rows;
  std::shared_ptr<Roaring> own;
  for (AttributeKey key : keys) Join(rows, own, postings.Find(key));
  return rows != nullptr ? rows : std::make_shared<Roaring>();
}

}  // namespace

absl::StatusOr<MemberFilter> MemberFilter::FromProto(
    const v1::MemberFilter& proto, absl::string_view path) {
  FieldViolations violations;
  FilterReader reader(violations);
  MemberFilter filter;
  filter.root_ = reader.Read(proto, std::string(path), 1);
  filter.excluded_ids_ = reader.ReadExcluded(proto, std::string(path));
  if (!violations.empty()) return violations.ToStatus();
  return filter;
}

std::shared_ptr<const Roaring> MemberFilter::MatchRange(
    const Range& range, const FilterColumns& columns) {
  const uint32_t first = FigureStep(range.min);
  const uint32_t last = range.max >= 0 ? FigureStep(range.max) : 0;
  Rows rows;
  std::shared_ptr<Roaring> own;
  for (uint32_t step = first; step <= last; ++step) {
    Rows in_step = columns.postings.Find(FigureKey(range.scale, step));
    if (in_step == nullptr) continue;
    if (step == first || step == last) {
      // The bound may lie inside this step.
      auto within = std::make_shared<Roaring>();
      for (uint32_t row : *in_step) {
        if (columns.figures.AnyWithin(row, range.scale, range.min, range.max)) {
          within->add(row);
        }
      }
      in_step = std::move(within);
    }
    Join(rows, own, std::move(in_step));
  }
  return rows != nullptr ? rows : std::make_shared<Roaring>();
}

std::shared_ptr<const Roaring> MemberFilter::MatchSeats(
    uint16_t seats, const FilterColumns& columns) {
  Rows rows;
  std::shared_ptr<Roaring> own;
  for (uint16_t n = seats; n < kMostSeatsKey; ++n) {
    Join(rows, own, columns.postings.Find(FreeSeatsKey(n)));
  }
  Rows most = columns.postings.Find(FreeSeatsKey(kMostSeatsKey));
  if (most != nullptr && seats > kMostSeatsKey) {
    auto enough = std::make_shared<Roaring>();
    for (uint32_t row : *most) {
      if (columns.attributes[row].free_seats >= seats) enough->add(row);
    }
    most = std::move(enough);
  }
  Join(rows, own, std::move(most));
  return rows != nullptr ? rows : std::make_shared<Roaring>();
}

std::shared_ptr<const Roaring> MemberFilter::MatchNode(
    const Node& node, const FilterColumns& columns) {
  std::vector<Rows> terms;
  for (const auto& keys : node.all_of_any_of) {
    terms.push_back(AnyOf(keys, columns.postings));
  }
  for (const Range& range : node.ranges) {
    terms.push_back(MatchRange(range, columns));
  }
  if (node.min_free_seats > 0) {
    terms.push_back(MatchSeats(node.min_free_seats, columns));
  }
  Rows any;
  std::shared_ptr<Roaring> own;
  bool everything = node.any_of.empty();
  for (const Node& one : node.any_of) {
    Rows rows = MatchNode(one, columns);
    everything = everything || rows == nullptr;
    Join(any, own, std::move(rows));
  }
  if (!everything) terms.push_back(std::move(any));
  if (terms.empty() && node.none_of.empty()) return nullptr;
  if (terms.empty()) terms.push_back(AnyOf({AnyRowKey()}, columns.postings));
  if (terms.size() == 1 && node.none_of.empty()) return terms[0];

  // The smallest first keeps the intermediate results small.
  std::sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) {
    return a->cardinality() < b->cardinality();
  });
  auto matches = terms.size() == 1
                     ? std::make_shared<Roaring>(*terms[0])
                     : std::make_shared<Roaring>(*terms[0] & *terms[1]);
  for (size_t i = 2; i < terms.size(); ++i) *matches &= *terms[i];
  for (const Node& one : node.none_of) {
    const Rows rows = MatchNode(one, columns);
    if (rows == nullptr) return std::make_shared<Roaring>();
    *matches -= *rows;
  }
  return matches;
}

}  // namespace mitra::search
