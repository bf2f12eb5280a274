#include "services/gateway/proxy/last_writes.h"

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/gateway/testing/redis_test.h"
#include "tests/support/eventually.h"

namespace mitra::gateway {
namespace {

TEST(ParseRevisionTest, TakesItsFormOnly) {
  const auto revision = ParseRevision("7-42");
  ASSERT_TRUE(revision.has_value());
  EXPECT_EQ(revision->incarnation, 7u);
  EXPECT_EQ(revision->revision, 42u);
  for (const char* bad : {"", "7", "7-", "-42", "7-42-1", "a-1", "7--1",
                          "99999999999999999999-1"}) {
    EXPECT_FALSE(ParseRevision(bad).has_value()) << bad;
  }
}

TEST(LocalLastWritesTest, RemembersTheHighestForAMinute) {
  LocalLastWrites writes;
  absl::Time now = absl::FromUnixSeconds(1000);
  EXPECT_EQ(writes.RecallAt("a", now), 0u);
  writes.RememberAt("a", {1, 10}, now);
  writes.RememberAt("a", {1, 9}, now);
  EXPECT_EQ(writes.RecallAt("a", now), 10u);
  EXPECT_EQ(writes.RecallAt("b", now), 0u);
  writes.RememberAt("a", {2, 3}, now);
  EXPECT_EQ(writes.RecallAt("a", now), 3u) << "another record counts anew";
  EXPECT_EQ(writes.RecallAt("a", now + absl::Minutes(2)), 0u);
}

// A slow machine is no reason to forget.
constexpr absl::Duration kPatience = absl::Minutes(1);

class SharedLastWritesTest : public RedisTest {};

TEST_F(SharedLastWritesTest, WhatOneGatewayWroteTheOtherReads) {
  SharedLastWrites here(*client_, kPatience);
  SharedLastWrites there(*client_, kPatience);
  for (uint64_t i = 1; i <= 1000; ++i) {
    rpc::SyncWait((i % 2 == 0 ? here : there).Remember("sari", {7, i}));
    EXPECT_EQ(rpc::SyncWait((i % 2 == 0 ? there : here).Recall("sari")), i);
  }
  EXPECT_EQ(rpc::SyncWait(here.Recall("budi")), 0u);
}

TEST_F(SharedLastWritesTest, AnOldIncarnationSaysNothing) {
  SharedLastWrites here(*client_, kPatience);
  SharedLastWrites there(*client_, kPatience);
  rpc::SyncWait(here.Remember("sari", {7, 1'000'000}));
  rpc::SyncWait(there.Remember("budi", {8, 5}));
  EXPECT_EQ(rpc::SyncWait(there.Recall("sari")), 0u);
  EXPECT_EQ(rpc::SyncWait(there.Recall("budi")), 5u);
}

TEST_F(SharedLastWritesTest, WithoutRedisEachRemembersItsOwn) {
  SharedLastWrites here(*client_);
  server_->Kill();
  rpc::SyncWait(here.Remember("sari", {7, 5}));
  EXPECT_EQ(rpc::SyncWait(here.Recall("sari")), 5u);
}

}  // namespace
}  // namespace mitra::gateway
