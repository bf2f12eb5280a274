#include "services/matching/trust/warnings.h"

#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

constexpr Tie kFriend{.trust = .9, .certainty = .8, .kind = 3};
constexpr Tie kStranger{.trust = .5, .certainty = 0, .kind = 10};
constexpr Tie kReport{.trust = .1, .certainty = .7, .kind = 13};
constexpr Tie kPraise{.trust = .8, .certainty = .7, .kind = 3};

TEST(WarningsTest, OnlyTrustedMembersWarn) {
  Warnings warnings;
  for (int i = 0; i < 1000; ++i) warnings.Add(kStranger, kReport);
  warnings.Add(Tie(), kReport);
  warnings.Add(kReport, kReport);  // whom I distrust
  EXPECT_EQ(warnings.value(), 0);
  warnings.Add(kFriend, kReport);
  EXPECT_GT(warnings.value(), .2);
}

TEST(WarningsTest, PraiseAndGroupsDoNotWarn) {
  Warnings warnings;
  warnings.Add(kFriend, kPraise);
  Tie group = kReport;
  group.to_group = true;
  warnings.Add(kFriend, group);
  EXPECT_EQ(warnings.value(), 0);
}

TEST(WarningsTest, OneRaterAndAllTogetherAreBounded) {
  Warnings one;
  one.Add({.trust = 1, .certainty = 1, .kind = 3},
          {.trust = 0, .certainty = 1, .kind = 13});
  EXPECT_LE(one.value(), Warnings::kOneRater + 1e-6);
  for (int i = 0; i < 100; ++i) one.Add(kFriend, kReport);
  EXPECT_EQ(one.value(), 1);
}

TEST(WarningsTest, MyOwnComplaintCountsInFull) {
  Warnings warnings;
  warnings.AddOwn(kPraise);
  EXPECT_EQ(warnings.value(), 0);
  warnings.AddOwn(kReport);
  EXPECT_EQ(warnings.value(), 1);
}

}  // namespace
}  // namespace mitra::matching
