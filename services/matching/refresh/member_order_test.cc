#include "services/matching/refresh/member_order.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"

namespace mitra::matching {
namespace {

TEST(MemberOrderTest, WhoSaysTheSameInOneTradeStandsTogether) {
  World world;
  std::vector<MemberIndex> indices;
  const auto add = [&](const char* id, const char* sector, const char* need) {
    v1::Profile profile = AProfile(id);
    profile.clear_sectors();
    profile.add_sectors()->set_code(sector);
    profile.mutable_facets(0)->clear_needs();
    v1::Need& one = *profile.mutable_facets(0)->add_needs();
    one.set_resource(v1::RESOURCE_CAPITAL);
    one.set_text(need);
    indices.push_back(world.Add(profile));
  };
  add("d", "56101", "modal oven");
  add("b", "10711", "modal mesin");
  add("c", "56101", "kios di pasar");
  add("a", "56101", "modal oven");
  const MatchingView view = world.view();

  const std::vector<std::string> ids = IdsInOrder(view.members, indices);

  ASSERT_EQ(ids.size(), 4U);
  const auto place = [&](const char* id) {
    return std::find(ids.begin(), ids.end(), id) - ids.begin();
  };
  EXPECT_EQ(place("d"), place("a") + 1) << "the same words, by id";
  EXPECT_TRUE(place("b") == 0 || place("b") == 3) << "another trade";
  std::reverse(indices.begin(), indices.end());
  EXPECT_EQ(IdsInOrder(view.members, indices), ids)
      << "whatever numbers they have";
}

TEST(MemberOrderTest, IdsAreFoundInListsOfAnyOrder) {
  const std::vector<std::string> ids = {"c", "a", "d"};
  const PositionsById positions(ids);

  EXPECT_EQ(positions.Find("a"), 1U);
  EXPECT_EQ(positions.Find("c"), 0U);
  EXPECT_EQ(positions.Find("d"), 2U);
  EXPECT_EQ(positions.Find("b"), 3U) << "not there";
  EXPECT_EQ(PositionsById({}).Find("a"), 0U);
}

}  // namespace
}  // namespace mitra::matching
