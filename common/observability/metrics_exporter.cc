#include "common/observability/metrics_exporter.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace mitra {
namespace {

prometheus::ClientMetric ToClientMetric(const MetricRegistry::Series& series) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : series.labels) {
    metric.label.push_back({name, value});
  }
  if (series.counter != nullptr) {
    metric.counter.value = static_cast<double>(series.counter->value());
  } else if (series.gauge != nullptr) {
    metric.gauge.value = series.gauge->value();
    metric.counter.value = series.gauge->value();  // of a running total
  } else if (series.histogram != nullptr) {
    const auto counts = series.histogram->counts();
    const auto& bounds = series.histogram->bounds();
    uint64_t cumulative = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      cumulative += counts[i];
      metric.histogram.bucket.push_back(
          {cumulative, i < bounds.size()
                           ? bounds[i]
                           : std::numeric_limits<double>::infinity()});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = series.histogram->sum();
  }
  return metric;
}

prometheus::MetricType ToType(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return prometheus::MetricType::Counter;
    case MetricType::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricType::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

}  // namespace

std::string ExportMetrics(MetricRegistry& registry) {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& view : registry.Collect()) {
    prometheus::MetricFamily family;
    family.name = view.name;
    family.help = view.help;
    family.type = ToType(view.type);
    for (const auto& series : view.series) {
      family.metric.push_back(ToClientMetric(series));
    }
    families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace mitra
