#include <atomic>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/refreshes_service.grpc.pb.h"
#include "tests/bench/cluster_suites.h"

namespace mitra::bench {
namespace {

// `anew`: candidates are looked for although nothing has changed.
v1::Refresh RunOnce(const ClusterClient& cluster, bool anew) {
  auto stub = v1::Refreshes::NewStub(cluster.gateway());
  v1::Refresh refresh;
  {
    grpc::ClientContext context;
    cluster.Prepare(context);
    v1::StartRefreshRequest request;
    request.set_fresh(anew);
    (void)stub->StartRefresh(&context, request, &refresh);
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

// Some of the members that the cluster holds.
std::vector<std::string> SomeIds(const ClusterClient& cluster) {
  auto stub = v1::Profiles::NewStub(cluster.gateway());
  std::vector<std::string> ids;
  v1::ListProfilesRequest request;
  request.set_page_size(1000);
  v1::ListProfilesResponse page;
  while (ids.size() < 5000) {
    grpc::ClientContext context;
    cluster.Prepare(context);
    if (!stub->ListProfiles(&context, request, &page).ok()) break;
    for (const v1::Profile& profile : page.profiles()) {
      ids.push_back(profile.profile_id());
    }
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
  }
  return ids;
}

// People who ask meanwhile: one fresh recommendation every 20 ms, one at a
// time, while it lives. A tenth of what the machine could serve.
class Visitors {
 public:
  Visitors(const ClusterClient& cluster, const std::vector<std::string>& ids)
      : ids_(ids), thread_([this, &cluster] { Run(cluster); }) {}
  ~Visitors() { (void)Leave(); }

  // Their waiting times in milliseconds.
  std::vector<double> Leave() {
    left_ = true;
    if (thread_.joinable()) thread_.join();
    return times_;
  }

 private:
  void Run(const ClusterClient& cluster) {
    auto stub = v1::Recommendations::NewStub(cluster.gateway());
    Random random(7);
    v1::RecommendResponse response;
    while (!left_) {
      const absl::Time start = absl::Now();
      const std::string& id = ids_[random.Below(ids_.size())];
      if (cluster.Recommend(*stub, id, true, response).ok()) {
        times_.push_back(Seconds(start) * 1000);
      }
      absl::SleepFor(start + absl::Milliseconds(20) - absl::Now());
    }
  }

  const std::vector<std::string>& ids_;
  std::atomic<bool> left_{false};
  std::vector<double> times_;
  std::thread thread_;  // the last: it uses the others
};

// Waiting times of visitors who have the cluster to themselves.
std::vector<double> MeasureAlone(const ClusterClient& cluster,
                                 const std::vector<std::string>& ids) {
  Visitors visitors(cluster, ids);
  absl::SleepFor(absl::Seconds(10));
  return visitors.Leave();
}

}  // namespace

// What a refresh costs those who ask while it runs.
void RunVisitors(const ClusterClient& cluster) {
  const std::vector<std::string> ids = SomeIds(cluster);
  if (ids.empty()) return;
  // Before and after: a machine is not the same all the time.
  std::vector<double> alone = MeasureAlone(cluster, ids);
  std::vector<double> beside;
  v1::Refresh refresh;
  {
    Visitors visitors(cluster, ids);
    refresh = RunOnce(cluster, /*anew=*/true);
    beside = visitors.Leave();
  }
  const std::vector<double> after = MeasureAlone(cluster, ids);
  alone.insert(alone.end(), after.begin(), after.end());
  if (refresh.state() != v1::REFRESH_STATE_PUBLISHED) return;
  for (const double q : {.5, .9, .99}) {
    const int percent = static_cast<int>(q * 100);
    const std::string name = absl::StrCat("refresh_visitors_p", percent);
    cluster.Metric(absl::StrCat(name, "_ms_alone"), Quantile(alone, q));
    cluster.Metric(absl::StrCat(name, "_ms"), Quantile(beside, q));
    cluster.Metric(absl::StrCat(name, "_ratio"),
                   Quantile(beside, q) / Quantile(alone, q));
  }
}

namespace {

// Where scripts/cluster keeps sockets and process numbers, with a slash; empty
// for a cluster that it has not started.
std::string RunFolder(const ClusterClient& cluster) {
  constexpr char kPrefix[] = "unix:";
  constexpr char kSocket[] = "profile.sock";
  std::string path = cluster.options().profile;
  if (!absl::StartsWith(path, kPrefix) || !absl::EndsWith(path, kSocket)) {
    return "";
  }
  path = path.substr(sizeof kPrefix - 1);
  path.resize(path.size() - (sizeof kSocket - 1));
  return path;
}

// Bytes that Redis holds; 0 if it does not say.
double RedisBytes(const ClusterClient& cluster) {
  const std::string folder = RunFolder(cluster);
  if (folder.empty()) return 0;
  const std::string command =
      absl::StrCat("redis-cli -s '", folder, "redis.sock' info memory");
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return 0;
  double bytes = 0;
  char line[256];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    (void)std::sscanf(line, "used_memory:%lf", &bytes);
  }
  pclose(pipe);
  return bytes;
}

// The greatest resident memory that matching has had, in bytes; 0 if it is not
// a process of this machine that scripts/cluster has started.
double PeakBytes(const ClusterClient& cluster) {
  const std::string path = RunFolder(cluster);
  if (path.empty()) return 0;
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
// nobody's trust is known, then everybody's; at last nothing has changed since
// the candidates were found, as after a dry run.
void RunRefresh(const ClusterClient& cluster) {
  if (!cluster.options().loaded) cluster.Load();
  for (const char* trust : {"cold", "warm", "again"}) {
    const double redis_before = RedisBytes(cluster);
    const v1::Refresh refresh =
        RunOnce(cluster, /*anew=*/trust != absl::string_view("again"));
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
    for (const v1::PhaseTime& phase : refresh.phase_times()) {
      cluster.Metric(absl::StrCat("refresh_", phase.phase(), "_s_", trust),
                     phase.seconds());
    }
    if (trust == absl::string_view("cold")) {
      // One epoch; the next one stands beside it until it expires.
      if (redis_before > 0) {
        cluster.Metric("refresh_redis_bytes_per_member",
                       (RedisBytes(cluster) - redis_before) /
                           static_cast<double>(refresh.members_total()));
      }
    }
    if (trust != absl::string_view("warm")) continue;
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
  // A million members take their time; there is a suite of its own.
  if (!cluster.options().loaded) RunVisitors(cluster);
}

}  // namespace mitra::bench
