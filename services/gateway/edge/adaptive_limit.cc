#include "services/gateway/edge/adaptive_limit.h"

#include <algorithm>
#include <cmath>

namespace mitra::gateway {
namespace {

constexpr double kFasterWeight = .5;
// What is slow for a minute becomes the usual; what queues is turned away long
// before.
constexpr double kGrowthPerWindow = 1.005;
constexpr double kDecrease = .9;

}  // namespace

AdaptiveLimit::AdaptiveLimit(const Options& options)
    : options_(options), limit_(options.max) {}

void AdaptiveLimit::OnFinished(const void* method, absl::Duration latency,
                               int open, bool failed, absl::Time now) {
  if (!mutex_.TryLock()) return;
  if (window_end_ == absl::InfinitePast()) window_end_ = now + options_.window;
  Method& known = methods_[method];
  if (!failed) {
    known.sum += std::max(1e-6, absl::ToDoubleSeconds(latency));
    ++known.samples;
  }
  ++samples_;
  failures_ += failed;
  most_open_ = std::max(most_open_, open);
  if (now >= window_end_) EndWindow(now);
  mutex_.Unlock();
}

double AdaptiveLimit::Slowness() {
  double weighted = 0;
  int samples = 0;
  for (auto& [method, known] : methods_) {
    if (known.samples == 0) continue;
    const double mean = known.sum / known.samples;
    if (known.usual == 0) known.usual = mean;
    weighted += known.samples * mean / known.usual;
    samples += known.samples;
    known.usual = mean < known.usual
                      ? known.usual + kFasterWeight * (mean - known.usual)
                      : std::min(mean, known.usual * kGrowthPerWindow);
    known.sum = 0;
    known.samples = 0;
  }
  return samples == 0 ? 1 : weighted / samples;
}

void AdaptiveLimit::EndWindow(absl::Time now) {
  window_end_ = now + options_.window;
  // A window with few samples goes on.
  if (samples_ < kMinSamples) return;
  const int limit = this->limit();
  int next = limit;
  const double slowness = Slowness();
  if (slowness > options_.tolerance || failures_ * 10 > samples_) {
    const int open = std::min(limit, most_open_);
    next = std::min(limit, static_cast<int>(open * kDecrease));
  } else if (most_open_ >= limit * 8 / 10) {
    next = limit + std::max(1, static_cast<int>(std::sqrt(limit)));
  }
  limit_.store(
      std::clamp(next, std::min(options_.min, options_.max), options_.max),
      std::memory_order_relaxed);
  samples_ = failures_ = most_open_ = 0;
}

}  // namespace mitra::gateway
