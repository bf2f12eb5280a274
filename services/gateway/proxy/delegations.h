// Whether a member lets another act for it.

#ifndef MITRA_SERVICES_GATEWAY_PROXY_DELEGATIONS_H_
#define MITRA_SERVICES_GATEWAY_PROXY_DELEGATIONS_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/rpc/call_context.h"
#include "common/rpc/channel.h"
#include "common/rpc/task.h"

namespace mitra::gateway {

// Thread-safe.
class Delegations {
 public:
  virtual ~Delegations() = default;
  // For a call whose identity has a delegate: OK if its member consents at this
  // time, PERMISSION_DENIED (DELEGATION_NOT_CONSENTED) if not, UNAVAILABLE if
  // that cannot be known.
  virtual rpc::Task<absl::Status> Check(rpc::CallContext& call) = 0;
};

// By the consents of the record (CONSENT_PURPOSE_DELEGATION). An answer is
// believed for `ttl`, so a withdrawal holds everywhere after that.
class RecordedDelegations final : public Delegations {
 public:
  static constexpr size_t kMaxMembers = 100'000;

  explicit RecordedDelegations(std::shared_ptr<rpc::Channel> profile,
                               absl::Duration ttl = absl::Seconds(2))
      : profile_(std::move(profile)), ttl_(ttl) {}

  rpc::Task<absl::Status> Check(rpc::CallContext& call) override;

 private:
  struct Answer {
    bool consents = false;
    absl::Time until;
  };
  std::optional<bool> Known(absl::string_view member_id, absl::Time now);
  void Learn(const std::string& member_id, bool consents, absl::Time now);
  rpc::Task<absl::StatusOr<bool>> Ask(rpc::CallContext& call);

  const std::shared_ptr<rpc::Channel> profile_;
  const absl::Duration ttl_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Answer> answers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_PROXY_DELEGATIONS_H_
