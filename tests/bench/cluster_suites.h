// The suites of mitra-bench-cluster. Each loads the network by itself.

#ifndef MITRA_TESTS_BENCH_CLUSTER_SUITES_H_
#define MITRA_TESTS_BENCH_CLUSTER_SUITES_H_

#include "tests/bench/cluster_client.h"

namespace mitra::bench {

// How fast members come in and are seen.
void RunIngest(const ClusterClient& cluster);
// Only single upserts, beside the disk.
void RunUpserts(const ClusterClient& cluster);
// How fast everybody's lists are renewed, and what that is worth.
void RunRefresh(const ClusterClient& cluster);

// What a refresh costs those who ask while it runs.
void RunVisitors(const ClusterClient& cluster);

}  // namespace mitra::bench

#endif  // MITRA_TESTS_BENCH_CLUSTER_SUITES_H_
