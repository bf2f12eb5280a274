#include "common/feed/grpc_feed_source.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/task.h"
#include "mitra/v1/change_feed_service.pb.h"

namespace mitra::feed {
namespace {

constexpr absl::Duration kPageTimeout = absl::Seconds(30);
constexpr char kReadSnapshot[] = "/mitra.v1.ChangeFeed/ReadSnapshot";
constexpr char kWatch[] = "/mitra.v1.ChangeFeed/Watch";

// All waiting is done on conditions and not in gRPC: a thread that waits there
// takes part in its polling, and slows the process's server down.
class GrpcFeedSource final : public FeedSource {
 public:
  explicit GrpcFeedSource(std::shared_ptr<rpc::Channel> channel)
      : channel_(std::move(channel)) {}

  absl::StatusOr<v1::ReadSnapshotResponse> ReadSnapshot(
      const v1::ReadSnapshotRequest& request) override {
    Running running(*this);
    running.call.deadline = absl::Now() + kPageTimeout;
    return rpc::SyncWait(channel_->Call<v1::ReadSnapshotResponse>(
        running.call, kReadSnapshot, request));
  }

  absl::Status Watch(
      const v1::WatchRequest& request,
      const std::function<bool(v1::WatchResponse&)>& next) override {
    Running running(*this);
    running.call.deadline = absl::InfiniteFuture();  // the server ends it
    const auto stream =
        rpc::SyncWait(channel_->OpenStream(running.call, kWatch));
    if (rpc::SyncWait(stream->Write(rpc::RawMessage::Of(request)))) {
      (void)rpc::SyncWait(stream->WritesDone());
    }
    v1::WatchResponse response;
    while (const auto message = rpc::SyncWait(stream->Read())) {
      const absl::Status parsed = message->ParseTo(response);
      if (parsed.ok() && next(response)) continue;
      stream->Cancel();
      (void)rpc::SyncWait(stream->Finish());
      return parsed;
    }
    const absl::Status status = rpc::SyncWait(stream->Finish());
    return status.ok() ? absl::UnavailableError("the feed ended") : status;
  }

  void Stop() override {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    for (rpc::CallContext* call : open_) call->Cancel();
  }

 private:
  // A call in progress, so that Stop can end it.
  struct Running {
    explicit Running(GrpcFeedSource& owner) : source(owner) {
      absl::MutexLock lock(&source.mutex_);
      source.open_.insert(&call);
      if (source.stopped_) call.Cancel();
    }
    ~Running() {
      absl::MutexLock lock(&source.mutex_);
      source.open_.erase(&call);
    }
    GrpcFeedSource& source;
    rpc::CallContext call;
  };

  const std::shared_ptr<rpc::Channel> channel_;
  absl::Mutex mutex_;
  absl::flat_hash_set<rpc::CallContext*> open_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<FeedSource> NewGrpcFeedSource(
    std::shared_ptr<rpc::Channel> channel) {
  return std::make_unique<GrpcFeedSource>(std::move(channel));
}

}  // namespace mitra::feed
