#include "services/matching/rpc/refreshes_rpc.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/observability/log.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "mitra/v1/filter.pb.h"
#include "services/matching/ranking/member_filter.h"
#include "services/matching/refresh/fixed_pairs.h"
#include "services/matching/rpc/feed_gate.h"

namespace mitra::matching {
namespace {

constexpr double kMaxSeatsPerSeeker = 1000;
constexpr int kMaxSlate = 50;
constexpr int kMaxMembers = 100'000;
constexpr absl::Duration kWatchPause = absl::Milliseconds(500);
constexpr absl::Duration kWaitPause = absl::Milliseconds(100);
// Before the deadline, so that the answer still arrives.
constexpr absl::Duration kWaitMargin = absl::Milliseconds(300);
constexpr size_t kMaxReason = 500;
constexpr int kMaxEdits = 1000;
constexpr size_t kMaxListed = 100;
// Another process may keep it.
constexpr absl::string_view kNotHere = "REFRESH_NOT_FOUND";

std::string Method(absl::string_view name) {
  return absl::StrCat("/mitra.v1.Refreshes/", name);
}

absl::Time ToTime(const google::protobuf::Timestamp& stamp) {
  return absl::FromUnixSeconds(stamp.seconds()) +
         absl::Nanoseconds(stamp.nanos());
}

absl::Status CheckEdit(const v1::EditRefreshRequest& request) {
  if (request.pairs().empty()) return InvalidField("pairs", "is required");
  return CheckFixedPairs(request.pairs(), "pairs", kMaxEdits);
}

}  // namespace

absl::Status CheckStartRefresh(const v1::StartRefreshRequest& request) {
  FieldViolations bad;
  for (int i = 0; i < request.kinds_size(); ++i) {
    if (FindKind(request.kinds(i)) == nullptr) {
      bad.Add(absl::StrCat("kinds[", i, "]"), "unknown value");
    }
    for (int k = 0; k < i; ++k) {
      if (request.kinds(k) == request.kinds(i)) {
        bad.Add(absl::StrCat("kinds[", i, "]"), "stands twice");
        break;
      }
    }
  }
  if (request.slate_size() < 0 || request.slate_size() > kMaxSlate) {
    bad.Add("slate_size",
            absl::StrCat("must be in [0, 50], is ", request.slate_size()));
  }
  if (!request.request_id().empty() && !IsValidId(request.request_id())) {
    bad.Add("request_id", "not an id");
  }
  const v1::RefreshScope& scope = request.scope();
  if (scope.profile_ids_size() > kMaxMembers) {
    bad.Add("scope.profile_ids", "at most 100,000");
  } else {
    for (int i = 0; i < scope.profile_ids_size(); ++i) {
      if (!IsValidId(scope.profile_ids(i))) {
        bad.Add(absl::StrCat("scope.profile_ids[", i, "]"), "not a member id");
      }
    }
  }
  const v1::RefreshGuards& guards = request.guards();
  const auto share = [&](absl::string_view field, bool given, double value) {
    // Written so that NaN fails, too.
    if (given && !(value >= 0 && value <= 1)) {
      bad.Add(field, "must be in [0, 1]");
    }
  };
  share("guards.min_coverage", guards.has_min_coverage(),
        guards.min_coverage());
  share("guards.max_gini", guards.has_max_gini(), guards.max_gini());
  share("guards.max_empty_share", guards.has_max_empty_share(),
        guards.max_empty_share());
  share("guards.max_fragmentation", guards.has_max_fragmentation(),
        guards.max_fragmentation());
  if (guards.has_min_seats_per_seeker() &&
      !(guards.min_seats_per_seeker() >= 0 &&
        guards.min_seats_per_seeker() <= kMaxSeatsPerSeeker)) {
    bad.Add("guards.min_seats_per_seeker", "must be in [0, 1,000]");
  }
  share("fairness", request.has_fairness(), request.fairness());
  MITRA_RETURN_IF_ERROR(bad.ToStatus());
  MITRA_RETURN_IF_ERROR(
      CheckFixedPairs(request.fixed_pairs(), "fixed_pairs", kMaxFixedPairs));
  v1::MemberFilter codes;
  *codes.mutable_region_codes() = scope.region_codes();
  *codes.mutable_sector_codes() = scope.sector_codes();
  return ValidateFilter(codes, "scope");
}

RefreshesRpc::RefreshesRpc(RefreshRunner& runner,
                           std::function<MatchingView()> views, Timer& timer,
                           rpc::Executor& executor, std::function<bool()> ready,
                           const RefreshFunnel* funnel,
                           RefreshDirectory* directory)
    : runner_(runner),
      views_(std::move(views)),
      executor_(executor),
      timer_(timer),
      ready_(std::move(ready)),
      funnel_(funnel),
      directory_(directory) {}

template <typename Request, typename Response>
rpc::Task<absl::Status> RefreshesRpc::Answer(rpc::CallContext& call,
                                             const char* name,
                                             const Request& request,
                                             absl::StatusOr<Response> local,
                                             Response& response) {
  if (local.ok()) {
    response = *std::move(local);
    co_return absl::OkStatus();
  }
  if (directory_ == nullptr || ReasonOf(local.status()) != kNotHere) {
    co_return local.status();
  }
  auto finding = directory_->Find(request.refresh_id());
  const std::optional<RefreshDirectory::Entry> entry =
      co_await std::move(finding);
  if (!entry.has_value()) co_return local.status();
  std::string method = Method(name);
  const std::shared_ptr<rpc::Channel> channel =
      directory_->Reach(entry->address);
  auto calling = channel->Call<Response>(call, std::move(method), request);
  absl::StatusOr<Response> there = co_await std::move(calling);
  if (there.ok()) {
    response = *std::move(there);
    co_return absl::OkStatus();
  }
  // What was last known of it is better than nothing.
  if constexpr (std::is_same_v<Request, v1::GetRefreshRequest>) {
    if (absl::IsUnavailable(there.status())) {
      response = entry->state;
      co_return absl::OkStatus();
    }
  }
  co_return there.status();
}

rpc::Task<absl::Status> RefreshesRpc::Ask(rpc::CallContext& call,
                                          const std::string& refresh_id,
                                          v1::Refresh& state) {
  v1::GetRefreshRequest request;
  request.set_refresh_id(refresh_id);
  auto asking =
      Answer(call, "GetRefresh", request, runner_.Get(refresh_id), state);
  co_return co_await std::move(asking);
}

rpc::Task<absl::Status> RefreshesRpc::List(
    rpc::CallContext&, const v1::ListRefreshesRequest&,
    v1::ListRefreshesResponse& response) {
  std::vector<v1::Refresh> all = runner_.List();
  if (directory_ != nullptr) {
    auto finding = directory_->FindAll();
    for (auto& entry : co_await std::move(finding)) {
      all.push_back(std::move(entry.state));
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const v1::Refresh& a, const v1::Refresh& b) {
                     return ToTime(a.start_time()) > ToTime(b.start_time());
                   });
  if (all.size() > kMaxListed) all.resize(kMaxListed);
  for (v1::Refresh& refresh : all) {
    *response.add_refreshes() = std::move(refresh);
  }
  co_return absl::OkStatus();
}

void RefreshesRpc::Register(rpc::Server::Builder& builder) {
  builder.Unary(Method("StartRefresh"), *this, &RefreshesRpc::Start);
  builder.Unary<v1::GetRefreshRequest, v1::Refresh>(
      Method("GetRefresh"),
      [this](rpc::CallContext& call, const v1::GetRefreshRequest& request,
             v1::Refresh& response) {
        return Answer(call, "GetRefresh", request,
                      runner_.Get(request.refresh_id()), response);
      });
  builder.Unary(Method("ListRefreshes"), *this, &RefreshesRpc::List);
  builder.Unary<v1::CancelRefreshRequest, v1::Refresh>(
      Method("CancelRefresh"),
      [this](rpc::CallContext& call, const v1::CancelRefreshRequest& request,
             v1::Refresh& response) {
        return Answer(call, "CancelRefresh", request,
                      runner_.Cancel(request.refresh_id()), response);
      });
  builder.ServerStreaming<v1::WatchRefreshRequest, v1::Refresh>(
      Method("WatchRefresh"),
      [this](rpc::CallContext& call, const v1::WatchRefreshRequest& request,
             rpc::Writer<v1::Refresh>& writer) {
        return Watch(call, request, writer);
      });
  builder.Unary(Method("WaitRefresh"), *this, &RefreshesRpc::Wait);
  RegisterReview(builder);
  RegisterHelp(builder);
}

void RefreshesRpc::RegisterReview(rpc::Server::Builder& builder) {
  builder.Unary<v1::PublishRefreshRequest, v1::Refresh>(
      Method("PublishRefresh"),
      [this](rpc::CallContext& call, const v1::PublishRefreshRequest& request,
             v1::Refresh& response) {
        return Answer(
            call, "PublishRefresh", request,
            runner_.Publish(request.refresh_id(), request.override_guards()),
            response);
      });
  builder.Unary<v1::EditRefreshRequest, v1::Refresh>(
      Method("EditRefresh"),
      [this](rpc::CallContext& call, const v1::EditRefreshRequest& request,
             v1::Refresh& response) -> rpc::Task<absl::Status> {
        MITRA_CO_RETURN_IF_ERROR(CheckEdit(request));
        // Reads slates from disk, and may ask search.
        const bool entered = co_await executor_.Enter();
        if (!entered) co_return absl::ResourceExhaustedError("busy");
        auto answering =
            Answer(call, "EditRefresh", request,
                   runner_.Edit(request, call.identity.credential), response);
        co_return co_await std::move(answering);
      });
  builder.Unary<v1::RejectRefreshRequest, v1::Refresh>(
      Method("RejectRefresh"),
      [this](rpc::CallContext& call, const v1::RejectRefreshRequest& request,
             v1::Refresh& response) -> rpc::Task<absl::Status> {
        if (request.reason().size() > kMaxReason) {
          co_return InvalidField("reason", "must have at most 500 bytes");
        }
        auto answering = Answer(
            call, "RejectRefresh", request,
            runner_.Reject(request.refresh_id(), request.reason()), response);
        co_return co_await std::move(answering);
      });
  builder.Unary<v1::RollBackRefreshRequest, v1::Refresh>(
      Method("RollBackRefresh"),
      [this](rpc::CallContext& call, const v1::RollBackRefreshRequest& request,
             v1::Refresh& response) -> rpc::Task<absl::Status> {
        // Waits for Redis.
        const bool entered = co_await executor_.Enter();
        if (!entered) co_return absl::ResourceExhaustedError("busy");
        auto answering =
            Answer(call, "RollBackRefresh", request,
                   runner_.RollBack(request.refresh_id()), response);
        co_return co_await std::move(answering);
      });
  builder.Unary<v1::GetRefreshReportRequest, v1::RefreshReport>(
      Method("GetRefreshReport"),
      [this](rpc::CallContext& call, const v1::GetRefreshReportRequest& request,
             v1::RefreshReport& response) {
        return Report(call, request, response);
      });
  builder.ServerStreaming<v1::ExportSlatesRequest, v1::SlateLine>(
      Method("ExportSlates"),
      [this](rpc::CallContext& call, const v1::ExportSlatesRequest& request,
             rpc::Writer<v1::SlateLine>& writer) {
        return Export(call, request, writer);
      });
}

void RefreshesRpc::RegisterHelp(rpc::Server::Builder& builder) {
  builder.Unary<v1::GetRefreshChunkRequest, v1::RefreshChunk>(
      Method("GetRefreshChunk"),
      [this](rpc::CallContext&, const v1::GetRefreshChunkRequest& request,
             v1::RefreshChunk& response) -> rpc::Task<absl::Status> {
        MITRA_CO_ASSIGN_OR_RETURN(
            response, runner_.GetChunk(request.refresh_id(), request.chunk()));
        co_return absl::OkStatus();
      });
  builder.Unary<v1::SubmitRefreshChunkRequest, v1::SubmitRefreshChunkResponse>(
      Method("SubmitRefreshChunk"),
      [this](
          rpc::CallContext&, const v1::SubmitRefreshChunkRequest& request,
          v1::SubmitRefreshChunkResponse& response) -> rpc::Task<absl::Status> {
        MITRA_CO_ASSIGN_OR_RETURN(
            const bool all_done,
            runner_.Submit(request.refresh_id(), request.chunk(),
                           request.result()));
        response.set_all_done(all_done);
        co_return absl::OkStatus();
      });
}

rpc::Task<absl::Status> RefreshesRpc::Start(
    rpc::CallContext& call, const v1::StartRefreshRequest& request,
    v1::Refresh& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckStartRefresh(request));
  MITRA_CO_RETURN_IF_ERROR(CheckReady(ready_()));
  MITRA_CO_ASSIGN_OR_RETURN(response,
                            runner_.Start(request, call.identity.credential));
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> RefreshesRpc::Watch(
    rpc::CallContext& call, const v1::WatchRefreshRequest& request,
    rpc::Writer<v1::Refresh>& writer) {
  std::string last;
  while (true) {
    MITRA_CO_RETURN_IF_ERROR(call.CheckAlive());
    v1::Refresh state;
    auto asking = Ask(call, request.refresh_id(), state);
    const absl::Status asked = co_await std::move(asking);
    if (!asked.ok()) co_return asked;
    std::string now = state.SerializeAsString();
    if (now != last) {
      last = std::move(now);
      const bool open = co_await writer.Write(state);
      if (!open) co_return absl::CancelledError("the caller has gone");
    }
    if (RefreshRunner::HasEnded(state.state())) co_return absl::OkStatus();
    co_await Pause(kWatchPause);
  }
}

rpc::Task<> RefreshesRpc::Pause(absl::Duration time) {
  auto pause = [this, time](std::function<void(bool)> done) {
    timer_.At(absl::Now() + time, [done = std::move(done)] { done(true); });
  };
  (void)co_await rpc::Callback<bool>(pause);
}

rpc::Task<absl::Status> RefreshesRpc::Wait(
    rpc::CallContext& call, const v1::WaitRefreshRequest& request,
    v1::Refresh& response) {
  while (true) {
    auto asking = Ask(call, request.refresh_id(), response);
    const absl::Status asked = co_await std::move(asking);
    if (!asked.ok()) co_return asked;
    if (RefreshRunner::HasEnded(response.state()) ||
        call.remaining() < kWaitMargin) {
      co_return absl::OkStatus();
    }
    MITRA_CO_RETURN_IF_ERROR(call.CheckAlive());
    co_await Pause(kWaitPause);
  }
}

// Until another one took its place.
absl::Time RefreshesRpc::EndOf(const v1::Refresh& refresh) const {
  absl::Time end = absl::InfiniteFuture();
  const absl::Time begin = ToTime(refresh.publish_time());
  for (const v1::Refresh& other : runner_.List()) {
    if (!other.has_publish_time()) continue;
    const absl::Time then = ToTime(other.publish_time());
    if (then > begin) end = std::min(end, then);
  }
  return end;
}

rpc::Task<absl::Status> RefreshesRpc::Report(
    rpc::CallContext& call, const v1::GetRefreshReportRequest& request,
    v1::RefreshReport& response) {
  absl::StatusOr<v1::RefreshReport> own = runner_.Report(request.refresh_id());
  const bool is_here = own.ok();
  auto answering =
      Answer(call, "GetRefreshReport", request, std::move(own), response);
  const absl::Status answered = co_await std::move(answering);
  // Another process has counted its funnel already.
  if (!answered.ok() || !is_here) co_return answered;
  if (!response.refresh().has_publish_time() || funnel_ == nullptr) {
    response.clear_funnel();
    co_return absl::OkStatus();
  }
  const MatchingView view = views_();
  Funnel funnel(view.members);
  funnel.Load(response.funnel());
  const absl::Time begin = ToTime(response.refresh().publish_time());
  const absl::Time end = EndOf(response.refresh());
  const absl::Status counted =
      co_await funnel_->Count(call, begin, end, funnel);
  response.clear_funnel();
  if (!counted.ok()) {
    LogInfo("a refresh's funnel cannot be counted",
            {{"reason", counted.ToString()}});
    co_return absl::OkStatus();
  }
  for (v1::FunnelRow& row : funnel.Rows()) {
    *response.add_funnel() = std::move(row);
  }
  co_return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SlateExport>> RefreshesRpc::OpenExport(
    const v1::ExportSlatesRequest& request) {
  SlateExport::Options options;
  for (int i = 0; i < request.kinds_size(); ++i) {
    if (FindKind(request.kinds(i)) == nullptr) {
      return InvalidField(absl::StrCat("kinds[", i, "]"), "unknown value");
    }
    options.kinds.insert(request.kinds(i));
  }
  options.digests = request.digests();
  if (!request.changed_since_refresh_id().empty()) {
    MITRA_ASSIGN_OR_RETURN(options.since,
                           runner_.Slates(request.changed_since_refresh_id()));
  }
  MITRA_ASSIGN_OR_RETURN(auto slates, runner_.Slates(request.refresh_id()));
  // Only the choice of reasons in digests depends on them.
  options.arms = runner_.Arms(slates->refresh()).value_or(RankingArms());
  return std::make_unique<SlateExport>(std::move(slates), std::move(options));
}

rpc::Task<absl::Status> RefreshesRpc::Export(
    rpc::CallContext& call, const v1::ExportSlatesRequest& request,
    rpc::Writer<v1::SlateLine>& writer) {
  auto opened = OpenExport(request);
  if (!opened.ok()) {
    auto relaying = Relay(call, request, opened.status(), writer);
    co_return co_await std::move(relaying);
  }
  const std::unique_ptr<SlateExport> slates = *std::move(opened);
  while (true) {
    MITRA_CO_RETURN_IF_ERROR(call.CheckAlive());
    // Off the thread that serves calls: a chunk is milliseconds of work.
    const bool entered = co_await executor_.Enter();
    if (!entered) co_return absl::ResourceExhaustedError("too many exports");
    MITRA_CO_ASSIGN_OR_RETURN(
        const std::vector<v1::SlateLine> lines,
        slates->Next(views_(), absl::ToUnixSeconds(absl::Now())));
    if (lines.empty()) co_return absl::OkStatus();
    for (const v1::SlateLine& line : lines) {
      const bool open = co_await writer.Write(line);
      if (!open) co_return absl::CancelledError("the caller has gone");
    }
  }
}

rpc::Task<absl::Status> RefreshesRpc::Relay(
    rpc::CallContext& call, const v1::ExportSlatesRequest& request,
    absl::Status local, rpc::Writer<v1::SlateLine>& writer) {
  if (directory_ == nullptr || ReasonOf(local) != kNotHere) co_return local;
  auto finding = directory_->FindAll();
  const auto entries = co_await std::move(finding);
  // The one that is named, else the one that was published last.
  const RefreshDirectory::Entry* at = nullptr;
  for (const RefreshDirectory::Entry& entry : entries) {
    if (!request.refresh_id().empty()) {
      if (entry.state.refresh_id() == request.refresh_id()) at = &entry;
    } else if (entry.state.state() == v1::REFRESH_STATE_PUBLISHED &&
               (at == nullptr || ToTime(entry.state.publish_time()) >
                                     ToTime(at->state.publish_time()))) {
      at = &entry;
    }
  }
  if (at == nullptr) co_return local;
  v1::ExportSlatesRequest there = request;
  there.set_refresh_id(at->state.refresh_id());
  const auto channel = directory_->Reach(at->address);
  std::string method = Method("ExportSlates");
  auto opening = channel->OpenStream(call, std::move(method));
  const std::unique_ptr<rpc::RawClientStream> stream =
      co_await std::move(opening);
  rpc::RawMessage question = rpc::RawMessage::Of(there);
  (void)co_await stream->Write(std::move(question));
  (void)co_await stream->WritesDone();
  bool open = true;
  while (true) {
    const auto message = co_await stream->Read();
    if (!message.has_value()) break;
    v1::SlateLine line;
    if (!open || !message->ParseTo(line).ok()) continue;
    open = co_await writer.Write(line);
    if (!open) stream->Cancel();
  }
  absl::Status ended = co_await stream->Finish();
  co_return ended;
}

}  // namespace mitra::matching
