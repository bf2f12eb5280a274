// What every method of search asks first: may we answer, and is the index new
// enough.

#ifndef MITRA_SERVICES_SEARCH_RPC_GATE_H_
#define MITRA_SERVICES_SEARCH_RPC_GATE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"
#include "common/status/errors.h"
#include "google/protobuf/repeated_field.h"

namespace mitra::search {

struct Gate {
  // The index answers for all of the record.
  std::function<bool()> ready;
  // Waits a while until a revision is applied; the answer then carries the
  // revision that it saw, whichever that is.
  std::function<rpc::Task<bool>(rpc::CallContext&, uint64_t revision)> wait;
};

// UNAVAILABLE (NOT_READY) until the index is loaded; else OK, once
// `min_revision` is applied or the wait for it is over.
rpc::Task<absl::Status> Enter(const Gate& gate, rpc::CallContext& call,
                              uint64_t min_revision);

// The roles, each once, noting unknown ones as violations of `field`.
std::vector<int> ReadRoles(const google::protobuf::RepeatedField<int>& roles,
                           absl::string_view field,
                           FieldViolations& violations);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_RPC_GATE_H_
