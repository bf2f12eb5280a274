// Writing on behalf of a call.

#ifndef MITRA_SERVICES_PROFILE_INGEST_COMMIT_H_
#define MITRA_SERVICES_PROFILE_INGEST_COMMIT_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"
#include "services/profile/store/record_store.h"

namespace google::protobuf {
class MessageLite;
}

namespace mitra::profile {

// A batch that begins now, with the caller's authority and deadline.
WriteBatch BatchFor(const rpc::CallContext& call, absl::Time now);

// What makes a repeat of `request` harmless; nothing without a request id.
std::optional<RequestKey> RequestKeyFor(
    const rpc::CallContext& call, absl::string_view method,
    absl::string_view request_id, const google::protobuf::MessageLite& request);

// 16 bytes that stand for a content.
std::string ContentHash(absl::string_view a, absl::string_view b = "");

// Writes and waits for the disk, holding no thread. Then sets the trailer that
// tells the caller which revision its write has. Goes on on another thread.
rpc::Task<absl::StatusOr<CommitResult>> CommitFor(rpc::CallContext& call,
                                                  RecordStore& store,
                                                  WriteBatch batch);

// The same for one operation: its verdict is the status.
rpc::Task<absl::StatusOr<OperationResult>> CommitOne(rpc::CallContext& call,
                                                     RecordStore& store,
                                                     WriteBatch batch);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_COMMIT_H_
