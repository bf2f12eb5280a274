// Counters, gauges and histograms of the process, without a metrics library in
// sight: metrics_exporter.h turns them into Prometheus text.
//
//   static Counter& served = Metrics().GetCounter(
//       "mitra_slates_served_total", "Slates served.", {{"source", "cached"}});
//   served.Increment();
//
// Names follow the Prometheus practices: prefix mitra_, base units, _total for
// counters. Labels have few values by nature (methods, codes, kinds), never
// ids; a family that grows beyond kMaxSeries collapses further label values
// into "other". Handles live as long as the process and are thread-safe.

#ifndef MITRA_COMMON_OBSERVABILITY_METRICS_H_
#define MITRA_COMMON_OBSERVABILITY_METRICS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace mitra {

// Label names with values, sorted by name.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class Counter {
 public:
  void Increment(uint64_t n = 1) {
    value_.fetch_add(n, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double delta);
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Counts observations by fixed upper bounds, plus one bucket for the rest.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void Observe(double value);
  void Observe(absl::Duration time) { Observe(absl::ToDoubleSeconds(time)); }

  const std::vector<double>& bounds() const { return bounds_; }
  // One count per bound and one for the rest; not cumulative.
  std::vector<uint64_t> counts() const;
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

// 10 µs to 100 s, for latencies in seconds.
const std::vector<double>& LatencyBounds();

enum class MetricType { kCounter, kGauge, kHistogram };

class MetricRegistry {
 public:
  static constexpr size_t kMaxSeries = 1000;

  Counter& GetCounter(absl::string_view name, absl::string_view help,
                      MetricLabels labels = {});
  Gauge& GetGauge(absl::string_view name, absl::string_view help,
                  MetricLabels labels = {});
  // A counter that is read from elsewhere: what is set never falls.
  Gauge& GetRunningTotal(absl::string_view name, absl::string_view help);
  Histogram& GetHistogram(absl::string_view name, absl::string_view help,
                          MetricLabels labels = {},
                          const std::vector<double>& bounds = LatencyBounds());
  // Called before each export, to set gauges that are cheaper to read on
  // demand. Never removed.
  void OnCollect(std::function<void()> refresh);

  // What an exporter reads.
  struct Series {
    MetricLabels labels;
    const Counter* counter = nullptr;
    const Gauge* gauge = nullptr;
    const Histogram* histogram = nullptr;
  };
  struct FamilyView {
    std::string name;
    std::string help;
    MetricType type;
    std::vector<Series> series;
  };
  std::vector<FamilyView> Collect();

 private:
  struct Entry {
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
  };
  struct Family {
    std::string help;
    MetricType type = MetricType::kCounter;
    std::map<MetricLabels, Entry> entries;
  };
  Entry& Find(absl::string_view name, absl::string_view help, MetricType type,
              MetricLabels labels) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  std::map<std::string, Family> families_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> refreshers_ ABSL_GUARDED_BY(mutex_);
};

// The registry of the process.
MetricRegistry& Metrics();

}  // namespace mitra

#endif  // MITRA_COMMON_OBSERVABILITY_METRICS_H_
