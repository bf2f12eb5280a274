#include "common/rpc/hop_memory.h"

#include <gtest/gtest.h>

#include <string>

namespace mitra::rpc::internal {
namespace {

constexpr absl::Time kStart = absl::UnixEpoch();

TEST(SentAnswersTest, SendsAnAnswerOnceAndNamesItAfterwards) {
  SentAnswers sent;
  sent.SetCapacity(8);
  const auto first = sent.Of(7, 1000, kStart);
  EXPECT_EQ(first.number, 1u);
  EXPECT_FALSE(first.there);
  const auto again = sent.Of(7, 1000, kStart);
  EXPECT_EQ(again.number, 1u);
  EXPECT_TRUE(again.there);
  EXPECT_EQ(sent.Of(8, 1000, kStart).number, 2u);
}

TEST(SentAnswersTest, NumbersNothingThatIsNotWorthItOrHasNoIdentity) {
  SentAnswers sent;
  EXPECT_EQ(sent.Of(7, 1000, kStart).number, 0u) << "the caller keeps nothing";
  sent.SetCapacity(8);
  EXPECT_EQ(sent.Of(0, 1000, kStart).number, 0u);
  EXPECT_EQ(sent.Of(7, kSmallestKept - 1, kStart).number, 0u);
  EXPECT_EQ(sent.Of(7, kLargestKept + 1, kStart).number, 0u);
}

TEST(SentAnswersTest, TheLeastRecentlyUsedMakesRoom) {
  SentAnswers sent;
  sent.SetCapacity(2);
  (void)sent.Of(1, 1000, kStart);
  (void)sent.Of(2, 1000, kStart);
  EXPECT_TRUE(sent.Of(1, 1000, kStart).there);
  const auto third = sent.Of(3, 1000, kStart);
  EXPECT_EQ(third.number, 2u);
  EXPECT_FALSE(third.there);
  EXPECT_TRUE(sent.Of(1, 1000, kStart).there);
  EXPECT_FALSE(sent.Of(2, 1000, kStart).there);
}

TEST(SentAnswersTest, WhatIsOldIsSentAgainUnderItsNumber) {
  SentAnswers sent;
  sent.SetCapacity(2);
  (void)sent.Of(1, 1000, kStart);
  const absl::Time late = kStart + SentAnswers::kMaxAge + absl::Seconds(1);
  const auto again = sent.Of(1, 1000, late);
  EXPECT_EQ(again.number, 1u);
  EXPECT_FALSE(again.there);
  EXPECT_TRUE(sent.Of(1, 1000, late).there);
}

TEST(KeptAnswersTest, GivesBackWhatWasKeptLast) {
  KeptAnswers kept;
  RawMessage answer(std::string(500, 'a'));
  ASSERT_TRUE(kept.Keep(3, answer, kStart));
  EXPECT_NE(answer.identity(), 0u);
  RawMessage found;
  ASSERT_TRUE(kept.Find(3, found));
  EXPECT_EQ(found.ToString(), std::string(500, 'a'));
  EXPECT_EQ(found.identity(), answer.identity());
  EXPECT_FALSE(kept.Find(1, found));
  EXPECT_FALSE(kept.Find(4, found));
  EXPECT_FALSE(kept.Find(0, found));
  RawMessage other(std::string(500, 'b'));
  ASSERT_TRUE(kept.Keep(3, other, kStart));
  ASSERT_TRUE(kept.Find(3, found));
  EXPECT_EQ(found.ToString(), std::string(500, 'b'));
  EXPECT_NE(found.identity(), answer.identity());
}

TEST(KeptAnswersTest, RefusesNumbersAndSizesBeyondWhatItSaid) {
  KeptAnswers kept;
  RawMessage answer(std::string(500, 'a'));
  EXPECT_FALSE(kept.Keep(0, answer, kStart));
  EXPECT_FALSE(kept.Keep(kMostKept + 1, answer, kStart));
  RawMessage large(std::string(kLargestKept + 1, 'a'));
  EXPECT_FALSE(kept.Keep(1, large, kStart));
}

TEST(KeptAnswersTest, ForgetsWhatTheServerNoLongerNames) {
  KeptAnswers kept;
  RawMessage first(std::string(500, 'a'));
  RawMessage second(std::string(500, 'b'));
  ASSERT_TRUE(kept.Keep(1, first, kStart));
  ASSERT_TRUE(kept.Keep(2, second, kStart + 3 * SentAnswers::kMaxAge));
  RawMessage found;
  EXPECT_FALSE(kept.Find(1, found));
  EXPECT_TRUE(kept.Find(2, found));
}

}  // namespace
}  // namespace mitra::rpc::internal
