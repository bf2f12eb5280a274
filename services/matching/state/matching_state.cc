#include "services/matching/state/matching_state.h"

#include <utility>
#include <vector>

#include "common/snapshot/snapshot.h"
#include "common/status/status_macros.h"
#include "services/matching/state/known_network.h"
#include "services/matching/state/state_snapshot.h"

namespace mitra::matching {

struct MatchingState::Impl {
  explicit Impl(Options given)
      : options(std::move(given)), network(options.ties, options.supply) {}

  const Options options;
  KnownNetwork network;
  std::vector<bool> verdicts;  // of the supply that was published

  mutable absl::Mutex mutex;
  MatchingView published ABSL_GUARDED_BY(mutex);
  Stats stats ABSL_GUARDED_BY(mutex);
  feed::Position position ABSL_GUARDED_BY(mutex);
  // Waits for the next commit; null: nothing does.
  std::shared_ptr<const Vouching> next_vouching ABSL_GUARDED_BY(mutex);
  std::shared_ptr<const Vouching> vouching ABSL_GUARDED_BY(mutex);
  // Those of earlier graphs are void.
  uint64_t vouching_floor ABSL_GUARDED_BY(mutex) = 0;

  void TakeVouching() {
    std::shared_ptr<const Vouching> next;
    {
      absl::MutexLock lock(&mutex);
      next = std::move(next_vouching);
      next_vouching = nullptr;
      if (next == nullptr) return;
      vouching = next;
    }
    network.Weigh(std::move(next));
  }

  // The supply is another than was published last.
  bool SupplyChanged() {
    std::vector<bool> now = network.members().view().supply().Verdicts();
    const bool changed = now != verdicts;
    verdicts = std::move(now);
    return changed;
  }

  MatchingView ViewOf(uint64_t watermark) {
    const RecordFacts& record = network.record();
    MatchingView view;
    view.members = network.members().view();
    view.graph = network.ties().view();
    view.revision = watermark;
    view.changed = record.last_change;
    view.record_incarnation = record.incarnation;
    view.space = std::make_shared<const std::string>(record.space);
    view.token_key = record.token_key;
    view.redirects = record.redirects;
    return view;
  }

  Stats Count() {
    Stats now;
    const TieGraph::Stats ties = network.ties().stats();
    const MemberTable::Memory memory = network.members().memory();
    now.members = network.members().view().live();
    now.ties = ties.ties;
    now.evidence = ties.evidence;
    now.waiting = network.waiting();
    now.member_bytes = memory.records + memory.index;
    now.tie_bytes = ties.sum_bytes + ties.evidence_bytes + ties.list_bytes;
    now.stale_reputations = network.ties().stale();
    return now;
  }

  void Publish(uint64_t watermark) {
    TakeVouching();
    network.members().Publish();
    network.ties().Publish(absl::ToUnixSeconds(options.clock()),
                           network.members().size());
    MatchingView view = ViewOf(watermark);
    CommitSummary summary = network.TakeSummary();
    summary.supply_changed = SupplyChanged();
    summary.revision = watermark;
    summary.graph_epoch = view.graph.epoch();
    const Stats now = Count();
    {
      absl::MutexLock lock(&mutex);
      published = std::move(view);
      stats = now;
      position = {network.record().incarnation, watermark};
    }
    if (options.on_commit) options.on_commit(summary);
  }

  void Clear() {
    network.Clear();
    // Indexes mean other members from now on.
    absl::MutexLock lock(&mutex);
    next_vouching = nullptr;
    vouching = nullptr;
    vouching_floor = network.ties().view().epoch();
  }
};

MatchingState::MatchingState(Options options)
    : impl_(std::make_unique<Impl>(std::move(options))) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->published.space = std::make_shared<const std::string>();
}
MatchingState::~MatchingState() = default;

v1::FeedSelector MatchingState::Selector() {
  v1::FeedSelector selector;
  selector.set_profiles(true);
  selector.set_relations(true);
  selector.set_impressions(true);
  selector.set_token_key(true);
  selector.set_redirects(true);
  return selector;
}

absl::Status MatchingState::Reset(const v1::FeedHeader& header) {
  impl_->Clear();
  MITRA_RETURN_IF_ERROR(SetHeader(header));
  // Readers must not go on with what is void.
  impl_->Publish(0);
  impl_->network.MarkReset();
  return absl::OkStatus();
}

absl::Status MatchingState::SetHeader(const v1::FeedHeader& header) {
  return impl_->network.SetHeader(header);
}

absl::Status MatchingState::Apply(const v1::Change& change) {
  return impl_->network.Apply(change);
}

absl::Status MatchingState::Commit(uint64_t watermark) {
  impl_->Publish(watermark);
  return absl::OkStatus();
}

void MatchingState::Shown(
    const google::protobuf::RepeatedPtrField<std::string>& tokens) {
  if (impl_->options.on_shown) impl_->options.on_shown(tokens);
}

MatchingView MatchingState::view() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->published;
}

void MatchingState::SetVouching(std::shared_ptr<const Vouching> vouching) {
  absl::MutexLock lock(&impl_->mutex);
  // Of a graph that is void by now: indexes may mean others.
  if (vouching->graph_epoch < impl_->vouching_floor) return;
  impl_->next_vouching = std::move(vouching);
}

std::shared_ptr<const Vouching> MatchingState::vouching() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->vouching;
}

feed::Position MatchingState::position() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->position;
}

MatchingState::Stats MatchingState::stats() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->stats;
}

absl::Status MatchingState::Save(const std::string& path) const {
  const feed::Position at = position();
  if (at.record_incarnation == 0) {
    return absl::FailedPreconditionError("nothing to save yet");
  }
  return WriteStateSnapshot(impl_->network, vouching().get(), at.watermark,
                            path);
}

absl::Status MatchingState::Load(const std::string& path) {
  snapshot::RemoveLeftovers(path);
  MITRA_ASSIGN_OR_RETURN(const auto reader, OpenStateSnapshot(path));
  impl_->Clear();
  auto restored = ReadStateSnapshot(*reader, impl_->network);
  if (restored.ok()) {
    {
      absl::MutexLock lock(&impl_->mutex);
      impl_->vouching = restored->vouching;
    }
    impl_->Publish(restored->watermark);
    return absl::OkStatus();
  }
  impl_->Clear();
  impl_->network.record().incarnation = 0;
  impl_->Publish(0);
  absl::MutexLock lock(&impl_->mutex);
  impl_->position = {};
  return restored.status();
}

}  // namespace mitra::matching
