#include "services/gateway/proxy/forwarder.h"

#include <coroutine>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::gateway {
namespace {

using google::protobuf::Message;
using rpc::CallContext;
using rpc::RawMessage;
using rpc::Task;

// "search".
std::string NameOf(v1::Backend backend) {
  std::string name = v1::Backend_Name(backend);
  return absl::AsciiStrToLower(absl::StripPrefix(name, "BACKEND_"));
}

std::unique_ptr<Message> NewRequest(const Method& method) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()
          ->GetPrototype(method.descriptor->input_type())
          ->New());
}

// A streaming call in both directions. The coroutine that sends the client's
// messages up may still wait for the client when the call is over, so both
// sides share this. All on the call's one queue thread.
struct RelayState {
  rpc::RawStream* client = nullptr;
  std::unique_ptr<rpc::RawClientStream> service;
  // The service has ended the call.
  bool ended = false;
  // An operation of the sender is under way on `service`.
  bool sending = false;
  // Waits for it.
  std::coroutine_handle<> waiter;
};

// Resumes when the sender has let go of the service's stream.
struct SenderIdle {
  RelayState& state;
  bool await_ready() const noexcept { return !state.sending; }
  void await_suspend(std::coroutine_handle<> caller) noexcept {
    state.waiter = caller;
  }
  void await_resume() const noexcept {}
};

// Sends the client's messages to the service until either has enough.
Task<> SendUp(std::shared_ptr<RelayState> state, bool many) {
  bool more = true;
  while (more) {
    std::optional<RawMessage> message = co_await state->client->Read();
    if (state->ended) co_return;
    state->sending = true;
    if (message) {
      const bool taken = co_await state->service->Write(*std::move(message));
      more = taken && many;
      if (taken && !many) (void)co_await state->service->WritesDone();
    } else {
      (void)co_await state->service->WritesDone();
      more = false;
    }
    state->sending = false;
    if (state->waiter) {
      std::exchange(state->waiter, nullptr).resume();
      co_return;
    }
  }
}

}  // namespace

rpc::Channel& Backends::For(v1::Backend backend) const {
  switch (backend) {
    case v1::BACKEND_SEARCH:
      return *search;
    case v1::BACKEND_MATCHING:
      return *matching;
    default:
      return *profile;
  }
}

absl::Status Presentable(const absl::Status& status,
                         const v1::MethodPolicy& policy) {
  if (status.ok()) return status;
  const std::string backend = NameOf(policy.backend());
  const std::string reason(ReasonOf(status));
  if (absl::IsInternal(status) || absl::IsUnknown(status) ||
      absl::IsDataLoss(status)) {
    // Whatever the text says, it was written for the log.
    return MakeError(
        absl::StatusCode::kInternal, reason.empty() ? "INTERNAL" : reason,
        "internal error; quote the request id", {{"backend", backend}});
  }
  if (!reason.empty()) return status;
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return WithRetryDelay(
          MakeError(absl::StatusCode::kUnavailable, "BACKEND_UNAVAILABLE",
                    "a service behind the gateway cannot be reached",
                    {{"backend", backend}}),
          absl::Seconds(1));
    case absl::StatusCode::kDeadlineExceeded:
      return MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                       "the deadline has passed");
    case absl::StatusCode::kCancelled:
      return MakeError(absl::StatusCode::kCancelled, "CANCELLED",
                       "the call was cancelled");
    case absl::StatusCode::kResourceExhausted:
      // Services give reasons; without one it is the transport's size limit.
      return MakeError(absl::StatusCode::kResourceExhausted,
                       "MESSAGE_TOO_LARGE",
                       "the request or its answer is above the size limit");
    case absl::StatusCode::kUnimplemented:
      return MakeError(absl::StatusCode::kUnimplemented, "UNIMPLEMENTED",
                       "this method does not exist in this version");
    default:
      return MakeError(absl::StatusCode::kInternal, "INTERNAL",
                       "internal error; quote the request id",
                       {{"backend", backend}});
  }
}

absl::StatusOr<Admission::Ticket> Forwarder::Enter(
    CallContext& call, const Method& method, absl::StatusOr<Caller> caller) {
  const absl::Time now = absl::Now();
  call.method = method.name;
  call.deadline = method.DeadlineFor(call.deadline, now);
  if (!caller.ok()) return caller.status();
  call.identity = std::move(caller->identity);
  MITRA_RETURN_IF_ERROR(Authorize(call.identity, method));
  MITRA_RETURN_IF_ERROR(call.CheckAlive());
  return admission_.Enter(call.identity.credential, caller->quota,
                          method.policy, now);
}

Task<absl::StatusOr<RawMessage>> Forwarder::CallBytes(CallContext& call,
                                                      const Method& method,
                                                      RawMessage request) {
  if (!call.identity.is_member()) {
    return Send(call, method, std::move(request));
  }
  return CallParsed(call, method, std::move(request));
}

Task<absl::StatusOr<RawMessage>> Forwarder::CallParsed(CallContext& call,
                                                       const Method& method,
                                                       RawMessage request) {
  std::unique_ptr<Message> message = NewRequest(method);
  MITRA_CO_RETURN_IF_ERROR(request.ParseTo(*message));
  message->DiscardUnknownFields();
  co_return co_await CallMessage(call, method, *message);
}

Task<absl::StatusOr<RawMessage>> Forwarder::CallMessage(CallContext& call,
                                                        const Method& method,
                                                        Message& request) {
  const rpc::Identity& identity = call.identity;
  if (identity.is_member()) {
    MITRA_CO_RETURN_IF_ERROR(BindMember(identity, method, request));
    if (!identity.delegate_id.empty()) {
      const absl::Status consented = co_await delegations_.Check(call);
      if (!consented.ok()) co_return Presentable(consented, method.policy);
    }
    const auto* field = method.min_revision_field;
    const auto* reflection = request.GetReflection();
    if (field != nullptr && reflection->GetUInt64(request, field) == 0) {
      const uint64_t written = co_await last_writes_.Recall(WriterOf(identity));
      if (written > 0) reflection->SetUInt64(&request, field, written);
    }
  }
  co_return co_await Send(call, method, RawMessage::Of(request));
}

Task<absl::StatusOr<RawMessage>> Forwarder::Send(CallContext& call,
                                                 const Method& method,
                                                 RawMessage request) {
  rpc::Channel& channel = backends_.For(method.policy.backend());
  retries_.OnCall();
  std::optional<RawMessage> again;
  if (method.read_only()) again = request.Clone();
  absl::StatusOr<RawMessage> answer =
      co_await channel.CallRaw(call, method.name, std::move(request));
  if (absl::IsUnavailable(answer.status()) && again && call.CheckAlive().ok() &&
      retries_.TryRetry()) {
    answer = co_await channel.CallRaw(call, method.name, *std::move(again));
  }
  if (!answer.ok()) co_return Presentable(answer.status(), method.policy);
  if (!method.read_only() && call.identity.is_member()) {
    for (const auto& [key, value] : call.trailers()) {
      const auto revision =
          key == rpc::kRevisionKey ? ParseRevision(value) : std::nullopt;
      if (!revision) continue;
      co_await last_writes_.Remember(WriterOf(call.identity), *revision);
      break;
    }
  }
  co_return answer;
}

Task<absl::Status> Forwarder::Relay(CallContext& call, const Method& method,
                                    rpc::RawStream& client) {
  rpc::Channel& channel = backends_.For(method.policy.backend());
  auto state = std::make_shared<RelayState>();
  state->client = &client;
  state->service = co_await channel.OpenStream(call, method.name);
  rpc::Spawn(SendUp(state, method.descriptor->client_streaming()));
  for (;;) {
    std::optional<RawMessage> message = co_await state->service->Read();
    if (!message) break;
    const bool taken = co_await client.Write(*std::move(message));
    if (!taken) {
      state->service->Cancel();
      break;
    }
  }
  const absl::Status status = co_await state->service->Finish();
  state->ended = true;
  co_await SenderIdle{*state};
  for (const auto& [key, value] : state->service->trailers()) {
    call.SetTrailer(key, value);
  }
  // Before the call goes, which it watches.
  state->service.reset();
  co_return Presentable(status, method.policy);
}

}  // namespace mitra::gateway
