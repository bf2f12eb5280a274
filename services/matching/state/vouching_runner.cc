#include "services/matching/state/vouching_runner.h"

#include <memory>
#include <utility>
#include <vector>

namespace mitra::matching {

VouchingRunner::VouchingRunner(MatchingState& state, Options options)
    : state_(state), options_(std::move(options)) {}

VouchingRunner::~VouchingRunner() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

bool VouchingRunner::RunOnce() {
  const MatchingView view = state_.view();
  if (view.graph.epoch() == last_epoch_) return false;
  last_epoch_ = view.graph.epoch();
  std::vector<MemberIndex> seeds;
  for (MemberIndex m = 0; m < view.members.size(); ++m) {
    const Member& member = view.members.at(m);
    if (member.deleted || !member.verified) continue;
    if (view.graph.of(m).size > 0) seeds.push_back(m);
  }
  if (seeds.size() < options_.min_seeds) seeds.clear();
  state_.SetVouching(
      std::make_shared<Vouching>(ComputeVouching(view.graph, seeds)));
  return true;
}

void VouchingRunner::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void VouchingRunner::Loop() {
  constexpr absl::Duration kPoll = absl::Seconds(1);
  absl::Time due = absl::InfinitePast();
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kPoll)) return;
    }
    if (absl::Now() < due || !options_.ready()) continue;
    if (RunOnce()) due = absl::Now() + options_.interval;
  }
}

}  // namespace mitra::matching
