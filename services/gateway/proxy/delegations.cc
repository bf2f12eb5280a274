#include "services/gateway/proxy/delegations.h"

#include "absl/time/clock.h"
#include "common/status/errors.h"
#include "mitra/v1/relations_service.pb.h"

namespace mitra::gateway {
namespace {

absl::Status NoConsent() {
  return MakeError(absl::StatusCode::kPermissionDenied,
                   "DELEGATION_NOT_CONSENTED",
                   "the member does not let others act for it");
}

}  // namespace

std::optional<bool> RecordedDelegations::Known(absl::string_view member_id,
                                               absl::Time now) {
  absl::MutexLock lock(&mutex_);
  const auto it = answers_.find(member_id);
  if (it == answers_.end() || now >= it->second.until) return std::nullopt;
  return it->second.consents;
}

void RecordedDelegations::Learn(const std::string& member_id, bool consents,
                                absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (answers_.size() >= kMaxMembers) answers_.clear();
  answers_[member_id] = {consents, now + ttl_};
}

rpc::Task<absl::StatusOr<bool>> RecordedDelegations::Ask(
    rpc::CallContext& call) {
  // A call of the gateway's own: without the caller's identity.
  rpc::CallContext own;
  own.deadline = call.deadline;
  own.request_id = call.request_id;
  own.traceparent = call.traceparent;
  v1::ListConsentsRequest request;
  request.set_profile_id(call.identity.member_id);
  const auto response = co_await profile_->Call<v1::ListConsentsResponse>(
      own, "/mitra.v1.Relations/ListConsents", request);
  if (absl::IsNotFound(response.status())) co_return false;
  if (!response.ok()) co_return response.status();
  for (const v1::Consent& consent : response->consents()) {
    if (consent.purpose() == v1::CONSENT_PURPOSE_DELEGATION) {
      co_return consent.granted();
    }
  }
  co_return false;
}

rpc::Task<absl::Status> RecordedDelegations::Check(rpc::CallContext& call) {
  const std::string& member = call.identity.member_id;
  std::optional<bool> consents = Known(member, absl::Now());
  if (!consents) {
    // The age counts from before the question.
    const absl::Time asked = absl::Now();
    const absl::StatusOr<bool> answer = co_await Ask(call);
    if (!answer.ok()) co_return answer.status();
    consents = *answer;
    Learn(member, *consents, asked);
  }
  if (!*consents) co_return NoConsent();
  co_return absl::OkStatus();
}

}  // namespace mitra::gateway
