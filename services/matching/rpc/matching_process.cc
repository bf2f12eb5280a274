#include "services/matching/rpc/matching_process.h"

#include <filesystem>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/attribution_token.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/thread_priority.h"
#include "common/feed/grpc_feed_source.h"
#include "common/feed/wait_for_revision.h"
#include "common/observability/admin_server.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/redis/hiredis_client.h"
#include "common/rpc/channel.h"
#include "common/rpc/executor.h"
#include "common/rpc/server.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/ranking/impression_book.h"
#include "services/matching/rpc/insights_rpc.h"
#include "services/matching/rpc/operations_rpc.h"
#include "services/matching/rpc/rankings_rpc.h"
#include "services/matching/rpc/reasons_rpc.h"
#include "services/matching/rpc/recommendations_rpc.h"
#include "services/matching/rpc/refresh_housekeeper.h"
#include "services/matching/rpc/refreshes_rpc.h"
#include "services/matching/rpc/search_candidate_source.h"
#include "services/matching/rpc/snapshotter.h"
#include "services/matching/rpc/standings_rpc.h"
#include "services/matching/state/vouching_runner.h"

namespace mitra::matching {
namespace {

// How soon rankings that other processes changed are taken over.
constexpr absl::Duration kRankingPoll = absl::Seconds(2);

// Writes down who was shown whom; tokens that have ended are passed over.
void NoteShown(const google::protobuf::RepeatedPtrField<std::string>& tokens,
               const MatchingView& view, absl::Time now, ImpressionBook& book) {
  const MemberView& members = view.members;
  for (const std::string& token : tokens) {
    const auto shown = DecodeAttribution(view.tokens(), token, "shown", now);
    if (!shown.ok()) continue;
    const MemberIndex subject = members.Find(shown->subject_id);
    const MemberIndex candidate = members.Find(shown->candidate_id);
    if (subject == kNoMember || candidate == kNoMember) continue;
    book.Note({subject, members.at(subject).incarnation},
              {candidate, members.at(candidate).incarnation},
              absl::ToUnixSeconds(now));
  }
}

rpc::Channel::Options Batched(const TlsFiles& tls) {
  rpc::Channel::Options options;
  options.batched = true;
  options.tls = tls;
  return options;
}

// A client whose threads give way: one that took the processor from those who
// write slates would be woken, and wake Redis, for each of them.
absl::StatusOr<std::unique_ptr<redis::Client>> CreateLowered(
    const redis::HiredisClient::Options& options) {
  absl::StatusOr<std::unique_ptr<redis::Client>> client =
      absl::InternalError("redis: not made");
  std::thread([&] {
    LowerThreadPriority();
    auto made = redis::HiredisClient::Create(options);
    if (made.ok()) {
      client = *std::move(made);
    } else {
      client = made.status();
    }
  }).join();
  return client;
}

// Where refreshes are kept: below the data, or for this process only.
class RefreshFolder {
 public:
  explicit RefreshFolder(const std::string& data_dir)
      : mine_(data_dir.empty()),
        path_(mine_ ? absl::StrCat(
                          std::filesystem::temp_directory_path().string(),
                          "/mitra-refresh-", NewUlid())
                    : data_dir + "/refresh") {
    std::error_code ignored;
    std::filesystem::create_directories(path_, ignored);
  }
  ~RefreshFolder() {
    std::error_code ignored;
    if (mine_) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  const bool mine_;
  const std::string path_;
};

std::string RankingsPath(const MatchingConfig& config) {
  if (!config.ranking_dir.empty()) return config.ranking_dir;
  return config.data_dir.empty() ? "" : config.data_dir + "/rankings";
}

}  // namespace

struct MatchingProcess::Parts {
  // `batch`: a second connection, for what may wait longer.
  Parts(const MatchingConfig& the_config, std::unique_ptr<redis::Client> client,
        std::unique_ptr<redis::Client> batch, rpc::ShutdownSignal& shutdown)
      : config(the_config),
        redis(std::move(client)),
        batch_redis(std::move(batch)),
        refresh_folder(config.data_dir),
        rankings_rpc(rankings, RankingsPath(config)),
        trust({.max_bytes = static_cast<size_t>(config.trust_cache_mib) << 20}),
        cache(redis.get(), &executor, clock,
              {.max_bytes = static_cast<size_t>(config.slate_cache_mib) << 20,
               .timer = &timer}),
        state({.ties = config.ties,
               .supply = config.supply,
               .on_commit = [this](const CommitSummary& s) { OnCommit(s); },
               .on_shown =
                   [this](const auto& tokens) {
                     NoteShown(tokens, state.view(), clock.Now(), impressions);
                   }}),
        snapshotter(state, config.data_dir, config.snapshot_interval),
        search(rpc::Channel::Create(config.search_target,
                                    Batched(config.service.links.tls))),
        recommender(search, trust, clock, &prices,
                    {.impressions = &impressions}),
        slates([this] { return state.view(); }, recommender, cache, epochs,
               timer),
        funnel(rpc::Channel::Create(config.feed_target,
                                    {.tls = config.service.links.tls})),
        refresh_trust(
            {.max_bytes = static_cast<size_t>(config.refresh_trust_mib) << 20}),
        chunk_worker(recommender, search, refresh_trust),
        keeper(epochs, prices, batch_redis.get(),
               {.directory = refresh_folder.path()}),
        found_candidates(refresh_folder.path() + "/candidates", {}),
        tools(Tools()),
        refreshes(tools, {.hold_time = config.refresh_hold_time}),
        directory(batch_redis.get(), {.tls = config.service.links.tls}),
        teller(rpc::Channel::Create(config.feed_target,
                                    {.tls = config.service.links.tls})),
        operations({[this](v1::ServiceStatus& status) { Describe(status); },
                    [this] { return snapshotter.Write(); }}) {
    rankings_rpc.Poll();
    LoadSnapshot();
    feed::Follower::Options options;
    options.selector = MatchingState::Selector();
    options.start = state.position();
    options.on_failure = [&shutdown](const absl::Status&) { shutdown.Raise(); };
    follower = std::make_unique<feed::Follower>(
        feed::NewGrpcFeedSource(rpc::Channel::Create(
            config.feed_target, {.tls = config.service.links.tls})),
        state, std::move(options));
    const auto ready = [this] { return follower->ready(); };
    const auto view = [this] { return state.view(); };
    const auto find_profile = [this](absl::string_view id,
                                     absl::string_view subject) {
      return rankings.Find(id, subject);
    };
    recommendations.emplace(
        slates, recommender,
        FeedGate{ready,
                 [this](rpc::CallContext& call, uint64_t revision) {
                   return feed::WaitForRevision(*follower, call, revision);
                 }},
        find_profile, &replies);
    reasons.emplace(slates, recommender, ready, find_profile);
    insights.emplace(view, recommender, ready, find_profile, peers);
    VouchingRunner::Options vouching;
    vouching.interval = config.reputation_interval;
    vouching.min_seeds = static_cast<uint32_t>(config.reputation_min_seeds);
    vouching.ready = ready;
    vouchings = std::make_unique<VouchingRunner>(state, std::move(vouching));
    standings.emplace(view, peers, ready);
    refreshes_rpc.emplace(refreshes, view, timer, export_executor, ready,
                          &funnel, &directory);
  }

  RefreshTools Tools() {
    RefreshTools all;
    all.views = [this] { return state.view(); };
    all.worker = &chunk_worker;
    all.slates = &slates;
    all.keeper = &keeper;
    all.prices = &prices;
    all.candidates = &found_candidates;
    all.redis = batch_redis.get();
    all.head = [this] { return follower == nullptr ? 0 : follower->head(); };
    all.catch_up = config.refresh_catch_up;
    all.clock = &clock;
    all.rankings = &rankings;
    all.impressions = &impressions;
    all.directory = refresh_folder.path();
    all.threads = config.refresh_threads;
    all.table_bytes = static_cast<size_t>(config.refresh_tables_mib) << 20;
    return all;
  }

  // What was published before stands again.
  bool Restored() const {
    return housekeeper != nullptr && housekeeper->restored();
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
  }

  void OnCommit(const CommitSummary& summary) {
    replies.OnCommit(summary);
    if (summary.reset) {
      trust.Clear();
      refresh_trust.Forget();
      cache.Clear();
      impressions.Clear();
    } else if (!summary.distrusted.empty()) {
      refresh_trust.Forget();
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
    figures["stale_reputations"] = static_cast<double>(stats.stale_reputations);
    if (const auto vouching = state.vouching(); vouching != nullptr) {
      figures["seeds"] = static_cast<double>(vouching->seeds);
    }
    figures["vouching_revision"] = static_cast<double>(vouchings->revision());
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
    // Members of whom it is known whom they were shown.
    slate_figures["impression_subjects"] =
        static_cast<double>(impressions.subjects());
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
  std::unique_ptr<redis::Client> redis;        // may be null
  std::unique_ptr<redis::Client> batch_redis;  // null with the other
  RefreshFolder refresh_folder;
  rpc::Executor executor{{.threads = 1, .max_queue = 10'000}};
  rpc::Executor export_executor{{.threads = 1, .max_queue = 1000}};
  Timer timer;
  EpochBoard epochs;
  RankingBoard rankings;
  RankingsRpc rankings_rpc;
  TrustCache trust;
  PriceBoard prices;
  SlateCache cache;
  ReplyCache replies{{}};
  PeerCache peers{clock};
  ImpressionBook impressions;
  MatchingState state;
  Snapshotter snapshotter;
  std::unique_ptr<feed::Follower> follower;  // a refresh that ends asks it
  SearchCandidateSource search;
  Recommender recommender;
  SlateServer slates;
  RefreshFunnel funnel;
  ShortTrust refresh_trust;
  ChunkWorker chunk_worker;
  EpochKeeper keeper;
  CandidateStore found_candidates;
  const RefreshTools tools;
  RefreshRunner refreshes;
  RefreshDirectory directory;
  EpochTeller teller;
  Operations operations;
  std::optional<RecommendationsRpc> recommendations;
  std::optional<ReasonsRpc> reasons;
  std::optional<InsightsRpc> insights;
  std::optional<RefreshesRpc> refreshes_rpc;
  std::optional<StandingsRpc> standings;
  std::unique_ptr<VouchingRunner> vouchings;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<AdminServer> admin;
  rpc::Addresses addresses;
  std::unique_ptr<RefreshHousekeeper> housekeeper;
  absl::Time rankings_polled = absl::InfinitePast();
};

absl::StatusOr<std::unique_ptr<MatchingProcess>> MatchingProcess::Start(
    const MatchingConfig& config, rpc::ShutdownSignal& shutdown) {
  for (const auto& [name, target] :
       {std::pair("feed.target", &config.feed_target),
        std::pair("search.target", &config.search_target)}) {
    if (target->empty()) return InvalidField(name, "is required");
  }
  MITRA_RETURN_IF_ERROR(config.service.Check());
  MITRA_RETURN_IF_ERROR(config.ties.Validate());
  if (!config.data_dir.empty()) {
    std::error_code error;
    std::filesystem::create_directories(config.data_dir, error);
    if (error) {
      return absl::InvalidArgumentError(
          absl::StrCat("data_dir: ", error.message()));
    }
  }
  std::unique_ptr<redis::Client> redis;
  std::unique_ptr<redis::Client> batch;
  if (!config.redis.target.empty()) {
    redis::HiredisClient::Options options = config.redis.ClientOptions();
    MITRA_ASSIGN_OR_RETURN(redis, redis::HiredisClient::Create(options));
    // Nobody waits for a refresh: it has time, and others have not.
    options.connect_timeout = absl::Seconds(1);
    options.command_timeout = absl::Seconds(5);
    MITRA_ASSIGN_OR_RETURN(batch, CreateLowered(options));
  }
  auto parts = std::make_unique<Parts>(config, std::move(redis),
                                       std::move(batch), shutdown);

  rpc::Server::Options options;
  options.listen = config.service.listen;
  options.threads = config.service.threads;
  options.tls = config.service.links.tls;
  options.tls_section = "links";
  rpc::Server::Builder builder(options);
  parts->recommendations->Register(builder);
  parts->reasons->Register(builder);
  parts->insights->Register(builder);
  parts->refreshes_rpc->Register(builder);
  parts->rankings_rpc.Register(builder);
  parts->standings->Register(builder);
  RegisterOperations(parts->operations, parts->start_time, builder);
  MITRA_ASSIGN_OR_RETURN(parts->server, builder.Start());
  parts->addresses.grpc = parts->server->addresses();
  if (!config.service.admin.listen.empty()) {
    AdminServer::Options admin;
    admin.listen = config.service.admin.listen;
    admin.allow_remote = config.service.admin.allow_remote;
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
  parts->housekeeper =
      std::make_unique<RefreshHousekeeper>(RefreshHousekeeper::Parts{
          &parts->tools, &parts->refreshes,
          [p = parts.get()] { return p->follower->ready(); },
          parts->addresses.grpc.empty() ? "" : parts->addresses.grpc[0],
          &parts->directory, &parts->teller});
  parts->vouchings->Start();
  return std::unique_ptr<MatchingProcess>(
      new MatchingProcess(std::move(parts)));
}

MatchingProcess::MatchingProcess(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}

MatchingProcess::~MatchingProcess() {
  parts_->server->Drain();
  parts_->vouchings.reset();
  parts_->follower->Stop();
}

const rpc::Addresses& MatchingProcess::addresses() const {
  return parts_->addresses;
}

void MatchingProcess::UpdateHealth() {
  parts_->server->SetServing(parts_->follower->ready() && parts_->Restored() &&
                             parts_->follower->status().ok());
  const absl::Time now = absl::Now();
  if (now - parts_->rankings_polled <= kRankingPoll) return;
  parts_->rankings_polled = now;
  parts_->rankings_rpc.Poll();
}

absl::Status MatchingProcess::Drain() {
  parts_->refreshes.Stop();
  parts_->server->Drain();
  parts_->vouchings.reset();
  parts_->follower->Stop();
  MITRA_RETURN_IF_ERROR(parts_->follower->status());
  return parts_->snapshotter.SaveNow();
}

}  // namespace mitra::matching
