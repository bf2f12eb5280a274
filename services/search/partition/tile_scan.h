// Rows that lie one after the other, scanned for many questions at once.
//
// A batch asks the same few thousand rows again and again: the pivots of a
// graph, the mentors with free seats. Read once for each question they come
// from a far cache each time; here some rows are read and scored for all
// questions before the next ones are. What is found is the same.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_TILE_SCAN_H_
#define MITRA_SERVICES_SEARCH_PARTITION_TILE_SCAN_H_

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "services/search/partition/code_table.h"
#include "services/search/partition/partition.h"

namespace mitra::search {

// One of the questions, with whom it has found so far.
struct TileQuestion {
  CodesView query;
  EstimatePool* pool = nullptr;
};

// Calls `offer(question, row, estimate)` for the rows whose estimate may enter
// the question's pool, which `offer` fills: of each question in the order of
// rows. `count` rows of codes begin `stride` bytes apart; all questions have
// the same width. At most kMaxTileQuestions.
inline constexpr size_t kMaxTileQuestions = 64;
void ScanTiles(absl::Span<const TileQuestion> questions, const int8_t* codes,
               size_t stride, const float* scales, size_t count,
               absl::FunctionRef<void(size_t, uint32_t, float)> offer);

// One of many questions to all rows of a role.
struct ScanQuestion {
  const RowFilter* filter = nullptr;
  const Query* query = nullptr;
  EstimatePool* pool = nullptr;
};

// As FlatPartition of all rows searches for each of them. Their filters are of
// the same rows, with or without matches.
void ScanForAll(const VectorRows::View& rows,
                absl::Span<const ScanQuestion> questions);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_TILE_SCAN_H_
