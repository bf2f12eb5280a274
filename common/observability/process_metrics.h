// What the operating system knows of the process, under the names that
// dashboards expect (process_*), and which build it is.

#ifndef MITRA_COMMON_OBSERVABILITY_PROCESS_METRICS_H_
#define MITRA_COMMON_OBSERVABILITY_PROCESS_METRICS_H_

namespace mitra {

// Adds them to Metrics(), to be read at every export. Once per process; again
// does nothing.
void ExportProcessMetrics();

}  // namespace mitra

#endif  // MITRA_COMMON_OBSERVABILITY_PROCESS_METRICS_H_
