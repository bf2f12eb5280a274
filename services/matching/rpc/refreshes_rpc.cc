#include "services/matching/rpc/refreshes_rpc.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "mitra/v1/filter.pb.h"
#include "services/matching/ranking/member_filter.h"
#include "services/matching/rpc/feed_gate.h"

namespace mitra::matching {
namespace {

constexpr int kMaxSlate = 50;
constexpr int kMaxMembers = 100'000;
constexpr absl::Duration kWatchPause = absl::Milliseconds(500);
constexpr absl::Duration kWaitPause = absl::Milliseconds(100);
// Before the deadline, so that the answer still arrives.
constexpr absl::Duration kWaitMargin = absl::Milliseconds(300);
constexpr size_t kMaxReason = 500;

std::string Method(absl::string_view name) {
  return absl::StrCat("/mitra.v1.Refreshes/", name);
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
  share("fairness", request.has_fairness(), request.fairness());
  MITRA_RETURN_IF_ERROR(bad.ToStatus());
  v1::MemberFilter codes;
  *codes.mutable_region_codes() = scope.region_codes();
  *codes.mutable_sector_codes() = scope.sector_codes();
  return ValidateFilter(codes, "scope");
}

RefreshesRpc::RefreshesRpc(RefreshRunner& runner,
                           std::function<MatchingView()> views, Timer& timer,
                           rpc::Executor& executor, std::function<bool()> ready)
    : runner_(runner),
      views_(std::move(views)),
      executor_(executor),
      timer_(timer),
      ready_(std::move(ready)) {}

void RefreshesRpc::Register(rpc::Server::Builder& builder) {
  builder.Unary(Method("StartRefresh"), *this, &RefreshesRpc::Start);
  builder.Unary<v1::GetRefreshRequest, v1::Refresh>(
      Method("GetRefresh"),
      [this](rpc::CallContext&, const v1::GetRefreshRequest& request,
             v1::Refresh& response) -> rpc::Task<absl::Status> {
        MITRA_CO_ASSIGN_OR_RETURN(response, runner_.Get(request.refresh_id()));
        co_return absl::OkStatus();
      });
  builder.Unary<v1::ListRefreshesRequest, v1::ListRefreshesResponse>(
      Method("ListRefreshes"),
      [this](rpc::CallContext&, const v1::ListRefreshesRequest&,
             v1::ListRefreshesResponse& response) -> rpc::Task<absl::Status> {
        for (v1::Refresh& refresh : runner_.List()) {
          *response.add_refreshes() = std::move(refresh);
        }
        co_return absl::OkStatus();
      });
  builder.Unary<v1::CancelRefreshRequest, v1::Refresh>(
      Method("CancelRefresh"),
      [this](rpc::CallContext&, const v1::CancelRefreshRequest& request,
             v1::Refresh& response) -> rpc::Task<absl::Status> {
        MITRA_CO_ASSIGN_OR_RETURN(response,
                                  runner_.Cancel(request.refresh_id()));
        co_return absl::OkStatus();
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
      [this](rpc::CallContext&, const v1::PublishRefreshRequest& request,
             v1::Refresh& response) -> rpc::Task<absl::Status> {
        MITRA_CO_ASSIGN_OR_RETURN(
            response,
            runner_.Publish(request.refresh_id(), request.override_guards()));
        co_return absl::OkStatus();
      });
  builder.Unary<v1::RejectRefreshRequest, v1::Refresh>(
      Method("RejectRefresh"),
      [this](rpc::CallContext&, const v1::RejectRefreshRequest& request,
             v1::Refresh& response) -> rpc::Task<absl::Status> {
        if (request.reason().size() > kMaxReason) {
          co_return InvalidField("reason", "must have at most 500 bytes");
        }
        MITRA_CO_ASSIGN_OR_RETURN(
            response, runner_.Reject(request.refresh_id(), request.reason()));
        co_return absl::OkStatus();
      });
  builder.Unary<v1::RollBackRefreshRequest, v1::Refresh>(
      Method("RollBackRefresh"),
      [this](rpc::CallContext&, const v1::RollBackRefreshRequest& request,
             v1::Refresh& response) -> rpc::Task<absl::Status> {
        // Waits for Redis.
        const bool entered = co_await executor_.Enter();
        if (!entered) co_return absl::ResourceExhaustedError("busy");
        MITRA_CO_ASSIGN_OR_RETURN(response,
                                  runner_.RollBack(request.refresh_id()));
        co_return absl::OkStatus();
      });
  builder.Unary<v1::GetRefreshReportRequest, v1::RefreshReport>(
      Method("GetRefreshReport"),
      [this](rpc::CallContext&, const v1::GetRefreshReportRequest& request,
             v1::RefreshReport& response) -> rpc::Task<absl::Status> {
        MITRA_CO_ASSIGN_OR_RETURN(response,
                                  runner_.Report(request.refresh_id()));
        co_return absl::OkStatus();
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
  MITRA_CO_ASSIGN_OR_RETURN(response, runner_.Start(request));
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> RefreshesRpc::Watch(
    rpc::CallContext& call, const v1::WatchRefreshRequest& request,
    rpc::Writer<v1::Refresh>& writer) {
  std::string last;
  while (true) {
    MITRA_CO_RETURN_IF_ERROR(call.CheckAlive());
    MITRA_CO_ASSIGN_OR_RETURN(const v1::Refresh state,
                              runner_.Get(request.refresh_id()));
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
    MITRA_CO_ASSIGN_OR_RETURN(response, runner_.Get(request.refresh_id()));
    if (RefreshRunner::HasEnded(response.state()) ||
        call.remaining() < kWaitMargin) {
      co_return absl::OkStatus();
    }
    MITRA_CO_RETURN_IF_ERROR(call.CheckAlive());
    co_await Pause(kWaitPause);
  }
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
  return std::make_unique<SlateExport>(std::move(slates), std::move(options));
}

rpc::Task<absl::Status> RefreshesRpc::Export(
    rpc::CallContext& call, const v1::ExportSlatesRequest& request,
    rpc::Writer<v1::SlateLine>& writer) {
  MITRA_CO_ASSIGN_OR_RETURN(const auto slates, OpenExport(request));
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

}  // namespace mitra::matching
