#include "services/search/partition/code_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

#include "services/search/kernels/kernels.h"
#include "services/search/partition/partition.h"
#include "services/search/partition/tile_scan.h"

namespace mitra::search {
namespace {

void TakeNearest(EstimatePool& pool, size_t count,
                 std::vector<uint32_t>& nearest) {
  std::vector<EstimatePool::Entry>& entries = pool.Finish();
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.estimate != b.estimate ? a.estimate > b.estimate : a.row < b.row;
  });
  nearest.clear();
  for (const EstimatePool::Entry& entry : entries) {
    if (nearest.size() == count) break;
    nearest.push_back(entry.row);
  }
}

}  // namespace

CodeTable::CodeTable(size_t most, size_t stride)
    : stride_(stride), codes_(HugePages<int8_t>(most * stride)) {
  scales_.reserve(most);
}

void CodeTable::Add(const int8_t* codes, float scale) {
  std::memcpy(codes_.get() + size() * stride_, codes, stride_);
  scales_.push_back(scale);
}

void CodeTable::Nearest(const CodesView& query, size_t count,
                        std::vector<uint32_t>& nearest) const {
  constexpr size_t kBlock = 1024;
  std::array<int32_t, kBlock> dots;
  std::array<uint32_t, kBlock> at;
  std::array<float, kBlock> values;
  EstimatePool pool(count, 0);
  const Kernels& kernels = ActiveKernels();
  for (size_t begin = 0; begin < size(); begin += kBlock) {
    const size_t block = std::min(kBlock, size() - begin);
    kernels.dot_i8_rows(query.codes, query.width,
                        codes_.get() + begin * stride_, stride_, nullptr, block,
                        dots.data());
    const size_t selected =
        kernels.select(dots.data(), scales_.data() + begin, nullptr, block,
                       query.scale, pool.threshold(), at.data(), values.data());
    for (size_t i = 0; i < selected; ++i) {
      pool.Add(static_cast<uint32_t>(begin + at[i]), values[i]);
    }
  }
  TakeNearest(pool, count, nearest);
}

void CodeTable::NearestForAll(
    absl::Span<const CodesView> queries, size_t count,
    absl::Span<std::vector<uint32_t>* const> nearest) const {
  for (size_t first = 0; first < queries.size(); first += kMaxTileQuestions) {
    const auto some = queries.subspan(first, kMaxTileQuestions);
    std::deque<EstimatePool> pools;
    std::vector<TileQuestion> tile;
    for (const CodesView& query : some) {
      tile.push_back({query, &pools.emplace_back(count, 0.F)});
    }
    ScanTiles(tile, codes_.get(), stride_, scales_.data(), size(),
              [&](size_t q, uint32_t at, float estimate) {
                pools[q].Add(at, estimate);
              });
    for (size_t q = 0; q < some.size(); ++q) {
      TakeNearest(pools[q], count, *nearest[first + q]);
    }
  }
}

}  // namespace mitra::search
