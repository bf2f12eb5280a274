#include "services/profile/ingest/expiry_sweeper.h"

#include <future>
#include <utility>
#include <vector>

#include "common/observability/log.h"
#include "common/status/status_macros.h"

namespace mitra::profile {
namespace {

constexpr size_t kAtOnce = 500;

absl::StatusOr<CommitResult> CommitAndWait(RecordStore& store,
                                           WriteBatch batch) {
  std::promise<absl::StatusOr<CommitResult>> answer;
  store.Commit(std::move(batch), [&](absl::StatusOr<CommitResult> result) {
    answer.set_value(std::move(result));
  });
  return answer.get_future().get();
}

}  // namespace

ExpirySweeper::ExpirySweeper(RecordStore& store, const ProfileIngest& ingest,
                             const Clock& clock, EngagementRules rules)
    : store_(store), ingest_(ingest), clock_(clock), rules_(rules) {}

ExpirySweeper::~ExpirySweeper() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<size_t> ExpirySweeper::Sweep() {
  const absl::Time now = clock_.Now();
  size_t changed = 0;
  // What cannot be changed now stays due; it must not keep the rest waiting.
  size_t stuck = 0;
  for (;;) {
    MITRA_ASSIGN_OR_RETURN(const std::vector<Entity> due,
                           store_.ReadExpired(now, kAtOnce + stuck));
    if (due.size() <= stuck) return changed;
    WriteBatch batch;
    batch.authority.all_members = true;
    batch.time = now;
    for (const Entity& entity : due) {
      if (entity.type == EntityType::kEngagement) {
        batch.Add(ExpireEngagement(entity.key, rules_, now));
        continue;
      }
      absl::StatusOr<Put> put = ingest_.Rederive(entity, now);
      if (put.ok()) batch.Add(*std::move(put));
    }
    size_t committed = 0;
    if (!batch.operations.empty()) {
      MITRA_ASSIGN_OR_RETURN(const CommitResult result,
                             CommitAndWait(store_, std::move(batch)));
      for (const OperationResult& r : result.results)
        committed += r.status.ok();
    }
    if (committed == 0) return changed;
    changed += committed;
    stuck = due.size() - committed;
  }
}

void ExpirySweeper::Start(absl::Duration period) {
  thread_ = std::thread([this, period] { Run(period); });
}

void ExpirySweeper::Run(absl::Duration period) {
  for (;;) {
    const absl::StatusOr<size_t> changed = Sweep();
    if (!changed.ok()) {
      LogWarning("expiry: sweep failed",
                 {{"error", changed.status().message()}});
    }
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), period)) return;
  }
}

}  // namespace mitra::profile
