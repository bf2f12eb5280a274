#include "services/matching/refresh/refresh_job.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/observability/log.h"
#include "common/status/status_macros.h"
#include "services/matching/ranking/member_filter.h"
#include "services/matching/refresh/allocation_phase.h"
#include "services/matching/refresh/catch_up.h"
#include "services/matching/refresh/member_order.h"
#include "services/matching/refresh/parallel.h"

namespace mitra::matching {
namespace {

// Groups, events and programmes are recommended, not recommended to.
bool IsSubject(const Member& member) {
  return !member.deleted && !member.facets.empty() &&
         (member.kind == v1::MEMBER_KIND_PERSON ||
          member.kind == v1::MEMBER_KIND_BUSINESS ||
          member.kind == v1::MEMBER_KIND_ORGANISATION);
}

// Calls `visit` for each member of a scope until it says no.
template <typename Visit>
void ForScope(const MatchingView& view, const v1::RefreshScope& scope,
              Visit visit) {
  const absl::flat_hash_set<std::string> named(scope.profile_ids().begin(),
                                               scope.profile_ids().end());
  v1::MemberFilter filter;
  *filter.mutable_region_codes() = scope.region_codes();
  *filter.mutable_sector_codes() = scope.sector_codes();
  const CompiledFilter inside(filter);
  for (MemberIndex i = 0; i < view.members.size(); ++i) {
    const Member& member = view.members.at(i);
    if (!IsSubject(member)) continue;
    if (!named.empty() && !named.contains(member.id.view())) continue;
    if (!inside.Accepts(member, member.facets[0])) continue;
    if (!visit(i)) return;
  }
}

}  // namespace

std::vector<std::string> MembersOf(const MatchingView& view,
                                   const v1::RefreshScope& scope) {
  std::vector<MemberIndex> indices;
  ForScope(view, scope, [&](MemberIndex index) {
    indices.push_back(index);
    return true;
  });
  return IdsInOrder(view.members, indices);
}

bool ScopeHasMembers(const MatchingView& view, const v1::RefreshScope& scope) {
  bool found = false;
  ForScope(view, scope, [&](MemberIndex) {
    found = true;
    return false;
  });
  return found;
}

absl::StatusOr<RankingArms> ArmsOf(const RefreshTools& tools,
                                   const v1::Refresh& refresh) {
  if (tools.rankings == nullptr) return RankingArms();
  std::vector<RankingArm> arms;
  for (const v1::RankingArm& arm : refresh.ranking_arms()) {
    arms.push_back({arm.ranking_profile_id(), arm.share()});
  }
  return tools.rankings->Resolve(arms);
}

absl::StatusOr<ChunkPlan> PlanOf(const RefreshTools& tools,
                                 const v1::Refresh& refresh) {
  ChunkPlan plan;
  MITRA_ASSIGN_OR_RETURN(plan.arms, ArmsOf(tools, refresh));
  for (const int kind : refresh.kinds()) {
    plan.kinds.push_back(FindKind(static_cast<v1::RecommendationKind>(kind)));
  }
  plan.kept = KeptFor(static_cast<size_t>(refresh.slate_size()));
  // Those who cannot be shown leave enough; else the whole pipeline is asked.
  plan.depth.retrieved = static_cast<int>(plan.kept + plan.kept / 2);
  plan.depth.trust_candidates = plan.kept / 2;
  plan.timeout = tools.timeout;
  return plan;
}

RefreshJob::RefreshJob(const RefreshTools& tools, JobRecord record)
    : tools_(tools),
      request_(std::move(record.request)),
      folder_(tools.directory, record.state.refresh_id()),
      state_(std::move(record.state)) {}

v1::Refresh RefreshJob::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

void RefreshJob::Update(const std::function<void(v1::Refresh&)>& change) {
  JobRecord record;
  record.request = request_;
  {
    absl::MutexLock lock(&mutex_);
    change(state_);
    record.state = state_;
  }
  const absl::Status kept = folder_.WriteJob(record);
  if (!kept.ok()) {
    LogWarning("a refresh's state is not kept", {{"reason", kept.ToString()}});
  }
}

bool RefreshJob::everybody() const {
  return request_.scope().region_codes().empty() &&
         request_.scope().sector_codes().empty() &&
         request_.scope().profile_ids().empty();
}

absl::Span<const std::string> RefreshJob::MembersOfChunk(uint32_t chunk) const {
  return absl::MakeConstSpan(members_).subspan(chunk * kChunkMembers,
                                               kChunkMembers);
}

void RefreshJob::EnterPhase(const char* phase) {
  LeavePhase();
  Update([phase](v1::Refresh& state) {
    state.set_phase(phase);
    state.set_members_done(0);
  });
  absl::MutexLock lock(&mutex_);
  phase_began_ = absl::Now();
}

// Notes how long the phase took; what follows keeps it on disk.
void RefreshJob::LeavePhase() {
  absl::MutexLock lock(&mutex_);
  if (phase_began_ == absl::InfiniteFuture()) return;
  v1::PhaseTime* time = nullptr;
  for (v1::PhaseTime& one : *state_.mutable_phase_times()) {
    if (one.phase() == state_.phase()) time = &one;
  }
  if (time == nullptr) time = state_.add_phase_times();
  time->set_phase(state_.phase());
  time->set_seconds(absl::ToDoubleSeconds(absl::Now() - phase_began_));
  phase_began_ = absl::InfiniteFuture();
}

absl::Status RefreshJob::LoadMembers() {
  view_ = tools_.views();
  absl::StatusOr<std::vector<std::string>> kept = folder_.ReadMembers();
  if (kept.ok()) {
    members_ = *std::move(kept);
  } else {
    members_ = MembersOf(view_, request_.scope());
    MITRA_RETURN_IF_ERROR(folder_.WriteMembers(members_));
    // Chunks of another list of members are of no use.
    folder_.RemoveChunks();
    TakeOverCandidates();
  }
  indices_.clear();
  indices_.reserve(members_.size());
  for (const std::string& id : members_) {
    indices_.push_back(view_.members.Find(id));
  }
  const auto chunks = static_cast<uint32_t>(
      (members_.size() + kChunkMembers - 1) / kChunkMembers);
  MITRA_ASSIGN_OR_RETURN(chunks_, folder_.OpenChunks(chunks));
  tables_.clear();
  tables_.resize(chunks);
  table_bytes_ = 0;
  Update([&](v1::Refresh& state) {
    state.set_state(v1::REFRESH_STATE_RUNNING);
    state.set_members_total(members_.size());
    state.set_chunks_total(chunks);
    state.set_chunks_done(chunks_->count());
    if (found_ != absl::InfinitePast()) {
      state.set_chunks_kept(chunks_->count());
    }
  });
  return absl::OkStatus();
}

absl::StatusOr<CandidateBasis> RefreshJob::Basis() const {
  const v1::Refresh now = state();
  MITRA_ASSIGN_OR_RETURN(const ChunkPlan plan, PlanOf(tools_, now));
  // A profile's id stands for its weights.
  std::string arms;
  for (const v1::RankingArm& arm : now.ranking_arms()) {
    absl::StrAppend(&arms, arm.ranking_profile_id(), "=", arm.share(), ";");
  }
  return CandidateBasis::Of(view_, plan, std::move(arms), members_);
}

void RefreshJob::TakeOverCandidates() {
  if (tools_.candidates == nullptr || request_.fresh()) return;
  const absl::StatusOr<CandidateBasis> basis = Basis();
  const absl::Time now = tools_.clock->Now();
  if (basis.ok() &&
      tools_.candidates->Give(*basis, folder_.ChunksPath(), now)) {
    found_ = now;
  }
}

void RefreshJob::LeaveCandidates() {
  const v1::Refresh now = state();
  const absl::StatusOr<CandidateBasis> basis = Basis();
  // Search must have had everything that this process had, and everything must
  // have been found by one process.
  if (tools_.candidates == nullptr || !basis.ok() || now.restarts() > 0 ||
      now.first_revision() < view_.changed) {
    return folder_.RemoveChunks();
  }
  tools_.candidates->Keep(*basis, folder_.ChunksPath(), found_);
}

absl::Status RefreshJob::Compute() {
  // The report is written last: with it, the allocation is over.
  const auto report = folder_.ReadReport();
  if (!report.ok()) {
    MITRA_RETURN_IF_ERROR(CatchUp(
        tools_, request_.min_revision(),
        [this](absl::Duration time) { return Pause(time); },
        [this] { EnterPhase("catch-up"); }));
  }
  MITRA_RETURN_IF_ERROR(LoadMembers());
  if (!report.ok()) {
    EnterPhase("candidates");
    MITRA_RETURN_IF_ERROR(FindCandidates());
    EnterPhase("allocation");
    MITRA_RETURN_IF_ERROR(Allocate());
    LeavePhase();
  } else {
    Update([&](v1::Refresh& state) {
      *state.mutable_markets() = report->refresh().markets();
    });
  }
  chunks_.reset();
  tables_.clear();
  LeaveCandidates();
  if (stop_) return absl::CancelledError("stopped");
  return absl::OkStatus();
}

void RefreshJob::Fail(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  if (failure_.ok()) failure_ = status;
}

absl::Status RefreshJob::failure() const {
  absl::MutexLock lock(&mutex_);
  return failure_;
}

// False if the job was stopped meanwhile.
bool RefreshJob::Pause(absl::Duration time) {
  const absl::Time until = absl::Now() + time;
  while (!stop_ && absl::Now() < until) {
    absl::SleepFor(std::min(time, absl::Milliseconds(20)));
  }
  return !stop_;
}

bool RefreshJob::holds_all() const {
  return request_.hard_seats() || request_.fixed_pairs_size() > 0;
}

// Takes chunks into memory that were found before this process came to the
// refresh, as many as there is room for.
absl::Status RefreshJob::ReadLedger() {
  const auto kinds = static_cast<size_t>(state().kinds_size());
  std::vector<absl::Status> outcomes(tables_.size());
  Parallel(tools_.threads, tables_.size(), [&](size_t i) {
    if (!tables_[i].kinds.empty()) return;
    if (table_bytes_ > tools_.table_bytes && !holds_all()) return;
    const auto chunk = static_cast<uint32_t>(i);
    const absl::StatusOr<std::string> bytes = chunks_->Read(chunk);
    outcomes[i] = bytes.status();
    if (!bytes.ok()) return;
    if ((table_bytes_ += bytes->size()) > tools_.table_bytes && !holds_all()) {
      return;
    }
    absl::StatusOr<ChunkResult> result =
        DecodeChunk(*bytes, view_.members, MembersOfChunk(chunk).size(), kinds);
    outcomes[i] = result.status();
    if (result.ok()) tables_[i] = *std::move(result);
  });
  for (const absl::Status& outcome : outcomes) {
    MITRA_RETURN_IF_ERROR(outcome);
  }
  return absl::OkStatus();
}

absl::Status RefreshJob::Allocate() {
  MITRA_RETURN_IF_ERROR(ReadLedger());
  MITRA_RETURN_IF_ERROR(ApplyFixedPairs());
  AllocationInput input;
  input.view = &view_;
  input.members = indices_;
  input.chunks = absl::MakeSpan(tables_);
  MITRA_ASSIGN_OR_RETURN(input.plan, PlanOf(tools_, state()));
  input.impressions = tools_.impressions;
  input.now = state().start_time().seconds();
  input.slate_size = static_cast<size_t>(state().slate_size());
  input.fairness = state().fairness();
  input.everybody = everybody();
  input.hard_seats = state().hard_seats();
  input.prices = tools_.prices;
  input.threads = tools_.threads;
  input.stop = &stop_;
  input.folder = &folder_;
  input.ledger = chunks_.get();
  input.budget = tools_.table_bytes;
  MITRA_ASSIGN_OR_RETURN(AllocationOutput output, AllocateSlates(input));

  uint64_t epoch =
      static_cast<uint64_t>(absl::ToUnixMillis(tools_.clock->Now()));
  for (const auto& [kind, one] : tools_.keeper->current().kinds) {
    if (!one.epochs.empty()) epoch = std::max(epoch, one.epochs[0] + 1);
  }
  if (everybody()) {
    MITRA_RETURN_IF_ERROR(
        tools_.keeper->KeepPrices(epoch, output.prices, view_.members));
  }
  Update([&](v1::Refresh& state) {
    state.set_epoch(epoch);
    state.set_members_done(members_.size());
    state.set_full_slates(output.full_slates);
    state.set_empty_slates(output.empty_slates);
    state.set_exposure_gini(output.exposure_gini);
    state.set_first_revision(output.first_revision);
    state.set_last_revision(output.last_revision);
    state.clear_markets();
    for (v1::MarketReport& market : output.markets) {
      *state.add_markets() = std::move(market);
    }
  });
  v1::RefreshReport report;
  *report.mutable_refresh() = state();
  for (v1::UnmetNeed& need : output.unmet_needs) {
    *report.add_unmet_needs() = std::move(need);
  }
  for (v1::FunnelRow& row : output.funnel) {
    *report.add_funnel() = std::move(row);
  }
  return folder_.WriteReport(report);
}

}  // namespace mitra::matching
