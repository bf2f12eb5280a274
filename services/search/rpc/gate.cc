#include "services/search/rpc/gate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "mitra/v1/member.pb.h"

namespace mitra::search {

rpc::Task<absl::Status> Enter(const Gate& gate, rpc::CallContext& call,
                              uint64_t min_revision) {
  if (!gate.ready()) {
    co_return WithRetryDelay(
        MakeError(absl::StatusCode::kUnavailable, "NOT_READY",
                  "search: the index is still being loaded"),
        absl::Seconds(1));
  }
  if (min_revision > 0) {
    const bool applied = co_await gate.wait(call, min_revision);
    static_cast<void>(applied);
    absl::Status alive = call.CheckAlive();
    if (!alive.ok()) co_return alive;
  }
  co_return absl::OkStatus();
}

std::vector<int> ReadRoles(const google::protobuf::RepeatedField<int>& roles,
                           absl::string_view field,
                           FieldViolations& violations) {
  std::vector<int> read;
  for (int i = 0; i < roles.size(); ++i) {
    if (roles[i] == v1::ROLE_UNSPECIFIED || !v1::Role_IsValid(roles[i])) {
      violations.Add(absl::StrCat(field, "[", i, "]"),
                     absl::StrCat("is not a known role, is ", roles[i]));
    } else if (std::find(read.begin(), read.end(), roles[i]) == read.end()) {
      read.push_back(roles[i]);
    }
  }
  return read;
}

}  // namespace mitra::search
