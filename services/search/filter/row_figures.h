// What few facets have and filters ask for: amounts that they offer and need,
// when an event begins, whom they accept.
//
// Few rows have any. They stand under coarse steps among the postings, so that
// a range is a union of a few of them, and exactly here, to decide the rows of
// the steps that a bound cuts.

#ifndef MITRA_SERVICES_SEARCH_FILTER_ROW_FIGURES_H_
#define MITRA_SERVICES_SEARCH_FILTER_ROW_FIGURES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/search/persistent/cow_vector.h"

namespace mitra::search {

struct Figure {
  enum Kind : uint8_t { kOffered = 1, kNeeded = 2, kStart = 3, kRule = 4 };

  uint8_t kind = 0;
  // v1::Resource; 0 for kStart, Rule for kRule.
  uint8_t resource = 0;
  // See MeasureOf; 0 for kStart, a value that the rule takes for kRule.
  uint16_t measure = 0;
  // In base units, whole units of money, or seconds since 1970; 0 for kRule.
  double value = 0;

  // Figures that compare with each other.
  friend bool SameScale(const Figure& a, const Figure& b) {
    return a.kind == b.kind && a.resource == b.resource &&
           a.measure == b.measure;
  }
  friend bool operator==(const Figure&, const Figure&) = default;
};

// An amount with what it is counted in.
struct Measured {
  uint16_t measure = 0;
  double value = 0;
};
// An amount of a unit in the base unit of what it measures; nothing if the unit
// is unknown or the result is not finite.
std::optional<Measured> MeasureOf(double amount, absl::string_view unit);
// Nothing unless the code is three capital letters.
std::optional<Measured> MeasureOfMoney(double units,
                                       absl::string_view currency);

// The step in which a value lies: grows with the value, 4 to each doubling.
// From 0, for all that is not positive, to kFigureSteps − 1.
inline constexpr uint32_t kFigureSteps = 512;
uint32_t FigureStep(double value);

// The figures of all rows. For one writer; Views may be read meanwhile.
class FigureTable {
  struct RowFigure {
    uint8_t row;  // in its block
    Figure figure;
  };
  static constexpr size_t kBlockRows = 64;
  using Blocks = CowVector<std::vector<RowFigure>, 16>;

 public:
  class View {
   public:
    std::vector<Figure> Get(uint32_t row) const;
    // A figure of the row that compares with `like` is within the bounds.
    bool AnyWithin(uint32_t row, const Figure& like, double min,
                   double max) const;

   private:
    friend class FigureTable;
    Blocks::View blocks_;
  };

  // Replaces the row's figures.
  void Set(uint32_t row, absl::Span<const Figure> figures);
  std::vector<Figure> Get(uint32_t row) const;
  View Freeze();
  size_t bytes() const;

 private:
  template <typename AnyBlocks>
  static std::vector<Figure> FiguresIn(const AnyBlocks& blocks, uint32_t row);

  Blocks blocks_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_FILTER_ROW_FIGURES_H_
