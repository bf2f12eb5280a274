#include "services/matching/members/engaged_table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/member.pb.h"

namespace mitra::matching {
namespace {

using ::testing::IsEmpty;

constexpr MemberIndex kSari = 3, kBudi = 7, kTini = 2000;

class EngagedTableTest : public ::testing::Test {
 protected:
  // Roles in which `other` is not shown to `viewer`.
  uint32_t Hidden(MemberIndex viewer, MemberIndex other) {
    link_ = garbage_.Publish();
    for (const Engaged& one : EngagedTable::Of(table_.Publish(), viewer)) {
      if (one.other == other) return one.hidden_roles;
    }
    return 0;
  }

  std::shared_ptr<GarbageLink> link_;
  Garbage garbage_;
  EngagedTable table_{garbage_};
};

TEST_F(EngagedTableTest, TheOneAskedIsHiddenFromTheOneAskingInThatRole) {
  EXPECT_TRUE(table_.Open(1, {kSari, kBudi, v1::ROLE_MENTOR, 10}));
  EXPECT_EQ(Hidden(kSari, kBudi), BitOf(v1::ROLE_MENTOR));
  EXPECT_EQ(Hidden(kBudi, kSari), 0u) << "who is guided may be a partner";

  EXPECT_TRUE(table_.Close(1, 11).has_value());
  EXPECT_EQ(Hidden(kSari, kBudi), 0u);
}

TEST_F(EngagedTableTest, WhoTradesIsHiddenFromBothSides) {
  EXPECT_TRUE(table_.Open(1, {kSari, kBudi, v1::ROLE_SUPPLIER, 10}));
  EXPECT_EQ(Hidden(kSari, kBudi), BitOf(v1::ROLE_SUPPLIER));
  EXPECT_EQ(Hidden(kBudi, kSari), BitOf(v1::ROLE_BUSINESS) |
                                      BitOf(v1::ROLE_ENTERPRISE) |
                                      BitOf(v1::ROLE_SUPPLIER));
}

TEST_F(EngagedTableTest, SeveralEngagementsOfAPairEndOneByOne) {
  EXPECT_TRUE(table_.Open(1, {kSari, kBudi, v1::ROLE_MENTOR, 10}));
  EXPECT_TRUE(table_.Open(2, {kSari, kBudi, v1::ROLE_INVESTOR, 11}));
  EXPECT_TRUE(table_.Open(3, {kSari, kTini, v1::ROLE_MENTOR, 12}));
  EXPECT_EQ(Hidden(kSari, kBudi),
            BitOf(v1::ROLE_MENTOR) | BitOf(v1::ROLE_INVESTOR));
  table_.Close(1, 13);
  EXPECT_EQ(Hidden(kSari, kBudi), BitOf(v1::ROLE_INVESTOR));
  EXPECT_EQ(Hidden(kSari, kTini), BitOf(v1::ROLE_MENTOR));
}

TEST_F(EngagedTableTest, TwiceOrLateChangesNothing) {
  EXPECT_TRUE(table_.Open(1, {kSari, kBudi, v1::ROLE_MENTOR, 10}));
  EXPECT_FALSE(table_.Open(1, {kSari, kBudi, v1::ROLE_MENTOR, 10}));
  EXPECT_FALSE(table_.Close(1, 9).has_value());
  EXPECT_TRUE(table_.Open(1, {kSari, kBudi, v1::ROLE_MENTOR, 12}));
  EXPECT_EQ(Hidden(kSari, kBudi), BitOf(v1::ROLE_MENTOR));
  EXPECT_TRUE(table_.Close(1, 13).has_value());
  EXPECT_FALSE(table_.Close(1, 13).has_value());
}

TEST_F(EngagedTableTest, AMemberGoesWithAllOfThem) {
  table_.Open(1, {kSari, kBudi, v1::ROLE_MENTOR, 10});
  table_.Open(2, {kTini, kSari, v1::ROLE_BUSINESS, 11});
  EXPECT_THAT(table_.CloseAllOf(kSari),
              ::testing::UnorderedElementsAre(kBudi, kTini));
  EXPECT_EQ(Hidden(kTini, kSari), 0u);
  EXPECT_THAT(table_.CloseAllOf(kSari), IsEmpty());
  EXPECT_THAT(table_.open(), IsEmpty());
}

TEST_F(EngagedTableTest, AnEarlierVersionStaysAsItWas) {
  table_.Open(1, {kSari, kBudi, v1::ROLE_MENTOR, 10});
  const auto link = garbage_.Publish();
  const auto before = table_.Publish();
  table_.Close(1, 11);
  EXPECT_EQ(Hidden(kSari, kBudi), 0u);
  EXPECT_EQ(EngagedTable::Of(before, kSari).size(), 1u);
}

}  // namespace
}  // namespace mitra::matching
