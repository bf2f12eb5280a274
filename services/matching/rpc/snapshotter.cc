#include "services/matching/rpc/snapshotter.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::matching {

Snapshotter::Snapshotter(const MatchingState& state,
                         const std::string& directory, absl::Duration interval)
    : state_(state),
      path_(directory.empty() ? "" : directory + "/matching.snapshot"),
      interval_(interval) {}

Snapshotter::Result Snapshotter::Save() {
  if (path_.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_DATA_DIR",
                     "data_dir: none is configured");
  }
  MITRA_RETURN_IF_ERROR(state_.Save(path_));
  v1::WriteSnapshotResponse response;
  response.set_revision(state_.position().watermark);
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path_, error);
  response.set_bytes(error ? 0 : bytes);
  last_time_ = absl::Now();
  last_revision_ = response.revision();
  return response;
}

void Snapshotter::OnCommit(const CommitSummary& summary) {
  std::vector<std::function<void(Result)>> asked;
  {
    absl::MutexLock lock(&mutex_);
    asked = std::move(asked_);
    asked_.clear();
  }
  const bool due = !path_.empty() && absl::Now() - last_time_ >= interval_ &&
                   summary.revision != last_revision_;
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
