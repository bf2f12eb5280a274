#include "common/observability/metrics.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(MetricsTest, TheSameNameAndLabelsAreTheSameSeries) {
  MetricRegistry registry;
  registry.GetCounter("a_total", "A.", {{"x", "1"}, {"y", "2"}}).Increment(2);
  registry.GetCounter("a_total", "A.", {{"y", "2"}, {"x", "1"}}).Increment();

  const auto families = registry.Collect();

  ASSERT_THAT(families, SizeIs(1));
  ASSERT_THAT(families[0].series, SizeIs(1));
  EXPECT_EQ(families[0].series[0].counter->value(), 3u);
}

TEST(MetricsTest, HistogramsCountByUpperBound) {
  Histogram histogram({1, 2});
  for (double value : {0.5, 1.0, 1.5, 9.0}) histogram.Observe(value);
  EXPECT_THAT(histogram.counts(), ElementsAre(2, 1, 1));
  EXPECT_DOUBLE_EQ(histogram.sum(), 12);
}

TEST(MetricsTest, AFamilyDoesNotGrowWithTheNumberOfLabelValues) {
  MetricRegistry registry;
  for (int i = 0; i < 10'000; ++i) {
    registry.GetCounter("b_total", "B.", {{"id", absl::StrCat(i)}}).Increment();
  }
  EXPECT_LE(registry.Collect()[0].series.size(),
            MetricRegistry::kMaxSeries + 1);
}

TEST(MetricsTest, RefreshersRunBeforeEachExport) {
  MetricRegistry registry;
  Gauge& gauge = registry.GetGauge("c", "C.");
  registry.OnCollect([&] { gauge.Add(1); });
  registry.Collect();
  EXPECT_EQ(registry.Collect()[0].series[0].gauge->value(), 2);
}

}  // namespace
}  // namespace mitra
