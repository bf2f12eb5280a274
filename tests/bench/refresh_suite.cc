#include <cstdio>
#include <fstream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "mitra/v1/refreshes_service.grpc.pb.h"
#include "tests/bench/cluster_suites.h"

namespace mitra::bench {
namespace {

v1::Refresh RunOnce(const ClusterClient& cluster) {
  auto stub = v1::Refreshes::NewStub(cluster.gateway());
  v1::Refresh refresh;
  {
    grpc::ClientContext context;
    cluster.Prepare(context);
    (void)stub->StartRefresh(&context, v1::StartRefreshRequest(), &refresh);
  }
  v1::GetRefreshRequest get;
  get.set_refresh_id(refresh.refresh_id());
  while (!refresh.has_end_time()) {
    absl::SleepFor(absl::Milliseconds(200));
    grpc::ClientContext context;
    cluster.Prepare(context);
    if (!stub->GetRefresh(&context, get, &refresh).ok()) break;
  }
  return refresh;
}

// The greatest resident memory that matching has had, in bytes; 0 if it is not
// a process of this machine that scripts/cluster has started.
double PeakBytes(const ClusterClient& cluster) {
  constexpr char kPrefix[] = "unix:";
  constexpr char kSocket[] = "profile.sock";
  std::string path = cluster.options().profile;
  if (!absl::StartsWith(path, kPrefix) || !absl::EndsWith(path, kSocket)) {
    return 0;
  }
  path = path.substr(sizeof kPrefix - 1);
  path.resize(path.size() - (sizeof kSocket - 1));
  std::ifstream pid_file(path + "matching.pid");
  int pid = 0;
  pid_file >> pid;
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  std::string word;
  while (status >> word) {
    double kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

// Both lists of everybody, from the start to the flip of the epoch: at first
// nobody's trust is known, then everybody's.
void RunRefresh(const ClusterClient& cluster) {
  cluster.Load();
  for (const char* trust : {"cold", "warm"}) {
    const v1::Refresh refresh = RunOnce(cluster);
    if (refresh.state() != v1::REFRESH_STATE_PUBLISHED) {
      std::fprintf(stderr, "%s\n", refresh.ShortDebugString().c_str());
      return;
    }
    const double seconds =
        static_cast<double>(refresh.end_time().seconds() -
                            refresh.start_time().seconds()) +
        1e-9 * (refresh.end_time().nanos() - refresh.start_time().nanos());
    cluster.Metric(absl::StrCat("refresh_members_per_s_", trust),
                   static_cast<double>(refresh.members_total()) / seconds);
    if (trust == absl::string_view("cold")) continue;
    double together = 0, alone = 0, gini = 0, gini_alone = 0;
    for (const auto& market : refresh.markets()) {
      together += market.expected_matches();
      alone += market.expected_matches_alone();
      gini += market.exposure_gini();
      gini_alone += market.exposure_gini_alone();
      const std::string kind = absl::AsciiStrToLower(
          v1::RecommendationKind_Name(market.kind()).substr(20));
      cluster.Metric(
          absl::StrCat("refresh_matches_ratio_", kind),
          market.expected_matches() / market.expected_matches_alone());
      cluster.Metric(absl::StrCat("refresh_gini_ratio_", kind),
                     market.exposure_gini() / market.exposure_gini_alone());
    }
    cluster.Metric("refresh_matches_ratio", together / alone);
    cluster.Metric("refresh_gini_ratio", gini / gini_alone);
    if (const double peak = PeakBytes(cluster); peak > 0) {
      cluster.Metric("refresh_peak_gib", peak / (1 << 30));
    }
  }
}

}  // namespace mitra::bench
