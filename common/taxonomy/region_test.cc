#include "common/taxonomy/region.h"

#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::taxonomy {
namespace {

using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::Optional;

TEST(RegionTest, KnowsProvincesRegenciesAndDistricts) {
  EXPECT_EQ(RegionCount(), 38 + 514 + 7277);
  EXPECT_EQ(RegionName("33"), "Jawa Tengah");
  EXPECT_EQ(RegionName("33.72"), "Kota Surakarta");
  EXPECT_EQ(RegionName("33.11"), "Kabupaten Sukoharjo");
  EXPECT_EQ(RegionName("33.72.01"), "Laweyan");
  EXPECT_EQ(RegionFullName("33.72.01"), "Laweyan, Kota Surakarta, Jawa Tengah");
  EXPECT_EQ(RegionEdition(), "kemendagri/idn-area-data-3.1.2");
}

TEST(RegionTest, AcceptsVillagesOfKnownDistrictsByGrammar) {
  EXPECT_TRUE(IsValidRegion("33.72.01.1001"));
  EXPECT_TRUE(IsValidRegion("11.01.01.2001"));
  EXPECT_EQ(RegionLevel("33.72.01.1001"), 4);
  EXPECT_EQ(RegionIndex("33.72.01.1001"), RegionIndex("33.72.01"));
  EXPECT_EQ(RegionName("33.72.01.1001"), "Laweyan");

  EXPECT_FALSE(IsValidRegion("33.72.99.1001"));
  EXPECT_FALSE(IsValidRegion("33.72.01.0001"));
  EXPECT_FALSE(IsValidRegion("33.72.01.4001"));
  EXPECT_FALSE(IsValidRegion("33.72.01.100a"));
  EXPECT_FALSE(IsValidRegion("33.72.01-1001"));
}

TEST(RegionTest, RefusesWhatIsNoCode) {
  for (const absl::string_view code :
       {"", "3", "99", "33.", "33.7", "3372", "33.72.1", "33.99", "33.72.01.",
        " 33", "33 ", "33.72.01.10011", "Jawa"}) {
    EXPECT_FALSE(IsValidRegion(code)) << code;
    EXPECT_EQ(RegionIndex(code), kNoRegion) << code;
    EXPECT_EQ(RegionLevel(code), 0) << code;
    EXPECT_THAT(RegionName(code), IsEmpty()) << code;
    EXPECT_THAT(AncestorAt(code, 1), IsEmpty()) << code;
    EXPECT_EQ(CurrentRegion(code), std::nullopt) << code;
  }
  EXPECT_FALSE(IsValidRegion(absl::string_view("33\0", 3)));
}

TEST(RegionTest, GivesAncestors) {
  EXPECT_EQ(AncestorAt("33.72.01.1001", 1), "33");
  EXPECT_EQ(AncestorAt("33.72.01.1001", 2), "33.72");
  EXPECT_EQ(AncestorAt("33.72.01.1001", 3), "33.72.01");
  EXPECT_EQ(AncestorAt("33.72.01.1001", 4), "33.72.01.1001");
  EXPECT_THAT(AncestorAt("33.72", 3), IsEmpty());
  EXPECT_THAT(AncestorAt("33.72", 0), IsEmpty());
}

TEST(RegionTest, NumbersRegionsSoThatAPrefixIsARange) {
  const RegionRange province = RegionsUnder("33");
  const RegionRange city = RegionsUnder("33.72");

  EXPECT_EQ(RegionCodeAt(province.begin), "33");
  EXPECT_EQ(city.end - city.begin, 6);  // the city and its five districts
  for (RegionNumber i = 1; i <= RegionCount(); ++i) {
    const absl::string_view code = RegionCodeAt(i);
    ASSERT_EQ(RegionIndex(code), i);
    ASSERT_EQ(province.Contains(i), code.substr(0, 2) == "33") << code;
    ASSERT_EQ(city.Contains(i), code.substr(0, 5) == "33.72") << code;
  }
  EXPECT_FALSE(RegionsUnder("99").Contains(kNoRegion));
  EXPECT_THAT(RegionCodeAt(kNoRegion), IsEmpty());
  EXPECT_THAT(RegionCodeAt(65535), IsEmpty());
}

TEST(RegionTest, FollowsRegenciesIntoTheNewProvincesOfPapua) {
  EXPECT_FALSE(IsValidRegion("91.01"));
  EXPECT_THAT(CurrentRegion("91.01"), Optional(Eq("93.01")));
  EXPECT_EQ(RegionName("93.01"), "Kabupaten Merauke");
  EXPECT_THAT(CurrentRegion("92.71"), Optional(Eq("96.71")));
  EXPECT_THAT(CurrentRegion("91.01.01"), Optional(Eq("93.01.01")));
  // Villages have new numbers: their district is known.
  EXPECT_THAT(CurrentRegion("91.01.01.2001"), Optional(Eq("93.01.01")));
  EXPECT_THAT(CurrentRegion("91.03"), Optional(Eq("91.03")));
  EXPECT_EQ(CurrentRegion("91.01.99"), std::nullopt);
}

TEST(RegionTest, FollowsDistrictsOfPapuaToTheirNewNumbers) {
  // Kurulu was 03 in Jayawijaya; 03 is Asologaima today.
  EXPECT_THAT(CurrentRegion("91.02.03"), Optional(Eq("95.01.02")));
  EXPECT_EQ(RegionName("95.01.02"), "Kurulu");
  EXPECT_THAT(CurrentRegion("91.02.68"), Optional(Eq("95.01.40")));
  EXPECT_EQ(RegionName("95.01.40"), "Wesaput");
  EXPECT_THAT(CurrentRegion("92.01.43.2001"), Optional(Eq("96.01.18")));
  EXPECT_EQ(RegionName("96.01.18"), "Sorong");
  EXPECT_THAT(CurrentRegion("92.71.07"), Optional(Eq("96.71.07")));
  EXPECT_EQ(CurrentRegion("92.71.99"), std::nullopt);
}

TEST(RegionTest, FollowsRegenciesIntoKalimantanUtaraAndSulawesiBarat) {
  for (const auto& [former, name] :
       std::vector<std::pair<absl::string_view, absl::string_view>>{
           {"64.04", "Kabupaten Bulungan"},
           {"64.05", "Kabupaten Nunukan"},
           {"64.06", "Kabupaten Malinau"},
           {"64.10", "Kabupaten Tana Tidung"},
           {"64.73", "Kota Tarakan"},
           {"73.19", "Kabupaten Polewali Mandar"},
           {"73.20", "Kabupaten Majene"},
           {"73.21", "Kabupaten Mamuju"},
           {"73.23", "Kabupaten Mamasa"},
           {"73.25", "Kabupaten Pasangkayu"}}) {
    EXPECT_FALSE(IsValidRegion(former));
    const auto now = CurrentRegion(former);
    ASSERT_TRUE(now.has_value()) << former;
    EXPECT_EQ(RegionName(*now), name);
    // Their districts have new numbers that we do not know.
    EXPECT_EQ(CurrentRegion(absl::StrCat(former, ".01")), now);
    EXPECT_EQ(CurrentRegion(absl::StrCat(former, ".01.2003")), now);
    for (const absl::string_view rest :
         {".1", ".x1", ".01.", ".01.0001", ".01.20010", "."}) {
      EXPECT_EQ(CurrentRegion(absl::StrCat(former, rest)), std::nullopt)
          << former << rest;
    }
  }
  EXPECT_EQ(AncestorAt(*CurrentRegion("64.73"), 1), "65");
  EXPECT_EQ(AncestorAt(*CurrentRegion("73.21"), 1), "76");
}

// A number that is in use again means who has it today.
TEST(RegionTest, NumbersInUseAreNotFormerOnes) {
  EXPECT_THAT(CurrentRegion("32.01"), Optional(Eq("32.01")));
  EXPECT_EQ(RegionName("32.01"), "Kabupaten Bogor");
}

TEST(RegionTest, MeasuresDistanceByTheDeepestCommonAncestor) {
  EXPECT_EQ(RegionDistance("33.72.01.1001", "33.72.01.1002"),
            RegionNearness::kSameDistrict);
  EXPECT_EQ(RegionDistance("33.72.01", "33.72.02"),
            RegionNearness::kSameRegency);
  EXPECT_EQ(RegionDistance("33.72.01", "33.11"), RegionNearness::kSameProvince);
  EXPECT_EQ(RegionDistance("33.72", "34.71"), RegionNearness::kSameIsland);
  EXPECT_EQ(RegionDistance("33.72", "12.71"), RegionNearness::kElsewhere);
  EXPECT_EQ(RegionDistance("33", "33.72.01"), RegionNearness::kSameProvince);
  EXPECT_EQ(RegionDistance("33.72", "33.72"), RegionNearness::kSameRegency);
  EXPECT_EQ(RegionDistance("33.72", "99"), RegionNearness::kElsewhere);
  EXPECT_EQ(RegionDistance("", ""), RegionNearness::kElsewhere);
}

TEST(RegionTest, NeverCallsPlacesAcrossWaterNeighbours) {
  // Batam and Bintan; Kupang and Ende; Jepara and Karimunjawa's boat.
  EXPECT_EQ(RegionDistance("21.71", "21.01"), RegionNearness::kElsewhere);
  EXPECT_EQ(RegionDistance("53.71", "53.08"), RegionNearness::kElsewhere);
  EXPECT_EQ(RegionDistance("33.20.10", "33.20.01"), RegionNearness::kElsewhere);
  EXPECT_EQ(RegionDistance("35.10", "51.01"), RegionNearness::kElsewhere);
  EXPECT_EQ(RegionDistance("52.71", "52.04"), RegionNearness::kElsewhere);
  // Two districts of one island, and two of the bridge.
  EXPECT_EQ(RegionDistance("53.06.08", "53.06.10"),
            RegionNearness::kSameRegency);
  EXPECT_EQ(RegionDistance("35.78", "35.26"), RegionNearness::kSameProvince);

  EXPECT_FLOAT_EQ(RegionProximity("33.20.10", "33.20.01"), .15f);
  EXPECT_FLOAT_EQ(RegionProximity("21.71", "21.01"), .1f);
  EXPECT_FLOAT_EQ(RegionProximity("35.10", "51.01"), 0);
}

TEST(RegionTest, NamesIslands) {
  EXPECT_EQ(RegionIsland("33.72.01.1001"), "Jawa");
  EXPECT_EQ(RegionIsland("52.71.01"), "Lombok");
  EXPECT_EQ(RegionIsland("71.08"), "Sulawesi");
  EXPECT_THAT(RegionIsland("53"), IsEmpty());
  EXPECT_THAT(RegionIsland("99"), IsEmpty());
  // Below the provinces, hardly a place is on no island.
  size_t without = 0;
  for (RegionNumber i = 1; i <= RegionCount(); ++i) {
    const absl::string_view code = RegionCodeAt(i);
    if (RegionLevel(code) > 1 && RegionIsland(code).empty()) ++without;
  }
  EXPECT_LE(without, 4) << "regencies and districts without an island";
}

TEST(RegionTest, ProximityIsSymmetricBoundedAndFallsWithDistance) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> any(0, static_cast<int>(RegionCount()));
  float by_nearness[5] = {1, .8f, .5f, .25f, .15f};
  for (int i = 0; i < 20000; ++i) {
    const auto a = static_cast<RegionNumber>(any(random));
    const auto b = static_cast<RegionNumber>(any(random));
    const float proximity = RegionProximity(a, b);
    ASSERT_EQ(proximity, RegionProximity(b, a)) << a << " " << b;
    ASSERT_EQ(RegionDistance(a, b), RegionDistance(b, a)) << a << " " << b;
    ASSERT_GE(proximity, 0);
    ASSERT_LE(proximity, by_nearness[static_cast<int>(RegionDistance(a, b))]);
  }
}

}  // namespace
}  // namespace mitra::taxonomy
