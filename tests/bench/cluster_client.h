// What the suites of mitra-bench-cluster share: a generated network, its way
// into a running cluster, and calls as its users make them.

#ifndef MITRA_TESTS_BENCH_CLUSTER_CLIENT_H_
#define MITRA_TESTS_BENCH_CLUSTER_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/profile.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"

namespace mitra::bench {

struct ClusterOptions {
  std::string suite;
  std::string profile;  // target of the profile service
  std::string gateway;  // target of the gateway
  std::string key;      // API key for the gateway
  std::string suffix;   // of the figures' names, such as "_quick"
  uint64_t members = 100'000;
  bool loaded = false;  // the cluster has a network already
};

// Seconds since then.
inline double Seconds(absl::Time since) {
  return absl::ToDoubleSeconds(absl::Now() - since);
}

// The value below which a share `q` of them lies; 0 for none.
double Quantile(std::vector<double> values, double q);

class ClusterClient {
 public:
  // Generates the network: `members` and ten pieces of evidence for each;
  // nothing if there is one.
  explicit ClusterClient(ClusterOptions options);

  const ClusterOptions& options() const { return options_; }
  const std::vector<v1::Profile>& profiles() const { return profiles_; }
  const std::shared_ptr<grpc::Channel>& profile() const { return profile_; }
  const std::shared_ptr<grpc::Channel>& gateway() const { return gateway_; }

  // Prints a figure as METRICS.md wants it.
  void Metric(const std::string& name, double value) const;

  // Fills in row number i, which may hold what an earlier one held.
  using FillRow = std::function<void(uint64_t i, v1::ImportRequest& row)>;
  // One import stream; rows per second, all durable.
  double Import(const std::shared_ptr<grpc::Channel>& channel, uint64_t rows,
                const FillRow& fill) const;
  // The same beside the record.
  double ImportProfiles() const;
  double ImportEvidence() const;
  // Returns when everybody knows the last member.
  void WaitUntilVisible() const;
  // All of the three above.
  void Load() const;

  // Credential of a call through the gateway.
  void Authorise(grpc::ClientContext& context) const;
  // The same with a deadline.
  void Prepare(grpc::ClientContext& context) const;
  grpc::Status Recommend(v1::Recommendations::Stub& stub, const std::string& id,
                         bool fresh, v1::RecommendResponse& response) const;

 private:
  const ClusterOptions options_;
  std::shared_ptr<grpc::Channel> profile_, gateway_;
  std::vector<v1::Profile> profiles_;
  std::vector<v1::Evidence> evidence_;
};

}  // namespace mitra::bench

#endif  // MITRA_TESTS_BENCH_CLUSTER_CLIENT_H_
