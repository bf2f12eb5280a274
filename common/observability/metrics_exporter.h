// The process's metrics in the Prometheus text format.

#ifndef MITRA_COMMON_OBSERVABILITY_METRICS_EXPORTER_H_
#define MITRA_COMMON_OBSERVABILITY_METRICS_EXPORTER_H_

#include <string>

#include "common/observability/metrics.h"

namespace mitra {

std::string ExportMetrics(MetricRegistry& registry);

}  // namespace mitra

#endif  // MITRA_COMMON_OBSERVABILITY_METRICS_EXPORTER_H_
