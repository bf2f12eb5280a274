#include "services/search/canary/canary.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/thread_priority.h"

namespace mitra::search {
namespace {

// Views must not be kept long: rows are given back only after them.
constexpr size_t kMostWaiting = 4;

}  // namespace

bool Canary::IsDrawn(uint64_t number, uint32_t one_in) {
  // Vigna's SplitMix64.
  uint64_t drawn = (number / one_in + 1) * 0x9e3779b97f4a7c15;
  drawn = (drawn ^ (drawn >> 30)) * 0xbf58476d1ce4e5b9;
  drawn = (drawn ^ (drawn >> 27)) * 0x94d049bb133111eb;
  drawn ^= drawn >> 31;
  return number % one_in == drawn % one_in;
}

void Canary::Start() {
  if (options_.one_in == 0) return;
  thread_ = std::thread([this] { Run(); });
}

void Canary::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Canary::Take(const std::shared_ptr<const IndexView>& view,
                  const Retrieval& asked, const Retrieved& answered) {
  Sample sample{view, asked, {}};
  sample.asked.also_score_ids.clear();
  for (const Candidate& candidate : answered.candidates) {
    if (!candidate.also_scored) sample.scores.push_back(candidate.score);
  }
  absl::MutexLock lock(&mutex_);
  if (waiting_.size() >= kMostWaiting) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  waiting_.push_back(std::move(sample));
}

void Canary::Run() {
  LowerThreadPriority();
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      const auto due = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stopping_ || !waiting_.empty();
      };
      mutex_.Await(absl::Condition(&due));
      if (stopping_) return;
    }
    AskOne();
  }
}

void Canary::Drain() {
  while (AskOne()) {
  }
}

bool Canary::AskOne() {
  Sample sample;
  {
    absl::MutexLock lock(&mutex_);
    if (waiting_.empty()) return false;
    sample = std::move(waiting_.front());
    waiting_.pop_front();
  }
  constexpr size_t kAll = std::numeric_limits<size_t>::max();
  const auto exact = Retrieve(*sample.view, sample.asked, {kAll, kAll, kAll});
  // The subject was in the view when it was answered, so this does not fail.
  if (!exact.ok()) return true;
  Outcome outcome = {1, 1};
  const auto want = static_cast<double>(exact->candidates.size());
  if (want > 0) {
    // By score: among equal ones any will do. Both sides score alike.
    const float worst = exact->candidates.back().score;
    const auto met = std::count_if(sample.scores.begin(), sample.scores.end(),
                                   [&](float score) { return score >= worst; });
    outcome.recall = std::min(static_cast<double>(met) / want, 1.0);
    outcome.fill = static_cast<double>(sample.scores.size()) / want;
  }
  const auto& roles = sample.asked.roles;
  const size_t role = roles.size() == 1 ? static_cast<size_t>(roles[0]) : 0;
  asked_.fetch_add(1, std::memory_order_relaxed);
  const auto query = QueryOf(*sample.view, sample.asked);
  absl::MutexLock lock(&mutex_);
  for (int of : roles) {
    if (!query.ok()) break;
    Kept& kept = kept_[static_cast<size_t>(of)];
    ++kept.count;
    kept.latest.push_back(*query);
    if (kept.latest.size() > kQuestions) kept.latest.pop_front();
  }
  Window& window = windows_[role];
  ++window.samples;
  window.last.push_back(outcome);
  if (window.last.size() > kWindow) window.last.pop_front();
  return true;
}

Canary::Questions Canary::questions(int role) const {
  absl::MutexLock lock(&mutex_);
  const Kept& kept = kept_[static_cast<size_t>(role)];
  return {{kept.latest.begin(), kept.latest.end()}, kept.count};
}

Canary::Figures Canary::figures(int role) const {
  absl::MutexLock lock(&mutex_);
  const Window& window = windows_[static_cast<size_t>(role)];
  Figures figures;
  figures.samples = window.samples;
  if (window.last.empty()) return figures;
  figures.recall = 0;
  figures.fill = 0;
  for (const Outcome& outcome : window.last) {
    figures.recall += outcome.recall;
    figures.fill += outcome.fill;
    figures.worst_recall = std::min(figures.worst_recall, outcome.recall);
  }
  figures.recall /= static_cast<double>(window.last.size());
  figures.fill /= static_cast<double>(window.last.size());
  return figures;
}

}  // namespace mitra::search
