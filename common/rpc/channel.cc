#include "common/rpc/channel.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
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

// The batched streams of one channel: one for each queue that calls start on,
// so that a call goes out and comes back on the thread of its handler.
class HopLinks : public std::enable_shared_from_this<HopLinks> {
 public:
  explicit HopLinks(std::shared_ptr<grpc::Channel> channel)
      : channel_(std::move(channel)) {}

  std::shared_ptr<internal::HopChannel> For(grpc::CompletionQueue& queue) {
    absl::MutexLock lock(&mutex_);
    for (const Link& link : links_) {
      if (link.queue == &queue) return link.hop;
    }
    if (stopped_) return nullptr;
    links_.push_back(
        {&queue, std::make_shared<internal::HopChannel>(channel_, queue)});
    internal::OnQueueEnd(&queue, [links = weak_from_this(), &queue] {
      if (const auto self = links.lock()) self->End(&queue);
    });
    return links_.back().hop;
  }

  void Stop() {
    std::vector<Link> links;
    {
      absl::MutexLock lock(&mutex_);
      stopped_ = true;
      links.swap(links_);
    }
    for (const Link& link : links) link.hop->Stop();
  }

 private:
  struct Link {
    grpc::CompletionQueue* queue;
    std::shared_ptr<internal::HopChannel> hop;
  };

  void End(grpc::CompletionQueue* queue) {
    std::shared_ptr<internal::HopChannel> hop;
    {
      absl::MutexLock lock(&mutex_);
      const auto at =
          std::find_if(links_.begin(), links_.end(),
                       [&](const Link& link) { return link.queue == queue; });
      if (at == links_.end()) return;
      hop = std::move(at->hop);
      links_.erase(at);
    }
    hop->Stop();
  }

  const std::shared_ptr<grpc::Channel> channel_;
  absl::Mutex mutex_;
  std::vector<Link> links_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
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
    if (options.batched) hops_ = std::make_shared<HopLinks>(channel_);
  }

  ~GrpcChannel() override {
    if (hops_) hops_->Stop();
    internal::EndGuests(&queue_);
    queue_.Shutdown();
    thread_.join();
  }

  Task<absl::StatusOr<RawMessage>> CallRaw(CallContext& call,
                                           std::string method,
                                           RawMessage request) override {
    absl::Status alive = call.CheckAlive();
    if (!alive.ok()) co_return alive;
    if (hops_) {
      const auto hop = hops_->For(*QueueForThisThread());
      if (hop != nullptr) {
        auto result = co_await hop->TryCall(call, method, request);
        if (result) co_return *std::move(result);
      }
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
  std::shared_ptr<HopLinks> hops_;  // null: calls are not batched
};

}  // namespace

std::shared_ptr<Channel> Channel::Create(const std::string& target,
                                         const Options& options) {
  return std::make_shared<GrpcChannel>(target, options);
}

}  // namespace mitra::rpc
