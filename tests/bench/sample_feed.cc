#include "tests/bench/sample_feed.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "mitra/v1/change_feed_service.grpc.pb.h"

namespace mitra::bench {

class SampleFeed::Service final : public v1::ChangeFeed::Service {
 public:
  explicit Service(const SearchSample& sample) : sample_(sample) {}

  grpc::Status ReadSnapshot(grpc::ServerContext*,
                            const v1::ReadSnapshotRequest* request,
                            v1::ReadSnapshotResponse* response) override {
    constexpr size_t kPage = 150;  // below 256 KiB
    size_t at = 0;
    if (!request->page_token().empty() &&
        !absl::SimpleAtoi(request->page_token(), &at)) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "page_token"};
    }
    *response->mutable_header() = sample_.Header();
    response->set_start_revision(sample_.entries() + 1);
    const size_t end = std::min(at + kPage, sample_.entries());
    for (; at < end; ++at) *response->add_changes() = sample_.Entry(at);
    if (end < sample_.entries()) {
      response->set_next_page_token(absl::StrCat(end));
    }
    return grpc::Status::OK;
  }

  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest*,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override {
    v1::WatchResponse mark;
    *mark.mutable_header() = sample_.Header();
    mark.set_watermark(sample_.entries());
    // A mark a second, looking more often whether anybody still listens.
    for (int tick = 0; !context->IsCancelled(); ++tick) {
      if (tick % 10 == 0 && !writer->Write(mark)) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return grpc::Status::OK;
  }

 private:
  const SearchSample& sample_;
};

SampleFeed::SampleFeed(const SearchSample& sample, const std::string& target)
    : service_(std::make_unique<Service>(sample)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(target, grpc::InsecureServerCredentials());
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    std::fprintf(stderr, "cannot listen at %s\n", target.c_str());
    std::exit(1);
  }
}

SampleFeed::~SampleFeed() {
  server_->Shutdown(std::chrono::system_clock::now());
}

}  // namespace mitra::bench
