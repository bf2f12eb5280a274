#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "mitra/v1/operations_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "tests/bench/cluster_suites.h"

namespace mitra::bench {
namespace {

// Median seconds of an append with fdatasync.
double SyncSeconds() {
  const std::string path = absl::StrCat("/var/tmp/mitra_sync_", getpid());
  const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  const std::string block(4096, 'x');
  std::vector<double> times;
  for (int i = 0; i < 300; ++i) {
    const absl::Time start = absl::Now();
    if (write(fd, block.data(), block.size()) < 0 || fdatasync(fd) != 0) break;
    times.push_back(Seconds(start));
  }
  close(fd);
  unlink(path.c_str());
  return Quantile(times, .5);
}

// Random upserts of 600 bytes per second into plain SQLite, FULL, 1k a
// transaction.
double SqliteRowsPerSecond() {
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

// One caller who waits for the disk before it asks again.
struct Upsert {
  v1::UpsertProfileRequest request;
  v1::Profile response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::Profile>> reader;
};

// Single upserts per second, 64 callers on one thread: 64 threads would cost
// more than what they measure.
double Upserts(const ClusterClient& cluster) {
  constexpr int kCallers = 64;
  auto stub = v1::Profiles::NewStub(cluster.profile());
  grpc::CompletionQueue queue;
  Random random(1);
  std::vector<Upsert> callers(kCallers);
  const auto ask = [&](Upsert& caller) {
    *caller.request.mutable_profile() =
        cluster.profiles()[random.Below(cluster.profiles().size())];
    caller.request.mutable_profile()->set_about(
        absl::StrCat("versi ", random.Next64()));
    caller.context = std::make_unique<grpc::ClientContext>();
    caller.reader =
        stub->AsyncUpsertProfile(caller.context.get(), caller.request, &queue);
    caller.reader->Finish(&caller.response, &caller.status, &caller);
  };
  for (Upsert& caller : callers) ask(caller);
  const absl::Time start = absl::Now();
  uint64_t done = 0;
  int open = kCallers;
  void* tag = nullptr;
  for (bool ok = false; open > 0 && queue.Next(&tag, &ok);) {
    Upsert& caller = *static_cast<Upsert*>(tag);
    if (ok && caller.status.ok()) ++done;
    if (Seconds(start) < 2) {
      ask(caller);
    } else {
      --open;
    }
  }
  queue.Shutdown();
  return static_cast<double>(done) / Seconds(start);
}

// Rounds of both, one after the other, for the disk is not always as fast.
void MeasureUpserts(const ClusterClient& cluster) {
  constexpr int kRounds = 5;
  std::vector<double> upserts, syncs, ratios;
  for (int round = 0; round < kRounds; ++round) {
    syncs.push_back(SyncSeconds());
    upserts.push_back(Upserts(cluster));
    ratios.push_back(upserts.back() * syncs.back());
  }
  cluster.Metric("ingest_fdatasync_us", Quantile(syncs, .5) * 1e6);
  cluster.Metric("ingest_upserts_per_s", Quantile(upserts, .5));
  cluster.Metric("ingest_upsert_over_fsync", Quantile(ratios, .5));
}

// Rows per second of new members through the gateway.
double ImportThroughGateway(const ClusterClient& cluster) {
  const uint64_t rows = std::min<uint64_t>(cluster.profiles().size(), 50'000);
  return cluster.Import(cluster.gateway(), rows, [&](uint64_t i, auto& row) {
    v1::Profile& profile = *row.mutable_profile();
    profile = cluster.profiles()[i];
    profile.set_profile_id(absl::StrCat("gateway-", i));
    profile.clear_external_ids();
  });
}

// Seconds until search and matching have applied all that the record holds.
double SecondsToFollow(const ClusterClient& cluster) {
  const absl::Time start = absl::Now();
  auto record = v1::ProfileOperations::NewStub(cluster.gateway());
  auto search = v1::SearchOperations::NewStub(cluster.gateway());
  auto matching = v1::MatchingOperations::NewStub(cluster.gateway());
  const auto revision = [&](auto& stub, auto method) {
    grpc::ClientContext context;
    cluster.Prepare(context);
    v1::ServiceStatus status;
    (void)(stub.*method)(&context, v1::GetStatusRequest(), &status);
    return status.revision();
  };
  const uint64_t head =
      revision(*record, &v1::ProfileOperations::Stub::GetProfileStatus);
  while (
      Seconds(start) < 300 &&
      (revision(*search, &v1::SearchOperations::Stub::GetSearchStatus) < head ||
       revision(*matching, &v1::MatchingOperations::Stub::GetMatchingStatus) <
           head)) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  return Seconds(start);
}

// Milliseconds from acknowledgement to a recommendation for a new member.
std::vector<double> Visible(const ClusterClient& cluster) {
  auto records = v1::Profiles::NewStub(cluster.profile());
  auto recommendations = v1::Recommendations::NewStub(cluster.gateway());
  std::vector<double> times;
  for (int i = 0; i < 100; ++i) {
    v1::UpsertProfileRequest request;
    *request.mutable_profile() = cluster.profiles()[20];
    request.mutable_profile()->set_profile_id(absl::StrCat("new-", i));
    grpc::ClientContext context;
    v1::Profile stored;
    if (!records->UpsertProfile(&context, request, &stored).ok()) continue;
    const absl::Time acknowledged = absl::Now();
    v1::RecommendResponse response;
    while (
        !cluster
             .Recommend(*recommendations, stored.profile_id(), true, response)
             .ok() &&
        Seconds(acknowledged) < 10) {
    }
    times.push_back(Seconds(acknowledged) * 1000);
  }
  return times;
}

}  // namespace

void RunUpserts(const ClusterClient& cluster) {
  cluster.ImportProfiles();
  (void)SecondsToFollow(cluster);
  MeasureUpserts(cluster);
}

void RunIngest(const ClusterClient& cluster) {
  const double sqlite = SqliteRowsPerSecond();
  const double profiles = cluster.ImportProfiles();
  const double profiles_behind = SecondsToFollow(cluster);
  const double evidence = cluster.ImportEvidence();
  const double evidence_behind = SecondsToFollow(cluster);
  cluster.Metric("ingest_profiles_per_s", profiles);
  cluster.Metric("ingest_evidence_per_s", evidence);
  cluster.Metric("ingest_profiles_behind_s", profiles_behind);
  cluster.Metric("ingest_evidence_behind_s", evidence_behind);
  cluster.Metric("ingest_stream_over_sqlite", profiles / sqlite);
  MeasureUpserts(cluster);
  cluster.Metric("ingest_gateway_profiles_per_s",
                 ImportThroughGateway(cluster));
  (void)SecondsToFollow(cluster);
  const std::vector<double> visible = Visible(cluster);
  cluster.Metric("ingest_visible_p50_ms", Quantile(visible, .5));
  cluster.Metric("ingest_visible_p99_ms", Quantile(visible, .99));
}

}  // namespace mitra::bench
