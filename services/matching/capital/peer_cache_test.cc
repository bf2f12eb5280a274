#include "services/matching/capital/peer_cache.h"

#include "common/base/fake_clock.h"
#include "gtest/gtest.h"
#include "services/matching/members/testing.h"

namespace mitra::matching {
namespace {

TEST(PeerCacheTest, AnIndexIsMadeAnewAfterFiveMinutes) {
  FakeClock clock;
  MemberTable table;
  Put(table, AProfile("sari", v1::ROLE_BUSINESS), 1);
  table.Publish();
  PeerCache cache(clock);

  const auto first = cache.Of(table.view());
  clock.Advance(absl::Minutes(4));
  EXPECT_EQ(cache.Of(table.view()), first);
  clock.Advance(absl::Minutes(2));
  EXPECT_NE(cache.Of(table.view()), first);
}

TEST(PeerCacheTest, AnIndexOfMoreMembersThanThereAreIsOfNoUse) {
  FakeClock clock;
  MemberTable before, restored;
  for (int i = 0; i < 3; ++i) {
    Put(before, AProfile("m" + std::to_string(i), v1::ROLE_BUSINESS), i + 1);
  }
  before.Publish();
  Put(restored, AProfile("m0", v1::ROLE_BUSINESS), 1);
  restored.Publish();
  PeerCache cache(clock);

  EXPECT_EQ(cache.Of(before.view())->size(), 3u);
  EXPECT_EQ(cache.Of(restored.view())->size(), 1u);
}

}  // namespace
}  // namespace mitra::matching
