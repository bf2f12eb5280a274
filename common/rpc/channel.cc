#include "common/rpc/channel.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/completion.h"
#include "common/rpc/executor.h"
#include "common/rpc/hop_channel.h"
#include "common/rpc/queue_thread.h"
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
                   const std::string& method, grpc::CompletionQueue& queue,
                   Executor* back)
      : back_(back), hook_(call, [this] { context_.TryCancel(); }) {
    internal::Prepare(call, context_);
    stream_ = stub.PrepareCall(&context_, method, &queue);
  }

  Task<bool> Start() {
    const bool ok = co_await Await([&](void* tag) { stream_->StartCall(tag); });
    if (back_) (void)co_await back_->Enter();
    co_return ok;
  }
  Task<bool> Write(RawMessage message) override {
    if (!message.buffer().Valid()) message = RawMessage(absl::string_view());
    const bool ok = co_await Await(
        [&](void* tag) { stream_->Write(message.buffer(), tag); });
    if (back_) (void)co_await back_->Enter();
    co_return ok;
  }
  Task<bool> WritesDone() override {
    const bool ok =
        co_await Await([&](void* tag) { stream_->WritesDone(tag); });
    if (back_) (void)co_await back_->Enter();
    co_return ok;
  }
  Task<std::optional<RawMessage>> Read() override {
    RawMessage message;
    const bool ok = co_await Await(
        [&](void* tag) { stream_->Read(&message.buffer(), tag); });
    if (back_) (void)co_await back_->Enter();
    if (!ok) co_return std::nullopt;
    co_return std::move(message);
  }
  Task<absl::Status> Finish() override {
    grpc::Status status;
    (void)co_await Await([&](void* tag) { stream_->Finish(&status, tag); });
    if (back_) (void)co_await back_->Enter();
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
  Executor* const back_;  // not null: where its user goes on
  ScopedCancelHook hook_;
};

// Where a call's operations are, and how it comes back to its caller.
struct Way {
  std::shared_ptr<internal::QueueThread> queue;
  std::shared_ptr<internal::HopChannel> hop;  // null: calls are not batched
  // Not null: the caller resumes on this thread, not on the queue's.
  Executor* back = nullptr;
  // How a call begins on a thread that gives way; null: as on any other.
  Executor* courier = nullptr;
};

class GrpcChannel final : public Channel {
 public:
  GrpcChannel(const std::string& target, const Options& options)
      : options_(options),
        channel_(grpc::CreateCustomChannel(
            target,
            absl::StartsWith(target, "unix:")
                ? grpc::InsecureChannelCredentials()
                : internal::ChannelCredentialsOf(options.tls),
            internal::ClientArguments(options.max_message_bytes))),
        stub_(channel_) {}

  ~GrpcChannel() override {
    for (const Way& way : ways_) {
      if (way.hop) way.hop->Stop();
    }
  }

  Task<absl::StatusOr<RawMessage>> CallRaw(CallContext& call,
                                           std::string method,
                                           RawMessage request) override {
    absl::Status alive = call.CheckAlive();
    if (!alive.ok()) co_return alive;
    const Way way = WayOfThisThread();
    Executor* const back = options_.resume_on_queue ? nullptr : way.back;
    co_await internal::ByCourier(way.courier);
    if (way.hop) {
      internal::HopChannel::Call on_stream(*way.hop, call, method, request);
      co_await on_stream;
      if (on_stream.result()) {
        if (back) (void)co_await back->Enter();
        co_return *std::move(on_stream.result());
      }
    }
    if (!request.buffer().Valid()) request = RawMessage(absl::string_view());
    grpc::ClientContext context;
    internal::Prepare(call, context);
    ScopedCancelHook hook(call, [&context] { context.TryCancel(); });
    RawMessage response;
    grpc::Status status;
    auto rpc = stub_.PrepareUnaryCall(&context, method, request.buffer(),
                                      &way.queue->queue());
    rpc->StartCall();
    (void)co_await Await(
        [&](void* tag) { rpc->Finish(&response.buffer(), &status, tag); });
    if (back) (void)co_await back->Enter();
    for (auto& [key, value] : internal::TrailersOf(context)) {
      call.SetTrailer(key, value);
    }
    if (!status.ok()) co_return internal::FromGrpcStatus(status);
    co_return std::move(response);
  }

  Task<std::unique_ptr<RawClientStream>> OpenStream(
      CallContext& call, std::string method) override {
    const Way way = WayOfThisThread();
    auto stream = std::make_unique<GrpcClientStream>(
        call, stub_, method, way.queue->queue(), way.back);
    (void)co_await stream->Start();
    co_return std::move(stream);
  }

  std::shared_ptr<grpc::Channel> grpc_channel() override { return channel_; }

 private:
  Way WayOfThisThread() {
    internal::QueueThread* const current = internal::QueueThread::Current();
    absl::MutexLock lock(&mutex_);
    if (current != nullptr) return WayOf(*current);
    if (const auto home = internal::QueueThread::Home()) {
      Way way = WayOf(*home);
      if (back_ == nullptr) {
        back_ = std::make_unique<Executor>(Executor::Options{.threads = 1});
      }
      way.back = back_.get();
      way.courier = home->courier();
      return way;
    }
    if (own_ == nullptr) {
      own_ = std::make_shared<internal::QueueThread>(
          std::make_unique<grpc::CompletionQueue>());
    }
    return WayOf(*own_);
  }

  // Queues that calls went out on stay until the channel ends.
  Way WayOf(internal::QueueThread& queue)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const Way& way : ways_) {
      if (way.queue.get() == &queue) return way;
    }
    Way way;
    way.queue = queue.shared_from_this();
    if (options_.batched) {
      way.hop = std::make_shared<internal::HopChannel>(channel_, queue.queue());
    }
    ways_.push_back(way);
    return way;
  }

  const Options options_;
  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  absl::Mutex mutex_;
  std::unique_ptr<Executor> back_ ABSL_GUARDED_BY(mutex_);
  // For calls from other threads in processes without a server.
  std::shared_ptr<internal::QueueThread> own_ ABSL_GUARDED_BY(mutex_);
  std::vector<Way> ways_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<Channel> Channel::Create(const std::string& target,
                                         const Options& options) {
  return std::make_shared<GrpcChannel>(target, options);
}

}  // namespace mitra::rpc
