#include "common/observability/trace.h"

#include "gtest/gtest.h"

namespace mitra {
namespace {

constexpr char kGood[] =
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceTest, ReadsAndWritesTheHeader) {
  const auto trace = ParseTraceparent(kGood);
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->span_id, "00f067aa0ba902b7");
  EXPECT_EQ(trace->flags, 1);
  EXPECT_EQ(FormatTraceparent(*trace), kGood);
}

TEST(TraceTest, RefusesEverythingElse) {
  const std::string good = kGood;
  for (const std::string& bad :
       {std::string(), good + "-", good.substr(1), "01" + good.substr(2),
        "00-" + std::string(32, '0') + good.substr(35),
        good.substr(0, 36) + std::string(16, '0') + "-01",
        good.substr(0, 3) + "A" + good.substr(4), good.substr(0, 53) + "0g"}) {
    EXPECT_FALSE(ParseTraceparent(bad).has_value()) << bad;
  }
}

TEST(TraceTest, AChildIsAnotherSpanOfTheSameTrace) {
  const TraceContext parent = *ParseTraceparent(kGood);
  const TraceContext child = ChildSpan(parent);
  EXPECT_EQ(child.trace_id, parent.trace_id);
  EXPECT_EQ(child.flags, parent.flags);
  EXPECT_NE(child.span_id, parent.span_id);
  EXPECT_TRUE(ParseTraceparent(FormatTraceparent(child)).has_value());
}

}  // namespace
}  // namespace mitra
