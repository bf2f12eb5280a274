// The search service over gRPC against FAISS as packaged inside one process:
// the same questions for the top 100 of the same vectors.
//
//   mitra-bench-search-service SET SIZE FOLDER [--suffix TEXT] [--rounds N]
//                              [--dimension D] [--no-peer]
//
// SET: plain (mentors offer, subjects need) or reciprocal (both have both
// sides), of D = 128 values a side. Starts mitra-search beside this program,
// feeds it by a change feed of its own and asks as matching does: by the id of
// a stored subject, over one batched stream, 64 in flight. FAISS is asked by 2
// threads. FOLDER keeps FAISS's graph and the service's snapshot for later
// runs.

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "common/rpc/channel.h"
#include "mitra/v1/operations_service.pb.h"
#include "mitra/v1/retrieval_service.pb.h"
#include "tests/bench/sample_feed.h"
#include "tests/bench/search_peers.h"
#include "tests/bench/search_sample.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace mitra::bench {
namespace {

constexpr size_t kTop = 100;
constexpr size_t kSubjects = 300;
constexpr size_t kMeasured = 200;  // for recall
constexpr int kInFlight = 64;

struct Options {
  std::string set = "plain";
  size_t size = 100000;
  std::string folder;
  std::string suffix;
  std::string program = "build/release/bin/mitra-search";
  size_t dimension = 128;
  int rounds = 5;
  int server_threads = 1;
  double seconds = 2;
  bool peer = true;
};

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

// mitra-search, fed by us.
class Service {
 public:
  Service(const Options& options, const SearchSample& sample)
      : feed_(sample, absl::StrCat("unix:", dir_.File("feed.sock"))) {
    const std::string data =
        absl::StrCat(options.folder, "/service-", options.set, "-",
                     options.size, "-", options.dimension);
    std::filesystem::create_directories(data);
    const std::string target = absl::StrCat("unix:", dir_.File("search.sock"));
    testing::Process::Options process;
    process.argv = {
        options.program, absl::StrCat("--data_dir=", data),
        absl::StrCat("--server.listen=", target),
        absl::StrCat("--server.threads=", options.server_threads),
        absl::StrCat("--feed.target=unix:", dir_.File("feed.sock"))};
    process.output_path = data + "/log";
    auto started = testing::Process::Start(std::move(process));
    if (!started.ok()) Die(started.status().ToString());
    process_ = *std::move(started);
    channel_ = rpc::Channel::Create(target, {.batched = true});
  }
  ~Service() {
    // It writes its snapshot now, if it has none.
    static_cast<void>(process_->Terminate(absl::Seconds(120)));
  }

  v1::ServiceStatus Status() {
    if (!process_->running()) Die("mitra-search has ended");
    rpc::CallContext call;
    call.deadline = absl::Now() + absl::Seconds(30);
    auto status = rpc::SyncWait(channel_->Call<v1::ServiceStatus>(
        call, "/mitra.v1.SearchOperations/GetSearchStatus",
        v1::GetStatusRequest()));
    return status.ok() ? *std::move(status) : v1::ServiceStatus();
  }
  void AwaitReady() {
    while (!Status().ready()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }
  // One figure of one component; 0 if there is none.
  double Figure(const std::string& component, const std::string& figure) {
    const v1::ServiceStatus status = Status();
    for (const auto& one : status.components()) {
      if (one.name() != component) continue;
      const auto found = one.figures().find(figure);
      return found == one.figures().end() ? 0 : found->second;
    }
    return 0;
  }

  // Bytes of memory that the process has in use.
  double ResidentBytes() const {
    std::ifstream status(absl::StrCat("/proc/", process_->pid(), "/status"));
    std::string line;
    while (std::getline(status, line)) {
      if (line.rfind("VmRSS:", 0) == 0) {
        return std::strtod(line.c_str() + 6, nullptr) * 1024;
      }
    }
    return 0;
  }
  rpc::Channel& channel() { return *channel_; }

 private:
  testing::TempDir dir_;
  SampleFeed feed_;
  std::unique_ptr<testing::Process> process_;
  std::shared_ptr<rpc::Channel> channel_;
};

rpc::Task<absl::StatusOr<v1::RetrieveResponse>> AskFor(
    rpc::Channel& channel, rpc::CallContext& call,
    const v1::RetrieveRequest& request) {
  std::string method = "/mitra.v1.Retrieval/Retrieve";
  auto pending =
      channel.Call<v1::RetrieveResponse>(call, std::move(method), request);
  co_return co_await std::move(pending);
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        sample_(options.set == "reciprocal", options.dimension, options.size,
                kSubjects) {}

  int Run() {
    for (size_t i = 0; i < kSubjects; ++i) {
      questions_.push_back(sample_.Question(i));
    }
    const double begin = Now();
    Service service(options_, sample_);
    service_ = &service;
    service.AwaitReady();
    std::printf("service: ready after %.1f s\n", Now() - begin);
    if (options_.peer) BuildPeer();
    FindExact();
    AwaitTuned();
    Row("service_recall100", OurRecall());
    std::vector<double> ours, theirs, ratios;
    for (int round = 0; round < options_.rounds; ++round) {
      if (faiss_ != nullptr) theirs.push_back(PeerRate());
      ours.push_back(OurRate());
      if (faiss_ != nullptr) ratios.push_back(ours.back() / theirs.back());
    }
    std::printf("a second: ours %.0f, FAISS %.0f\n", Median(ours),
                Median(theirs));
    Row("service_per_s", Median(ours));
    if (faiss_ != nullptr) Row("service_over_stock", Median(ratios));
    CountBytes();
    return 0;
  }

 private:
  // Walks are tuned by what is asked once enough has been asked.
  void AwaitTuned() {
    for (int round = 0; round < 60; ++round) {
      if (service_->Figure("partition/mentor", "graph_rows") == 0 ||
          service_->Figure("partition/mentor", "tuned_by_questions") == 1) {
        break;
      }
      OurRate();
    }
    std::printf("service: care %.2f\n",
                service_->Figure("partition/mentor", "walk_care"));
  }

  void CountBytes() {
    const auto members = static_cast<double>(sample_.entries());
    for (const char* part : {"member_bytes", "id_bytes", "text_bytes"}) {
      std::printf("  %s: %.0f a member\n", part,
                  service_->Figure("index", part) / members);
    }
    for (const char* part :
         {"vector_bytes", "graph_bytes", "column_bytes", "posting_bytes"}) {
      std::printf("  %s: %.0f a member\n", part,
                  service_->Figure("partition/mentor", part) / members);
    }
    std::printf("  counted: %.0f a member\n",
                service_->Figure("index", "bytes") / members);
    Row("bytes_per_member", service_->ResidentBytes() / members);
  }

  void Row(const char* name, double value) const {
    std::printf("METRIC search_%s%s%s %.4g\n",
                sample_.reciprocal() ? "recip_" : "", name,
                options_.suffix.c_str(), value);
    std::fflush(stdout);
  }

  void BuildPeer() {
    faiss_ = FaissHnsw(sample_.width(), 32);
    faiss_->BuildOnce(sample_.values().data(), sample_.mentors(), 2,
                      // The vectors are those of mitra-bench-search.
                      absl::StrCat(options_.folder, "/", options_.set, "-",
                                   options_.size, "-faiss-32"));
  }

  void FindExact() {
    exact_.resize(kMeasured);
    std::vector<std::thread> threads;
    std::atomic<size_t> next{0};
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        for (size_t i = next++; i < kMeasured; i = next++) {
          const auto best =
              ExactTop(sample_.values().data(), sample_.mentors(),
                       sample_.width(), questions_[i].data(), kTop);
          exact_[i].insert(best.begin(), best.end());
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }

  v1::RetrieveRequest RequestOf(size_t subject) const {
    v1::RetrieveRequest request;
    request.set_profile_id(SearchSample::SubjectId(subject));
    request.add_roles(v1::ROLE_MENTOR);
    request.set_weight(sample_.weight(subject));
    request.set_k(kTop);
    return request;
  }

  static size_t MentorOf(const std::string& id) {
    return static_cast<size_t>(
        std::strtoull(id.c_str() + sizeof("umkm-") - 1, nullptr, 10));
  }

  double OurRecall() {
    size_t met = 0;
    for (size_t i = 0; i < kMeasured; ++i) {
      rpc::CallContext call;
      call.deadline = absl::Now() + absl::Seconds(10);
      auto response =
          rpc::SyncWait(AskFor(service_->channel(), call, RequestOf(i)));
      if (!response.ok()) Die(response.status().ToString());
      for (const auto& candidate : response->candidates()) {
        met += exact_[i].count(
            static_cast<uint32_t>(MentorOf(candidate.profile_id())));
      }
    }
    return static_cast<double>(met) / (kTop * kMeasured);
  }

  // One of many askers: goes on until the time is over.
  static rpc::Task<> Asker(Bench* bench, double end,
                           absl::BlockingCounter* done) {
    while (Now() < end) {
      const size_t subject =
          bench->next_.fetch_add(1, std::memory_order_relaxed) % kSubjects;
      const v1::RetrieveRequest request = bench->RequestOf(subject);
      rpc::CallContext call;
      call.deadline = absl::Now() + absl::Seconds(10);
      auto pending = AskFor(bench->service_->channel(), call, request);
      const auto response = co_await std::move(pending);
      if (!response.ok()) Die(response.status().ToString());
      if (response->candidates_size() != kTop) Die("an answer is too short");
      bench->answers_.fetch_add(1, std::memory_order_relaxed);
    }
    done->DecrementCount();
  }

  double OurRate() {
    answers_ = 0;
    const double begin = Now();
    absl::BlockingCounter done(kInFlight);
    for (int i = 0; i < kInFlight; ++i) {
      rpc::Spawn(Asker(this, begin + options_.seconds, &done));
    }
    done.Wait();
    return static_cast<double>(answers_.load()) / (Now() - begin);
  }

  double PeerRecall(size_t breadth) {
    size_t met = 0;
    std::vector<int64_t> found;
    for (size_t i = 0; i < kMeasured; ++i) {
      faiss_->Search(questions_[i].data(), kTop, breadth, found);
      for (int64_t row : found)
        met += exact_[i].count(static_cast<uint32_t>(row));
    }
    return static_cast<double>(met) / (kTop * kMeasured);
  }

  double PeerRate() {
    if (breadth_ == 0) {
      for (size_t breadth :
           {100, 128, 160, 200, 256, 320, 400, 512, 640, 800, 1024}) {
        breadth_ = breadth;
        const double recall = PeerRecall(breadth);
        if (recall < .98) continue;
        std::printf("FAISS: breadth %zu, recall %.4f\n", breadth, recall);
        break;
      }
    }
    std::atomic<size_t> asked{0};
    const double begin = Now();
    const double end = begin + options_.seconds;
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        std::vector<int64_t> found;
        while (Now() < end) {
          faiss_->Search(questions_[asked++ % kSubjects].data(), kTop, breadth_,
                         found);
        }
      });
    }
    for (auto& thread : threads) thread.join();
    return static_cast<double>(asked.load()) / (Now() - begin);
  }

  const Options options_;
  const SearchSample sample_;
  std::vector<std::vector<float>> questions_;
  std::vector<std::set<uint32_t>> exact_;
  Service* service_ = nullptr;
  std::unique_ptr<Peer> faiss_;
  size_t breadth_ = 0;
  std::atomic<size_t> next_{0};
  std::atomic<size_t> answers_{0};
};

}  // namespace
}  // namespace mitra::bench

int main(int argc, char** argv) {
  mitra::bench::Options options;
  CLI::App app("the search service against FAISS");
  app.add_option("set", options.set)
      ->check(CLI::IsMember({"plain", "reciprocal"}))
      ->required();
  app.add_option("size", options.size)->required();
  app.add_option("folder", options.folder)->required();
  app.add_option("--suffix", options.suffix);
  app.add_option("--program", options.program);
  app.add_option("--dimension", options.dimension);
  app.add_option("--rounds", options.rounds);
  app.add_option("--seconds", options.seconds);
  app.add_option("--server-threads", options.server_threads);
  app.add_flag("!--no-peer", options.peer);
  CLI11_PARSE(app, argc, argv);
  return mitra::bench::Bench(options).Run();
}
