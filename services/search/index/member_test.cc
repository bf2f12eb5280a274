#include "services/search/index/member.h"

#include <string>

#include "gtest/gtest.h"

namespace mitra::search {
namespace {

TEST(MemberTest, KeepsWhatItWasMadeOf) {
  Member::Fields fields;
  fields.id = "umkm-1";
  fields.display_name = "Keripik Bu Sri";
  fields.region_code = "33.72.01";
  fields.incarnation = 3;
  fields.revision = 1ULL << 40;
  fields.text_serial = 5;
  fields.text_hash = ~0ULL;
  fields.hidden = true;
  const MemberRef member = Member::Create(fields, {{{2, 70000}, {9, 0}}});

  EXPECT_EQ(member->id(), fields.id);
  EXPECT_EQ(member->display_name(), fields.display_name);
  EXPECT_EQ(member->region_code(), fields.region_code);
  EXPECT_EQ(member->incarnation(), 3U);
  EXPECT_EQ(member->revision(), 1ULL << 40);
  EXPECT_EQ(member->text_serial(), 5U);
  EXPECT_EQ(member->text_hash(), ~0ULL);
  EXPECT_TRUE(member->hidden());
  ASSERT_EQ(member->facets().size(), 2U);
  EXPECT_EQ(member->facets()[0].role, 2);
  EXPECT_EQ(member->facets()[0].row, 70000U);
  EXPECT_EQ(member->facets()[1].role, 9);
}

TEST(MemberTest, EmptyAndOverlongTextsAreWithinBounds) {
  const MemberRef empty = Member::Create({}, {});
  EXPECT_EQ(empty->id(), "");
  EXPECT_EQ(empty->display_name(), "");
  EXPECT_TRUE(empty->facets().empty());

  const std::string text(100000, 'x');
  Member::Fields fields;
  fields.id = text;
  fields.display_name = text;
  fields.region_code = text;
  const MemberRef cut = Member::Create(fields, {});
  EXPECT_EQ(cut->id().size(), 255U);
  EXPECT_EQ(cut->region_code().size(), 255U);
  EXPECT_EQ(cut->display_name(), text.substr(0, 65535));
}

TEST(MemberTest, LivesAsLongAsSomebodyHoldsIt) {
  Member::Fields fields;
  fields.id = "a";
  MemberVector members;
  members.Grow(2);
  EXPECT_TRUE(members[0] == nullptr);
  members.Mutable(0) = Member::Create(fields, {});
  const auto before = members.Freeze();
  fields.id = "b";
  members.Mutable(0) = Member::Create(fields, {});
  EXPECT_EQ(before[0]->id(), "a");
  EXPECT_EQ(members[0]->id(), "b");

  MemberRef held = members[0];
  MemberRef moved = std::move(held);
  EXPECT_TRUE(held == nullptr);  // NOLINT: that is what is asked
  members.Mutable(0) = nullptr;
  EXPECT_EQ(moved->id(), "b");
  moved = moved;  // NOLINT: to itself
  EXPECT_EQ(moved->id(), "b");
}

}  // namespace
}  // namespace mitra::search
