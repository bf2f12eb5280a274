#include "common/feed/grpc_feed_source.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/synchronization/mutex.h"
#include "mitra/v1/change_feed_service.grpc.pb.h"

namespace mitra::feed {
namespace {

constexpr absl::Duration kPageTimeout = absl::Seconds(30);

absl::Status ToStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

class GrpcFeedSource final : public FeedSource {
 public:
  explicit GrpcFeedSource(std::shared_ptr<rpc::Channel> channel)
      : channel_(std::move(channel)),
        stub_(v1::ChangeFeed::NewStub(channel_->grpc_channel())) {}

  absl::StatusOr<v1::ReadSnapshotResponse> ReadSnapshot(
      const v1::ReadSnapshotRequest& request) override {
    Running running(*this);
    running.context.set_deadline(
        absl::ToChronoTime(absl::Now() + kPageTimeout));
    v1::ReadSnapshotResponse response;
    const grpc::Status status =
        stub_->ReadSnapshot(&running.context, request, &response);
    if (!status.ok()) return ToStatus(status);
    return response;
  }

  absl::Status Watch(
      const v1::WatchRequest& request,
      const std::function<bool(v1::WatchResponse&)>& next) override {
    Running running(*this);
    auto reader = stub_->Watch(&running.context, request);
    v1::WatchResponse response;
    while (reader->Read(&response)) {
      if (!next(response)) {
        running.context.TryCancel();
        (void)reader->Finish();
        return absl::OkStatus();
      }
    }
    const grpc::Status status = reader->Finish();
    return status.ok() ? absl::UnavailableError("the feed ended")
                       : ToStatus(status);
  }

  void Stop() override {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    if (current_ != nullptr) current_->TryCancel();
  }

 private:
  // The call in progress, so that Stop can end it.
  struct Running {
    explicit Running(GrpcFeedSource& owner) : source(owner) {
      absl::MutexLock lock(&source.mutex_);
      source.current_ = &context;
      if (source.stopped_) context.TryCancel();
    }
    ~Running() {
      absl::MutexLock lock(&source.mutex_);
      source.current_ = nullptr;
    }
    GrpcFeedSource& source;
    grpc::ClientContext context;
  };

  const std::shared_ptr<rpc::Channel> channel_;
  const std::unique_ptr<v1::ChangeFeed::Stub> stub_;
  absl::Mutex mutex_;
  grpc::ClientContext* current_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<FeedSource> NewGrpcFeedSource(
    std::shared_ptr<rpc::Channel> channel) {
  return std::make_unique<GrpcFeedSource>(std::move(channel));
}

}  // namespace mitra::feed
