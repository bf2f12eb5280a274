#include "services/matching/refresh/place_fitting.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/synchronization/mutex.h"
#include "common/base/thread_priority.h"
#include "services/matching/refresh/parallel.h"

namespace mitra::matching {
namespace {

// Lists that one thread takes at a time.
constexpr size_t kBlock = 4096;
// And puts in order before others may have its processor.
constexpr size_t kTurn = 16;
// Looks at the first place. Counted in whole numbers: their sums do not depend
// on the order in which threads add them.
constexpr uint64_t kFirstLook = 1 << 20;

struct Row {
  float key;
  uint32_t right;
};

// All lists, each kept in the order of the latest prices.
class Lists {
 public:
  explicit Lists(const PlaceLists& lists) : begin_(lists.begin) {
    rows_.reserve(lists.right.size());
    for (size_t i = 0; i < lists.right.size(); ++i) {
      rows_.push_back({lists.key[i], lists.right[i]});
    }
  }

  size_t blocks() const { return (begin_.size() - 1 + kBlock - 1) / kBlock; }

  // Puts the lists of a block in order and adds the looks at their places.
  void Order(size_t block, absl::Span<const double> prices,
             std::vector<double>& scores, std::vector<uint64_t>& looks) {
    const size_t end = std::min(begin_.size() - 1, (block + 1) * kBlock);
    for (size_t left = block * kBlock; left < end; ++left) {
      if (left % kTurn == 0) GiveWay();
      Row* const list = rows_.data() + begin_[left];
      const size_t size = begin_[left + 1] - begin_[left];
      Sort(list, size, prices, scores);
      for (size_t place = 0; place < size; ++place) {
        looks[list[place].right] += kFirstLook / (place + 1);
      }
    }
  }

 private:
  // By insertion: best first, equal ones by number.
  static void Sort(Row* list, size_t size, absl::Span<const double> prices,
                   std::vector<double>& scores) {
    if (scores.size() < size) scores.resize(size);
    for (size_t i = 0; i < size; ++i) {
      const Row row = list[i];
      const double score = double{row.key} + prices[row.right];
      size_t at = i;
      for (; at > 0 &&
             (scores[at - 1] < score ||
              (scores[at - 1] == score && list[at - 1].right > row.right));
           --at) {
        scores[at] = scores[at - 1];
        list[at] = list[at - 1];
      }
      scores[at] = score;
      list[at] = row;
    }
  }

  const absl::Span<const uint32_t> begin_;
  std::vector<Row> rows_;
};

std::vector<uint64_t> CountLooks(Lists& lists, absl::Span<const double> prices,
                                 int threads) {
  std::vector<uint64_t> all(prices.size(), 0);
  absl::Mutex mutex;
  const size_t workers = static_cast<size_t>(std::max(1, threads));
  Parallel(threads, workers, [&](size_t worker) {
    std::vector<uint64_t> looks(prices.size(), 0);
    std::vector<double> scores;
    for (size_t b = worker; b < lists.blocks(); b += workers) {
      lists.Order(b, prices, scores, looks);
    }
    absl::MutexLock lock(&mutex);
    for (size_t i = 0; i < looks.size(); ++i) all[i] += looks[i];
  });
  return all;
}

}  // namespace

void FitPricesToPlaces(const PlaceLists& given, absl::Span<const double> seats,
                       const PlaceFitting& fitting, absl::Span<double> prices) {
  const double all_seats = std::accumulate(seats.begin(), seats.end(), 0.);
  if (!(all_seats > 0) || given.begin.size() < 2) return;
  Lists lists(given);
  for (int round = 0; round < fitting.rounds; ++round) {
    const std::vector<uint64_t> looks =
        CountLooks(lists, prices, fitting.threads);
    const double even =
        std::accumulate(looks.begin(), looks.end(), 0.) / all_seats;
    if (!(even > 0)) return;
    for (size_t r = 0; r < prices.size(); ++r) {
      if (!(seats[r] > 0)) continue;
      const double load = static_cast<double>(looks[r]) / seats[r] / even;
      prices[r] -=
          fitting.step * std::log((load + fitting.floor) / (1 + fitting.floor));
    }
  }
}

}  // namespace mitra::matching
