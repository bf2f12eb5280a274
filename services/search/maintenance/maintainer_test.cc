#include "services/search/maintenance/maintainer.h"

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/search/maintenance/warm_up.h"
#include "services/search/testing/feed_builder.h"

namespace mitra::search {
namespace {

constexpr size_t kDimension = 16;

void Fill(IndexState& state, int members) {
  MITRA_ASSERT_OK(state.Reset(HeaderFor(kDimension)));
  UnitVectors vectors(kDimension, 5);
  for (int i = 0; i < members; ++i) {
    MITRA_ASSERT_OK(
        state.Apply(ChangeBuilder(absl::StrCat("p", i), 1 + i)
                        .Facet(i % 2 == 0 ? v1::ROLE_MENTOR : v1::ROLE_BUSINESS,
                               vectors.Next(), vectors.Next())
                        .change()));
  }
  MITRA_ASSERT_OK(state.Commit(static_cast<uint64_t>(members)));
}

TEST(WarmUpTest, AsksForEveryRoleAndStopsWhenAsked) {
  IndexState state(IndexState::Options{});
  Fill(state, 600);
  const std::atomic<bool> go_on{false};
  const std::atomic<bool> stop{true};
  EXPECT_EQ(WarmUp(*state.Read(), {}, go_on), 400U);
  EXPECT_EQ(WarmUp(*state.Read(), {}, stop), 0U);

  IndexState empty(IndexState::Options{});
  EXPECT_EQ(WarmUp(*empty.Read(), {}, go_on), 0U);
}

TEST(MaintainerTest, IsReadyOnlyOnceCaughtUpAndGraphsAreBuilt) {
  IndexState state({.roles = {.graph_rows = 100}});
  Fill(state, 600);
  std::atomic<bool> caught_up{false};
  std::atomic<int> told{0};
  Maintainer maintainer(
      state,
      {.caught_up = [&] { return caught_up.load(); },
       .on_ready = [&](bool ready) { told.fetch_add(ready ? 1 : -10); }});
  maintainer.Start();
  maintainer.Wake();
  EXPECT_FALSE(maintainer.ready());

  caught_up = true;
  maintainer.Wake();
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (!maintainer.ready() && absl::Now() < deadline) {
    maintainer.Wake();
    std::this_thread::yield();
  }
  EXPECT_TRUE(maintainer.ready());
  EXPECT_GT(state.figures().roles[v1::ROLE_MENTOR].graph, 0U);
  maintainer.Stop();
  EXPECT_EQ(told.load(), 1);
}

}  // namespace
}  // namespace mitra::search
