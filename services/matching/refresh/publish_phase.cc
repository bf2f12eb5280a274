// The last phase of a refresh: slates go to the cache, then their epoch becomes
// the current one.

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/thread_priority.h"
#include "common/observability/log.h"
#include "common/redis/keys.h"
#include "common/redis/tasks.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/refresh/refresh_job.h"

namespace mitra::matching {
namespace {

constexpr absl::Duration kRedisTimeout = absl::Seconds(5);
constexpr absl::Duration kRetryPause = absl::Milliseconds(200);
// Epochs whose slates are still served where a newer one has none.
constexpr size_t kEpochsServed = 8;
// How often everything is written anew because Redis has lost it.
constexpr int kRounds = 5;

// Counts writes that are under way.
class Writes {
 public:
  ~Writes() { (void)Wait(); }
  void Begin() {
    absl::MutexLock lock(&mutex_);
    ++under_way_;
  }
  void End(bool ok) {
    absl::MutexLock lock(&mutex_);
    --under_way_;
    failed_ = failed_ || !ok;
  }
  // True if all went well.
  bool Wait() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](int* count) { return *count == 0; }, &under_way_));
    return !failed_;
  }

 private:
  absl::Mutex mutex_;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
};

absl::Status Away() {
  return MakeError(absl::StatusCode::kUnavailable, "CACHE_UNAVAILABLE",
                   "Redis did not take the slates");
}

// Longer than any slate, at random a tenth less: where memory is short Redis
// lets go what ends first, and an older epoch that makes room is no loss.
constexpr absl::Duration kMarkTtl = absl::Hours(60);
static_assert(absl::Hours(54) > redis::kPublishedSlates.ttl);

// A value that is there as long as Redis has not lost what was written after
// it.
std::string MarkKey(uint64_t epoch) {
  return redis::EpochKey(absl::StrCat("mark-", epoch));
}

absl::Status WriteMark(redis::Client& redis, uint64_t epoch) {
  return rpc::SyncWait(redis::SetWithTtl(redis, MarkKey(epoch), "1", kMarkTtl,
                                         absl::Now() + kRedisTimeout));
}

absl::StatusOr<bool> HasMark(redis::Client& redis, uint64_t epoch) {
  MITRA_ASSIGN_OR_RETURN(
      const std::optional<std::string> mark,
      rpc::SyncWait(
          redis::Get(redis, MarkKey(epoch), absl::Now() + kRedisTimeout)));
  return mark.has_value();
}

}  // namespace

// Writes the slates of one chunk and waits for them.
absl::Status RefreshJob::WriteChunk(const MatchingView& view,
                                    const ChunkLog& slates, uint32_t chunk) {
  const v1::Refresh now = state();
  MITRA_ASSIGN_OR_RETURN(const std::string bytes, slates.Read(chunk));
  MITRA_ASSIGN_OR_RETURN(const RankingArms arms, ArmsOf(tools_, now));
  const auto ids = MembersOfChunk(chunk);
  MITRA_ASSIGN_OR_RETURN(const ChunkResult result,
                         DecodeChunk(bytes, view.members, ids.size(),
                                     static_cast<size_t>(now.kinds_size())));
  Writes writes;
  for (size_t i = 0; i < ids.size(); ++i) {
    GiveWay();
    Subject subject;
    subject.index = view.members.Find(ids[i]);
    if (subject.index == kNoMember) continue;
    subject.member = &view.members.at(subject.index);
    // One that has changed meanwhile gets its slate when it asks.
    if (subject.member->revision != result.subject_revisions[i]) continue;
    for (int k = 0; k < now.kinds_size(); ++k) {
      const CandidateLists& lists = result.kinds[static_cast<size_t>(k)];
      Ranking ranking;
      ranking.revision = result.first_revision;
      ranking.missing = static_cast<uint8_t>(lists.flags[i] >> kMissingShift);
      ranking.exhausted = (lists.flags[i] & kListExhausted) != 0;
      for (const MarketCandidate& row : lists.of(i)) {
        ranking.items.push_back(RankedOf(view.members, row));
      }
      std::shared_ptr<Slate> slate = tools_.slates->MakeSlate(
          view, subject, ranking, ranking.items.size());
      slate->published = true;
      SlateRequest request;
      request.kind = FindKind(now.kinds(k));
      request.profile = &arms.Of(ids[i]);
      request.parameters = DefaultParameters();
      const std::string key =
          tools_.slates->KeyOf(view, ids[i], request, now.epoch());
      if (tools_.redis == nullptr) {
        tools_.slates->cache().Publish(key, std::move(slate), [](bool) {});
        continue;
      }
      writes.Begin();
      // Nobody else writes under this epoch before it is current.
      tools_.redis->SetWithTtl(
          key, redis::EncodeVersioned(slate->revision, EncodeSlate(*slate)),
          redis::kPublishedSlates.ttl, absl::Now() + kRedisTimeout,
          [&writes](absl::Status status) { writes.End(status.ok()); });
    }
  }
  if (!writes.Wait()) return Away();
  absl::MutexLock lock(&mutex_);
  state_.set_members_done(
      std::min<uint64_t>(members_.size(), state_.members_done() + ids.size()));
  return absl::OkStatus();
}

absl::Status RefreshJob::WriteSlates(const MatchingView& view) {
  const auto chunks = static_cast<uint32_t>(
      (members_.size() + kChunkMembers - 1) / kChunkMembers);
  MITRA_ASSIGN_OR_RETURN(const auto slates, folder_.OpenSlates(chunks));
  if (slates->count() != chunks) {
    return absl::DataLossError("refresh: slates are missing");
  }
  std::atomic<uint32_t> next{0};
  const absl::Time give_up = absl::Now() + tools_.patience;
  const auto work = [&] {
    for (uint32_t chunk = next++; chunk < chunks && failure().ok();
         chunk = next++) {
      absl::Status written = WriteChunk(view, *slates, chunk);
      while (absl::IsUnavailable(written) && absl::Now() < give_up &&
             Pause(kRetryPause)) {
        written = WriteChunk(view, *slates, chunk);
      }
      if (!written.ok()) Fail(written);
      if (stop_) Fail(absl::CancelledError("stopped"));
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < tools_.threads; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return failure();
}

absl::Status RefreshJob::FlipEpoch(uint64_t order,
                                   const std::atomic<bool>* lost) {
  const MatchingView view = tools_.views();
  const absl::Time give_up = absl::Now() + tools_.patience;
  while (true) {
    if (lost != nullptr && *lost) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "LEASE_LOST",
                       "another process runs refreshes now");
    }
    const v1::Refresh now = state();
    EpochState next = tools_.keeper->current();
    next.order = order;
    for (const int number : now.kinds()) {
      EpochState::Kind& kind =
          next.kinds[static_cast<v1::RecommendationKind>(number)];
      // A part is served before the whole that it renews.
      if (everybody()) kind.epochs.clear();
      kind.epochs.insert(kind.epochs.begin(), now.epoch());
      if (kind.epochs.size() > kEpochsServed) {
        kind.epochs.resize(kEpochsServed);
      }
      if (everybody()) kind.prices = now.epoch();
    }
    const absl::Status flipped = tools_.keeper->Flip(next, view.members);
    const bool again =
        absl::IsUnavailable(flipped) || absl::IsDeadlineExceeded(flipped);
    if (!again || absl::Now() > give_up || !Pause(kRetryPause)) return flipped;
  }
}

absl::Status RefreshJob::Publish(uint64_t order,
                                 const std::atomic<bool>* lost) {
  if (members_.empty()) {
    MITRA_ASSIGN_OR_RETURN(members_, folder_.ReadMembers());
  }
  {
    absl::MutexLock lock(&mutex_);
    failure_ = absl::OkStatus();
  }
  for (int round = 0; round < kRounds; ++round) {
    EnterPhase("publish");
    const MatchingView view = tools_.views();
    if (tools_.redis == nullptr) {
      MITRA_RETURN_IF_ERROR(WriteSlates(view));
      LeavePhase();
      return FlipEpoch(order, lost);
    }
    const uint64_t epoch = state().epoch();
    const absl::Time give_up = absl::Now() + tools_.patience;
    while (!WriteMark(*tools_.redis, epoch).ok()) {
      if (absl::Now() > give_up) return Away();
      if (!Pause(kRetryPause)) return absl::CancelledError("stopped");
    }
    MITRA_RETURN_IF_ERROR(WriteSlates(view));
    absl::StatusOr<bool> complete = HasMark(*tools_.redis, epoch);
    while (!complete.ok() && absl::Now() < give_up && Pause(kRetryPause)) {
      complete = HasMark(*tools_.redis, epoch);
    }
    if (!complete.ok()) return Away();
    if (*complete) {
      LeavePhase();
      return FlipEpoch(order, lost);
    }
    LogInfo("Redis has lost slates; they are written again",
            {{"epoch", absl::StrCat(epoch)}});
  }
  return Away();
}

}  // namespace mitra::matching
