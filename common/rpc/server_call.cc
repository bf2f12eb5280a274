#include "common/rpc/server_call.h"

#include <utility>

#include "common/rpc/wire.h"

namespace mitra::rpc::internal {

void ServerCall::Request(grpc::AsyncGenericService& service,
                         grpc::ServerCompletionQueue& queue, void* tag) {
  done_.owner = this;
  done_.run = [](CompletionTag* done, bool) {
    ServerCall* self = static_cast<DoneTag*>(done)->owner;
    if (self->context_.IsCancelled()) self->call.Cancel();
    self->Release();
  };
  HandOver(static_cast<CompletionTag*>(&done_));
  context_.AsyncNotifyWhenDone(static_cast<CompletionTag*>(&done_));
  service.RequestCall(&context_, &stream_, &queue, &queue, tag);
}

void ServerCall::ReadContext(bool trust_identity) {
  call.method = context_.method();
  const auto deadline = context_.deadline();
  call.deadline = deadline == std::chrono::system_clock::time_point::max()
                      ? absl::InfiniteFuture()
                      : absl::FromChrono(deadline);
  for (const auto& [key, value] : context_.client_metadata()) {
    ReadMetadata(absl::string_view(key.data(), key.size()),
                 absl::string_view(value.data(), value.size()), trust_identity,
                 call);
  }
  EnsureRequestId(call);
}

Task<std::optional<RawMessage>> ServerCall::Read() {
  // A handler may return while another coroutine of its still reads; the call
  // must not go before that read has ended.
  AddReference();
  RawMessage message;
  const bool ok =
      co_await Await([&](void* tag) { stream_.Read(&message.buffer(), tag); });
  Release();
  if (!ok) co_return std::nullopt;
  co_return std::move(message);
}

Task<bool> ServerCall::Write(RawMessage message) {
  if (!message.buffer().Valid()) message = RawMessage(absl::string_view());
  if (!std::exchange(writing_, true)) {
    for (const auto& [key, value] : call.trailers()) AddTrailer(key, value);
  }
  const bool ok =
      co_await Await([&](void* tag) { stream_.Write(message.buffer(), tag); });
  co_return ok;
}

Task<bool> ServerCall::WriteLast(RawMessage message) {
  last = std::move(message);
  co_return true;
}

void ServerCall::AddTrailer(const std::string& key, const std::string& value) {
  ++trailers_sent_;
  if (IsLegalMetadata(key, value)) context_.AddTrailingMetadata(key, value);
}

void ServerCall::Finish(const absl::Status& status, void* tag) {
  for (size_t i = trailers_sent_; i < call.trailers().size(); ++i) {
    AddTrailer(call.trailers()[i].first, call.trailers()[i].second);
  }
  const grpc::Status wire = ToGrpcStatus(status);
  if (status.ok() && last) {
    if (!last->buffer().Valid()) last = RawMessage(absl::string_view());
    stream_.WriteAndFinish(last->buffer(), grpc::WriteOptions(), wire, tag);
  } else {
    stream_.Finish(wire, tag);
  }
}

}  // namespace mitra::rpc::internal
