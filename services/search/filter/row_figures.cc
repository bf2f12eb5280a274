#include "services/search/filter/row_figures.h"

#include <algorithm>
#include <cmath>

#include "common/taxonomy/unit.h"

namespace mitra::search {
namespace {

// Above the numbers of dimensions and units.
constexpr uint16_t kMoney = 0x8000;
// Packages of each kind are a measure of their own.
constexpr uint16_t kPackage = 0x4000;

absl::string_view BaseUnit(taxonomy::Dimension dimension) {
  switch (dimension) {
    case taxonomy::Dimension::kMass:
      return "kg";
    case taxonomy::Dimension::kVolume:
      return "l";
    case taxonomy::Dimension::kLength:
      return "m";
    case taxonomy::Dimension::kArea:
      return "m2";
    case taxonomy::Dimension::kTime:
      return "day";
    case taxonomy::Dimension::kCount:
      return "pcs";
    case taxonomy::Dimension::kPortion:
      return "portion";
    case taxonomy::Dimension::kPerson:
      return "person";
    case taxonomy::Dimension::kEnergy:
      return "kwh";
    case taxonomy::Dimension::kPack:
    case taxonomy::Dimension::kNone:
      return "";
  }
  return "";
}

}  // namespace

std::optional<Measured> MeasureOf(double amount, absl::string_view unit) {
  const taxonomy::Dimension dimension = taxonomy::UnitDimension(unit);
  if (dimension == taxonomy::Dimension::kNone || !std::isfinite(amount)) {
    return std::nullopt;
  }
  if (dimension == taxonomy::Dimension::kPack) {
    static const std::vector<absl::string_view> units = taxonomy::UnitCodes();
    const auto at = std::find(units.begin(), units.end(), unit);
    return Measured{static_cast<uint16_t>(kPackage | (at - units.begin())),
                    amount};
  }
  const auto base = taxonomy::Convert(amount, unit, BaseUnit(dimension));
  if (!base.ok()) return std::nullopt;
  return Measured{static_cast<uint16_t>(dimension), *base};
}

std::optional<Measured> MeasureOfMoney(double units,
                                       absl::string_view currency) {
  if (currency.size() != 3 || !std::isfinite(units)) return std::nullopt;
  uint16_t code = 0;
  for (char c : currency) {
    if (c < 'A' || c > 'Z') return std::nullopt;
    code = static_cast<uint16_t>(code << 5 | (c - 'A'));
  }
  return Measured{static_cast<uint16_t>(kMoney | code), units};
}

uint32_t FigureStep(double value) {
  if (!(value > 0)) return 0;
  const double step = 1 + std::floor(4 * std::log2(1 + value));
  return static_cast<uint32_t>(std::min<double>(step, kFigureSteps - 1));
}

bool FigureTable::View::AnyWithin(uint32_t row, const Figure& like, double min,
                                  double max) const {
  const size_t block = row / kBlockRows;
  if (block >= blocks_.size()) return false;
  const std::vector<RowFigure>& figures = blocks_[block];
  return std::any_of(figures.begin(), figures.end(), [&](const RowFigure& f) {
    return f.row == row % kBlockRows && SameScale(f.figure, like) &&
           f.figure.value >= min && f.figure.value <= max;
  });
}

void FigureTable::Set(uint32_t row, absl::Span<const Figure> figures) {
  const size_t block = row / kBlockRows;
  const auto at = static_cast<uint8_t>(row % kBlockRows);
  if (block >= blocks_.size()) {
    if (figures.empty()) return;
    blocks_.Grow(block + 1);
  }
  const auto is_row = [at](const RowFigure& f) { return f.row == at; };
  const std::vector<RowFigure>& now = blocks_[block];
  if (figures.empty() && std::none_of(now.begin(), now.end(), is_row)) return;
  std::vector<RowFigure>& all = blocks_.Mutable(block);
  all.erase(std::remove_if(all.begin(), all.end(), is_row), all.end());
  for (const Figure& figure : figures) all.push_back({at, figure});
}

template <typename AnyBlocks>
std::vector<Figure> FigureTable::FiguresIn(const AnyBlocks& blocks,
                                           uint32_t row) {
  std::vector<Figure> figures;
  const size_t block = row / kBlockRows;
  if (block >= blocks.size()) return figures;
  for (const RowFigure& f : blocks[block]) {
    if (f.row == row % kBlockRows) figures.push_back(f.figure);
  }
  return figures;
}

std::vector<Figure> FigureTable::View::Get(uint32_t row) const {
  return FiguresIn(blocks_, row);
}

std::vector<Figure> FigureTable::Get(uint32_t row) const {
  return FiguresIn(blocks_, row);
}

FigureTable::View FigureTable::Freeze() {
  View view;
  view.blocks_ = blocks_.Freeze();
  return view;
}

size_t FigureTable::bytes() const {
  size_t bytes = 0;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    bytes += sizeof(blocks_[i]) + blocks_[i].capacity() * sizeof(RowFigure);
  }
  return bytes;
}

}  // namespace mitra::search
