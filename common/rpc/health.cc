#include "common/rpc/health.h"

#include <grpcpp/alarm.h>

#include "common/rpc/completion.h"
#include "common/status/errors.h"

namespace mitra::rpc::internal {
namespace {

using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;

constexpr absl::Duration kLook = absl::Milliseconds(100);

}  // namespace

void HealthBoard::Set(absl::string_view service, bool serving) {
  absl::MutexLock lock(&mutex_);
  serving_[service] = serving;
}

HealthBoard::Status HealthBoard::Of(absl::string_view service) const {
  absl::MutexLock lock(&mutex_);
  const auto at = serving_.find(service);
  if (at == serving_.end()) return HealthCheckResponse::SERVICE_UNKNOWN;
  return at->second ? HealthCheckResponse::SERVING
                    : HealthCheckResponse::NOT_SERVING;
}

Task<absl::Status> ServeHealthCheck(RawStream& raw, const HealthBoard& board) {
  Stream<HealthCheckRequest, HealthCheckResponse> stream(raw);
  const auto request = co_await stream.Read();
  if (!request.ok()) co_return request.status();
  if (!request->has_value()) {
    co_return MakeError(absl::StatusCode::kInvalidArgument, "MISSING_MESSAGE",
                        "the call brought no request");
  }
  HealthCheckResponse response;
  response.set_status(board.Of((*request)->service()));
  if (response.status() == HealthCheckResponse::SERVICE_UNKNOWN) {
    co_return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_SERVICE",
                        "service: not known here");
  }
  (void)co_await raw.WriteLast(RawMessage::Of(response));
  co_return absl::OkStatus();
}

Task<absl::Status> ServeHealthWatch(CallContext& call, RawStream& raw,
                                    const HealthBoard& board) {
  Stream<HealthCheckRequest, HealthCheckResponse> stream(raw);
  const auto request = co_await stream.Read();
  if (!request.ok()) co_return request.status();
  if (!request->has_value()) co_return absl::OkStatus();
  HealthCheckResponse told;  // UNKNOWN, which is never told
  grpc::Alarm alarm;
  while (!call.cancelled()) {
    const HealthBoard::Status now = board.Of((*request)->service());
    if (now != told.status()) {
      told.set_status(now);
      const bool written = co_await stream.Write(told);
      if (!written) break;
    }
    (void)co_await Await([&](void* tag) {
      alarm.Set(current_queue, absl::ToChronoTime(absl::Now() + kLook), tag);
    });
  }
  co_return MakeError(absl::StatusCode::kCancelled, "CANCELLED",
                      "the call is over");
}

}  // namespace mitra::rpc::internal
