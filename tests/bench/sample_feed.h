// A change feed that serves a sample, in place of the profile service.

#ifndef MITRA_TESTS_BENCH_SAMPLE_FEED_H_
#define MITRA_TESTS_BENCH_SAMPLE_FEED_H_

#include <memory>
#include <string>

#include "tests/bench/search_sample.h"

namespace grpc {
class Server;
}

namespace mitra::bench {

// Serves from construction to destruction. The sample must outlive it.
class SampleFeed {
 public:
  // Ends the program if it cannot listen at `target`.
  SampleFeed(const SearchSample& sample, const std::string& target);
  ~SampleFeed();

 private:
  class Service;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace mitra::bench

#endif  // MITRA_TESTS_BENCH_SAMPLE_FEED_H_
