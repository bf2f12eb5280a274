#include "services/search/partition/row_clusters.h"

#include <faiss/Clustering.h>
#include <faiss/IndexFlat.h>
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "common/status/status_macros.h"
#include "services/search/partition/faiss_guard.h"

namespace mitra::search {
namespace {

constexpr size_t kSampleOfEach = 32;
constexpr int kRounds = 8;

// Every n-th row, as floats.
std::vector<float> SampleOf(const VectorRows::View& vectors,
                            absl::Span<const uint32_t> rows, size_t count) {
  const size_t d = vectors.dimension();
  std::vector<float> sample(count * 2 * d);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t row = rows[i * rows.size() / count];
    auto to = sample.begin() + static_cast<ptrdiff_t>(i * 2 * d);
    const std::vector<float> offer = vectors.Read(row, VectorRows::kOffer);
    std::copy(offer.begin(), offer.end(), to);
    const std::vector<float> need = vectors.Read(row, VectorRows::kNeed);
    std::copy(need.begin(), need.end(), to + static_cast<ptrdiff_t>(d));
  }
  return sample;
}

}  // namespace

absl::StatusOr<std::vector<float>> ClusterRows(const VectorRows::View& vectors,
                                               absl::Span<const uint32_t> rows,
                                               const std::atomic<bool>* stop) {
  if (rows.empty()) return absl::InternalError("clusters: there are no rows");
  const size_t width = vectors.width();
  const auto lists = std::clamp<size_t>(
      static_cast<size_t>(3 * std::sqrt(static_cast<double>(rows.size()))), 1,
      rows.size());
  std::vector<float> centroids;
  bool stopped = false;
  MITRA_RETURN_IF_ERROR(GuardFaiss("clusters", [&] {
    const size_t count = std::min(rows.size(), lists * kSampleOfEach);
    const std::vector<float> sample = SampleOf(vectors, rows, count);
    faiss::ClusteringParameters parameters;
    parameters.spherical = true;
    // One round a call, so that somebody can stop in between.
    parameters.niter = 1;
    parameters.min_points_per_centroid = 1;
    parameters.max_points_per_centroid = static_cast<int>(count);
    faiss::Clustering clustering(static_cast<int>(width),
                                 static_cast<int>(lists), parameters);
    faiss::IndexFlatIP index(static_cast<int64_t>(width));
    omp_set_num_threads(1);
    for (int round = 0; round < kRounds && !stopped; ++round) {
      index.reset();
      clustering.train(static_cast<int64_t>(count), sample.data(), index);
      stopped = stop != nullptr && stop->load(std::memory_order_relaxed);
    }
    centroids = std::move(clustering.centroids);
  }));
  if (stopped) return absl::CancelledError("clusters: were stopped");
  return centroids;
}

}  // namespace mitra::search
