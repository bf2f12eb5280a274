#include "services/search/rpc/operations_rpc.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/version.h"
#include "common/observability/metrics.h"
#include "common/status/errors.h"
#include "mitra/v1/operations_service.pb.h"

namespace mitra::search {
namespace {

// "mentor" for ROLE_MENTOR.
std::string RoleLabel(size_t role) {
  const std::string name =
      absl::AsciiStrToLower(v1::Role_Name(static_cast<v1::Role>(role)));
  return name.substr(sizeof("role_") - 1);
}

void Describe(const IndexState::RoleFigures& figures, size_t role,
              v1::ComponentStatus& out) {
  out.set_name(absl::StrCat("partition/", RoleLabel(role)));
  out.set_ok(true);
  out.set_detail(figures.graph == 0 ? "flat" : "hnsw");
  auto& values = *out.mutable_figures();
  values["facets"] = static_cast<double>(figures.live);
  values["graph_rows"] = static_cast<double>(figures.graph);
  values["delta_rows"] = static_cast<double>(figures.outside);
  values["dead_rows"] = static_cast<double>(figures.dead);
  values["oldest_dead_seconds"] = absl::ToDoubleSeconds(figures.oldest_dead);
  values["bytes"] = static_cast<double>(figures.bytes);
}

}  // namespace

OperationsRpc::OperationsRpc(const IndexState& state,
                             const feed::Follower& follower,
                             Maintainer& maintainer, rpc::Executor& executor)
    : state_(state),
      follower_(follower),
      maintainer_(maintainer),
      executor_(executor),
      start_(absl::Now()) {}

rpc::Task<absl::Status> OperationsRpc::GetSearchStatus(
    rpc::CallContext&, const v1::GetStatusRequest&,
    v1::ServiceStatus& response) {
  const IndexState::Figures figures = state_.figures();
  const auto view = state_.Read();
  response.set_service("search");
  response.set_version(kVersion);
  response.mutable_start_time()->set_seconds(absl::ToUnixSeconds(start_));
  response.set_ready(maintainer_.ready());
  if (!follower_.ready()) {
    response.set_not_ready_reason("the feed is being read");
  } else if (!maintainer_.ready()) {
    response.set_not_ready_reason("graphs are being built");
  }
  response.set_revision(view->watermark);

  v1::ComponentStatus& feed = *response.add_components();
  feed.set_name("feed");
  feed.set_ok(follower_.connected() && follower_.status().ok());
  feed.set_detail(follower_.connected() ? "connected" : "not connected");
  const uint64_t head = follower_.head();
  (*feed.mutable_figures())["head"] = static_cast<double>(head);
  (*feed.mutable_figures())["lag"] =
      static_cast<double>(head > view->watermark ? head - view->watermark : 0);

  v1::ComponentStatus& index = *response.add_components();
  index.set_name("index");
  index.set_ok(state_.usable());
  index.set_detail(view->space);
  auto& values = *index.mutable_figures();
  values["members"] = static_cast<double>(figures.members);
  values["tombstones"] = static_cast<double>(figures.tombstones);
  values["documents"] = static_cast<double>(figures.documents);
  values["bytes"] = static_cast<double>(figures.bytes);
  values["applied"] = static_cast<double>(figures.applied);
  values["ignored"] = static_cast<double>(figures.ignored);

  v1::ComponentStatus& snapshot = *response.add_components();
  const WrittenSnapshot last = maintainer_.last_snapshot();
  snapshot.set_name("snapshot");
  snapshot.set_ok(true);
  (*snapshot.mutable_figures())["revision"] =
      static_cast<double>(last.revision);
  (*snapshot.mutable_figures())["bytes"] = static_cast<double>(last.bytes);

  for (size_t role = 1; role < kRoles; ++role) {
    Describe(figures.roles[role], role, *response.add_components());
  }
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> OperationsRpc::WriteSearchSnapshot(
    rpc::CallContext&, const v1::WriteSnapshotRequest&,
    v1::WriteSnapshotResponse& response) {
  const bool entered = co_await executor_.Enter();
  if (!entered) {
    co_return MakeError(absl::StatusCode::kResourceExhausted, "BUSY",
                        "snapshot: too many are waiting");
  }
  const auto written = maintainer_.WriteSnapshot();
  if (!written.ok()) co_return written.status();
  response.set_revision(written->revision);
  response.set_bytes(written->bytes);
  co_return absl::OkStatus();
}

void ExportIndexMetrics(const IndexState& state) {
  MetricRegistry& metrics = Metrics();
  metrics.OnCollect([&state, &metrics] {
    const IndexState::Figures figures = state.figures();
    const auto set = [&](absl::string_view name, absl::string_view help,
                         double value, MetricLabels labels = {}) {
      metrics.GetGauge(name, help, std::move(labels)).Set(value);
    };
    set("mitra_search_members", "Members in the index.",
        static_cast<double>(figures.members));
    set("mitra_search_index_bytes", "Bytes of the index.",
        static_cast<double>(figures.bytes));
    set("mitra_search_watermark", "Revision that the index has applied.",
        static_cast<double>(state.Read()->watermark));
    for (size_t role = 1; role < kRoles; ++role) {
      const IndexState::RoleFigures& from = figures.roles[role];
      const MetricLabels labels = {{"role", RoleLabel(role)}};
      set("mitra_search_facets", "Facets of a role.",
          static_cast<double>(from.live), labels);
      set("mitra_search_delta_rows", "Rows outside the graph of a role.",
          static_cast<double>(from.outside), labels);
      set("mitra_search_dead_rows", "Deleted rows in the graph of a role.",
          static_cast<double>(from.dead), labels);
    }
  });
}

}  // namespace mitra::search
