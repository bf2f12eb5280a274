#include "services/gateway/edge/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/observability/metrics.h"
#include "common/status/errors.h"

namespace mitra::gateway {
namespace {

int OpenForAppending(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

Counter& Lost() {
  static Counter& lost =
      Metrics().GetCounter("mitra_gateway_audit_lost_total",
                           "Lines of the audit log that were not written.");
  return lost;
}

std::string LineOf(const CallRecord& record, absl::Time now) {
  const rpc::Identity& who = *record.identity;
  nlohmann::ordered_json line;
  line["ts"] =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now, absl::UTCTimeZone());
  line["transport"] = std::string(record.transport);
  line["method"] = std::string(record.method);
  line["credential"] = who.credential;
  if (who.is_member()) line["member"] = who.member_id;
  if (!who.delegate_id.empty()) line["delegate"] = who.delegate_id;
  if (!record.resource.empty()) line["resource"] = std::string(record.resource);
  if (!record.detail.empty()) line["detail"] = std::string(record.detail);
  line["code"] = absl::StatusCodeToString(record.status.code());
  const std::string reason = ReasonOf(record.status);
  if (!reason.empty()) line["reason"] = reason;
  line["request_id"] = std::string(record.request_id);
  return line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) +
         "\n";
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(std::string path) {
  const int fd = OpenForAppending(path);
  if (fd < 0) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "AUDIT_UNWRITABLE",
                     absl::StrCat("audit.file: ", path, " cannot be written"));
  }
  (void)Lost();
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(path), fd));
}

AuditLog::~AuditLog() {
  absl::MutexLock lock(&mutex_);
  close(fd_);
}

void AuditLog::ReopenIfMoved(absl::Time now) {
  if (now < next_look_) return;
  next_look_ = now + absl::Seconds(1);
  struct stat open_file = {}, named = {};
  const bool same =
      fstat(fd_, &open_file) == 0 && stat(path_.c_str(), &named) == 0 &&
      open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
  if (same) return;
  const int fd = OpenForAppending(path_);
  if (fd < 0) return;  // rather the moved file than none
  close(fd_);
  fd_ = fd;
}

void AuditLog::OnCall(const CallRecord& record) {
  if (!record.audited || record.identity == nullptr ||
      record.identity->credential.empty()) {
    return;
  }
  const absl::Time now = absl::Now();
  const std::string line = LineOf(record, now);
  absl::MutexLock lock(&mutex_);
  ReopenIfMoved(now);
  const ssize_t written = write(fd_, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) Lost().Increment();
}

}  // namespace mitra::gateway
