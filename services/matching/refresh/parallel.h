// Work on some threads at once.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_PARALLEL_H_
#define MITRA_SERVICES_MATCHING_REFRESH_PARALLEL_H_

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace mitra::matching {

// Runs `work(i)` for 0 to `count` - 1 on up to `threads` threads, this one
// among them, each number once. The others have this one's priority.
template <typename Work>
void Parallel(int threads, size_t count, Work work) {
  std::atomic<size_t> next{0};
  const auto loop = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads && static_cast<size_t>(t) < count; ++t) {
    others.emplace_back(loop);
  }
  loop();
  for (std::thread& thread : others) thread.join();
}

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_PARALLEL_H_
