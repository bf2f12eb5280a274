#include "common/rpc/channel.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <thread>

#include "absl/strings/match.h"
#include "common/rpc/completion.h"
#include "common/rpc/hop_channel.h"
#include "common/rpc/tls.h"
#include "common/rpc/wire.h"

namespace mitra::rpc {
namespace {

using internal::Await;

// Removes a cancel hook at the end of a scope.
class ScopedCancelHook {
 public:
  ScopedCancelHook(CallContext& call, std::function<void()> hook)
      : call_(call), id_(call.AddCancelHook(std::move(hook))) {}
  ~ScopedCancelHook() { call_.RemoveCancelHook(id_); }
  ScopedCancelHook(const ScopedCancelHook&) = delete;
  ScopedCancelHook& operator=(const ScopedCancelHook&) = delete;

 private:
  CallContext& call_;
  const uint64_t id_;
};

class GrpcClientStream final : public RawClientStream {
 public:
  GrpcClientStream(CallContext& call, grpc::GenericStub& stub,
                   const std::string& method, grpc::CompletionQueue& queue)
      : hook_(call, [this] { context_.TryCancel(); }) {
    internal::Prepare(call, context_);
    stream_ = stub.PrepareCall(&context_, method, &queue);
  }

  Task<bool> Start() {
    const bool ok = co_await Await([&](void* tag) { stream_->StartCall(tag); });
    co_return ok;
  }
  Task<bool> Write(RawMessage message) override {
    if (!message.buffer().Valid()) message = RawMessage(absl::string_view());
    const bool ok = co_await Await(
        [&](void* tag) { stream_->Write(message.buffer(), tag); });
    co_return ok;
  }
  Task<bool> WritesDone() override {
    const bool ok =
        co_await Await([&](void* tag) { stream_->WritesDone(tag); });
    co_return ok;
  }
  Task<std::optional<RawMessage>> Read() override {
    RawMessage message;
    const bool ok = co_await Await(
        [&](void* tag) { stream_->Read(&message.buffer(), tag); });
    if (!ok) co_return std::nullopt;
    co_return std::move(message);
  }
  Task<absl::Status> Finish() override {
    grpc::Status status;
    (void)co_await Await([&](void* tag) { stream_->Finish(&status, tag); });
    trailers_ = internal::TrailersOf(context_);
    co_return internal::FromGrpcStatus(status);
  }
  void Cancel() override { context_.TryCancel(); }
  const std::vector<std::pair<std::string, std::string>>& trailers()
      const override {
    return trailers_;
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  std::vector<std::pair<std::string, std::string>> trailers_;
  ScopedCancelHook hook_;
};

class GrpcChannel final : public Channel {
 public:
  GrpcChannel(const std::string& target, const Options& options)
      : channel_(grpc::CreateCustomChannel(
            target,
            absl::StartsWith(target, "unix:")
                ? grpc::InsecureChannelCredentials()
                : internal::ChannelCredentialsOf(options.tls),
            internal::ClientArguments(options.max_message_bytes))),
        stub_(channel_),
        thread_([this] { internal::ServeQueue(queue_); }) {
    if (options.batched) {
      hop_ = std::make_shared<internal::HopChannel>(channel_, queue_);
    }
  }

  ~GrpcChannel() override {
    if (hop_) hop_->Stop();
    queue_.Shutdown();
    thread_.join();
  }

  Task<absl::StatusOr<RawMessage>> CallRaw(CallContext& call,
                                           std::string method,
                                           RawMessage request) override {
    absl::Status alive = call.CheckAlive();
    if (!alive.ok()) co_return alive;
    if (hop_) {
      auto result = co_await hop_->TryCall(call, method, request);
      if (result) co_return *std::move(result);
    }
    if (!request.buffer().Valid()) request = RawMessage(absl::string_view());
    grpc::ClientContext context;
    internal::Prepare(call, context);
    ScopedCancelHook hook(call, [&context] { context.TryCancel(); });
    RawMessage response;
    grpc::Status status;
    auto rpc = stub_.PrepareUnaryCall(&context, method, request.buffer(),
                                      QueueForThisThread());
    rpc->StartCall();
    (void)co_await Await(
        [&](void* tag) { rpc->Finish(&response.buffer(), &status, tag); });
    for (auto& [key, value] : internal::TrailersOf(context)) {
      call.SetTrailer(key, value);
    }
    if (!status.ok()) co_return internal::FromGrpcStatus(status);
    co_return std::move(response);
  }

  Task<std::unique_ptr<RawClientStream>> OpenStream(
      CallContext& call, std::string method) override {
    auto stream = std::make_unique<GrpcClientStream>(call, stub_, method,
                                                     *QueueForThisThread());
    (void)co_await stream->Start();
    co_return std::move(stream);
  }

  std::shared_ptr<grpc::Channel> grpc_channel() override { return channel_; }

 private:
  grpc::CompletionQueue* QueueForThisThread() {
    return internal::current_queue ? internal::current_queue : &queue_;
  }

  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  std::thread thread_;
  std::shared_ptr<internal::HopChannel> hop_;
};

}  // namespace

std::shared_ptr<Channel> Channel::Create(const std::string& target,
                                         const Options& options) {
  return std::make_shared<GrpcChannel>(target, options);
}

}  // namespace mitra::rpc
