#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/search/persistent/cow_vector.h"
#include "services/search/persistent/rcu_cell.h"

namespace mitra::search {
namespace {

TEST(CowVectorTest, ViewsKeepTheStateOfTheirFreezing) {
  std::mt19937 random(3);
  CowVector<int, 4, 4> vector;
  std::vector<int> model;
  std::vector<std::pair<CowVector<int, 4, 4>::View, std::vector<int>>> frozen;
  for (int step = 0; step < 3000; ++step) {
    if (random() % 4 == 0) {
      vector.Grow(model.size() + random() % 9);
      model.resize(vector.size());
    } else if (!model.empty()) {
      const size_t at = random() % model.size();
      vector.Mutable(at) = model[at] = step;
    }
    if (random() % 8 == 0) frozen.emplace_back(vector.Freeze(), model);
  }

  for (const auto& [view, state] : frozen) {
    ASSERT_EQ(view.size(), state.size());
    for (size_t i = 0; i < state.size(); ++i) ASSERT_EQ(view[i], state[i]);
  }
}

TEST(RcuCellTest, ReadersSeeWholeObjectsAndOldOnesAreFreed) {
  struct Pair {
    explicit Pair(int n, std::atomic<int>* alive) : a(n), b(n), count(alive) {
      count->fetch_add(1);
    }
    ~Pair() {
      a = -1;
      count->fetch_sub(1);
    }
    int a, b;
    std::atomic<int>* count;
  };
  std::atomic<int> alive{0};
  {
    RcuCell<Pair> cell(std::make_shared<const Pair>(0, &alive));
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    for (int t = 0; t < 4; ++t) {
      readers.emplace_back([&] {
        while (!stop.load()) {
          const auto guard = cell.Read();
          ASSERT_EQ(guard->a, guard->b);
          ASSERT_GE(guard->a, 0);
        }
      });
    }
    for (int n = 1; n <= 5000; ++n) {
      cell.Store(std::make_shared<const Pair>(n, &alive));
    }
    stop = true;
    for (auto& reader : readers) reader.join();
    cell.Reclaim();
    EXPECT_EQ(alive.load(), 1);
    EXPECT_EQ(cell.Read()->a, 5000);
  }
  EXPECT_EQ(alive.load(), 0);
}

}  // namespace
}  // namespace mitra::search
