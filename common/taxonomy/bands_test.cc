#include "common/taxonomy/bands.h"

#include <cmath>

#include "gtest/gtest.h"

namespace mitra::taxonomy {
namespace {

TEST(BandsTest, ABandBeginsAtItsBound) {
  EXPECT_EQ(FitBand(.5, Language::kEnglish), "very good fit");
  EXPECT_EQ(FitBand(.4999, Language::kEnglish), "good fit");
  EXPECT_EQ(FitBand(.1, Language::kIndonesian), "mungkin cocok");
  EXPECT_EQ(FitBand(0, Language::kIndonesian), "kurang cocok");
  EXPECT_EQ(LikelihoodBand(.7, Language::kEnglish), "likely");
  EXPECT_EQ(LikelihoodBand(.4, Language::kIndonesian), "bisa jadi");
}

TEST(BandsTest, WhatIsNoChanceIsTheLowest) {
  EXPECT_EQ(FitBand(std::nan(""), Language::kEnglish), "weak fit");
  EXPECT_EQ(LikelihoodBand(-1, Language::kEnglish), "unlikely");
}

}  // namespace
}  // namespace mitra::taxonomy
