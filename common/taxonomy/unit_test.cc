#include "common/taxonomy/unit.h"

#include <limits>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::taxonomy {
namespace {

using ::testing::DoubleNear;

TEST(UnitTest, ConvertsWithinADimension) {
  EXPECT_THAT(Convert(2, "ton", "kg"), IsOkAndHolds(2000.0));
  EXPECT_THAT(Convert(250, "g", "kg"), IsOkAndHolds(DoubleNear(.25, 1e-12)));
  EXPECT_THAT(Convert(1, "kwintal", "kg"), IsOkAndHolds(100.0));
  EXPECT_THAT(Convert(1, "m3", "l"), IsOkAndHolds(1000.0));
  EXPECT_THAT(Convert(1, "ha", "m2"), IsOkAndHolds(10000.0));
  EXPECT_THAT(Convert(3, "kodi", "pcs"), IsOkAndHolds(60.0));
  EXPECT_THAT(Convert(12, "hour", "day"), IsOkAndHolds(DoubleNear(.5, 1e-12)));
  EXPECT_THAT(Convert(.1, "box", "box"), IsOkAndHolds(.1));
}

TEST(UnitTest, RefusesUnitsThatDoNotCompare) {
  EXPECT_THAT(Convert(1, "kg", "l"), NamesField("unit"));
  EXPECT_THAT(Convert(1, "box", "bottle"), NamesField("unit"));
  EXPECT_THAT(Convert(1, "KG", "kg"), NamesField("unit"));
  EXPECT_THAT(Convert(1, "", "kg"), NamesField("unit"));
  EXPECT_THAT(Convert(1, "kg", std::string(9999, 'x')), NamesField("unit"));
}

TEST(UnitTest, RefusesAmountsThatAreNotFinite) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_THAT(Convert(inf, "kg", "kg"), NamesField("amount"));
  EXPECT_THAT(Convert(std::numeric_limits<double>::quiet_NaN(), "kg", "g"),
              NamesField("amount"));
  EXPECT_THAT(Convert(1e308, "ton", "g"), NamesField("amount"));
}

TEST(UnitTest, KnowsDimensionAndNames) {
  EXPECT_EQ(UnitDimension("kg"), Dimension::kMass);
  EXPECT_EQ(UnitDimension("month"), Dimension::kTime);
  EXPECT_EQ(UnitDimension("furlong"), Dimension::kNone);
  EXPECT_EQ(UnitName("portion", Language::kIndonesian), "porsi");
  EXPECT_EQ(UnitName("portion", Language::kEnglish), "portion");
  EXPECT_FALSE(IsValidUnit("furlong"));
  for (const absl::string_view code : UnitCodes()) {
    EXPECT_TRUE(IsValidUnit(code));
    EXPECT_FALSE(UnitName(code, Language::kIndonesian).empty()) << code;
    EXPECT_THAT(Convert(7, code, code), IsOkAndHolds(7.0)) << code;
  }
}

}  // namespace
}  // namespace mitra::taxonomy
