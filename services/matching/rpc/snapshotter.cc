#include "services/matching/rpc/snapshotter.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::matching {
namespace {

constexpr absl::Duration kRest = absl::Seconds(5);
constexpr absl::Duration kLeastPause = absl::Seconds(10);

}  // namespace

Snapshotter::Snapshotter(const MatchingState& state,
                         const std::string& directory, absl::Duration interval,
                         std::function<absl::Time()> clock)
    : state_(state),
      path_(directory.empty() ? "" : directory + "/matching.snapshot"),
      interval_(interval),
      clock_(std::move(clock)),
      last_time_(clock_()),
      seen_since_(last_time_) {}

Snapshotter::Result Snapshotter::Save() {
  if (path_.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_DATA_DIR",
                     "data_dir: none is configured");
  }
  const absl::Time begin = clock_();
  MITRA_RETURN_IF_ERROR(state_.Save(path_));
  v1::WriteSnapshotResponse response;
  response.set_revision(state_.position().watermark);
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path_, error);
  response.set_bytes(error ? 0 : bytes);
  last_time_ = clock_();
  last_took_ = last_time_ - begin;
  last_revision_ = response.revision();
  return response;
}

bool Snapshotter::Due(uint64_t revision) {
  const absl::Time now = clock_();
  if (revision != seen_revision_) seen_since_ = now;
  seen_revision_ = revision;
  if (path_.empty() || revision == last_revision_) return false;
  const absl::Duration since = now - last_time_;
  return since >= interval_ ||
         (now - seen_since_ >= kRest &&
          since >= std::max(kLeastPause, 20 * last_took_));
}

void Snapshotter::OnCommit(const CommitSummary& summary) {
  std::vector<std::function<void(Result)>> asked;
  {
    absl::MutexLock lock(&mutex_);
    asked = std::move(asked_);
    asked_.clear();
  }
  const bool due = Due(summary.revision);
  if (asked.empty() && !due) return;
  const Result result = Save();
  for (auto& done : asked) done(result);
}

absl::Status Snapshotter::SaveNow() {
  // Nothing was ever followed: what may lie there is still the best there is.
  if (path_.empty() || state_.position().record_incarnation == 0) {
    return absl::OkStatus();
  }
  return Save().status();
}

rpc::Task<Snapshotter::Result> Snapshotter::Write() {
  if (path_.empty()) co_return Save();
  auto start = [this](std::function<void(Result)> done) {
    absl::MutexLock lock(&mutex_);
    asked_.push_back(std::move(done));
  };
  co_return co_await rpc::Callback<Result>(start);
}

}  // namespace mitra::matching
