// What every call carries besides its message: until when, for whom, and the
// names that logs and traces know it by. Free of gRPC, so that services and
// tests can make one.

#ifndef MITRA_COMMON_RPC_CALL_CONTEXT_H_
#define MITRA_COMMON_RPC_CALL_CONTEXT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace mitra::rpc {

// Who calls, as the gateway verified it. Between services it travels as
// protected metadata; what clients send under those names is stripped.
struct Identity {
  // Label of the credential; empty for calls between services.
  std::string credential;
  // The member of a member credential; empty for a platform.
  std::string member_id;
  // The member that acts for `member_id` with its consent; empty if the member
  // acts itself. Rights are those of `member_id` and the scopes; this one is
  // for the audit log.
  std::string delegate_id;
  // Scopes granted; "*" grants all.
  std::vector<std::string> scopes;

  bool is_member() const { return !member_id.empty(); }
  bool HasScope(absl::string_view scope) const;
};

// Names of the metadata that services exchange. All values are printable
// ASCII.
inline constexpr char kIdentityKey[] = "mitra-identity";
inline constexpr char kRequestIdKey[] = "mitra-request-id";
inline constexpr char kTraceparentKey[] = "traceparent";
// Response: the record's incarnation and revision, "<incarnation>-<n>".
inline constexpr char kRevisionKey[] = "mitra-revision";

// `[A-Za-z0-9_-]{1,64}`: what names a request in logs and metadata.
bool IsRequestId(absl::string_view text);

// Metadata value of an identity and back: credential, member (with '@' and its
// delegate if it has one) and scopes, each percent-encoded, joined by ';'.
// Decoding anything else gives no identity.
std::string EncodeIdentity(const Identity& identity);
Identity DecodeIdentity(absl::string_view value);

// One call. Made by the server, or by whoever starts a call of its own. Not
// copyable; a handler's sub-calls take it by reference.
class CallContext {
 public:
  CallContext() = default;
  CallContext(const CallContext&) = delete;
  CallContext& operator=(const CallContext&) = delete;

  // Until when an answer is of use; never infinite.
  absl::Time deadline = absl::Now() + absl::Seconds(10);
  Identity identity;
  // What the client sent to say who it is: the metadata `authorization` and
  // `x-api-key`. Kept only by servers that do not trust identity metadata;
  // never logged, never forwarded.
  std::string authorization;
  std::string api_key;
  // Names the request in logs; `[A-Za-z0-9_-]{1,64}`.
  std::string request_id;
  // W3C traceparent of this call, or empty.
  std::string traceparent;
  // Full name of the method, "/mitra.v1.Profiles/GetProfile".
  std::string method;

  absl::Duration remaining() const { return deadline - absl::Now(); }
  bool expired() const { return remaining() <= absl::ZeroDuration(); }
  // The caller has gone away. Long handlers look at it between steps.
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }
  // Marks the call cancelled and runs the hooks, each once.
  void Cancel();
  // Runs `hook` when the call is cancelled, at once if it already is, on the
  // cancelling thread. RemoveCancelHook returns only when the hook neither runs
  // on another thread nor ever will.
  uint64_t AddCancelHook(std::function<void()> hook);
  void RemoveCancelHook(uint64_t id);
  // OK, or CANCELLED, or DEADLINE_EXCEEDED.
  absl::Status CheckAlive() const;

  // Trailing metadata of the answer; `key` is lower-case ASCII, `value`
  // printable ASCII.
  void SetTrailer(std::string key, std::string value) {
    trailers_.emplace_back(std::move(key), std::move(value));
  }
  const std::vector<std::pair<std::string, std::string>>& trailers() const {
    return trailers_;
  }

 private:
  std::atomic<bool> cancelled_{false};
  absl::Mutex hooks_mutex_;
  uint64_t next_hook_ ABSL_GUARDED_BY(hooks_mutex_) = 1;
  std::vector<std::pair<uint64_t, std::function<void()>>> hooks_
      ABSL_GUARDED_BY(hooks_mutex_);
  std::thread::id running_hooks_ ABSL_GUARDED_BY(hooks_mutex_);
  std::vector<std::pair<std::string, std::string>> trailers_;
};

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_CALL_CONTEXT_H_
