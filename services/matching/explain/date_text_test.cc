#include "services/matching/explain/date_text.h"

#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

TEST(DateTextTest, NamesDaysInBothLanguages) {
  EXPECT_EQ(DateText(Language::kIndonesian, 0), "1 Januari 1970");
  EXPECT_EQ(DateText(Language::kEnglish, 0), "1 January 1970");
  // A leap day and the days around it.
  EXPECT_EQ(DateText(Language::kIndonesian, 19'781), "28 Februari 2024");
  EXPECT_EQ(DateText(Language::kIndonesian, 19'782), "29 Februari 2024");
  EXPECT_EQ(DateText(Language::kIndonesian, 19'783), "1 Maret 2024");
  EXPECT_EQ(DateText(Language::kIndonesian, 20'088), "31 Desember 2024");
  EXPECT_EQ(DateText(Language::kEnglish, -1), "31 December 1969");
}

}  // namespace
}  // namespace mitra::matching
