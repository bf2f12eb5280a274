// Load from one thread: many unary calls in flight over one completion queue,
// so that the client costs what a good client costs and no more.

#ifndef MITRA_TESTS_BENCH_ASYNC_CALLS_H_
#define MITRA_TESTS_BENCH_ASYNC_CALLS_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace mitra::bench {

struct Load {
  double per_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  int failed = 0;
  std::string first_error;
};

struct CallPlan {
  std::string method;  // "/mitra.v1.Recommendations/Recommend"
  std::string key;     // API key; empty: none is shown
  int in_flight = 64;
  // Ends after so many calls or after so long, whichever comes first.
  int calls = 20'000;
  absl::Duration time = absl::InfiniteDuration();
};

// Sends `requests`, serialised messages, in turn from the `first` on.
Load RunCalls(const std::shared_ptr<grpc::Channel>& channel,
              const CallPlan& plan, const std::vector<std::string>& requests,
              size_t first = 0);

// The value below which a share `q` of them lies; 0 for none.
double Quantile(std::vector<double> values, double q);

}  // namespace mitra::bench

#endif  // MITRA_TESTS_BENCH_ASYNC_CALLS_H_
