#include "services/matching/rpc/refreshes_rpc.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "mitra/v1/filter.pb.h"
#include "services/matching/ranking/member_filter.h"

namespace mitra::matching {
namespace {

constexpr int kMaxSlate = 50;
constexpr int kMaxMembers = 100'000;
constexpr absl::Duration kWatchPause = absl::Milliseconds(500);

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
  MITRA_RETURN_IF_ERROR(bad.ToStatus());
  v1::MemberFilter codes;
  *codes.mutable_region_codes() = scope.region_codes();
  *codes.mutable_sector_codes() = scope.sector_codes();
  return ValidateFilter(codes, "scope");
}

RefreshesRpc::RefreshesRpc(RefreshRunner& runner, Timer& timer,
                           std::function<bool()> ready)
    : runner_(runner), timer_(timer), ready_(std::move(ready)) {}

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
}

rpc::Task<absl::Status> RefreshesRpc::Start(
    rpc::CallContext& call, const v1::StartRefreshRequest& request,
    v1::Refresh& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckStartRefresh(request));
  if (!ready_()) {
    co_return MakeError(absl::StatusCode::kUnavailable, "NOT_READY",
                        "matching has not caught up with the record yet");
  }
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
    auto pause = [this](std::function<void(bool)> done) {
      timer_.At(absl::Now() + kWatchPause,
                [done = std::move(done)] { done(true); });
    };
    (void)co_await rpc::Callback<bool>(pause);
  }
}

}  // namespace mitra::matching
