// The profile service: the record of members and the way in. Needs a folder.
//
//   mitra-profile --data_dir=/var/lib/mitra --server.listen=unix:/run/profile

#include "common/config/main.h"

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/config/service_config.h"
#include "common/embedding/hashing_embedder.h"
#include "common/observability/admin_server.h"
#include "common/rpc/lifecycle.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/profile/backup/backups.h"
#include "services/profile/ingest/expiry_sweeper.h"
#include "services/profile/rpc/profile_rpc.h"
#include "services/profile/store/sqlite_record_store.h"

namespace mitra::profile {
namespace {

struct Config {
  std::string data_dir;
  std::string backup_dir;
  ServiceConfig service;
  int worker_threads = 2;
  std::string embedder = "hashing";
  int dimension = 128;
  std::string model = "caller";
  absl::Duration sweep_period = absl::Seconds(30);
  EngagementRules engagements;

  void AddTo(Schema& schema) {
    schema.Add("data_dir", &data_dir, "Folder of the record.");
    schema.Add("backup.dir", &backup_dir,
               "Folder for backups and the journal of deletions; empty: none.");
    service.AddTo(schema);
    schema
        .Add("workers.threads", &worker_threads,
             "Threads that check and embed batches.")
        .Range(1, 256);
    schema
        .Add("embedding.embedder", &embedder,
             "Who makes vectors: hashing, or caller for vectors in requests.")
        .OneOf({"hashing", "caller"});
    schema
        .Add("embedding.dimension", &dimension,
             "Numbers per side of a vector; a power of 2 for hashing.")
        .Range(16, 4096);
    schema.Add("embedding.model", &model,
               "Name of the callers' model, which their vectors must state.");
    schema
        .Add("expiry.period", &sweep_period,
             "How often the passing of time is committed.")
        .Range(1, 60);
    schema
        .Add("engagements.hold", &engagements.hold,
             "How long a request holds its seat.")
        .Range(1, 90 * 86'400);
    schema
        .Add("engagements.cool_down", &engagements.cool_down,
             "How long a member that declined is not asked again.")
        .Range(0, 365 * 86'400);
    schema
        .Add("engagements.max_open_requests", &engagements.max_open_requests,
             "Requests that one seeker may have without an answer.")
        .Range(1, 1000);
    schema
        .Add("engagements.weekly_requests", &engagements.weekly_requests,
             "Requests that one mentor gets in any 7 days; 0: no limit.")
        .Range(0, 10'000);
  }
};

absl::StatusOr<std::unique_ptr<ProfileIngest>> MakeIngest(
    const Config& config) {
  if (config.embedder == "caller") {
    // It stands in the name of the space, whose parts are split by slashes.
    if (!IsValidId(config.model) ||
        absl::StartsWith(config.model, "hashing-")) {
      return InvalidField("embedding.model",
                          "must be an id that does not begin with hashing-");
    }
    return std::make_unique<ProfileIngest>(
        static_cast<size_t>(config.dimension), config.model);
  }
  MITRA_ASSIGN_OR_RETURN(auto embedder,
                         embedding::HashingEmbedder::Create(config.dimension));
  return std::make_unique<ProfileIngest>(std::move(embedder));
}

absl::Status Run(const Config& config) {
  if (config.data_dir.empty()) {
    return absl::InvalidArgumentError("data_dir: is required");
  }
  MITRA_RETURN_IF_ERROR(config.service.Check());
  rpc::ShutdownSignal shutdown;
  const SystemClock clock;
  MITRA_ASSIGN_OR_RETURN(const auto ingest, MakeIngest(config));
  SqliteRecordStore::Options options;  // storage
  options.directory = config.data_dir;
  options.space = ingest->space();
  MITRA_ASSIGN_OR_RETURN(auto store, SqliteRecordStore::Open(options));

  rpc::Executor executor(
      {.threads = config.worker_threads, .max_queue = 10'000});
  std::unique_ptr<Backups> backups;
  ChangeFeed::Options feed_options;
  if (!config.backup_dir.empty()) {
    MITRA_ASSIGN_OR_RETURN(
        backups, Backups::Open(config.backup_dir, *store, executor, clock));
  }
  Redirects redirects;
  MITRA_RETURN_IF_ERROR(redirects.Load(*store));
  feed_options.on_commit = [&](const CommittedChanges& changes) {
    redirects.Note(changes);
    if (backups != nullptr) backups->Note(changes);
  };
  ChangeFeed feed(*store, executor, clock,  // domain
                  static_cast<size_t>(config.dimension), feed_options);
  EventStream events(*store, feed, executor);
  ArchiveRecords archive(*store, *ingest, clock);
  ProfileRecords profiles(*store, *ingest, executor, clock, redirects,
                          config.engagements);
  EvidenceRecords evidence(*store, executor, clock, redirects);
  ImpressionRing impressions;
  RelationRecords relations(
      *store, clock, redirects,
      [&](absl::string_view token) { impressions.Add(token); });
  MergeRecords merges(*store, *ingest, clock, config.engagements);
  EngagementRecords engagements(*store, executor, clock, config.engagements);
  auto sweeper = std::make_unique<ExpirySweeper>(*store, *ingest, clock,
                                                 config.engagements);

  ProfileParts parts = {*store,    *ingest, profiles,    evidence,
                        relations, merges,  engagements, feed,
                        events,    archive, redirects,   backups.get(),
                        executor,  clock,   impressions};
  rpc::Server::Builder builder(  // edge
      {.listen = config.service.listen,
       .threads = config.service.threads,
       .tls = config.service.links.tls,
       .tls_section = "links"});
  RegisterProfileMethods(parts, builder);
  MITRA_ASSIGN_OR_RETURN(const auto server, builder.Start());
  rpc::Addresses addresses = {.grpc = server->addresses()};
  std::unique_ptr<AdminServer> admin;
  if (!config.service.admin.listen.empty()) {
    AdminServer::Options admin_options = {
        .listen = config.service.admin.listen,
        .service = "profile",
        .readiness =
            [&store] {
              const RecordHealth health = store->health();
              return std::vector<AdminServer::Check>{
                  {"record", health.writable.ok(), ""}};
            },
        .allow_remote = config.service.admin.allow_remote};
    MITRA_ASSIGN_OR_RETURN(admin, AdminServer::Start(admin_options));
    addresses.admin = admin->address();
  }
  sweeper->Start(config.sweep_period);
  server->SetServing(true);
  MITRA_RETURN_IF_ERROR(
      rpc::WriteAddressFile(config.service.admin.address_file, addresses));
  shutdown.Wait();
  feed.Stop();
  server->Drain();
  // Nobody may use the record, and the record tell the feed, once it is gone.
  admin.reset();
  sweeper.reset();
  store.reset();
  return absl::OkStatus();
}

}  // namespace
}  // namespace mitra::profile

int main(int argc, char** argv) {
  mitra::profile::Config config;
  mitra::Schema schema("profile");
  config.AddTo(schema);
  return mitra::RunMain(argc, argv, "profile", schema,
                        [&config] { return mitra::profile::Run(config); });
}
