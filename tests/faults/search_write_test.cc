// However many search at once: a change is visible soon after it was applied.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/search/retrieval/retriever.h"
#include "services/search/testing/sample_index.h"
#include "tests/support/campaign.h"

namespace mitra::search {
namespace {

constexpr int kSearching = 16;
constexpr int kMembers = 3000;

// Searches until it is told to stop.
void Search(const IndexState& state, uint32_t seed,
            const std::atomic<bool>& stop, std::atomic<uint64_t>& answers) {
  UnitVectors vectors(SampleIndex::kDimension, seed);
  while (!stop.load()) {
    Retrieval asked;
    asked.need = vectors.Next();
    asked.offer = vectors.Next();
    asked.roles = {v1::ROLE_MENTOR, v1::ROLE_BUSINESS};
    asked.k = 200;
    const auto view = state.Read();
    const auto found = Retrieve(*view, asked, SearchPlan());
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(found->candidates.size(), asked.k);
    answers.fetch_add(1, std::memory_order_relaxed);
  }
}

TEST(SearchWriteTest, SixteenSearchingThreadsDelayNoWrite) {
  IndexState state(SampleOptions());
  SampleIndex index(11);
  index.Fill(state, kMembers);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> answers{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kSearching; ++t) {
    threads.emplace_back([&, t] { Search(state, 50 + t, stop, answers); });
  }
  const uint64_t writes = mitra::testing::CampaignCases(40);
  std::vector<double> seconds;
  for (uint64_t n = 0; n < writes; ++n) {
    const absl::Time begin = absl::Now();
    const int member = static_cast<int>(n * 7 % kMembers);
    index.Put(state, member);
    index.Commit(state);
    seconds.push_back(absl::ToDoubleSeconds(absl::Now() - begin));
    ASSERT_EQ(state.Read()->watermark, index.revision());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();

  std::sort(seconds.begin(), seconds.end());
  std::printf("writes: %zu beside %llu answers, median %.2f ms, longest %.1f\n",
              seconds.size(), static_cast<unsigned long long>(answers.load()),
              seconds[seconds.size() / 2] * 1e3, seconds.back() * 1e3);
  EXPECT_GT(answers.load(), 0U);
  // What is promised; a write waits for its turn on a processor only.
  EXPECT_LT(seconds[seconds.size() * 9 / 10], 1);
}

}  // namespace
}  // namespace mitra::search
