// What a subject asks, prepared for scanning: its two vectors, the weight
// between them, and the joint vector [w·need ; (1−w)·offer] as codes.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_QUERY_H_
#define MITRA_SERVICES_SEARCH_PARTITION_QUERY_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/search/partition/vector_rows.h"

namespace mitra::search {

// A row with its exact scores: those of the values that are kept, which are
// within 3e-4 of those of the vectors that were given.
struct ScoredRow {
  uint32_t row = 0;
  float give = 0;   // subject's need · row's offer, −1 to 1
  float take = 0;   // subject's offer · row's need, −1 to 1
  float score = 0;  // w·give + (1−w)·take
};

// Which of its sides decides a question. Questions of one side are another
// distribution than those of both, and how hard they are differs by more than
// anything else.
enum class Lean : uint8_t { kTake, kBoth, kGive };
inline constexpr size_t kLeans = 3;

// Immutable.
class Query {
 public:
  // Each side is of unit length with d values, or empty when it is missing: its
  // part of every score is then 0. `weight` is in [0, 1].
  Query(size_t dimension, absl::Span<const float> need,
        absl::Span<const float> offer, float weight);

  const int8_t* codes() const { return codes_.data(); }
  size_t width() const { return codes_.size(); }
  // All of the codes that are not zero: a question of one side asks nothing of
  // the other side of a row, which then need not be read.
  struct Part {
    size_t begin;
    size_t size;
  };
  const Part& asked() const { return asked_; }
  // The same in two parts: the side that decides more, and the other one, which
  // is empty if that is not asked.
  const Part& first() const { return first_; }
  const Part& second() const { return second_; }
  // What the second part can add to the estimate of a row, at most.
  float MostOfSecond(const VectorRows::View& rows) const {
    return second_norm_ * (1 + rows.max_residual());
  }
  float scale() const { return scale_; }
  Lean lean() const { return lean_; }

  // How far a row's estimate may be off its exact score: four and a half
  // standard deviations of rounding errors that are independent of each other,
  // taking the worst row's rounding for every row's. In practice a row beyond
  // it has never been seen.
  float Margin(const VectorRows::View& rows) const;

  // The exact scores of a row.
  ScoredRow Score(const VectorRows::View& rows, uint32_t row) const;
  // Appends those of many, whose bytes come from all over memory: those of the
  // next few are called for ahead.
  void ScoreAll(const VectorRows::View& view, absl::Span<const uint32_t> rows,
                std::vector<ScoredRow>& scored) const;

 private:
  std::vector<float> need_;
  std::vector<float> offer_;
  float weight_;
  bool has_need_;
  bool has_offer_;
  std::vector<int8_t> codes_;
  Part asked_;
  Part first_;
  Part second_;
  float second_norm_ = 0;
  float scale_ = 0;
  float norm_ = 0;
  float residual_ = 0;
  Lean lean_ = Lean::kBoth;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_QUERY_H_
