#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "tests/bench/cluster_suites.h"

namespace mitra::bench {
namespace {

// `callers` threads, `calls` in all over the first 1,000 subjects.
void Load(const ClusterClient& cluster,
          const std::vector<std::string>& subjects, int callers, int calls,
          bool fresh, const std::string& name) {
  std::atomic<int> next{0};
  std::vector<std::vector<double>> times(callers);
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  const absl::Time start = absl::Now();
  for (int t = 0; t < callers; ++t) {
    threads.emplace_back([&, t] {
      auto stub = v1::Recommendations::NewStub(cluster.gateway());
      for (int i = next++; i < calls; i = next++) {
        v1::RecommendResponse response;
        const absl::Time asked = absl::Now();
        const auto& id = subjects[i % std::min<size_t>(1000, subjects.size())];
        if (!cluster.Recommend(*stub, id, fresh, response).ok()) ++failed;
        times[t].push_back(Seconds(asked) * 1000);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const double elapsed = Seconds(start);
  std::vector<double> all;
  for (const auto& mine : times) {
    all.insert(all.end(), mine.begin(), mine.end());
  }
  cluster.Metric(name + "_p50_ms", Quantile(all, .5));
  cluster.Metric(name + "_p99_ms", Quantile(all, .99));
  cluster.Metric(name + "_qps", calls / elapsed);
  if (failed > 0) cluster.Metric(name + "_failed", failed);
}

}  // namespace

void RunRecommend(const ClusterClient& cluster) {
  cluster.Load();
  std::vector<std::string> subjects;
  for (const auto& profile : cluster.profiles()) {
    if (profile.profile_id().substr(0, 4) == "umkm") {
      subjects.push_back(profile.profile_id());
    }
  }
  Random random(9);
  std::shuffle(subjects.begin(), subjects.end(), random);
  const std::string size =
      cluster.options().members % 1000 == 0
          ? absl::StrCat(cluster.options().members / 1000, "k")
          : absl::StrCat(cluster.options().members);
  Load(cluster, subjects, 1, 1000, true, absl::StrCat("recommend_cold_", size));
  Load(cluster, subjects, 1, 1000, true, absl::StrCat("recommend_", size));
  Load(cluster, subjects, 64, 20'000, true,
       absl::StrCat("recommend_loaded_", size));
  Load(cluster, subjects, 64, 40'000, false,
       absl::StrCat("recommend_cached_", size));
}

}  // namespace mitra::bench
