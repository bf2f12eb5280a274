// Ingest and recommend through a running cluster; scripts/bench starts one.
//
//   mitra-bench-cluster ingest|recommend|refresh --members N --profile TARGET
//       --gateway TARGET --key KEY [--suffix _quick]

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <sqlite3.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/random.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "mitra/v1/refreshes_service.grpc.pb.h"
#include "services/cli/sample/network.h"

namespace mitra {
namespace {

struct Options {
  std::string suite, profile, gateway, key, suffix;
  uint64_t members = 100'000;
};

double Seconds(absl::Time since) {
  return absl::ToDoubleSeconds(absl::Now() - since);
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q *
                                    static_cast<double>(values.size() - 1))];
}

class Bench {
 public:
  explicit Bench(Options options) : options_(std::move(options)) {
    profile_ = grpc::CreateChannel(options_.profile,
                                   grpc::InsecureChannelCredentials());
    gateway_ = grpc::CreateChannel(options_.gateway,
                                   grpc::InsecureChannelCredentials());
  }

  int Run() {
    cli::MakeSampleNetwork(
        {.members = options_.members, .evidence = options_.members * 10},
        {.profile = [&](const auto& p) { profiles_.push_back(p); },
         .evidence = [&](const auto& e) { evidence_.push_back(e); },
         .consent = nullptr});
    if (options_.suite == "ingest") Ingest();
    if (options_.suite == "recommend") Recommend();
    if (options_.suite == "refresh") RefreshAll();
    return 0;
  }

 private:
  void Metric(const std::string& name, double value) {
    std::printf("METRIC %s%s %.4g\n", name.c_str(), options_.suffix.c_str(),
                value);
    std::fflush(stdout);
  }

  // Rows per second of one import stream, all durable.
  template <typename Records, typename Set>
  double Import(const Records& records, Set set) {
    auto stub = v1::Profiles::NewStub(profile_);
    grpc::ClientContext context;
    auto stream = stub->Import(&context);
    const absl::Time start = absl::Now();
    std::atomic<uint64_t> rejected{0};
    std::thread reader([&] {
      v1::ImportResponse response;
      while (stream->Read(&response)) {
        for (const auto& r : response.results()) {
          rejected += r.verdict() == v1::ROW_VERDICT_REJECTED;
        }
      }
    });
    v1::ImportRequest request;
    uint64_t row = 0;
    for (const auto& record : records) {
      request.set_row(++row);
      set(request, record);
      grpc::WriteOptions options;
      if (row % 32 != 0) options.set_buffer_hint();
      if (!stream->Write(request, options)) break;
    }
    stream->WritesDone();
    reader.join();
    const auto status = stream->Finish();
    if (!status.ok() || rejected > 0) {
      std::fprintf(stderr, "import: %s, %lu rejected\n",
                   status.error_message().c_str(),
                   static_cast<unsigned long>(rejected.load()));
    }
    return static_cast<double>(records.size()) / Seconds(start);
  }
  double ImportProfiles() {
    return Import(profiles_, [](auto& request, const auto& p) {
      *request.mutable_profile() = p;
    });
  }
  double ImportEvidence() {
    return Import(evidence_, [](auto& request, const auto& e) {
      *request.mutable_evidence() = e;
    });
  }

  // Median seconds of an append with fdatasync.
  static double SyncSeconds() {
    const std::string path = absl::StrCat("/var/tmp/mitra_sync_", getpid());
    const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    const std::string block(4096, 'x');
    std::vector<double> times;
    for (int i = 0; i < 300; ++i) {
      const absl::Time start = absl::Now();
      if (write(fd, block.data(), block.size()) < 0 || fdatasync(fd) != 0)
        break;
      times.push_back(Seconds(start));
    }
    close(fd);
    unlink(path.c_str());
    return Quantile(times, .5);
  }

  // Random upserts of 600 bytes per second into plain SQLite, FULL, 1k a
  // transaction.
  static double SqliteRowsPerSecond() {
    const std::string path = absl::StrCat("/var/tmp/mitra_sqlite_", getpid());
    sqlite3* db = nullptr;
    sqlite3_open(path.c_str(), &db);
    const auto run = [&](const char* sql) {
      sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
    };
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("CREATE TABLE t(id TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID");
    sqlite3_stmt* insert = nullptr;
    sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO t VALUES(?,?)", -1, &insert,
                       nullptr);
    Random random(1);
    const std::string body(600, 'x');
    constexpr int kRows = 100'000;
    const absl::Time start = absl::Now();
    for (int i = 0; i < kRows; ++i) {
      if (i % 1000 == 0) run("BEGIN");
      const std::string id = absl::StrCat("m", random.Below(1'000'000));
      sqlite3_bind_text(insert, 1, id.data(), static_cast<int>(id.size()),
                        SQLITE_STATIC);
      sqlite3_bind_blob(insert, 2, body.data(), static_cast<int>(body.size()),
                        SQLITE_STATIC);
      sqlite3_step(insert);
      sqlite3_reset(insert);
      if (i % 1000 == 999) run("COMMIT");
    }
    const double rate = kRows / Seconds(start);
    sqlite3_finalize(insert);
    sqlite3_close(db);
    for (const char* suffix : {"", "-wal", "-shm"}) {
      unlink((path + suffix).c_str());
    }
    return rate;
  }

  // Single upserts per second, 64 callers, each waiting for the disk.
  double Upserts() {
    std::atomic<uint64_t> done{0};
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    const absl::Time start = absl::Now();
    for (int t = 0; t < 64; ++t) {
      threads.emplace_back([&, t] {
        auto stub = v1::Profiles::NewStub(profile_);
        Random random(t);
        while (!stop) {
          v1::UpsertProfileRequest request;
          *request.mutable_profile() =
              profiles_[random.Below(profiles_.size())];
          request.mutable_profile()->set_about(
              absl::StrCat("versi ", random.Next64()));
          grpc::ClientContext context;
          v1::Profile response;
          if (stub->UpsertProfile(&context, request, &response).ok()) ++done;
        }
      });
    }
    absl::SleepFor(absl::Seconds(5));
    stop = true;
    for (auto& thread : threads) thread.join();
    return static_cast<double>(done) / Seconds(start);
  }

  void Prepare(grpc::ClientContext& context) const {
    context.AddMetadata("authorization", absl::StrCat("Bearer ", options_.key));
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(30));
  }

  grpc::Status RecommendFor(v1::Recommendations::Stub& stub,
                            const std::string& id, bool fresh,
                            v1::RecommendResponse& response) const {
    v1::RecommendRequest request;
    request.set_profile_id(id);
    request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
    request.set_fresh(fresh);
    grpc::ClientContext context;
    Prepare(context);
    return stub.Recommend(&context, request, &response);
  }

  // Milliseconds from acknowledgement to a recommendation for a new member.
  std::vector<double> Visible() {
    auto records = v1::Profiles::NewStub(profile_);
    auto recommendations = v1::Recommendations::NewStub(gateway_);
    std::vector<double> times;
    for (int i = 0; i < 100; ++i) {
      v1::UpsertProfileRequest request;
      *request.mutable_profile() = profiles_[20];
      request.mutable_profile()->set_profile_id(absl::StrCat("new-", i));
      grpc::ClientContext context;
      v1::Profile stored;
      if (!records->UpsertProfile(&context, request, &stored).ok()) continue;
      const absl::Time acknowledged = absl::Now();
      v1::RecommendResponse response;
      while (
          !RecommendFor(*recommendations, stored.profile_id(), true, response)
               .ok() &&
          Seconds(acknowledged) < 10) {
      }
      times.push_back(Seconds(acknowledged) * 1000);
    }
    return times;
  }

  void Ingest() {
    const double sqlite = SqliteRowsPerSecond();
    const double profiles = ImportProfiles();
    const double evidence = ImportEvidence();
    Metric("ingest_profiles_per_s", profiles);
    Metric("ingest_evidence_per_s", evidence);
    Metric("ingest_stream_over_sqlite", profiles / sqlite);
    const double sync = SyncSeconds();
    const double upserts = Upserts();
    Metric("ingest_upserts_per_s", upserts);
    Metric("ingest_upsert_over_fsync", upserts * sync);
    WaitUntilVisible();
    const std::vector<double> visible = Visible();
    Metric("ingest_visible_p50_ms", Quantile(visible, .5));
    Metric("ingest_visible_p99_ms", Quantile(visible, .99));
  }

  // Everybody knows the last member.
  void WaitUntilVisible() {
    auto stub = v1::Recommendations::NewStub(gateway_);
    const absl::Time start = absl::Now();
    v1::RecommendResponse response;
    while (!RecommendFor(*stub, profiles_.back().profile_id(), true, response)
                .ok() &&
           Seconds(start) < 120) {
      absl::SleepFor(absl::Milliseconds(50));
    }
  }

  void Recommend() {
    ImportProfiles();
    ImportEvidence();
    WaitUntilVisible();
    std::vector<std::string> subjects;
    for (const auto& profile : profiles_) {
      if (profile.profile_id().substr(0, 4) == "umkm") {
        subjects.push_back(profile.profile_id());
      }
    }
    Random random(9);
    std::shuffle(subjects.begin(), subjects.end(), random);
    const std::string size = options_.members % 1000 == 0
                                 ? absl::StrCat(options_.members / 1000, "k")
                                 : absl::StrCat(options_.members);
    Load(subjects, 1, 1000, true, absl::StrCat("recommend_cold_", size));
    Load(subjects, 1, 1000, true, absl::StrCat("recommend_", size));
    Load(subjects, 64, 20'000, true, absl::StrCat("recommend_loaded_", size));
    Load(subjects, 64, 40'000, false, absl::StrCat("recommend_cached_", size));
  }

  // Both lists of everybody, from the start to the flip of the epoch: at first
  // nobody's trust is known, then everybody's.
  void RefreshAll() {
    ImportProfiles();
    ImportEvidence();
    WaitUntilVisible();
    for (const char* trust : {"cold", "warm"}) {
      const v1::Refresh refresh = RunRefresh();
      if (refresh.state() != v1::REFRESH_STATE_PUBLISHED) {
        std::fprintf(stderr, "%s\n", refresh.ShortDebugString().c_str());
        return;
      }
      const double seconds =
          static_cast<double>(refresh.end_time().seconds() -
                              refresh.start_time().seconds()) +
          1e-9 * (refresh.end_time().nanos() - refresh.start_time().nanos());
      Metric(absl::StrCat("refresh_members_per_s_", trust),
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
        Metric(absl::StrCat("refresh_matches_ratio_", kind),
               market.expected_matches() / market.expected_matches_alone());
        Metric(absl::StrCat("refresh_gini_ratio_", kind),
               market.exposure_gini() / market.exposure_gini_alone());
      }
      Metric("refresh_matches_ratio", together / alone);
      Metric("refresh_gini_ratio", gini / gini_alone);
    }
  }

  v1::Refresh RunRefresh() const {
    auto stub = v1::Refreshes::NewStub(gateway_);
    v1::Refresh refresh;
    {
      grpc::ClientContext context;
      Prepare(context);
      (void)stub->StartRefresh(&context, v1::StartRefreshRequest(), &refresh);
    }
    v1::GetRefreshRequest get;
    get.set_refresh_id(refresh.refresh_id());
    while (!refresh.has_end_time()) {
      absl::SleepFor(absl::Milliseconds(200));
      grpc::ClientContext context;
      Prepare(context);
      if (!stub->GetRefresh(&context, get, &refresh).ok()) break;
    }
    return refresh;
  }

  // `callers` threads, `calls` in all over the first 1,000 subjects.
  void Load(const std::vector<std::string>& subjects, int callers, int calls,
            bool fresh, const std::string& name) {
    std::atomic<int> next{0};
    std::vector<std::vector<double>> times(callers);
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    const absl::Time start = absl::Now();
    for (int t = 0; t < callers; ++t) {
      threads.emplace_back([&, t] {
        auto stub = v1::Recommendations::NewStub(gateway_);
        for (int i = next++; i < calls; i = next++) {
          v1::RecommendResponse response;
          const absl::Time asked = absl::Now();
          const auto& id =
              subjects[i % std::min<size_t>(1000, subjects.size())];
          if (!RecommendFor(*stub, id, fresh, response).ok()) ++failed;
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
    Metric(name + "_p50_ms", Quantile(all, .5));
    Metric(name + "_p99_ms", Quantile(all, .99));
    Metric(name + "_qps", calls / elapsed);
    if (failed > 0) Metric(name + "_failed", failed);
  }

  const Options options_;
  std::shared_ptr<grpc::Channel> profile_, gateway_;
  std::vector<v1::Profile> profiles_;
  std::vector<v1::Evidence> evidence_;
};

}  // namespace
}  // namespace mitra

int main(int argc, char** argv) {
  mitra::Options options;
  CLI::App app("Ingest and recommend through a running cluster");
  app.add_option("suite", options.suite)
      ->required()
      ->check(CLI::IsMember({"ingest", "recommend", "refresh"}));
  app.add_option("--members", options.members);
  app.add_option("--profile", options.profile)->required();
  app.add_option("--gateway", options.gateway)->required();
  app.add_option("--key", options.key)->required();
  app.add_option("--suffix", options.suffix);
  CLI11_PARSE(app, argc, argv);
  return mitra::Bench(options).Run();
}
