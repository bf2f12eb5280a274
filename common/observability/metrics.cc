#include "common/observability/metrics.h"

#include <algorithm>

namespace mitra {
namespace {

void AddTo(std::atomic<double>& target, double delta) {
  double now = target.load(std::memory_order_relaxed);
  while (!target.compare_exchange_weak(now, now + delta,
                                       std::memory_order_relaxed)) {
  }
}

}  // namespace

void Gauge::Add(double delta) { AddTo(value_, delta); }

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      counts_(new std::atomic<uint64_t>[bounds_.size() + 1]()) {}

void Histogram::Observe(double value) {
  const size_t bucket =
      std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  AddTo(sum_, value);
}

std::vector<uint64_t> Histogram::counts() const {
  std::vector<uint64_t> counts(bounds_.size() + 1);
  for (size_t i = 0; i < counts.size(); ++i) {
    counts[i] = counts_[i].load(std::memory_order_relaxed);
  }
  return counts;
}

const std::vector<double>& LatencyBounds() {
  static const auto* bounds = new std::vector<double>{
      1e-5, 3e-5, 1e-4, 3e-4, 6e-4, 1e-3, 2e-3, 3e-3, 6e-3,
      1e-2, 3e-2, 0.1,  0.3,  1,    3,    10,   30,   100};
  return *bounds;
}

MetricRegistry::Entry& MetricRegistry::Find(absl::string_view name,
                                            absl::string_view help,
                                            MetricType type,
                                            MetricLabels labels) {
  Family& family = families_[std::string(name)];
  if (family.entries.empty()) {
    family.help = std::string(help);
    family.type = type;
  }
  std::sort(labels.begin(), labels.end());
  if (!family.entries.contains(labels) && family.entries.size() >= kMaxSeries) {
    for (auto& [label, value] : labels) value = "other";
  }
  return family.entries[labels];
}

Counter& MetricRegistry::GetCounter(absl::string_view name,
                                    absl::string_view help,
                                    MetricLabels labels) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = Find(name, help, MetricType::kCounter, std::move(labels));
  if (!entry.counter) entry.counter = std::make_unique<Counter>();
  return *entry.counter;
}

Gauge& MetricRegistry::GetGauge(absl::string_view name, absl::string_view help,
                                MetricLabels labels) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = Find(name, help, MetricType::kGauge, std::move(labels));
  if (!entry.gauge) entry.gauge = std::make_unique<Gauge>();
  return *entry.gauge;
}

Gauge& MetricRegistry::GetRunningTotal(absl::string_view name,
                                       absl::string_view help) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = Find(name, help, MetricType::kCounter, {});
  if (!entry.gauge) entry.gauge = std::make_unique<Gauge>();
  return *entry.gauge;
}

Histogram& MetricRegistry::GetHistogram(absl::string_view name,
                                        absl::string_view help,
                                        MetricLabels labels,
                                        const std::vector<double>& bounds) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = Find(name, help, MetricType::kHistogram, std::move(labels));
  if (!entry.histogram) entry.histogram = std::make_unique<Histogram>(bounds);
  return *entry.histogram;
}

void MetricRegistry::OnCollect(std::function<void()> refresh) {
  absl::MutexLock lock(&mutex_);
  refreshers_.push_back(std::move(refresh));
}

std::vector<MetricRegistry::FamilyView> MetricRegistry::Collect() {
  std::vector<std::function<void()>> refreshers;
  {
    absl::MutexLock lock(&mutex_);
    refreshers = refreshers_;
  }
  for (auto& refresh : refreshers) refresh();
  std::vector<FamilyView> views;
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, family] : families_) {
    FamilyView view = {name, family.help, family.type, {}};
    for (const auto& [labels, entry] : family.entries) {
      view.series.push_back({labels, entry.counter.get(), entry.gauge.get(),
                             entry.histogram.get()});
    }
    views.push_back(std::move(view));
  }
  return views;
}

MetricRegistry& Metrics() {
  static auto* registry = new MetricRegistry;
  return *registry;
}

}  // namespace mitra
