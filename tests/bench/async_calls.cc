#include "tests/bench/async_calls.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "absl/time/clock.h"

namespace mitra::bench {
namespace {

struct Call {
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer answer;
  grpc::Status status;
  absl::Time start;
};

class Caller {
 public:
  Caller(const std::shared_ptr<grpc::Channel>& channel, const CallPlan& plan,
         const std::vector<std::string>& requests, size_t first)
      : plan_(plan), requests_(requests), next_(first), stub_(channel) {}

  Load Run() {
    const absl::Time start = absl::Now();
    const absl::Time end = start + plan_.time;
    std::vector<Call> open(static_cast<size_t>(plan_.in_flight));
    for (Call& call : open) {
      if (begun_ < plan_.calls) Begin(call);
    }
    for (int done = 0; done < begun_; ++done) {
      void* tag = nullptr;
      bool ok = false;
      queue_.Next(&tag, &ok);
      Call& call = *static_cast<Call*>(tag);
      Count(call);
      if (begun_ < plan_.calls && absl::Now() < end) Begin(call);
    }
    load_.per_second = begun_ / absl::ToDoubleSeconds(absl::Now() - start);
    load_.p50_ms = Quantile(times_, .5);
    load_.p99_ms = Quantile(times_, .99);
    return load_;
  }

 private:
  void Begin(Call& call) {
    call.context = std::make_unique<grpc::ClientContext>();
    if (!plan_.key.empty()) {
      call.context->AddMetadata("authorization", "Bearer " + plan_.key);
    }
    call.context->set_deadline(std::chrono::system_clock::now() +
                               std::chrono::seconds(20));
    const grpc::Slice slice(requests_[next_++ % requests_.size()]);
    const grpc::ByteBuffer request(&slice, 1);
    ++begun_;
    call.start = absl::Now();
    call.reader = stub_.PrepareUnaryCall(call.context.get(), plan_.method,
                                         request, &queue_);
    call.reader->StartCall();
    call.reader->Finish(&call.answer, &call.status, &call);
  }

  void Count(const Call& call) {
    times_.push_back(absl::ToDoubleMilliseconds(absl::Now() - call.start));
    if (call.status.ok()) return;
    if (++load_.failed == 1) load_.first_error = call.status.error_message();
  }

  const CallPlan& plan_;
  const std::vector<std::string>& requests_;
  size_t next_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  int begun_ = 0;
  std::vector<double> times_;
  Load load_;
};

}  // namespace

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q *
                                    static_cast<double>(values.size() - 1))];
}

Load RunCalls(const std::shared_ptr<grpc::Channel>& channel,
              const CallPlan& plan, const std::vector<std::string>& requests,
              size_t first) {
  return Caller(channel, plan, requests, first).Run();
}

}  // namespace mitra::bench
