#include "tests/e2e/foreign.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/status/status_macros.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace mitra::testing {
namespace {

absl::Status RunMitra(const Cluster& cluster, std::vector<std::string> words,
                      std::string* output = nullptr) {
  words.insert(words.begin(), BuildFile("bin/mitra"));
  MITRA_ASSIGN_OR_RETURN(
      const CommandResult result,
      RunCommand(std::move(words), absl::Seconds(120), EnvironmentOf(cluster)));
  if (output != nullptr) *output = result.output;
  return result.exit_code == 0 ? absl::OkStatus()
                               : absl::InternalError(result.output);
}

// All three services stand at one revision.
bool AllApplied(const Cluster& cluster) {
  std::string text;
  if (!RunMitra(cluster, {"status", "-o", "json"}, &text).ok()) return false;
  const std::string key = "\"revision\": \"";
  const size_t first = text.find(key);
  if (first == std::string::npos) return false;
  const size_t end = text.find('"', first + key.size());
  const std::string revision = text.substr(first, end + 1 - first);
  int services = 0;
  for (size_t at = first; at != std::string::npos;
       at = text.find(revision, at + 1)) {
    ++services;
  }
  return services >= 3;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Cluster>> StartSampleCluster(int members,
                                                            int evidence) {
  MITRA_ASSIGN_OR_RETURN(auto cluster, Cluster::Start());
  const TempDir dir;
  const std::string file = dir.File("sample.ndjson");
  MITRA_RETURN_IF_ERROR(RunMitra(
      *cluster, {"sample", "--members", absl::StrCat(members), "--evidence",
                 absl::StrCat(evidence), "--out", file}));
  MITRA_RETURN_IF_ERROR(RunMitra(*cluster, {"import", file}));
  if (!Eventually([&] { return AllApplied(*cluster); }, absl::Seconds(60))) {
    return absl::UnavailableError("the sample is not applied in time");
  }
  return cluster;
}

std::map<std::string, std::string> EnvironmentOf(const Cluster& cluster) {
  return {{"MITRA_SERVER", cluster.target("gateway")},
          {"MITRA_HTTP", absl::StrCat("http://", cluster.http_address())},
          {"MITRA_API_KEY", cluster.key()},
          {"MITRA_CONFIG", "/nowhere/config.toml"}};
}

bool Works(std::vector<std::string> argv) {
  const auto result = RunCommand(std::move(argv));
  return result.ok() && result->exit_code == 0;
}

std::string SourceFile(const std::string& path) {
  const char* dir = std::getenv("MITRA_SOURCE_DIR");
  return absl::StrCat(dir == nullptr ? "." : dir, "/", path);
}

std::string BuildFile(const std::string& path) {
  const char* dir = std::getenv("MITRA_BIN_DIR");
  return absl::StrCat(dir == nullptr ? "build/release/bin" : dir, "/../", path);
}

}  // namespace mitra::testing
