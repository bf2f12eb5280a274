#include "services/matching/ranking/impression_book.h"

#include <algorithm>
#include <cmath>

namespace mitra::matching {
namespace {

constexpr double kHalfLifeSeconds = 7 * 86'400;
constexpr int64_t kOnceWithin = 600;
constexpr double kFree = 2;
// Less is forgotten.
constexpr double kLeast = .05;

double Faded(double times, int64_t seconds) {
  return seconds <= 0 ? times
                      : times * std::exp2(-static_cast<double>(seconds) /
                                          kHalfLifeSeconds);
}

}  // namespace

double FatigueOf(double n, double phi) {
  return phi * std::log1p(std::max(0., n - kFree));
}

double ImpressionBook::At(const Count& count, int64_t now) {
  return Faded(count.times, now - count.time);
}

void ImpressionBook::Note(const MemberLife& subject,
                          const MemberLife& candidate, int64_t time) {
  Shard& shard = ShardOf(subject);
  absl::MutexLock lock(&shard.mutex);
  const auto [at, added] = shard.entries.try_emplace(subject);
  Entry& entry = at->second;
  if (added) {
    shard.recent.push_front(subject);
    entry.recent = shard.recent.begin();
  } else {
    shard.recent.splice(shard.recent.begin(), shard.recent, entry.recent);
  }
  const auto known = std::find_if(
      entry.counts.begin(), entry.counts.end(),
      [&](const Count& count) { return count.candidate == candidate; });
  if (known != entry.counts.end()) {
    if (std::abs(time - known->time) < kOnceWithin) return;
    const int64_t latest = std::max(time, known->time);
    known->times = At(*known, latest) + Faded(1, latest - time);
    known->time = latest;
  } else {
    if (entry.counts.size() >= kCandidates) {
      entry.counts.erase(std::min_element(entry.counts.begin(),
                                          entry.counts.end(),
                                          [&](const Count& a, const Count& b) {
                                            return At(a, time) < At(b, time);
                                          }));
    }
    entry.counts.push_back({candidate, 1, time});
  }
  if (shard.entries.size() > std::max<size_t>(1, max_subjects_ / kShards)) {
    shard.entries.erase(shard.recent.back());
    shard.recent.pop_back();
  }
}

std::vector<ImpressionBook::Shown> ImpressionBook::Of(const MemberLife& subject,
                                                      int64_t now) const {
  std::vector<Shown> shown;
  const Shard& shard = ShardOf(subject);
  absl::MutexLock lock(&shard.mutex);
  const auto at = shard.entries.find(subject);
  if (at == shard.entries.end()) return shown;
  for (const Count& count : at->second.counts) {
    const double times = At(count, now);
    if (times >= kLeast) shown.push_back({count.candidate, times});
  }
  return shown;
}

void ImpressionBook::Clear() {
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    shard.entries.clear();
    shard.recent.clear();
  }
}

size_t ImpressionBook::subjects() const {
  size_t subjects = 0;
  for (const Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    subjects += shard.entries.size();
  }
  return subjects;
}

}  // namespace mitra::matching
