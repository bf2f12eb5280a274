// Slates through a whole cluster against raw FAISS inside one process on the
// same vectors; scripts/bench starts the cluster.
//
//   mitra-bench-recommend prepare --members N --dir DIR --profile TARGET
//   mitra-bench-recommend measure --label 100k --dir DIR --profile TARGET
//       --gateway TARGET --key KEY
//   mitra-bench-recommend probe --dir DIR --profile TARGET --gateway TARGET
//       --key KEY [--cached] [--in-flight N] [--calls N]
//   mitra-bench-recommend slates --dir DIR --profile TARGET --gateway TARGET
//       --key KEY
//
// "slates" prints the computed slates of 1,000 members, without what differs
// from call to call: to compare what two builds answer on the same record.
//
// "prepare" loads the network into an empty cluster and FAISS from it. A slate
// is the first ten PARTNERs with reasons and trust paths, computed anew for
// each call (`fresh`); FAISS gives the scores of the best 100 of the facets
// that such a slate is chosen from, with two threads, at the narrowest beam
// with a recall of .98. Where none has it, any beam gives a lower bound of the
// ratio that would be seen there, since a wider beam is slower; the widest is
// taken, which bounds best, and its recall is printed. For comparison, "_usual"
// is the ratio at the beam that is enough for vectors without clusters. The
// rounds alternate.

#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.pb.h"
#include "tests/bench/async_calls.h"
#include "tests/bench/prepared_network.h"

namespace mitra::bench {
namespace {

constexpr int kRounds = 7;
constexpr size_t kWarm = 1000;  // askers whose trust is known
constexpr size_t kCold = 4000;  // those that nobody has asked for before
constexpr size_t kBest = 100;   // results of FAISS
constexpr double kRecall = .98;
constexpr absl::Duration kRound = absl::Seconds(4);

struct Options {
  std::string step, dir, profile, gateway, key, label;
  uint64_t members = 100'000;
  bool cached = false;  // of "probe", with the two below
  int in_flight = 64;
  int calls = 10'000;
};

void Metric(absl::string_view name, double value) {
  std::printf("METRIC %s %.4g\n", std::string(name).c_str(), value);
  std::fflush(stdout);
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "recommend: %s\n", status.ToString().c_str());
  return 1;
}

std::shared_ptr<grpc::Channel> Connect(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(16 << 20);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(),
                                   arguments);
}

// ---- The peer.

// Share of the exact best that a search finds; scores that are equal but for
// rounding count as found.
double RecallOf(const StockFaiss& stock, const std::vector<float>& queries,
                const std::vector<float>& kth) {
  std::vector<float> scores;
  size_t found = 0;
  for (size_t i = 0; i < kth.size(); ++i) {
    stock.Search(queries.data() + i * stock.dimension(), kBest, scores);
    for (const float score : scores) found += score >= kth[i] - 1e-5F;
  }
  return static_cast<double>(found) / static_cast<double>(kth.size() * kBest);
}

// Enough for vectors without clusters.
constexpr int kUsualBeam = 200;

struct PeerBeam {
  int breadth = 0;
  double recall = 0;
};

// The smallest beam that is good enough, or the widest. Networks whose members
// say much the same have clusters that stock HNSW never finds its way into.
PeerBeam ChooseBeam(StockFaiss& stock, const Askers& askers) {
  const size_t count = std::min<size_t>(200, askers.ids.size());
  const std::vector<float> queries(
      askers.queries.begin(),
      askers.queries.begin() +
          static_cast<ptrdiff_t>(count * stock.dimension()));
  const std::vector<float> kth = stock.ExactKth(queries, kBest);
  PeerBeam beam;
  for (const int breadth :
       {100, 125, 150, kUsualBeam, 300, 400, 600, 1000, 2000, 4000}) {
    stock.SetBreadth(breadth);
    beam = {breadth, RecallOf(stock, queries, kth)};
    std::fprintf(stderr, "stock: beam %d, recall %.4f\n", breadth, beam.recall);
    if (beam.recall >= kRecall) break;
  }
  return beam;
}

// Queries per second of two threads.
double StockRound(const StockFaiss& stock, const Askers& askers) {
  const size_t count = std::min(kWarm, askers.ids.size());
  std::atomic<size_t> next{0};
  const absl::Time start = absl::Now();
  const absl::Time end = start + kRound;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      std::vector<float> scores;
      while (absl::Now() < end) {
        const size_t i = next++ % count;
        stock.Search(askers.queries.data() + i * stock.dimension(), kBest,
                     scores);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(next) / absl::ToDoubleSeconds(absl::Now() - start);
}

// ---- Ours.

std::vector<std::string> Requests(const Askers& askers, size_t from, size_t to,
                                  bool fresh) {
  std::vector<std::string> requests;
  for (size_t i = from; i < std::min(to, askers.ids.size()); ++i) {
    v1::RecommendRequest request;
    request.set_profile_id(askers.ids[i]);
    request.add_kinds(v1::RECOMMENDATION_KIND_PARTNER);
    request.set_fresh(fresh);
    requests.push_back(request.SerializeAsString());
  }
  return requests;
}

class Measurement {
 public:
  Measurement(const Options& options, const Askers& askers)
      : options_(options),
        askers_(askers),
        gateway_(Connect(options.gateway)),
        warm_(Requests(askers, 0, kWarm, true)) {}

  int Run(StockFaiss& stock) {
    const PeerBeam beam = ChooseBeam(stock, askers_);
    Metric(Name("recommend_stock_recall"), beam.recall);
    Metric(Name("recommend_stock_beam"), beam.breadth);
    const auto cold_requests = Requests(askers_, kWarm, kWarm + kCold, true);
    const Load cold = Calls(cold_requests, 64, cold_requests.size());
    Metric(absl::StrCat(Name("recommend_qps"), "_trust_cold"), cold.per_second);
    (void)Calls(warm_, 64, warm_.size());
    Alone();
    Alternate(stock, beam.breadth);
    Cached();
    if (failed_ == 0) return 0;
    Metric(Name("recommend_failed"), failed_);
    std::fprintf(stderr, "recommend: %s\n", error_.c_str());
    return 1;
  }

  int Probe() {
    const auto requests = Requests(askers_, 0, kWarm, !options_.cached);
    for (const int calls : {1000, options_.calls}) {
      const Load load = Calls(requests, options_.in_flight, calls);
      std::printf("%d in flight: %.0f/s, p50 %.3f ms, p99 %.3f ms, %d failed\n",
                  options_.in_flight, load.per_second, load.p50_ms, load.p99_ms,
                  load.failed);
    }
    return failed_ == 0 ? 0 : 1;
  }

 private:
  std::string Name(absl::string_view figure) const {
    return absl::StrCat(figure, "_", options_.label);
  }

  Load Calls(const std::vector<std::string>& requests, int in_flight,
             size_t calls, absl::Duration time = absl::InfiniteDuration()) {
    const CallPlan plan = {.method = "/mitra.v1.Recommendations/Recommend",
                           .key = options_.key,
                           .in_flight = in_flight,
                           .calls = static_cast<int>(calls),
                           .time = time};
    const Load load = RunCalls(gateway_, plan, requests, next_);
    next_ += 97;  // rounds do not all begin with the same
    failed_ += load.failed;
    if (error_.empty()) error_ = load.first_error;
    return load;
  }

  void Alone() {
    std::vector<double> p50;
    for (int round = 0; round < kRounds; ++round) {
      p50.push_back(Calls(warm_, 1, 500).p50_ms);
    }
    Metric(Name("recommend_p50_ms"), Quantile(p50, .5));
  }

  void Alternate(StockFaiss& stock, int beam) {
    std::vector<double> ratios, usual, ours, theirs, tails;
    for (int round = 0; round < kRounds; ++round) {
      const Load load = Calls(warm_, 64, 1'000'000, kRound);
      stock.SetBreadth(beam);
      theirs.push_back(StockRound(stock, askers_));
      stock.SetBreadth(kUsualBeam);
      usual.push_back(load.per_second / StockRound(stock, askers_));
      ratios.push_back(load.per_second / theirs.back());
      ours.push_back(load.per_second);
      tails.push_back(load.p99_ms);
    }
    Metric(Name("recommend_over_stock"), Quantile(ratios, .5));
    Metric(absl::StrCat(Name("recommend_over_stock"), "_usual"),
           Quantile(usual, .5));
    Metric(Name("recommend_qps"), Quantile(ours, .5));
    Metric(Name("recommend_p99_ms"), Quantile(tails, .5));
    Metric(Name("recommend_stock_qps"), Quantile(theirs, .5));
  }

  void Cached() {
    const auto requests = Requests(askers_, 0, 200, false);
    (void)Calls(requests, 64, requests.size());
    std::vector<double> rates;
    for (int round = 0; round < 3; ++round) {
      rates.push_back(Calls(requests, 64, 1'000'000, kRound / 2).per_second);
    }
    Metric(Name("recommend_cached_qps"), Quantile(rates, .5));
  }

  const Options& options_;
  const Askers& askers_;
  const std::shared_ptr<grpc::Channel> gateway_;
  const std::vector<std::string> warm_;
  size_t next_ = 0;
  int failed_ = 0;
  std::string error_;
};

int Prepare(const Options& options) {
  const auto profile = Connect(options.profile);
  const absl::Time start = absl::Now();
  if (absl::Status s = ImportNetwork(profile, options.members); !s.ok()) {
    return Fail(s);
  }
  std::fprintf(stderr, "recommend: loaded in %.0f s\n",
               absl::ToDoubleSeconds(absl::Now() - start));
  const auto stock =
      PrepareStock(profile, kWarm + kCold, /*threads=*/2, options.dir);
  if (!stock.ok()) return Fail(stock.status());
  std::fprintf(stderr, "recommend: prepared in %.0f s\n",
               absl::ToDoubleSeconds(absl::Now() - start));
  return 0;
}

// Only load, for a profiler beside it.
int Probe(const Options& options) {
  const absl::StatusOr<Askers> askers = ReadAskers(options.dir);
  if (!askers.ok()) return Fail(askers.status());
  return Measurement(options, *askers).Probe();
}

// What two calls on the same record have in common.
void RemoveVolatile(v1::RecommendResponse& response) {
  for (v1::Slate& slate : *response.mutable_slates()) {
    slate.clear_compute_time();
    slate.clear_next_page_token();
    for (v1::Recommendation& one : *slate.mutable_recommendations()) {
      one.clear_attribution_token();
    }
  }
}

int PrintSlates(const Options& options) {
  const absl::StatusOr<Askers> askers = ReadAskers(options.dir);
  if (!askers.ok()) return Fail(askers.status());
  auto stub = v1::Recommendations::NewStub(Connect(options.gateway));
  v1::RecommendRequest request;
  for (const std::string& bytes : Requests(*askers, 0, kWarm, true)) {
    request.ParseFromString(bytes);
    grpc::ClientContext context;
    context.AddMetadata("authorization", absl::StrCat("Bearer ", options.key));
    v1::RecommendResponse response;
    const grpc::Status status = stub->Recommend(&context, request, &response);
    if (!status.ok()) return Fail(absl::UnknownError(status.error_message()));
    RemoveVolatile(response);
    std::printf("%s %s\n", request.profile_id().c_str(),
                response.ShortDebugString().c_str());
  }
  return 0;
}

int Measure(const Options& options) {
  const auto stock = PrepareStock(Connect(options.profile), kWarm + kCold,
                                  /*threads=*/2, options.dir);
  if (!stock.ok()) return Fail(stock.status());
  const absl::StatusOr<Askers> askers = ReadAskers(options.dir);
  if (!askers.ok()) return Fail(askers.status());
  return Measurement(options, *askers).Run(**stock);
}

}  // namespace
}  // namespace mitra::bench

int main(int argc, char** argv) {
  mitra::bench::Options options;
  CLI::App app("Slates through a whole cluster against raw FAISS");
  app.add_option("step", options.step)
      ->required()
      ->check(CLI::IsMember({"prepare", "measure", "probe", "slates"}));
  app.add_option("--members", options.members);
  app.add_option("--dir", options.dir)->required();
  app.add_option("--profile", options.profile)->required();
  app.add_option("--gateway", options.gateway);
  app.add_option("--key", options.key);
  app.add_option("--label", options.label);
  app.add_flag("--cached", options.cached);
  app.add_option("--in-flight", options.in_flight);
  app.add_option("--calls", options.calls);
  CLI11_PARSE(app, argc, argv);
  if (options.step == "prepare") return mitra::bench::Prepare(options);
  if (options.step == "probe") return mitra::bench::Probe(options);
  if (options.step == "slates") return mitra::bench::PrintSlates(options);
  return mitra::bench::Measure(options);
}
