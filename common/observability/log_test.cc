#include "common/observability/log.h"

#include <nlohmann/json.hpp>

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra {
namespace {

TEST(LogTest, WritesOneJsonObjectALine) {
  const std::string line = FormatLogLine(
      absl::FromUnixSeconds(0), LogLevel::kInfo, "profile", "a \"b\"\nc",
      {{"n", 3},
       {"big", uint64_t{18446744073709551615u}},
       {"ok", true},
       {"text", "x\ny"}});

  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["ts"], "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(json["msg"], "a \"b\"\nc");
  EXPECT_EQ(json["n"], 3);
  EXPECT_EQ(json["big"], 18446744073709551615u);
  EXPECT_EQ(json["ok"], true);
}

TEST(LogTest, TextThatIsNotUtf8DoesNotThrow) {
  EXPECT_NE(FormatLogLine(absl::Now(), LogLevel::kError, "s", "\xff", {}), "");
}

TEST(LogTest, ParsesLevels) {
  EXPECT_THAT(ParseLogLevel("warning"), IsOkAndHolds(LogLevel::kWarning));
  EXPECT_THAT(ParseLogLevel("loud"), NamesField("log.level"));
}

TEST(LogLimiterTest, AllowsOncePerPeriod) {
  LogLimiter limiter(absl::Hours(1));
  EXPECT_TRUE(limiter.Allow());
  EXPECT_FALSE(limiter.Allow());
}

}  // namespace
}  // namespace mitra
