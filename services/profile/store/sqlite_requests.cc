#include "services/profile/store/sqlite_requests.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/profile/store/request_outcome.h"

namespace mitra::profile {
namespace {

constexpr absl::Duration kRequestLife = absl::Hours(24);

}  // namespace

absl::Status SqliteRequests::Prepare(Connection& connection) {
  find_ = connection.Prepare(
      "SELECT body_hash, outcome FROM requests WHERE credential = ? AND "
      "method = ? AND request_id = ? AND time_ms > ?");
  insert_ = connection.Prepare(
      "INSERT OR REPLACE INTO requests(credential, method, request_id, "
      "body_hash, outcome, time_ms) VALUES(?, ?, ?, ?, ?, ?)");
  forget_ = connection.Prepare(
      "DELETE FROM requests WHERE (credential, method, request_id) IN "
      "(SELECT credential, method, request_id FROM requests "
      "WHERE time_ms <= ? ORDER BY time_ms LIMIT 256)");
  for (const Statement* statement : {&find_, &insert_, &forget_}) {
    MITRA_RETURN_IF_ERROR(statement->status());
  }
  return absl::OkStatus();
}

absl::Status SqliteRequests::Find(const WriteBatch& batch,
                                  absl::StatusOr<CommitResult>& result,
                                  bool& found) {
  const RequestKey& key = *batch.request;
  StatementScope scope(find_);
  find_.BindText(1, key.credential)
      .BindText(2, key.method)
      .BindText(3, key.request_id)
      .Bind(4, absl::ToUnixMillis(batch.time - kRequestLife));
  MITRA_ASSIGN_OR_RETURN(found, find_.Step());
  if (!found) return absl::OkStatus();
  if (find_.Bytes(0) != key.body_hash) {
    result = MakeError(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
                       "request_id: was used with another request");
    return absl::OkStatus();
  }
  std::optional<CommitResult> first = DecodeOutcome(find_.Bytes(1));
  if (!first) {
    found = false;
    return absl::OkStatus();
  }
  result = *std::move(first);
  return absl::OkStatus();
}

absl::Status SqliteRequests::Store(const WriteBatch& batch,
                                   const CommitResult& result) {
  // What stored nothing may be tried again.
  const bool useless = std::all_of(
      result.results.begin(), result.results.end(),
      [](const OperationResult& r) { return r.outcome == Outcome::kRefused; });
  if (useless) return absl::OkStatus();
  const RequestKey& key = *batch.request;
  const std::string outcome = EncodeOutcome(result);
  return insert_.BindText(1, key.credential)
      .BindText(2, key.method)
      .BindText(3, key.request_id)
      .Bind(4, key.body_hash)
      .Bind(5, outcome)
      .Bind(6, absl::ToUnixMillis(batch.time))
      .Run();
}

absl::Status SqliteRequests::ForgetOld(absl::Time now) {
  if (now < last_forgetting_ + absl::Seconds(10)) return absl::OkStatus();
  last_forgetting_ = now;
  return forget_.Bind(1, absl::ToUnixMillis(now - kRequestLife)).Run();
}

}  // namespace mitra::profile
