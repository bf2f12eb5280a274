// A network of some size that is made once and used by many measurements: the
// record with all members and evidence behind a running cluster, and beside it
// the vectors of its members in FAISS.

#ifndef MITRA_TESTS_BENCH_PREPARED_NETWORK_H_
#define MITRA_TESTS_BENCH_PREPARED_NETWORK_H_

#include <grpcpp/channel.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/stock_faiss.h"

namespace mitra::bench {

// Generates `members` with ten pieces of evidence each and imports all of it;
// nothing is kept in memory. UNKNOWN if the record refuses a row.
absl::Status ImportNetwork(const std::shared_ptr<grpc::Channel>& profile,
                           uint64_t members);

// Who asks, in random order, and what FAISS is asked for each of them.
struct Askers {
  std::vector<std::string> ids;
  std::vector<float> queries;  // one row of FAISS's dimension for each
};

// Businesses of the network, as PrepareStock() chose and kept them in `dir`.
absl::StatusOr<Askers> ReadAskers(const std::string& dir);

// The vectors [offer ; need] of all facets that a PARTNER can have, from the
// record, in FAISS, kept in `dir`; and `askers` random businesses, their
// queries [w need ; (1 - w) offer] with the default weight.
absl::StatusOr<std::unique_ptr<StockFaiss>> PrepareStock(
    const std::shared_ptr<grpc::Channel>& profile, size_t askers, int threads,
    const std::string& dir);

}  // namespace mitra::bench

#endif  // MITRA_TESTS_BENCH_PREPARED_NETWORK_H_
