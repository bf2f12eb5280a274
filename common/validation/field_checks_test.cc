#include "common/validation/field_checks.h"

#include <limits>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "google/protobuf/timestamp.pb.h"
#include "gtest/gtest.h"

namespace mitra {
namespace {

using ::testing::HasSubstr;

std::string TextFault(absl::string_view text) {
  FieldChecks checks;
  checks.Text(FieldPath("about"), text, 10);
  return std::string(checks.ToStatus().message());
}

TEST(FieldChecksTest, SaysWhatIsWrongWithAText) {
  EXPECT_EQ(TextFault("kopi\n\t☕"), "");
  EXPECT_EQ(TextFault("ab\xc3\x28"), "about: is not UTF-8 at byte 2");
  EXPECT_EQ(TextFault(absl::string_view("a\0b", 3)),
            "about: has a control character at byte 1");
  EXPECT_EQ(TextFault("a\x1b[2J"), "about: has a control character at byte 1");
  EXPECT_THAT(TextFault(std::string(11, 'a')), HasSubstr("at most 10 bytes"));
}

TEST(FieldChecksTest, LanguagesAreTwoOrThreeSmallLetters) {
  for (const char* tag : {"id", "en", "jv", "min", "ban"}) {
    EXPECT_TRUE(IsLanguageTag(tag)) << tag;
  }
  for (const char* tag : {"", "i", "ID", "indo", "i1", "??", "id-ID"}) {
    EXPECT_FALSE(IsLanguageTag(tag)) << tag;
  }
}

TEST(FieldChecksTest, TimesAreBetween1990AndTheirLimit) {
  const auto check = [](int64_t seconds) {
    google::protobuf::Timestamp time;
    time.set_seconds(seconds);
    FieldChecks checks;
    checks.Time(FieldPath("at"), time);
    return checks.ok();
  };
  EXPECT_TRUE(check(1'790'000'000));
  EXPECT_FALSE(check(-99'999'999'999));
  EXPECT_FALSE(check(std::numeric_limits<int64_t>::min()));
  EXPECT_FALSE(check(std::numeric_limits<int64_t>::max()));
}

TEST(FieldChecksTest, PathsAreSpeltFromTheRoot) {
  const FieldPath root("profile");
  const FieldPath facet = root.At("facets", 2);
  EXPECT_EQ(facet.Field("headline").ToString(), "profile.facets[2].headline");
  EXPECT_EQ(FieldPath("").Field("row").ToString(), "row");
}

}  // namespace
}  // namespace mitra
