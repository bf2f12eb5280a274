// The vectors of one role: one row per facet, each value once, in 12 bits.
//
// A row is [offer ; need], 2·d values, each side of unit length or missing
// (zeros). A value is (high + low/16)·scale, with a scale of the row's own. The
// high bytes are the row's codes, by which it is scanned and walked to, padded
// with zeros to a multiple of 64 bytes; the low half bytes lie apart, side by
// side (LowBytes), and are read only for exact scores.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_VECTOR_ROWS_H_
#define MITRA_SERVICES_SEARCH_PARTITION_VECTOR_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "services/search/kernels/kernels.h"
#include "services/search/partition/pages.h"

namespace mitra::search {

// Quantises `values` to codes with one scale: value ≈ code·scale. Returns the
// scale and adds the length of what was lost to `residual`. All zeros give
// scale 0.
float Quantise(absl::Span<const float> values, int8_t* codes, float* residual);

// The same in 12 bits: value ≈ (high + low/16)·scale, each within scale/32.
// `low` gets a value each, −8 to 7.
float Quantise12(absl::Span<const float> values, int8_t* high, int8_t* low);

// For one writer; Views may be read meanwhile. A row may only be written while
// no View that lets readers reach it is alive (see RowPool).
class VectorRows {
 public:
  // Rows lie one after the other, and are scanned, in blocks of this many.
  static constexpr size_t kBlockRows = 1024;
  // Rows are allocated this many at a time: the half bytes of 2×128 dimensions
  // then fill a huge page and the codes two.
  static constexpr size_t kChunkRows = 16 * kBlockRows;
  enum Side : uint8_t { kOffer = 1, kNeed = 2 };

 private:
  struct Chunk {
    Chunk(size_t stride, size_t low_width);
    Pages<int8_t> codes;  // kChunkRows × stride
    Pages<uint8_t> lows;  // kChunkRows × low_width
    float scales[kChunkRows] = {};
    uint8_t sides[kChunkRows] = {};
  };
  // Never changes; a new chunk makes a new one.
  struct Directory {
    std::vector<std::shared_ptr<Chunk>> chunks;
    std::vector<const int8_t*> codes;
    std::vector<const float*> scales;
  };

 public:
  // What readers see. Cheap to copy.
  class View {
   public:
    // d, the length of one side.
    size_t dimension() const { return dimension_; }
    size_t width() const { return 2 * dimension_; }
    size_t stride() const { return stride_; }
    // Bytes of a row's low half bytes.
    size_t low_width() const { return 2 * LowBytes(dimension_); }
    // Bytes behind one row.
    size_t row_bytes() const {
      return stride_ + low_width() + sizeof(float) + 1;
    }
    // Upper bound of the length that quantising took from any row.
    float max_residual() const { return max_residual_; }

    const int8_t* codes(uint32_t row) const {
      return codes_[row / kChunkRows] + row % kChunkRows * stride_;
    }
    float scale(uint32_t row) const { return *scale_at(row); }
    const float* scale_at(uint32_t row) const {
      return scales_[row / kChunkRows] + row % kChunkRows;
    }
    uint8_t sides(uint32_t row) const {
      return chunk(row).sides[row % kChunkRows];
    }
    // The half bytes of the offer, then those of the need.
    const uint8_t* lows(uint32_t row) const {
      return chunk(row).lows.get() + row % kChunkRows * low_width();
    }
    // One side as floats; empty if it is missing.
    std::vector<float> Read(uint32_t row, Side side) const;
    // Codes and scales of the rows from number·kBlockRows on.
    const int8_t* block_codes(size_t number) const {
      return codes(static_cast<uint32_t>(number * kBlockRows));
    }
    const float* block_scales(size_t number) const {
      return scale_at(static_cast<uint32_t>(number * kBlockRows));
    }

   private:
    friend class VectorRows;
    const Chunk& chunk(uint32_t row) const {
      return *directory_->chunks[row / kChunkRows];
    }
    std::shared_ptr<const Directory> directory_;
    // Into the directory: a walk reads them for every row it meets.
    const int8_t* const* codes_ = nullptr;
    const float* const* scales_ = nullptr;
    size_t dimension_ = 0;
    size_t stride_ = 0;
    float max_residual_ = 0;
  };

  explicit VectorRows(size_t dimension);

  // Writes a row; makes room for it. Each side has d values or none. They are
  // rounded to 12 bits: scores are exact for what is kept.
  void Set(uint32_t row, absl::Span<const float> offer,
           absl::Span<const float> need);
  // Writes a row as another one was read: 2·d codes and low_width() bytes.
  void SetBytes(uint32_t row, uint8_t sides, float scale, const int8_t* codes,
                const uint8_t* lows);
  // Set() with these would leave the row as it is.
  bool Holds(uint32_t row, absl::Span<const float> offer,
             absl::Span<const float> need) const;
  // Overwrites a row with zeros, so that nothing of it is left.
  void Erase(uint32_t row);
  // The rows of now. Rows written later may be reached through it, too.
  const View& view() const { return view_; }
  size_t bytes() const;

 private:
  // A row in pieces.
  struct Row {
    uint8_t sides = 0;
    float scale = 0;
    std::vector<int8_t> codes;
    std::vector<uint8_t> lows;
  };
  Row RowOf(absl::Span<const float> offer, absl::Span<const float> need) const;

  View view_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_VECTOR_ROWS_H_
