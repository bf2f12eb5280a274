// The first phase of a refresh: the candidates of chunks of members are found,
// by the threads here and by any process that helps, and go to the ledger.

#include <algorithm>
#include <thread>
#include <utility>

#include "common/observability/log.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/refresh/refresh_job.h"

namespace mitra::matching {
namespace {

constexpr absl::Duration kRetryPause = absl::Milliseconds(200);

}  // namespace

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

}  // namespace mitra::matching
