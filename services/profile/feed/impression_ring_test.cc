#include "services/profile/feed/impression_ring.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/change_feed_service.pb.h"

namespace mitra::profile {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What a follower reads from `from` on.
v1::WatchResponse Read(const ImpressionRing& ring, uint64_t& from,
                       size_t max_bytes = 1000) {
  v1::WatchResponse before;
  before.set_watermark(7);
  std::string bytes = before.SerializeAsString();
  from = ring.AppendSince(from, max_bytes, bytes);
  v1::WatchResponse response;
  EXPECT_TRUE(response.ParseFromString(bytes));
  EXPECT_EQ(response.watermark(), 7u);
  return response;
}

TEST(ImpressionRingTest, EachFollowerReadsEachTokenOnce) {
  ImpressionRing ring;
  uint64_t late = ring.head();
  ring.Add("a");
  uint64_t early = 0;
  EXPECT_THAT(Read(ring, early).shown(), ElementsAre("a"));
  ring.Add("b");
  EXPECT_THAT(Read(ring, early).shown(), ElementsAre("b"));
  EXPECT_THAT(Read(ring, early).shown(), IsEmpty());
  EXPECT_THAT(Read(ring, late).shown(), ElementsAre("a", "b"));
  uint64_t new_one = ring.head();
  EXPECT_THAT(Read(ring, new_one).shown(), IsEmpty());
}

TEST(ImpressionRingTest, TheOldestAreLostFirst) {
  ImpressionRing ring(2);
  uint64_t from = 0;
  for (const char* token : {"a", "b", "c"}) ring.Add(token);
  EXPECT_THAT(Read(ring, from).shown(), ElementsAre("b", "c"));
}

TEST(ImpressionRingTest, AMessageIsBounded) {
  ImpressionRing ring;
  for (int i = 0; i < 100; ++i) ring.Add(std::string(50, 'x'));
  uint64_t from = 0;
  EXPECT_EQ(Read(ring, from, 500).shown_size(), 10);
  EXPECT_EQ(from, 10u);
}

}  // namespace
}  // namespace mitra::profile
