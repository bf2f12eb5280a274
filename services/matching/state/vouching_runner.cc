#include "services/matching/state/vouching_runner.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/time/clock.h"

namespace mitra::matching {
namespace {

// Ties fade: what was computed so long ago is computed again.
constexpr absl::Duration kFades = absl::Hours(6);

// A tenth more or fewer ties is much.
bool MuchChanged(uint64_t before, uint64_t now) {
  return (now > before ? now - before : before - now) > before / 10;
}

}  // namespace

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
  // A state that was emptied and filled again has forgotten the weights.
  const bool lost = weighed_ && !view.graph.weighs_raters() &&
                    view.graph.epoch() > last_epoch_ + 1;
  if (!lost && view.revision == last_revision_ &&
      absl::Now() - last_end_ < kFades) {
    return false;
  }
  const absl::Time begin = absl::Now();
  last_revision_ = view.revision;
  last_epoch_ = view.graph.epoch();
  last_ties_ = view.graph.tie_count();
  std::vector<MemberIndex> seeds;
  for (MemberIndex m = 0; m < view.members.size(); ++m) {
    const Member& member = view.members.at(m);
    if (member.deleted || !member.verified) continue;
    if (view.graph.of(m).size > 0) seeds.push_back(m);
  }
  if (seeds.size() < options_.min_seeds) seeds.clear();
  weighed_ = !seeds.empty();
  state_.SetVouching(
      std::make_shared<Vouching>(ComputeVouching(view.graph, seeds)));
  revision_ = view.revision;
  last_end_ = absl::Now();
  last_took_ = last_end_ - begin;
  return true;
}

bool VouchingRunner::Due(absl::Time now) {
  const MatchingView view = state_.view();
  const bool at_rest =
      view.revision == std::exchange(seen_revision_, view.revision);
  const absl::Duration since = now - last_end_;
  if (since >= options_.interval) return true;
  if (since < 10 * last_took_) return false;
  return at_rest ? view.revision != last_revision_
                 : MuchChanged(last_ties_, view.graph.tie_count());
}

void VouchingRunner::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void VouchingRunner::Loop() {
  constexpr absl::Duration kPoll = absl::Seconds(1);
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kPoll)) return;
    }
    if (Due(absl::Now()) && options_.ready()) RunOnce();
  }
}

}  // namespace mitra::matching
