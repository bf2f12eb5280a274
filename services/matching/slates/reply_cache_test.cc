#include "services/matching/slates/reply_cache.h"

#include <gtest/gtest.h>

namespace mitra::matching {
namespace {

constexpr uint64_t kRecord = 7;

class ReplyCacheTest : public ::testing::Test {
 protected:
  void Commit(uint64_t revision, std::vector<MemberIndex> changed = {}) {
    CommitSummary summary;
    summary.revision = revision;
    summary.changed = std::move(changed);
    cache_.OnCommit(summary);
  }
  void Keep(const std::string& question, uint64_t revision,
            std::vector<MemberIndex> members) {
    Reply reply;
    reply.bytes = "answer to " + question;
    reply.revision = revision;
    reply.record_incarnation = kRecord;
    reply.members = std::move(members);
    reply.until = absl::InfiniteFuture();
    cache_.Put(question, std::move(reply), now_);
  }
  bool Has(const std::string& question, uint64_t view_revision) {
    return cache_.Find(question, view_revision, kRecord, now_) != nullptr;
  }

  ReplyCache cache_{{.max_bytes = 10'000, .max_age = absl::Seconds(5)}};
  absl::Time now_ = absl::Now();
};

TEST_F(ReplyCacheTest, RepeatsAnAnswerWhileNothingHappens) {
  Commit(10);
  Keep("q", 10, {1, 2});
  const auto reply = cache_.Find("q", 10, kRecord, now_);
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->bytes, "answer to q");
  EXPECT_FALSE(Has("another", 10));
}

TEST_F(ReplyCacheTest, OutlivesChangesOfOthers) {
  Commit(10);
  Keep("q", 10, {1, 2});
  Commit(11, {3});
  Commit(12, {4, 5});
  EXPECT_TRUE(Has("q", 12));
}

TEST_F(ReplyCacheTest, EndsWhenOneWhomItShowsChanges) {
  Commit(10);
  Keep("q", 10, {1, 2});
  Commit(11, {3, 2});
  EXPECT_FALSE(Has("q", 11));
}

TEST_F(ReplyCacheTest, AnAnswerMadeAfterTheChangeStands) {
  Commit(11, {2});
  Keep("q", 11, {1, 2});
  EXPECT_TRUE(Has("q", 11));
}

TEST_F(ReplyCacheTest, AViewWhoseNewsAreNotHereYetGetsNothing) {
  Commit(10);
  Keep("q", 10, {1});
  EXPECT_FALSE(Has("q", 11));
}

TEST_F(ReplyCacheTest, AnAnswerOfAViewWhoseNewsAreNotHereYetIsNotKept) {
  Commit(10);
  Keep("q", 11, {1});
  Commit(11, {1});
  EXPECT_FALSE(Has("q", 11));
}

TEST_F(ReplyCacheTest, EndsByAge) {
  Commit(10);
  Keep("q", 10, {1});
  now_ += absl::Seconds(6);
  EXPECT_FALSE(Has("q", 10));
}

TEST_F(ReplyCacheTest, EndsWithTheRecord) {
  Commit(10);
  Keep("q", 10, {1});
  EXPECT_EQ(cache_.Find("q", 10, kRecord + 1, now_), nullptr);
}

TEST_F(ReplyCacheTest, WithdrawnEvidenceEndsAll) {
  Commit(10);
  Keep("q", 10, {1});
  CommitSummary summary;
  summary.revision = 11;
  summary.distrusted = {9};
  cache_.OnCommit(summary);
  EXPECT_FALSE(Has("q", 11));
  // One that was being made meanwhile is not kept either.
  Keep("q", 10, {1});
  EXPECT_FALSE(Has("q", 11));
}

TEST_F(ReplyCacheTest, LetsTheOldestGoWhenItIsFull) {
  Commit(10);
  for (int i = 0; i < 100; ++i) Keep(std::to_string(i), 10, {1});
  EXPECT_LE(cache_.stats().bytes, 10'000u);
  EXPECT_TRUE(Has("99", 10));
  EXPECT_FALSE(Has("0", 10));
}

}  // namespace
}  // namespace mitra::matching
