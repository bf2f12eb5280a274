// The rows of a graph in lists, by the nearest of some thousand centroids: an
// inverted file (Sivic & Zisserman, ICCV 2003) whose lists are scanned by
// int8 codes.
//
// For rows that form clusters with nothing between them, where walks of a graph
// get lost. Where the two sides of rows are independent of each other, the rows
// near to a question are spread over too many lists, and a graph is better
// (see walk_calibration.h, which measures it). The lists hold numbers of rows
// only: 4 bytes each.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_INVERTED_FILE_H_
#define MITRA_SERVICES_SEARCH_PARTITION_INVERTED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "services/search/partition/code_table.h"
#include "services/search/partition/query.h"
#include "services/search/partition/vector_rows.h"

namespace mitra::search {

// Immutable.
class InvertedFile {
 public:
  // `centroids` are vectors like rows, [offer ; need], one after the other;
  // there must be one at least. A row goes to that with the greatest product.
  InvertedFile(absl::Span<const float> centroids,
               absl::Span<const uint32_t> rows,
               const VectorRows::View& vectors);
  // The same centroids, and more rows. Copies the lists.
  InvertedFile(const InvertedFile& base, absl::Span<const uint32_t> more,
               const VectorRows::View& vectors);
  InvertedFile(const InvertedFile&) = delete;
  InvertedFile& operator=(const InvertedFile&) = delete;

  // Sets `found` to the rows of the lists nearest to the query, nearest list
  // first, as many lists as it takes to have `count` rows, or all.
  void Nearest(const Query& query, size_t count,
               std::vector<uint32_t>& found) const;

  size_t lists() const { return centroids_->size(); }
  size_t size() const { return rows_.size(); }
  // Rows when the centroids were chosen: with many times as many, others would
  // be better.
  size_t trained_size() const { return trained_size_; }
  size_t bytes() const {
    return centroids_->bytes() +
           (rows_.size() + begins_.size()) * sizeof(uint32_t);
  }

 private:
  // Puts rows into lists, behind those of `base`.
  void Fill(const InvertedFile* base, absl::Span<const uint32_t> rows,
            const VectorRows::View& vectors);

  std::shared_ptr<const CodeTable> centroids_;
  size_t trained_size_;
  std::vector<uint32_t> begins_;  // of each list in rows_, and the end
  std::vector<uint32_t> rows_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_INVERTED_FILE_H_
