#include "services/profile/ingest/import_session.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "common/observability/metrics.h"
#include "common/status/errors.h"
#include "services/profile/ingest/commit.h"
#include "services/profile/ingest/engagement_history.h"
#include "services/profile/ingest/evidence_records.h"
#include "services/profile/ingest/profile_records.h"
#include "services/profile/ingest/relation_puts.h"

namespace mitra::profile {
namespace {

constexpr size_t kMaxResultsAtOnce = 1000;

Counter& RowsWith(absl::string_view verdict) {
  return Metrics().GetCounter("mitra_import_rows_total",
                              "Rows of imports by verdict.",
                              {{"verdict", std::string(verdict)}});
}

// Details that are larger are not repeated to the sender.
constexpr int kMaxDetailBytes = 2000;

// Why a row that its sender could not read is refused.
absl::Status WhyUnreadable(const google::rpc::Status& told) {
  constexpr int kLastCode =
      static_cast<int>(absl::StatusCode::kUnauthenticated);
  if (told.code() < 1 || told.code() > kLastCode) {
    return InvalidField("unreadable.code", "must be that of an error");
  }
  if (told.ByteSizeLong() <= kMaxDetailBytes) return FromRpcStatus(told);
  return absl::Status(static_cast<absl::StatusCode>(told.code()),
                      CutUtf8(told.message(), kMaxDetailBytes));
}

void Count(const std::vector<v1::RowResult>& results) {
  static Counter& stored = RowsWith("stored");
  static Counter& unchanged = RowsWith("unchanged");
  static Counter& rejected = RowsWith("rejected");
  for (const v1::RowResult& row : results) {
    (row.verdict() == v1::ROW_VERDICT_REJECTED    ? rejected
     : row.verdict() == v1::ROW_VERDICT_UNCHANGED ? unchanged
                                                  : stored)
        .Increment();
  }
}

}  // namespace

struct ImportSession::Row {
  v1::ImportRequest request;
  size_t bytes = 0;
};

struct ImportSession::Chunk {
  std::vector<v1::ImportRequest> rows;
  size_t bytes = 0;
  std::vector<v1::RowResult> results;
  WriteBatch batch;
  std::vector<size_t> rows_of_operations;
  bool prepared = false;
  bool submitted = false;
  bool done = false;
};

struct ImportSession::State : std::enable_shared_from_this<State> {
  using ChunkPtr = std::shared_ptr<Chunk>;

  State(RecordStore& record, const ProfileIngest& profile_ingest,
        rpc::Executor& pool, const Clock& time, const Redirects& merged,
        Options limits)
      : store(record),
        ingest(profile_ingest),
        executor(pool),
        clock(time),
        redirects(merged),
        options(limits) {}

  RecordStore& store;
  const ProfileIngest& ingest;
  rpc::Executor& executor;
  const Clock& clock;
  const Redirects& redirects;
  const Options options;
  Authority authority;
  absl::Time deadline;

  absl::Mutex mutex;
  std::deque<Row> incoming ABSL_GUARDED_BY(mutex);
  std::deque<ChunkPtr> chunks ABSL_GUARDED_BY(mutex);  // in order of rows
  std::vector<v1::RowResult> outgoing ABSL_GUARDED_BY(mutex);
  size_t rows_in_flight ABSL_GUARDED_BY(mutex) = 0;
  size_t bytes_in_flight ABSL_GUARDED_BY(mutex) = 0;
  int preparing ABSL_GUARDED_BY(mutex) = 0;
  bool submitting ABSL_GUARDED_BY(mutex) = false;
  bool finished ABSL_GUARDED_BY(mutex) = false;
  uint64_t revision ABSL_GUARDED_BY(mutex) = 0;
  std::function<void(bool)> adder ABSL_GUARDED_BY(mutex);
  std::function<void(bool)> taker ABSL_GUARDED_BY(mutex);

  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return rows_in_flight < options.max_rows_in_flight &&
           bytes_in_flight < options.max_bytes_in_flight;
  }
  bool HasResult() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return !outgoing.empty() ||
           (finished && incoming.empty() && chunks.empty());
  }

  // Lets the executor prepare what waits.
  void StartPreparing() {
    for (;;) {
      ChunkPtr chunk;
      {
        absl::MutexLock lock(&mutex);
        if (incoming.empty() || preparing >= options.max_preparing) return;
        chunk = std::make_shared<Chunk>();
        while (!incoming.empty() &&
               chunk->rows.size() < options.max_chunk_rows) {
          chunk->bytes += incoming.front().bytes;
          chunk->rows.push_back(std::move(incoming.front().request));
          incoming.pop_front();
        }
        chunks.push_back(chunk);
        ++preparing;
      }
      const auto work = [self = shared_from_this(), chunk] {
        self->Prepare(*chunk);
        self->SubmitInOrder(*chunk);
        self->StartPreparing();
      };
      // A full pool: this thread does it, which slows the sender.
      if (!executor.TrySchedule(work)) work();
    }
  }

  void Prepare(Chunk& chunk);
  void PrepareProfile(Chunk& chunk, size_t i, const Entity* stored);
  void PrepareOther(Chunk& chunk, size_t i);
  void SubmitInOrder(Chunk& prepared);
  void Submit(const ChunkPtr& chunk);
  void Done(const ChunkPtr& chunk, absl::StatusOr<CommitResult> result);
};

void ImportSession::State::PrepareProfile(Chunk& chunk, size_t i,
                                          const Entity* stored) {
  v1::RowResult& result = chunk.results[i];
  v1::Profile& profile = *chunk.rows[i].mutable_profile();
  auto expected =
      DecodeEtag("profile.etag", store.info().incarnation, profile.etag());
  absl::Status status = ingest.Validate(profile, FieldPath("profile"));
  if (status.ok()) status = expected.status();
  if (status.ok()) status = redirects.CheckFree(store, profile.profile_id());
  if (!status.ok()) return SetRejected(status, result);
  if (chunk.rows[i].validate_only()) {
    return result.set_verdict(v1::ROW_VERDICT_UNCHANGED);
  }
  Put put = ingest.Prepare(std::move(profile), chunk.batch.time, stored);
  put.expected_revision = *expected;
  chunk.batch.Add(std::move(put));
  chunk.rows_of_operations.push_back(i);
}

void ImportSession::State::PrepareOther(Chunk& chunk, size_t i) {
  v1::RowResult& result = chunk.results[i];
  v1::ImportRequest& row = chunk.rows[i];
  absl::StatusOr<Put> put(Put{});
  if (row.has_evidence()) {
    put = PrepareEvidence(std::move(*row.mutable_evidence()),
                          FieldPath("evidence"), chunk.batch.time);
    absl::Status followed = put.ok() ? redirects.Follow(*put) : put.status();
    if (!followed.ok()) put = std::move(followed);
  } else if (row.has_consent()) {
    redirects.Resolve(*row.mutable_consent()->mutable_profile_id());
    put =
        PrepareConsent(std::move(*row.mutable_consent()), FieldPath("consent"));
  } else if (row.has_block()) {
    redirects.Resolve(*row.mutable_block()->mutable_blocker_id());
    redirects.Resolve(*row.mutable_block()->mutable_blocked_id());
    put = PrepareBlock(std::move(*row.mutable_block()), FieldPath("block"));
  } else if (row.has_engagement()) {
    redirects.Resolve(*row.mutable_engagement()->mutable_seeker_id());
    redirects.Resolve(*row.mutable_engagement()->mutable_provider_id());
    put = PrepareHistory(std::move(*row.mutable_engagement()),
                         FieldPath("engagement"), chunk.batch.time);
  } else {
    put = InvalidField("record", "is required");
  }
  if (!put.ok()) return SetRejected(put.status(), result);
  result.set_id(put->key);
  if (chunk.rows[i].validate_only()) {
    return result.set_verdict(v1::ROW_VERDICT_UNCHANGED);
  }
  chunk.batch.Add(*std::move(put));
  chunk.rows_of_operations.push_back(i);
}

void ImportSession::State::Prepare(Chunk& chunk) {
  chunk.batch.authority = authority;
  chunk.batch.deadline = deadline;
  chunk.batch.time = clock.Now();
  chunk.results.resize(chunk.rows.size());
  chunk.batch.operations.reserve(chunk.rows.size());
  std::vector<std::string> ids;
  for (size_t i = 0; i < chunk.rows.size(); ++i) {
    const v1::ImportRequest& row = chunk.rows[i];
    chunk.results[i].set_row(row.row());
    const std::string& id = row.has_profile() ? row.profile().profile_id()
                                              : row.evidence().evidence_id();
    chunk.results[i].set_id(CutUtf8(id, 64));
    if (row.has_profile()) ids.push_back(id);
  }
  // Only a help: what cannot be read is embedded anew.
  auto stored = store.GetMany(EntityType::kProfile, ids);
  size_t next = 0;
  for (size_t i = 0; i < chunk.rows.size(); ++i) {
    const v1::ImportRequest& row = chunk.rows[i];
    if (row.has_unreadable() || row.rows_size() > 0) {
      SetRejected(row.has_unreadable()
                      ? WhyUnreadable(row.unreadable())
                      : InvalidField("rows", "must have no rows of their own"),
                  chunk.results[i]);
      if (row.has_profile()) ++next;
    } else if (row.has_profile()) {
      const size_t at = next++;
      const bool found = stored.ok() && (*stored)[at].has_value();
      PrepareProfile(chunk, i, found ? &*(*stored)[at] : nullptr);
    } else {
      PrepareOther(chunk, i);
    }
  }
}

void ImportSession::State::SubmitInOrder(Chunk& prepared) {
  mutex.Lock();
  prepared.prepared = true;
  --preparing;
  if (submitting) {
    mutex.Unlock();
    return;
  }
  submitting = true;
  for (;;) {
    const auto next =
        std::find_if(chunks.begin(), chunks.end(),
                     [](const ChunkPtr& chunk) { return !chunk->submitted; });
    if (next == chunks.end() || !(*next)->prepared) break;
    const ChunkPtr chunk = *next;
    chunk->submitted = true;
    mutex.Unlock();
    Submit(chunk);
    mutex.Lock();
  }
  submitting = false;
  mutex.Unlock();
}

void ImportSession::State::Submit(const ChunkPtr& chunk) {
  if (chunk->batch.operations.empty()) return Done(chunk, CommitResult());
  store.Commit(
      std::move(chunk->batch),
      [self = shared_from_this(), chunk](absl::StatusOr<CommitResult> result) {
        self->Done(chunk, std::move(result));
      });
}

void ImportSession::State::Done(const ChunkPtr& chunk,
                                absl::StatusOr<CommitResult> result) {
  for (size_t k = 0; k < chunk->rows_of_operations.size(); ++k) {
    v1::RowResult& row = chunk->results[chunk->rows_of_operations[k]];
    if (result.ok()) {
      SetRowResult(result->results[k], row);
    } else {
      SetRejected(result.status(), row);
    }
  }
  Count(chunk->results);
  std::function<void(bool)> wake_adder;
  std::function<void(bool)> wake_taker;
  {
    absl::MutexLock lock(&mutex);
    chunk->done = true;
    if (result.ok()) revision = std::max(revision, result->revision);
    while (!chunks.empty() && chunks.front()->done) {
      Chunk& front = *chunks.front();
      std::move(front.results.begin(), front.results.end(),
                std::back_inserter(outgoing));
      bytes_in_flight -= front.bytes;
      chunks.pop_front();
    }
    if (HasRoom()) wake_adder = std::exchange(adder, nullptr);
    if (HasResult()) wake_taker = std::exchange(taker, nullptr);
  }
  if (wake_taker) wake_taker(true);
  if (wake_adder) wake_adder(true);
}

ImportSession::ImportSession(const rpc::CallContext& call, RecordStore& store,
                             const ProfileIngest& ingest,
                             rpc::Executor& executor, const Clock& clock,
                             const Redirects& redirects, Options options)
    : state_(std::make_shared<State>(store, ingest, executor, clock, redirects,
                                     options)) {
  const WriteBatch batch = BatchFor(call, clock.Now());
  state_->authority = batch.authority;
  state_->deadline = batch.deadline;
}

std::vector<ImportSession::Row> ImportSession::RowsOf(
    v1::ImportRequest message) {
  const size_t bytes = message.ByteSizeLong();
  google::protobuf::RepeatedPtrField<v1::ImportRequest> more;
  more.Swap(message.mutable_rows());
  std::vector<Row> rows;
  rows.reserve(more.size() + 1);
  const bool alone =
      message.record_case() != v1::ImportRequest::RECORD_NOT_SET ||
      message.has_unreadable() || more.empty();
  if (alone) rows.push_back({std::move(message), 0});
  for (v1::ImportRequest& row : more) {
    rows.emplace_back();
    rows.back().request.Swap(&row);
  }
  for (Row& row : rows) row.bytes = bytes / rows.size();
  return rows;
}

rpc::Task<void> ImportSession::Add(v1::ImportRequest message) {
  State& state = *state_;
  bool room = false;
  {
    std::vector<Row> rows = RowsOf(std::move(message));
    absl::MutexLock lock(&state.mutex);
    for (Row& row : rows) {
      ++state.rows_in_flight;
      state.bytes_in_flight += row.bytes;
      state.incoming.push_back(std::move(row));
    }
    room = state.HasRoom();
  }
  state.StartPreparing();
  if (room) co_return;
  const auto start = [&state](std::function<void(bool)> done) {
    {
      absl::MutexLock lock(&state.mutex);
      if (!state.HasRoom()) {
        state.adder = std::move(done);
        return;
      }
    }
    done(true);
  };
  (void)co_await rpc::Callback<bool>(start);
}

void ImportSession::Finish() {
  std::function<void(bool)> wake;
  {
    absl::MutexLock lock(&state_->mutex);
    state_->finished = true;
    if (state_->HasResult()) wake = std::exchange(state_->taker, nullptr);
  }
  if (wake) wake(true);
}

rpc::Task<std::vector<v1::RowResult>> ImportSession::Next() {
  State& state = *state_;
  const auto start = [&state](std::function<void(bool)> done) {
    {
      absl::MutexLock lock(&state.mutex);
      if (!state.HasResult()) {
        state.taker = std::move(done);
        return;
      }
    }
    done(true);
  };
  (void)co_await rpc::Callback<bool>(start);
  std::vector<v1::RowResult> results;
  std::function<void(bool)> wake;
  {
    absl::MutexLock lock(&state.mutex);
    const size_t count = std::min(state.outgoing.size(), kMaxResultsAtOnce);
    results.assign(std::make_move_iterator(state.outgoing.begin()),
                   std::make_move_iterator(state.outgoing.begin() + count));
    state.outgoing.erase(state.outgoing.begin(),
                         state.outgoing.begin() + count);
    // Verdicts that nobody takes hold the sender up as well.
    state.rows_in_flight -= count;
    if (state.HasRoom()) wake = std::exchange(state.adder, nullptr);
  }
  if (wake) wake(true);
  co_return results;
}

uint64_t ImportSession::revision() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->revision;
}

}  // namespace mitra::profile
