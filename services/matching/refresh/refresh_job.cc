#include "services/matching/refresh/refresh_job.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/observability/log.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/ranking/member_filter.h"
#include "services/matching/refresh/allocation_phase.h"
#include "services/matching/refresh/catch_up.h"
#include "services/matching/refresh/member_order.h"
#include "services/matching/refresh/parallel.h"

namespace mitra::matching {
namespace {

constexpr absl::Duration kRetryPause = absl::Milliseconds(200);

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
    MITRA_RETURN_IF_ERROR(CatchUp(tools_, request_.min_revision(), stop_,
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

std::vector<uint32_t> RefreshJob::MissingChunks() const {
  std::vector<uint32_t> missing;
  for (uint32_t chunk = 0; chunk < chunks_->chunks(); ++chunk) {
    if (!chunks_->Has(chunk)) missing.push_back(chunk);
  }
  return missing;
}

absl::Status RefreshJob::FindCandidates() {
  if (found_ == absl::InfinitePast()) found_ = tools_.clock->Now();
  std::unique_ptr<ChunkQueue> queue;
  if (tools_.redis != nullptr && !MissingChunks().empty()) {
    queue = std::make_unique<ChunkQueue>(*tools_.redis, state().refresh_id(),
                                         "coordinator", ChunkQueue::Options());
    Refill(*queue);
  }
  {
    absl::MutexLock lock(&mutex_);
    accepting_ = true;
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < std::max(1, tools_.threads); ++i) {
    threads.emplace_back([this, q = queue.get()] { Work(q); });
  }
  for (std::thread& thread : threads) thread.join();
  {
    absl::MutexLock lock(&mutex_);
    accepting_ = false;
  }
  if (queue != nullptr) queue->Remove();
  MITRA_RETURN_IF_ERROR(failure());
  if (stop_) return absl::CancelledError("stopped");
  return absl::OkStatus();
}

// Redis may have lost the stream; the ledger has not.
void RefreshJob::Refill(ChunkQueue& queue) {
  {
    absl::MutexLock lock(&mutex_);
    if (refilling_) return;
    refilling_ = true;
  }
  const absl::Status filled = queue.Fill(MissingChunks());
  if (!filled.ok()) {
    LogInfo("chunks are not shared", {{"reason", filled.ToString()}});
  }
  absl::MutexLock lock(&mutex_);
  refilling_ = false;
}

bool RefreshJob::NextChunk(ChunkQueue* queue, uint32_t& chunk,
                           std::optional<ChunkQueue::Claim>& claim) {
  claim.reset();
  while (!stop_ && failure().ok()) {
    if (queue != nullptr && tools_.redis->available()) {
      auto taken = queue->Take();
      if (absl::IsNotFound(taken.status()) &&
          chunks_->count() < chunks_->chunks()) {
        Refill(*queue);
        taken = queue->Take();
      }
      if (taken.ok() && taken->has_value()) {
        chunk = (*taken)->chunk;
        if (chunk >= chunks_->chunks() || chunks_->Has(chunk)) {
          queue->Done(**taken);
          continue;
        }
        absl::MutexLock lock(&mutex_);
        if (!in_work_.insert(chunk).second) continue;
        claim = **taken;
        return true;
      }
    }
    // All are handed out, or nobody hands out: what is not done and nobody
    // here works on. A helper may be at it; twice does no harm.
    absl::MutexLock lock(&mutex_);
    for (uint32_t c = 0; c < chunks_->chunks(); ++c) {
      if (!chunks_->Has(c) && in_work_.insert(c).second) {
        chunk = c;
        return true;
      }
    }
    return false;
  }
  return false;
}

absl::StatusOr<ChunkResult> RefreshJob::ComputeChunk(uint32_t chunk) {
  MITRA_ASSIGN_OR_RETURN(ChunkPlan plan, PlanOf(tools_, state()));
  plan.min_revision = view_.revision;
  const absl::Time give_up = absl::Now() + tools_.patience;
  while (true) {
    absl::StatusOr<ChunkResult> result =
        tools_.worker->Compute(view_, MembersOfChunk(chunk), plan, stop_);
    if (result.ok() || !absl::IsUnavailable(result.status()) ||
        absl::Now() > give_up || !Pause(kRetryPause)) {
      return result;
    }
  }
}

void RefreshJob::Work(ChunkQueue* queue) {
  uint32_t chunk = 0;
  std::optional<ChunkQueue::Claim> claim;
  while (NextChunk(queue, chunk, claim)) {
    absl::StatusOr<ChunkResult> result = ComputeChunk(chunk);
    if (!result.ok()) {
      if (!stop_) Fail(result.status());
      return;
    }
    const std::string bytes = EncodeChunk(*result, view_.members);
    const absl::Status kept =
        Keep(chunk, *std::move(result), bytes, /*from_other=*/false);
    if (!kept.ok()) return Fail(kept);
    if (claim) queue->Done(*claim);
  }
}

absl::Status RefreshJob::Keep(uint32_t chunk, ChunkResult result,
                              absl::string_view bytes, bool from_other) {
  MITRA_ASSIGN_OR_RETURN(const bool is_new, chunks_->Append(chunk, bytes));
  absl::MutexLock lock(&mutex_);
  in_work_.erase(chunk);
  if (!is_new) return absl::OkStatus();
  state_.set_chunks_done(state_.chunks_done() + 1);
  state_.set_chunks_from_others(state_.chunks_from_others() + from_other);
  state_.set_members_done(std::min<uint64_t>(
      members_.size(), state_.chunks_done() * kChunkMembers));
  if ((table_bytes_ += bytes.size()) <= tools_.table_bytes || holds_all()) {
    tables_[chunk] = std::move(result);
  }
  return absl::OkStatus();
}

bool RefreshJob::holds_all() const {
  return request_.hard_seats() || request_.fixed_pairs_size() > 0;
}

absl::StatusOr<v1::RefreshChunk> RefreshJob::GetChunk(uint32_t chunk) const {
  absl::MutexLock lock(&mutex_);
  if (!accepting_ || chunk >= chunks_->chunks()) {
    return absl::NotFoundError("chunk: not wanted");
  }
  v1::RefreshChunk out;
  for (const std::string& id : MembersOfChunk(chunk)) out.add_profile_ids(id);
  *out.mutable_kinds() = state_.kinds();
  out.set_slate_size(state_.slate_size());
  *out.mutable_ranking_arms() = state_.ranking_arms();
  out.set_min_revision(view_.revision);
  out.set_done(chunks_->Has(chunk));
  return out;
}

absl::StatusOr<bool> RefreshJob::Submit(uint32_t chunk,
                                        absl::string_view bytes) {
  {
    absl::MutexLock lock(&mutex_);
    if (!accepting_ || chunk >= chunks_->chunks()) {
      return absl::NotFoundError("chunk: not wanted");
    }
  }
  absl::StatusOr<ChunkResult> result =
      DecodeChunk(bytes, view_.members, MembersOfChunk(chunk).size(),
                  static_cast<size_t>(state().kinds_size()));
  if (!result.ok()) return InvalidField("result", "not of this chunk");
  if (result->last_revision < view_.revision) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "STALE_CHUNK",
                     "the chunk rests on an older record");
  }
  MITRA_RETURN_IF_ERROR(
      Keep(chunk, *std::move(result), bytes, /*from_other=*/true));
  return chunks_->count() == chunks_->chunks();
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

namespace {

std::vector<v1::RecommendationKind> KindsOf(const v1::Refresh& refresh) {
  std::vector<v1::RecommendationKind> kinds;
  for (const int kind : refresh.kinds()) {
    kinds.push_back(static_cast<v1::RecommendationKind>(kind));
  }
  return kinds;
}

std::vector<const v1::FixedPair*> PointersTo(
    absl::Span<const v1::FixedPair> pairs) {
  std::vector<const v1::FixedPair*> pointers;
  for (const v1::FixedPair& pair : pairs) pointers.push_back(&pair);
  return pointers;
}

// Those of one chunk.
absl::Span<const PairEdit> EditsOfChunk(absl::Span<const PairEdit> edits,
                                        uint32_t chunk) {
  const auto number = [](const PairEdit& edit, size_t first) {
    return edit.number < first;
  };
  const auto begin = std::lower_bound(edits.begin(), edits.end(),
                                      chunk * kChunkMembers, number);
  const auto end =
      std::lower_bound(begin, edits.end(), (chunk + 1) * kChunkMembers, number);
  return edits.subspan(static_cast<size_t>(begin - edits.begin()),
                       static_cast<size_t>(end - begin));
}

}  // namespace

absl::StatusOr<ScorePair> RefreshJob::ScorerOf(const MatchingView& view) const {
  MITRA_ASSIGN_OR_RETURN(ChunkPlan plan, PlanOf(tools_, state()));
  return ScorePair([this, &view, plan = std::move(plan)](
                       uint32_t number, uint32_t kind, MemberIndex candidate) {
    return tools_.worker->ScorePair(view, members_[number], *plan.kinds[kind],
                                    candidate, plan);
  });
}

// What was settled beforehand; who has left, or may not be shown any more, is
// left out.
absl::Status RefreshJob::ApplyFixedPairs() {
  const v1::Refresh now = state();
  if (now.fixed_pairs().empty()) return absl::OkStatus();
  const std::vector<v1::FixedPair> pairs(now.fixed_pairs().begin(),
                                         now.fixed_pairs().end());
  MITRA_ASSIGN_OR_RETURN(
      const std::vector<PairEdit> edits,
      ResolvePairs(PointersTo(pairs), members_, KindsOf(now), view_.members,
                   /*strict=*/false));
  MITRA_ASSIGN_OR_RETURN(const ScorePair score, ScorerOf(view_));
  for (uint32_t chunk = 0; chunk < tables_.size(); ++chunk) {
    const auto own = EditsOfChunk(edits, chunk);
    if (own.empty()) continue;
    MITRA_RETURN_IF_ERROR(
        EditChunk(own, static_cast<uint32_t>(chunk * kChunkMembers), score,
                  /*strict=*/false, tables_[chunk]));
  }
  return absl::OkStatus();
}

absl::Status RefreshJob::Edit(absl::Span<const v1::FixedPair> pairs) {
  if (members_.empty()) {
    MITRA_ASSIGN_OR_RETURN(members_, folder_.ReadMembers());
  }
  const MatchingView view = tools_.views();
  const v1::Refresh now = state();
  MITRA_ASSIGN_OR_RETURN(const std::vector<PairEdit> edits,
                         ResolvePairs(PointersTo(pairs), members_, KindsOf(now),
                                      view.members, /*strict=*/true));
  MITRA_ASSIGN_OR_RETURN(
      const auto slates,
      folder_.OpenSlates(static_cast<uint32_t>(
          (members_.size() + kChunkMembers - 1) / kChunkMembers)));
  MITRA_ASSIGN_OR_RETURN(const ScorePair score, ScorerOf(view));
  std::vector<std::pair<uint32_t, std::string>> changed;
  for (uint32_t chunk = 0; chunk < slates->chunks(); ++chunk) {
    const auto own = EditsOfChunk(edits, chunk);
    if (own.empty()) continue;
    MITRA_ASSIGN_OR_RETURN(const std::string bytes, slates->Read(chunk));
    MITRA_ASSIGN_OR_RETURN(
        ChunkResult result,
        DecodeChunk(bytes, view.members, MembersOfChunk(chunk).size(),
                    static_cast<size_t>(now.kinds_size())));
    MITRA_RETURN_IF_ERROR(
        EditChunk(own, static_cast<uint32_t>(chunk * kChunkMembers), score,
                  /*strict=*/true, result));
    changed.emplace_back(chunk, EncodeChunk(result, view.members));
  }
  for (const auto& [chunk, bytes] : changed) {
    MITRA_RETURN_IF_ERROR(slates->Replace(chunk, bytes));
  }
  MITRA_RETURN_IF_ERROR(slates->Sync());
  Update([&](v1::Refresh& state) {
    for (const v1::FixedPair& pair : pairs) *state.add_fixed_pairs() = pair;
  });
  return absl::OkStatus();
}

}  // namespace mitra::matching
