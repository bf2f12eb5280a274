#include "common/rpc/server_impl.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/observability/log.h"
#include "common/rpc/call_span.h"
#include "common/rpc/completion.h"
#include "common/rpc/wire.h"
#include "common/status/errors.h"

namespace mitra::rpc {
namespace {

using internal::Await;

absl::Status Draining() {
  return WithRetryDelay(MakeError(absl::StatusCode::kUnavailable, "DRAINING",
                                  "the server is going away"),
                        absl::Milliseconds(200));
}

absl::Status Overloaded(int limit) {
  return WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, "OVERLOADED",
                absl::StrCat("more than ", limit, " calls are open")),
      absl::Milliseconds(100));
}

// Runs a handler; what it throws becomes INTERNAL without inner text.
Task<absl::Status> Guard(CallContext& call, Task<absl::Status> handler) {
  try {
    co_return co_await std::move(handler);
  } catch (const std::exception&) {
  } catch (...) {
  }
  LogError("rpc: a handler threw",
           {{"method", call.method}, {"request_id", call.request_id}});
  co_return MakeError(absl::StatusCode::kInternal, "INTERNAL",
                      "internal error; quote the request id",
                      {{"request_id", call.request_id}});
}

}  // namespace

Task<> Server::Impl::Accept(Impl& self, grpc::ServerCompletionQueue& queue) {
  for (;;) {
    auto* accepted = new Call(self);
    const bool ok = co_await Await(
        [&](void* tag) { accepted->Request(self.generic, queue, tag); });
    if (!ok) {
      accepted->Discard();
      co_return;
    }
    Spawn(Handle(self, accepted));
  }
}

void Server::Impl::Track(Call* accepted, const Method* method) {
  absl::MutexLock lock(&streams_mutex);
  streams.emplace(accepted, method);
}

void Server::Impl::Untrack(Call* accepted) {
  absl::MutexLock lock(&streams_mutex);
  streams.erase(accepted);
}

void Server::Impl::ForEachStream(bool (*wanted)(const Method&),
                                 void (*action)(Call&)) {
  std::vector<Call*> chosen;
  {
    absl::MutexLock lock(&streams_mutex);
    for (auto& [accepted, method] : streams) {
      if (!wanted(*method)) continue;
      accepted->AddReference();
      chosen.push_back(accepted);
    }
  }
  // Without the lock: ending a call may run its handler to its end.
  for (Call* accepted : chosen) {
    action(*accepted);
    accepted->Release();
  }
}

absl::Status Server::Impl::Admit(const Method* method, CallContext& call) {
  const absl::Time now = absl::Now();
  const absl::Duration max =
      method ? method->max_timeout : internal::kMaxTimeout;
  if (call.deadline == absl::InfiniteFuture()) {
    call.deadline =
        now + (method ? method->default_timeout : internal::kDefaultTimeout);
  }
  call.deadline = std::min(call.deadline, now + max);
  if (refusing.load(std::memory_order_acquire)) return Draining();
  if (in_flight.load(std::memory_order_relaxed) > options.max_in_flight) {
    return Overloaded(options.max_in_flight);
  }
  return call.CheckAlive();
}

absl::Status Server::Impl::AdmitStream(const Method* method,
                                       CallContext& call) {
  if (!(method != nullptr ? method->streaming : fallback)) {
    return MakeError(
        absl::StatusCode::kUnimplemented, "UNKNOWN_METHOD",
        absl::StrCat(CutUtf8(call.method, 200), ": no such method"));
  }
  if (method == nullptr) {
    // The fallback sets limits of its own, by method.
    return refusing.load() ? Draining() : absl::OkStatus();
  }
  return method->always ? absl::OkStatus() : Admit(method, call);
}

Task<absl::Status> Server::Impl::RunUnary(CallContext& call,
                                          const RawMessage& request,
                                          RawMessage& response) {
  const auto it = methods.find(call.method);
  if (it == methods.end() || !it->second->unary) {
    co_return MakeError(absl::StatusCode::kUnimplemented, "UNKNOWN_METHOD",
                        absl::StrCat(call.method, ": no such method"));
  }
  const Method& method = *it->second;
  internal::EnsureRequestId(call);
  internal::MethodTimer timer(method.metrics);
  CallSpan span(call);
  absl::Status status = Admit(&method, call);
  if (status.ok()) {
    running.fetch_add(1, std::memory_order_acq_rel);
    auto* const queue = internal::QueueThread::Current();
    Task<absl::Status> handler = method.unary(call, request, response);
    status = co_await Guard(call, std::move(handler));
    // The answer shares its connection with others.
    co_await internal::ByCourier(queue != nullptr ? queue->courier() : nullptr);
    if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      absl::MutexLock lock(&idle_mutex);
    }
  }
  timer.Done(status.code());
  span.End(call, status.code());
  co_return status;
}

Task<> Server::Impl::Handle(Impl& self, Call* accepted) {
  self.in_flight.fetch_add(1, std::memory_order_acq_rel);
  accepted->ReadContext(self.options.trust_identity);
  CallContext& call = accepted->call;
  const auto it = self.methods.find(call.method);
  const Method* method = it == self.methods.end() ? nullptr : it->second.get();
  absl::Status status;
  if (method != nullptr && method->unary) {
    std::optional<RawMessage> request = co_await accepted->Read();
    if (request) {
      accepted->last.emplace();
      status = co_await self.RunUnary(call, *request, *accepted->last);
    } else {
      status = MakeError(absl::StatusCode::kInvalidArgument, "MISSING_MESSAGE",
                         "the call brought no request");
    }
  } else {
    const StreamHandler& handler =
        method != nullptr ? method->streaming : self.fallback;
    internal::MethodTimer timer(method ? method->metrics : nullptr);
    // Streams of the links last as long as the process.
    std::optional<CallSpan> span;
    if (method == nullptr || !method->carrier) span.emplace(call);
    status = self.AdmitStream(method, call);
    if (status.ok()) {
      if (method != nullptr) self.Track(accepted, method);
      Task<absl::Status> stream = handler(call, *accepted);
      status = co_await Guard(call, std::move(stream));
      if (method != nullptr) self.Untrack(accepted);
    }
    timer.Done(status.code());
    if (span) span->End(call, status.code());
  }
  (void)co_await Await([&](void* tag) { accepted->Finish(status, tag); });
  self.in_flight.fetch_sub(1, std::memory_order_acq_rel);
  accepted->Release();  // the last call may let the server go
}

}  // namespace mitra::rpc
