#include "services/matching/ranking/rerank.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAreArray;

std::vector<RerankItem> Items(size_t n) {
  std::vector<RerankItem> items(n);
  for (size_t i = 0; i < n; ++i) items[i].rank = static_cast<uint32_t>(i);
  return items;
}

std::vector<uint32_t> Everybody(size_t n) {
  std::vector<uint32_t> ranks(n);
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

TEST(RerankTest, KeepsTheOrderWithoutRules) {
  EXPECT_THAT(Rerank(Items(3), {}).order, ElementsAre(0, 1, 2));
  EXPECT_THAT(Rerank({}, {.newcomer_share = .1}).order, IsEmpty());
}

TEST(RerankTest, EveryTopTenHasANewcomerWhereThereIsOne) {
  auto items = Items(50);
  for (size_t i = 40; i < 50; ++i) items[i].newcomer = true;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const RerankResult result =
        Rerank(items, {.newcomer_share = .1, .seed = seed});

    int newcomers = 0;
    for (size_t i = 0; i < 10; ++i)
      newcomers += items[result.order[i]].newcomer;
    EXPECT_EQ(newcomers, 1);
    // The best stay where they are.
    EXPECT_THAT(
        std::vector<uint32_t>(result.order.begin(), result.order.begin() + 5),
        ElementsAre(0, 1, 2, 3, 4));
    EXPECT_THAT(result.order, UnorderedElementsAreArray(Everybody(50)));
  }
}

TEST(RerankTest, AddsNoNewcomerWhereOneStandsAlready) {
  auto items = Items(20);
  items[2].newcomer = true;
  items[15].newcomer = true;

  const RerankResult result = Rerank(items, {.newcomer_share = .1});

  EXPECT_THAT(result.introduced, IsEmpty());
  EXPECT_EQ(result.order, Everybody(20));
}

TEST(RerankTest, EveryTopTenLeadsOutOfTheOwnCircle) {
  auto items = Items(50);
  for (size_t i = 30; i < 50; ++i) items[i].bridge = true;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const RerankResult result =
        Rerank(items, {.bridging_share = .1, .seed = seed});

    int bridges = 0;
    for (size_t i = 0; i < 10; ++i) bridges += items[result.order[i]].bridge;
    EXPECT_EQ(bridges, 1);
    EXPECT_EQ(result.order[0], 0u);
    EXPECT_THAT(result.bridged, ::testing::Contains(30));
    EXPECT_THAT(result.order, UnorderedElementsAreArray(Everybody(50)));
  }
}

TEST(RerankTest, NewcomersAndBridgesBothGetTheirPlace) {
  auto items = Items(60);
  for (size_t i = 40; i < 50; ++i) items[i].newcomer = true;
  for (size_t i = 50; i < 60; ++i) items[i].bridge = true;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const RerankResult result = Rerank(
        items, {.newcomer_share = .1, .bridging_share = .1, .seed = seed});

    int newcomers = 0, bridges = 0;
    for (size_t i = 0; i < 10; ++i) {
      newcomers += items[result.order[i]].newcomer;
      bridges += items[result.order[i]].bridge;
    }
    // Both may be due at the last place of a block.
    EXPECT_EQ(newcomers, 1) << seed;
    EXPECT_GE(newcomers + bridges, seed % 5 == 4 && seed / 7 % 5 == 4 ? 1 : 2)
        << seed;
    EXPECT_THAT(result.order, UnorderedElementsAreArray(Everybody(60)));
  }
}

TEST(RerankTest, OneCandidateCanBeNewAndABridge) {
  auto items = Items(30);
  items[20].newcomer = items[20].bridge = true;
  items[25].bridge = true;
  const RerankResult result =
      Rerank(items, {.newcomer_share = .1, .bridging_share = .1, .depth = 10});
  EXPECT_THAT(result.introduced, ElementsAre(20));
  EXPECT_THAT(result.bridged, IsEmpty());
}

TEST(RerankTest, EachLevelOfNearnessHasItsShareOfPlaces) {
  using taxonomy::RegionNearness;
  auto items = Items(60);
  for (size_t i = 20; i < 40; ++i) {
    items[i].nearness = RegionNearness::kSameProvince;
  }
  for (size_t i = 40; i < 60; ++i) {
    items[i].nearness = RegionNearness::kSameDistrict;
  }
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const RerankResult result =
        Rerank(items, {.local_shares = {.1, 0, .3}, .seed = seed});
    int near = 0, nearest = 0;
    for (size_t i = 0; i < 10; ++i) {
      const RegionNearness nearness = items[result.order[i]].nearness;
      near += nearness <= RegionNearness::kSameProvince;
      nearest += nearness == RegionNearness::kSameDistrict;
    }
    EXPECT_GE(nearest, 1) << seed;
    EXPECT_GE(near, 3) << seed;
    EXPECT_THAT(result.order, UnorderedElementsAreArray(Everybody(60)));
  }
  // Across water nobody is near, and none is put up.
  for (auto& item : items) item.nearness = RegionNearness::kElsewhere;
  EXPECT_EQ(Rerank(items, {.local_shares = {.5, .5, .5}}).order, Everybody(60));
}

// The level itself is within it, the next farther one is not.
TEST(RerankTest, AShareIsOfThoseAtItsLevelAndNearer) {
  using taxonomy::RegionNearness;
  constexpr RegionNearness kLevels[] = {RegionNearness::kSameDistrict,
                                        RegionNearness::kSameRegency,
                                        RegionNearness::kSameProvince};
  for (size_t level = 0; level < 3; ++level) {
    RerankRules rules;
    rules.local_shares[level] = .1;
    auto items = Items(40);
    for (auto& item : items) item.nearness = RegionNearness::kElsewhere;
    const auto in_top_ten = [&](RegionNearness nearness) {
      items[30].nearness = nearness;
      const auto order = Rerank(items, rules).order;
      return std::find(order.begin(), order.begin() + 10, 30u) !=
             order.begin() + 10;
    };
    for (size_t nearness = 0; nearness < 3; ++nearness) {
      EXPECT_EQ(in_top_ten(kLevels[nearness]), nearness <= level)
          << nearness << " " << level;
    }
    EXPECT_FALSE(in_top_ten(RegionNearness::kSameIsland));
  }
}

TEST(RerankTest, ADrawnSlateGivesEveryoneOfTheFirstTheSameChance) {
  const auto items = Items(50);
  constexpr int kDraws = 4000;
  std::vector<int> first(kDrawnPlaces);
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const RerankResult result = Rerank(items, {.draw = seed});
    EXPECT_EQ(result.drawn, kDrawnPlaces);
    ASSERT_LT(result.order[0], kDrawnPlaces);
    ++first[result.order[0]];
    EXPECT_EQ(result.order[kDrawnPlaces], kDrawnPlaces);
    EXPECT_THAT(result.order, UnorderedElementsAreArray(Everybody(50)));
  }
  // 200 each; 5 standard deviations.
  for (const int times : first) EXPECT_NEAR(times, 200, 70);
}

TEST(RerankTest, TheRandomSliceHasItsShareAndMovesOn) {
  RankingProfile profile = RankingProfile::Default();
  constexpr int64_t kWeek = 7 * 86'400;
  EXPECT_FALSE(RulesOf(profile, 1, 1, 0, 100).draw.has_value());
  profile.random_share = .1;
  int drawn = 0, again = 0;
  constexpr uint64_t kSubjects = 10'000;
  for (uint64_t s = 0; s < kSubjects; ++s) {
    const auto draw = RulesOf(profile, s * 77, 1, 100 * kWeek, 100).draw;
    EXPECT_EQ(draw, RulesOf(profile, s * 77, 1, 100 * kWeek + 9, 100).draw);
    if (!draw.has_value()) continue;
    ++drawn;
    again += RulesOf(profile, s * 77, 1, 101 * kWeek, 100).draw.has_value();
  }
  EXPECT_NEAR(drawn, 1000, 150);
  EXPECT_NEAR(again, 100, 60);
}

TEST(RerankTest, NoGroupFillsATopTen) {
  auto items = Items(30);
  for (size_t i = 0; i < 20; ++i) items[i].group = 7;

  const RerankResult result = Rerank(items, {.group_cap = 4});

  int of_group = 0;
  for (size_t i = 0; i < 10; ++i) of_group += items[result.order[i]].group == 7;
  EXPECT_EQ(of_group, 4);
  EXPECT_THAT(result.order, UnorderedElementsAreArray(Everybody(30)));
}

TEST(RerankTest, RelaxesTheCapBeforeASlateIsShort) {
  auto items = Items(9);
  for (auto& item : items) item.group = 7;

  EXPECT_EQ(Rerank(items, {.group_cap = 2}).order, Everybody(9));
}

TEST(RerankTest, TheSameSeedGivesTheSameOrder) {
  auto items = Items(40);
  for (size_t i = 30; i < 40; ++i) items[i].newcomer = true;

  EXPECT_EQ(Rerank(items, {.newcomer_share = .1, .seed = 3}).order,
            Rerank(items, {.newcomer_share = .1, .seed = 3}).order);
}

}  // namespace
}  // namespace mitra::matching
