#include "common/taxonomy/related_words.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::taxonomy {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(RelatedWordsTest, WordsForOneThingFindEachOther) {
  EXPECT_THAT(RelatedWords("catering"), Contains("katering"));
  EXPECT_THAT(RelatedWords("katering"), Contains("catering"));
}

TEST(RelatedWordsTest, WhatIsMeantAsWellLeadsOneWay) {
  EXPECT_THAT(RelatedWords("sembako"), Contains("beras"));
  EXPECT_THAT(RelatedWords("beras"), Not(Contains("sembako")));
}

TEST(RelatedWordsTest, UnknownWordsHaveNone) {
  EXPECT_THAT(RelatedWords("xyzzy"), IsEmpty());
  EXPECT_THAT(RelatedWords(""), IsEmpty());
}

}  // namespace
}  // namespace mitra::taxonomy
