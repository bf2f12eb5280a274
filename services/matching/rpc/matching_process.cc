#include "services/matching/rpc/matching_process.h"

#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/page_token.h"
#include "common/feed/grpc_feed_source.h"
#include "common/feed/wait_for_revision.h"
#include "common/observability/admin_server.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/redis/hiredis_client.h"
#include "common/rpc/channel.h"
#include "common/rpc/executor.h"
#include "common/rpc/server.h"
#include "common/status/status_macros.h"
#include "services/matching/rpc/operations_rpc.h"
#include "services/matching/rpc/recommendations_rpc.h"
#include "services/matching/rpc/refreshes_rpc.h"
#include "services/matching/rpc/search_candidate_source.h"
#include "services/matching/rpc/snapshotter.h"

namespace mitra::matching {
namespace {

constexpr absl::Duration kEpochPoll = absl::Seconds(2);

// 32 bytes from a secret of any length; replicas with one secret agree.
std::string TokenKey(const std::string& secret) {
  if (secret.empty()) return NewPageTokenKey();
  std::string key = secret;
  while (key.size() < 32) key += secret;
  return key.substr(0, 32);
}

rpc::Channel::Options Batched(const TlsFiles& tls) {
  rpc::Channel::Options options;
  options.batched = true;
  options.tls = tls;
  return options;
}

std::string PricesPath(const MatchingConfig& config) {
  return config.data_dir.empty() ? "" : config.data_dir + "/prices.snapshot";
}

const RankingProfile* FindRankingProfile(absl::string_view id) {
  const RankingProfile& active = RankingProfile::Default();
  return id.empty() || id == active.id ? &active : nullptr;
}

}  // namespace

struct MatchingProcess::Parts {
  Parts(const MatchingConfig& the_config, std::unique_ptr<redis::Client> client,
        rpc::ShutdownSignal& shutdown)
      : config(the_config),
        redis(std::move(client)),
        trust({.max_bytes = static_cast<size_t>(config.trust_cache_mib) << 20}),
        cache(redis.get(), &executor, clock,
              {.max_bytes = static_cast<size_t>(config.slate_cache_mib) << 20}),
        state({.on_commit = [this](const CommitSummary& s) { OnCommit(s); }}),
        snapshotter(state, config.data_dir, config.snapshot_interval),
        search(rpc::Channel::Create(config.search_target,
                                    Batched(config.links.tls))),
        recommender(search, trust, clock, &prices, {}),
        slates([this] { return state.view(); }, recommender, cache, epochs,
               timer, {.token_key = TokenKey(config.tokens_key)}),
        refreshes(slates, epochs, prices, redis.get(), clock,
                  {.concurrency = config.refresh_concurrency,
                   .prices_path = PricesPath(config)}),
        operations({[this](v1::ServiceStatus& status) { Describe(status); },
                    [this] { return snapshotter.Write(); }}) {
    LoadSnapshot();
    feed::Follower::Options options;
    options.selector = MatchingState::Selector();
    options.start = state.position();
    options.on_failure = [&shutdown](const absl::Status&) { shutdown.Raise(); };
    follower = std::make_unique<feed::Follower>(
        feed::NewGrpcFeedSource(rpc::Channel::Create(
            config.feed_target, {.tls = config.links.tls})),
        state, std::move(options));
    recommendations.emplace(
        slates, recommender,
        FeedGate{[this] { return follower->ready(); },
                 [this](rpc::CallContext& call, uint64_t revision) {
                   return feed::WaitForRevision(*follower, call, revision);
                 }},
        FindRankingProfile);
    refreshes_rpc.emplace(refreshes, timer,
                          [this] { return follower->ready(); });
  }

  void LoadSnapshot() {
    if (snapshotter.path().empty() ||
        !std::filesystem::exists(snapshotter.path())) {
      return;
    }
    const absl::Status status = state.Load(snapshotter.path());
    if (!status.ok()) {
      LogWarning("snapshot not used", {{"reason", status.ToString()}});
      return;
    }
    // Without a snapshot there are no members yet that could have prices.
    const absl::Status priced =
        prices.Load(PricesPath(config), state.view().members);
    if (!priced.ok() && !absl::IsNotFound(priced)) {
      LogWarning("prices not used", {{"reason", priced.ToString()}});
    }
  }

  void OnCommit(const CommitSummary& summary) {
    if (summary.reset) {
      trust.Clear();
      cache.Clear();
    } else if (!summary.distrusted.empty()) {
      trust.DropContaining(summary.distrusted, summary.graph_epoch);
    }
    snapshotter.OnCommit(summary);
  }

  void Describe(v1::ServiceStatus& status) {
    status.set_ready(follower->ready());
    if (!follower->ready()) status.set_not_ready_reason("feed: catching up");
    status.set_revision(state.position().watermark);
    const auto add = [&](const char* name, bool ok) -> v1::ComponentStatus& {
      v1::ComponentStatus& component = *status.add_components();
      component.set_name(name);
      component.set_ok(ok);
      return component;
    };
    v1::ComponentStatus& feed =
        add("feed", follower->status().ok() && follower->connected());
    auto& position = *feed.mutable_figures();
    position["head"] = static_cast<double>(follower->head());
    position["watermark"] = static_cast<double>(follower->position().watermark);
    const MatchingState::Stats stats = state.stats();
    auto& figures = *add("state", true).mutable_figures();
    figures["members"] = static_cast<double>(stats.members);
    figures["ties"] = static_cast<double>(stats.ties);
    figures["evidence"] = static_cast<double>(stats.evidence);
    figures["waiting"] = static_cast<double>(stats.waiting);
    figures["member_bytes"] = static_cast<double>(stats.member_bytes);
    figures["tie_bytes"] = static_cast<double>(stats.tie_bytes);
    const SlateCache::Stats slate_stats = cache.stats();
    auto& slate_figures = *add("slates", true).mutable_figures();
    slate_figures["hits"] = static_cast<double>(slate_stats.hits);
    slate_figures["redis_hits"] = static_cast<double>(slate_stats.redis_hits);
    slate_figures["misses"] = static_cast<double>(slate_stats.misses);
    slate_figures["late"] = static_cast<double>(slate_stats.late);
    slate_figures["slates"] = static_cast<double>(slate_stats.slates);
    slate_figures["bytes"] = static_cast<double>(slate_stats.bytes);
    const TrustCache::Stats trust_stats = trust.stats();
    auto& trust_figures = *add("trust", true).mutable_figures();
    trust_figures["hits"] = static_cast<double>(trust_stats.hits);
    trust_figures["misses"] = static_cast<double>(trust_stats.misses);
    trust_figures["vectors"] = static_cast<double>(trust_stats.vectors);
    if (redis != nullptr) add("redis", redis->available());
  }

  const MatchingConfig config;
  const absl::Time start_time = absl::Now();
  SystemClock clock;
  std::unique_ptr<redis::Client> redis;  // may be null
  rpc::Executor executor{{.threads = 1, .max_queue = 10'000}};
  Timer timer;
  EpochBoard epochs;
  TrustCache trust;
  PriceBoard prices;
  SlateCache cache;
  MatchingState state;
  Snapshotter snapshotter;
  SearchCandidateSource search;
  Recommender recommender;
  SlateServer slates;
  RefreshRunner refreshes;
  Operations operations;
  std::unique_ptr<feed::Follower> follower;
  std::optional<RecommendationsRpc> recommendations;
  std::optional<RefreshesRpc> refreshes_rpc;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<AdminServer> admin;
  rpc::Addresses addresses;
  absl::Time epochs_read = absl::InfinitePast();
};

absl::StatusOr<std::unique_ptr<MatchingProcess>> MatchingProcess::Start(
    const MatchingConfig& config, rpc::ShutdownSignal& shutdown) {
  MITRA_RETURN_IF_ERROR(config.links.Check(config.listen));
  if (!config.data_dir.empty()) {
    std::error_code error;
    std::filesystem::create_directories(config.data_dir, error);
    if (error) {
      return absl::InvalidArgumentError(
          absl::StrCat("data_dir: ", error.message()));
    }
  }
  std::unique_ptr<redis::Client> redis;
  if (!config.redis_target.empty()) {
    redis::HiredisClient::Options options;
    options.target = config.redis_target;
    MITRA_ASSIGN_OR_RETURN(redis, redis::HiredisClient::Create(options));
  }
  auto parts = std::make_unique<Parts>(config, std::move(redis), shutdown);

  rpc::Server::Options options;
  options.listen = config.listen;
  options.threads = config.threads;
  options.tls = config.links.tls;
  options.tls_section = "links";
  rpc::Server::Builder builder(options);
  parts->recommendations->Register(builder);
  parts->refreshes_rpc->Register(builder);
  RegisterOperations(parts->operations, parts->start_time, builder);
  MITRA_ASSIGN_OR_RETURN(parts->server, builder.Start());
  parts->addresses.grpc = parts->server->addresses();
  if (!config.admin_listen.empty()) {
    AdminServer::Options admin;
    admin.listen = config.admin_listen;
    admin.allow_remote = config.admin_remote;
    admin.service = "matching";
    admin.readiness = [p = parts.get()] {
      return std::vector<AdminServer::Check>{
          {"feed", p->follower->ready() && p->follower->status().ok(),
           absl::StrCat("at ", p->follower->position().watermark, " of ",
                        p->follower->head())}};
    };
    MITRA_ASSIGN_OR_RETURN(parts->admin, AdminServer::Start(std::move(admin)));
    parts->addresses.admin = parts->admin->address();
  }
  parts->follower->Start();
  return std::unique_ptr<MatchingProcess>(
      new MatchingProcess(std::move(parts)));
}

MatchingProcess::MatchingProcess(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}

MatchingProcess::~MatchingProcess() {
  parts_->server->Drain();
  parts_->follower->Stop();
}

const rpc::Addresses& MatchingProcess::addresses() const {
  return parts_->addresses;
}

void MatchingProcess::UpdateHealth() {
  parts_->server->SetServing(parts_->follower->ready() &&
                             parts_->follower->status().ok());
  const absl::Time now = absl::Now();
  if (parts_->redis != nullptr && now - parts_->epochs_read > kEpochPoll) {
    parts_->epochs_read = now;
    ReadEpochs(*parts_->redis, parts_->epochs);
  }
}

absl::Status MatchingProcess::Drain() {
  parts_->server->Drain();
  parts_->follower->Stop();
  MITRA_RETURN_IF_ERROR(parts_->follower->status());
  return parts_->snapshotter.SaveNow();
}

}  // namespace mitra::matching
