#include "common/taxonomy/sector.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/member.pb.h"

namespace mitra::taxonomy {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using v1::KBLI_EDITION_2015;
using v1::KBLI_EDITION_2020;
using v1::KBLI_EDITION_2025;
using v1::KBLI_EDITION_UNSPECIFIED;

TEST(SectorTest, KnowsTheCodesOfEachEdition) {
  EXPECT_EQ(SectorCount(), 87 + 244 + 565 + 3 + 1790 + 21);
  EXPECT_TRUE(IsValidSector("10", KBLI_EDITION_2020));
  EXPECT_TRUE(IsValidSector("10710", KBLI_EDITION_2020));
  EXPECT_TRUE(IsValidSector("10710", KBLI_EDITION_UNSPECIFIED));
  EXPECT_TRUE(IsValidSector("10710", KBLI_EDITION_2015));
  EXPECT_TRUE(IsValidSector("10710", KBLI_EDITION_2025));
  // Division 92 is not in 2020, division 45 not in 2025.
  EXPECT_FALSE(IsValidSector("92", KBLI_EDITION_2020));
  EXPECT_TRUE(IsValidSector("92", KBLI_EDITION_2025));
  EXPECT_TRUE(IsValidSector("45", KBLI_EDITION_2015));
  EXPECT_FALSE(IsValidSector("45", KBLI_EDITION_2025));
}

TEST(SectorTest, RefusesWhatIsNoCode) {
  for (const absl::string_view code : {"", "1", "C", "107100", "1071a", "00",
                                       "10 710", " 10710", "10719999"}) {
    for (const auto edition :
         {KBLI_EDITION_2015, KBLI_EDITION_2020, KBLI_EDITION_2025}) {
      EXPECT_FALSE(IsValidSector(code, edition)) << code;
      EXPECT_THAT(NormaliseSector(code, edition), IsEmpty()) << code;
    }
  }
  EXPECT_FALSE(IsValidSector("10710", static_cast<v1::KbliEdition>(77)));
  EXPECT_THAT(SectorTitle("10710", static_cast<v1::KbliEdition>(77)),
              IsEmpty());
}

TEST(SectorTest, GivesTitlesAndSections) {
  EXPECT_EQ(SectorTitle("10710"), "Industri Produk Roti Dan Kue");
  EXPECT_EQ(SectorTitle("01111", KBLI_EDITION_2015), SectorTitle("01111"));
  EXPECT_EQ(SectorTitle("C"), "Industri Pengolahan");
  EXPECT_EQ(SectorTitle("01112", KBLI_EDITION_2025),
            "Pertanian serealia selain padi dan jagung");
  EXPECT_THAT(SectorTitle("99999"), IsEmpty());
  EXPECT_EQ(SectorSection("10710"), 'C');
  EXPECT_EQ(SectorSection("56"), 'I');
  EXPECT_EQ(SectorSection("99999"), 0);
}

TEST(SectorTest, NumbersSectorsSoThatAPrefixIsARange) {
  const SectorRange food = SectorsUnder("10");
  const SectorRange manufacturing = SectorsUnder("C");
  for (SectorNumber i = 1; i <= SectorCount(); ++i) {
    const absl::string_view code = SectorCodeAt(i);
    ASSERT_EQ(SectorIndex(code), i);
    ASSERT_EQ(food.Contains(i), code.substr(0, 2) == "10") << code;
    ASSERT_EQ(manufacturing.Contains(i), SectorSection(code) == 'C') << code;
  }
  EXPECT_EQ(SectorIndex("00000"), kNoSector);
  EXPECT_THAT(SectorCodeAt(kNoSector), IsEmpty());
}

TEST(SectorTest, NormalisesToTheCanonicalEdition) {
  // The same code with the same meaning.
  EXPECT_EQ(NormaliseSector("10710", KBLI_EDITION_2015), "10710");
  EXPECT_EQ(NormaliseSector("10710", KBLI_EDITION_2025), "10710");
  EXPECT_EQ(NormaliseSector("10", KBLI_EDITION_UNSPECIFIED), "10");
  // Hotel apartments moved by one; car repair left its division in 2025.
  EXPECT_EQ(NormaliseSector("55195", KBLI_EDITION_2015), "55194");
  EXPECT_EQ(NormaliseSector("95311", KBLI_EDITION_2025), "45201");
  // 2025 gave 01283 to nutmeg; in 2020 it is chilli.
  EXPECT_NE(NormaliseSector("01283", KBLI_EDITION_2025), "01283");
  EXPECT_THAT(NormaliseSector("99999", KBLI_EDITION_2015), IsEmpty());
}

TEST(SectorTest, NormalisesEveryCodeOfEveryEditionToAKnownOne) {
  int known = 0;
  for (int code = 0; code < 100000; ++code) {
    char text[6];
    std::snprintf(text, sizeof(text), "%05d", code);
    for (const auto edition :
         {KBLI_EDITION_2015, KBLI_EDITION_2020, KBLI_EDITION_2025}) {
      for (const size_t length : {2, 3, 4, 5}) {
        const absl::string_view candidate(text, length);
        if (!IsValidSector(candidate, edition)) continue;
        const absl::string_view canonical = NormaliseSector(candidate, edition);
        ASSERT_TRUE(IsValidSector(canonical, KBLI_EDITION_2020))
            << candidate << " of edition " << edition;
        ++known;
      }
    }
  }
  EXPECT_GT(known, 3 * 1500);
}

TEST(SectorTest, MeasuresDistanceByCommonPrefix) {
  EXPECT_EQ(SectorDistance("10710", "10710"), SectorNearness::kSameSubclass);
  EXPECT_EQ(SectorDistance("10731", "10732"), SectorNearness::kSameClass);
  EXPECT_EQ(SectorDistance("10710", "10721"), SectorNearness::kSameGroup);
  EXPECT_EQ(SectorDistance("10710", "10110"), SectorNearness::kSameDivision);
  EXPECT_EQ(SectorDistance("10710", "14111"), SectorNearness::kSameSection);
  EXPECT_EQ(SectorDistance("10710", "56101"), SectorNearness::kUnrelated);
  // Codes that begin alike without being in one section.
  EXPECT_EQ(SectorDistance("03111", "05101"), SectorNearness::kUnrelated);
  EXPECT_EQ(SectorDistance("10", "10710"), SectorNearness::kSameDivision);
  EXPECT_EQ(SectorDistance("", ""), SectorNearness::kUnrelated);
  EXPECT_FLOAT_EQ(SectorProximity("10710", "10710"), 1);
  EXPECT_FLOAT_EQ(SectorProximity("10710", "10110"), .4f);
  EXPECT_FLOAT_EQ(SectorProximity("10710", "99999"), 0);
}

TEST(SectorTest, ProximityIsSymmetric) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> any(0, static_cast<int>(SectorCount()));
  for (int i = 0; i < 20000; ++i) {
    const auto a = static_cast<SectorNumber>(any(random));
    const auto b = static_cast<SectorNumber>(any(random));
    ASSERT_EQ(SectorProximity(a, b), SectorProximity(b, a)) << a << " " << b;
  }
}

TEST(SectorTest, KnowsWhoSuppliesWhom) {
  EXPECT_TRUE(IsSupplyRelated("01111", "10710"));  // maize → bakery
  EXPECT_TRUE(IsSupplyRelated("10616", "10710"));  // flour → bakery
  EXPECT_TRUE(IsSupplyRelated("10110", "56101"));  // meat → restaurant
  EXPECT_TRUE(IsSupplyRelated("13121", "14111"));  // weaving → garments
  EXPECT_TRUE(IsSupplyRelated("16101", "31001"));  // sawmill → furniture
  EXPECT_TRUE(IsSupplyRelated("17012", "10710"));  // paper → food

  EXPECT_FALSE(IsSupplyRelated("56101", "10110"));  // the wrong way
  EXPECT_FALSE(IsSupplyRelated("13121", "10710"));
  EXPECT_FALSE(IsSupplyRelated("10710", "99999"));
  EXPECT_FALSE(IsSupplyRelated("", "10710"));

  EXPECT_THAT(SupplierSectors("10710"), Contains("1061"));
  EXPECT_THAT(SupplierSectors("10710"), Not(Contains("13")));
  EXPECT_THAT(SupplierSectors("99999"), IsEmpty());
}

}  // namespace
}  // namespace mitra::taxonomy
