// The search service: finds candidates that fit in both directions. Needs the
// change feed of profile.
//
//   mitra-search --config=search.toml --feed.target=unix:/run/mitra/profile
#include "common/config/main.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "common/feed/follower.h"
#include "common/feed/grpc_feed_source.h"
#include "common/feed/wait_for_revision.h"
#include "common/observability/admin_server.h"
#include "common/observability/log.h"
#include "common/rpc/channel.h"
#include "common/rpc/executor.h"
#include "common/rpc/lifecycle.h"
#include "common/rpc/server.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/search/canary/canary.h"
#include "services/search/index/index_state.h"
#include "services/search/maintenance/maintainer.h"
#include "services/search/retrieval/query_embedder.h"
#include "services/search/rpc/operations_rpc.h"
#include "services/search/rpc/retrieval_rpc.h"
#include "services/search/rpc/search_config.h"
#include "services/search/rpc/search_methods.h"
#include "services/search/rpc/search_rpc.h"
#include "services/search/snapshot/index_snapshot.h"

namespace mitra::search {
namespace {

absl::Status Run(const SearchConfig& config) {
  if (config.feed_target.empty()) {
    return absl::InvalidArgumentError("feed.target: is required");
  }
  MITRA_RETURN_IF_ERROR(config.service.Check());
  rpc::ShutdownSignal signal;
  const std::string snapshot_path =
      config.data_dir.empty() ? "" : config.data_dir + "/search.snapshot";

  IndexState::Options index;
  index.roles.graph_rows = static_cast<size_t>(config.graph_rows);
  Maintainer* wake = nullptr;
  index.on_commit = [&wake] { wake->Wake(); };
  IndexState state(std::move(index));
  const auto one_in = static_cast<uint32_t>(config.canary_one_in);
  Canary canary({.one_in = one_in, .first_one_in = (one_in + 19) / 20});
  ExportIndexMetrics(state, canary);

  feed::Follower::Options follow;
  follow.selector.set_profiles(true);
  follow.selector.set_vectors(true);
  if (!snapshot_path.empty()) {
    follow.start = RestoreIndexSnapshot(state, snapshot_path);
  }
  follow.on_failure = [&](const absl::Status& status) {
    LogError("search: the feed cannot be followed",
             {{"reason", std::string(status.message())}});
    if (ReasonOf(status) == kSpaceChanged) RemoveIndexSnapshots(snapshot_path);
    signal.Raise();
  };
  feed::Follower follower(
      feed::NewGrpcFeedSource(rpc::Channel::Create(
          config.feed_target, {.tls = config.service.links.tls})),
      state, std::move(follow));

  rpc::Server* serving = nullptr;
  Maintainer maintainer(
      state, {.snapshot_path = snapshot_path,
              .snapshot_interval = config.snapshot_interval,
              .build_threads = config.build_threads,
              .first_build_threads = static_cast<int>(
                  std::max(1U, std::thread::hardware_concurrency())),
              .caught_up = [&] { return follower.ready(); },
              .tune =
                  [&](int role, const std::atomic<bool>& stop) {
                    const auto asked = canary.questions(role);
                    return state.Tune(role, asked.latest, asked.count, stop);
                  },
              .on_ready = [&](bool ready) { serving->SetServing(ready); }});
  wake = &maintainer;

  const Gate gate = {.ready = [&] { return maintainer.ready(); },
                     .wait =
                         [&](rpc::CallContext& call, uint64_t revision) {
                           return feed::WaitForRevision(follower, call,
                                                        revision);
                         }};
  rpc::Executor executor({.threads = 1, .max_queue = 4});
  rpc::Executor batches({.threads = static_cast<int>(
                             std::max(1U, std::thread::hardware_concurrency())),
                         .max_queue = 1000,
                         .gives_way = true});
  QueryEmbedder embedder;
  const int cores =
      static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  Crew crew(std::max(0, cores - config.service.threads));
  RetrievalRpc retrieval(state, embedder, gate, SearchPlan(), &canary, &batches,
                         &crew);
  SearchRpc search(state, embedder, gate, SearchPlan());
  OperationsRpc operations(state, follower, maintainer, canary, executor);

  rpc::Server::Builder builder({.listen = config.service.listen,
                                .threads = config.service.threads,
                                .tls = config.service.links.tls,
                                .tls_section = "links"});
  RegisterSearchMethods(retrieval, search, operations, builder);
  MITRA_ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server,
                         builder.Start());
  serving = server.get();

  rpc::Addresses addresses = {.grpc = server->addresses()};
  std::unique_ptr<AdminServer> admin;
  if (!config.service.admin.listen.empty()) {
    MITRA_ASSIGN_OR_RETURN(
        admin, AdminServer::Start(
                   {.listen = config.service.admin.listen,
                    .service = "search",
                    .readiness = [&]() -> std::vector<AdminServer::Check> {
                      return {{"index", maintainer.ready(), ""},
                              {"feed", follower.connected(), ""}};
                    },
                    .allow_remote = config.service.admin.allow_remote}));
    addresses.admin = admin->address();
  }
  maintainer.Start();
  canary.Start();
  follower.Start();
  MITRA_RETURN_IF_ERROR(
      rpc::WriteAddressFile(config.service.admin.address_file, addresses));
  LogInfo("search: listening", {{"address", addresses.grpc.at(0)}});

  signal.Wait();
  server->Drain();
  follower.Stop();
  maintainer.Stop();
  canary.Stop();
  if (!snapshot_path.empty() && maintainer.ready()) {
    const auto written = maintainer.WriteSnapshot();
    if (!written.ok()) return written.status();
  }
  return follower.status();
}

}  // namespace
}  // namespace mitra::search

int main(int argc, char** argv) {
  // Few peers speak to this service, over streams. With the library's default,
  // whichever of its threads waits takes in what came for all, the thread that
  // follows the feed included, and then wakes the one that serves: two changes
  // of threads a message, a tenth of the processor time of a retrieval.
  setenv("GRPC_POLL_STRATEGY", "poll", /*overwrite=*/0);
  mitra::search::SearchConfig config;
  mitra::Schema schema("search");
  config.AddTo(schema);
  return mitra::RunMain(argc, argv, "search", schema,
                        [&] { return mitra::search::Run(config); });
}
