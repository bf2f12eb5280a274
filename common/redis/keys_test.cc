#include "common/redis/keys.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::redis {
namespace {

TEST(RedisKeysTest, PutTheSubjectAloneInTheHashTag) {
  EXPECT_EQ(SlateKey({.subject = "warung-1",
                      .kind = "MENTOR",
                      .epoch = 7,
                      .ranking_version = "default",
                      .embedding_space = "hashing-v1/128/1",
                      .parameters = 0xAB}),
            "mitra:{warung-1}:slate:MENTOR:7:default:hashing-v1%2F128%2F1:"
            "00000000000000ab");
  EXPECT_EQ(TrustKey("warung-1", 3), "mitra:{warung-1}:trust:3");
}

TEST(RedisKeysTest, KeepLockAndFenceInOneSlot) {
  EXPECT_EQ(LockKey("refresh/all"), "mitra:{refresh%2Fall}:lock");
  EXPECT_EQ(FenceKey("refresh/all"), "mitra:{refresh%2Fall}:fence");
}

TEST(RedisKeysTest, LetNoInputLeaveItsPlace) {
  EXPECT_EQ(RevisionKey("a}:b{\r\n%"), "mitra:{a%7D%3Ab%7B%0D%0A%25}:revision");
  EXPECT_NE(QuotaKey("a", "b:c"), QuotaKey("a:b", "c"));
}

TEST(RedisKeysTest, AllHaveALife) {
  for (const KeyFamily& family :
       {kSlates, kPublishedSlates, kEpochs, kQuotas, kRefreshJobs, kLocks,
        kTrustVectors, kRevisions, kImpressions, kImpressionLog}) {
    EXPECT_GT(family.ttl, absl::ZeroDuration()) << family.name;
    EXPECT_LE(family.ttl, absl::Hours(24 * 30)) << family.name;
    EXPECT_GT(family.max_value_bytes, 0u) << family.name;
  }
}

}  // namespace
}  // namespace mitra::redis
