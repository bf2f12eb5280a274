// Tests that are written in another language and call a real cluster.

#ifndef MITRA_TESTS_E2E_FOREIGN_H_
#define MITRA_TESTS_E2E_FOREIGN_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/cluster.h"

namespace mitra::testing {

// A cluster that holds a small sample network and has applied all of it.
absl::StatusOr<std::unique_ptr<Cluster>> StartSampleCluster(int members,
                                                            int evidence);

// MITRA_SERVER, MITRA_HTTP and MITRA_API_KEY of the cluster, for a program.
std::map<std::string, std::string> EnvironmentOf(const Cluster& cluster);

// Whether the command ends with 0, as a test of what is installed.
bool Works(std::vector<std::string> argv);

// A file of this repository and one of the build folder, by relative path.
std::string SourceFile(const std::string& path);
std::string BuildFile(const std::string& path);

}  // namespace mitra::testing

#endif  // MITRA_TESTS_E2E_FOREIGN_H_
