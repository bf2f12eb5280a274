#include "services/search/partition/inverted_file.h"

#include <algorithm>

namespace mitra::search {
namespace {

std::shared_ptr<const CodeTable> Coded(absl::Span<const float> centroids,
                                       const VectorRows::View& vectors) {
  const size_t count = centroids.size() / vectors.width();
  auto table = std::make_shared<CodeTable>(count, vectors.stride());
  std::vector<int8_t> codes(vectors.stride());  // padded with zeros
  for (size_t i = 0; i < count; ++i) {
    float residual = 0;
    const float scale =
        Quantise(centroids.subspan(i * vectors.width(), vectors.width()),
                 codes.data(), &residual);
    table->Add(codes.data(), scale);
  }
  return table;
}

}  // namespace

InvertedFile::InvertedFile(absl::Span<const float> centroids,
                           absl::Span<const uint32_t> rows,
                           const VectorRows::View& vectors)
    : centroids_(Coded(centroids, vectors)), trained_size_(rows.size()) {
  Fill(nullptr, rows, vectors);
}

InvertedFile::InvertedFile(const InvertedFile& base,
                           absl::Span<const uint32_t> more,
                           const VectorRows::View& vectors)
    : centroids_(base.centroids_), trained_size_(base.trained_size_) {
  Fill(&base, more, vectors);
}

void InvertedFile::Fill(const InvertedFile* base,
                        absl::Span<const uint32_t> rows,
                        const VectorRows::View& vectors) {
  std::vector<uint32_t> list_of(rows.size());
  std::vector<uint32_t> nearest;
  begins_.assign(lists() + 1, 0);
  for (size_t i = 0; i < rows.size(); ++i) {
    centroids_->Nearest(
        {vectors.codes(rows[i]), vectors.width(), vectors.scale(rows[i])}, 1,
        nearest);
    list_of[i] = nearest[0];
    ++begins_[nearest[0] + 1];
  }
  for (size_t list = 0; list < lists(); ++list) {
    if (base != nullptr) {
      begins_[list + 1] += base->begins_[list + 1] - base->begins_[list];
    }
    begins_[list + 1] += begins_[list];
  }
  rows_.resize(begins_.back());
  std::vector<uint32_t> ends(begins_.begin(), begins_.end() - 1);
  for (size_t list = 0; base != nullptr && list < lists(); ++list) {
    const auto begin = base->rows_.begin() + base->begins_[list];
    const auto end = base->rows_.begin() + base->begins_[list + 1];
    std::copy(begin, end, rows_.begin() + ends[list]);
    ends[list] += static_cast<uint32_t>(end - begin);
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    rows_[ends[list_of[i]]++] = rows[i];
  }
}

void InvertedFile::Nearest(const Query& query, size_t count,
                           std::vector<uint32_t>& found) const {
  thread_local std::vector<uint32_t> order;
  const CodesView codes = {query.codes(), query.width(), query.scale()};
  const size_t want = std::min(count, rows_.size());
  // Lists are of different lengths: more of them than the mean would take, and
  // all if that was not enough.
  constexpr size_t kSpare = 16;
  size_t look = std::min(
      lists(), 2 * want * lists() / std::max<size_t>(rows_.size(), 1) + kSpare);
  while (true) {
    found.clear();
    centroids_->Nearest(codes, look, order);
    for (const uint32_t list : order) {
      if (found.size() >= want) return;
      found.insert(found.end(), rows_.begin() + begins_[list],
                   rows_.begin() + begins_[list + 1]);
    }
    if (found.size() >= want || look == lists()) return;
    look = lists();
  }
}

}  // namespace mitra::search
