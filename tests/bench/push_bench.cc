// Forward push over a network of a million members and ten million ties, on one
// thread: rows of METRICS.md. --quick: a tenth of both.
//
// Members come in communities of about a hundred; seven of ten ties stay inside
// one, the others go anywhere, to some members much more often than to others.
// Indexes are shuffled, so that neighbours are far apart in memory.

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/graph/tie_graph.h"
#include "services/matching/trust/forward_push.h"

namespace mitra::matching {
namespace {

constexpr int64_t kNow = 1'764'000'000;

double Micros(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now() - since)
      .count();
}

// What this thread has used, in microseconds: on a busy machine the time on the
// clock tells of others.
double CpuMicros() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 +
         static_cast<double>(now.tv_nsec) / 1e3;
}

GraphView MakeNetwork(TieGraph& graph, uint32_t members, uint64_t ties) {
  constexpr uint32_t kCommunity = 100;
  Random random(1);
  std::vector<MemberIndex> place(members);
  for (uint32_t m = 0; m < members; ++m) place[m] = m;
  std::shuffle(place.begin(), place.end(), random);
  for (uint64_t t = 0; t < ties; ++t) {
    const auto from = static_cast<uint32_t>(random.Below(members));
    uint32_t to;
    if (random.Chance(.7)) {
      to = from / kCommunity * kCommunity +
           static_cast<uint32_t>(random.Below(kCommunity));
    } else {
      // Popularity falls as a power of the rank.
      const double u = random.Double();
      to = static_cast<uint32_t>(u * u * u * members);
    }
    if (to >= members || to == from) continue;
    graph.Fold(
        {.key = t + 1,
         .author = place[from],
         .about = place[to],
         .kind = static_cast<int>(1 + random.Below(5)),
         .event_time = kNow - static_cast<int64_t>(random.Below(700 * 86'400)),
         .quality = .5 + .5 * random.Double(),
         .counts = true,
         .revision = t + 1});
  }
  graph.Publish(kNow, members);
  return graph.view();
}

int Main(bool quick) {
  const uint32_t members = quick ? 100'000 : 1'000'000;
  const uint64_t ties = uint64_t{10} * members;
  TieGraph graph{TieOptions()};
  const auto begin = std::chrono::steady_clock::now();
  const GraphView view = MakeNetwork(graph, members, ties);
  std::fprintf(stderr, "%u members, %llu ties in %.1f s\n", members,
               static_cast<unsigned long long>(view.tie_count()),
               Micros(begin) / 1e6);
  PushWorkspace workspace;
  Random random(2);
  constexpr int kWarm = 200, kPushes = 5000;
  std::vector<double> micros, cpu;
  std::vector<uint32_t> edges;
  double touched = 0, settled = 0, all_cpu = 0, all_edges = 0;
  for (int i = 0; i < kWarm + kPushes; ++i) {
    const auto subject = static_cast<MemberIndex>(random.Below(members));
    const auto start = std::chrono::steady_clock::now();
    const double used = CpuMicros();
    const TrustVector trust = ForwardPush(view, subject, {}, workspace);
    const double took = Micros(start);
    if (i < kWarm) continue;
    micros.push_back(took);
    cpu.push_back(CpuMicros() - used);
    edges.push_back(trust.edges_pushed);
    all_cpu += cpu.back();
    all_edges += trust.edges_pushed;
    touched += trust.touched / double{kPushes};
    settled += trust.settled / kPushes;
  }
  std::sort(micros.begin(), micros.end());
  std::sort(cpu.begin(), cpu.end());
  std::sort(edges.begin(), edges.end());
  const char* size = quick ? "100k_quick" : "1m";
  const auto at = [&](double share) {
    return micros[static_cast<size_t>(share * (kPushes - 1))];
  };
  std::fprintf(stderr, "processor time p50 %.1f us, p99 %.1f us\n",
               cpu[kPushes / 2], cpu[kPushes * 99 / 100]);
  std::fprintf(stderr,
               "edges p50 %u, p99 %u, each %.1f ns; touched %.0f, settled "
               "%.4f\n",
               edges[kPushes / 2], edges[kPushes * 99 / 100],
               1e3 * all_cpu / all_edges, touched, settled);
  std::printf("METRIC trust_push_p50_us_%s %.1f\n", size, at(.5));
  std::printf("METRIC trust_push_p99_us_%s %.1f\n", size, at(.99));
  return 0;
}

}  // namespace
}  // namespace mitra::matching

int main(int argc, char** argv) {
  return mitra::matching::Main(argc > 1 &&
                               std::strcmp(argv[1], "--quick") == 0);
}
