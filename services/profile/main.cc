// The profile service: the record of members and the way in. Needs a folder.
//
//   mitra-profile --data_dir=/var/lib/mitra --server.listen=unix:/run/profile

#include "common/config/main.h"

#include <memory>

#include "common/observability/admin_server.h"
#include "common/rpc/lifecycle.h"
#include "common/status/status_macros.h"
#include "services/profile/backup/backups.h"
#include "services/profile/ingest/expiry_sweeper.h"
#include "services/profile/rpc/profile_config.h"
#include "services/profile/rpc/profile_rpc.h"
#include "services/profile/store/sqlite_record_store.h"

namespace mitra::profile {
namespace {

absl::Status Run(const ProfileConfig& config) {
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
  mitra::profile::ProfileConfig config;
  mitra::Schema schema("profile");
  config.AddTo(schema);
  return mitra::RunMain(argc, argv, "profile", schema,
                        [&config] { return mitra::profile::Run(config); });
}
