#include "services/profile/store/request_outcome.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/errors.h"

namespace mitra::profile {

// One line for the head, then one per operation.
std::string EncodeOutcome(const CommitResult& result) {
  std::string bytes = absl::StrCat(result.revision, "\n");
  for (const OperationResult& r : result.results) {
    absl::StrAppend(&bytes, static_cast<int>(r.outcome), " ", r.revision, " ",
                    absl::ToUnixMillis(r.create_time), " ",
                    absl::ToUnixMillis(r.update_time), " ",
                    static_cast<int>(r.status.code()), " ", ReasonOf(r.status),
                    "\n");
  }
  return bytes;
}

std::optional<CommitResult> DecodeOutcome(absl::string_view bytes) {
  CommitResult result;
  result.repeated = true;
  bool first = true;
  for (absl::string_view line : absl::StrSplit(bytes, '\n')) {
    if (first) {
      first = false;
      if (!absl::SimpleAtoi(line, &result.revision)) return std::nullopt;
      continue;
    }
    if (line.empty()) continue;
    const std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
    int outcome = 0, code = 0;
    int64_t create_ms = 0, update_ms = 0;
    OperationResult r;
    if (parts.size() != 6 || !absl::SimpleAtoi(parts[0], &outcome) ||
        !absl::SimpleAtoi(parts[1], &r.revision) ||
        !absl::SimpleAtoi(parts[2], &create_ms) ||
        !absl::SimpleAtoi(parts[3], &update_ms) ||
        !absl::SimpleAtoi(parts[4], &code) || outcome < 0 ||
        outcome > static_cast<int>(Outcome::kDeleted)) {
      return std::nullopt;
    }
    r.outcome = static_cast<Outcome>(outcome);
    r.create_time = absl::FromUnixMillis(create_ms);
    r.update_time = absl::FromUnixMillis(update_ms);
    if (code != 0) {
      r.status = MakeError(static_cast<absl::StatusCode>(code), parts[5],
                           "refused, as at the first attempt");
    }
    result.results.push_back(std::move(r));
  }
  if (first) return std::nullopt;
  return result;
}

}  // namespace mitra::profile
