#include "services/search/rpc/operations_rpc.h"

#include <string>

#include "absl/base/attributes.h"
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

// The figures of a component by name.
class FigureMap {
 public:
  explicit FigureMap(v1::ComponentStatus& component)
      : figures_(*component.mutable_figures()) {}
  // Not inlined: g++ 12 warns of the key's constructor.
  ABSL_ATTRIBUTE_NOINLINE double& operator[](std::string name) {
    return figures_[name];
  }

 private:
  google::protobuf::Map<std::string, double>& figures_;
};

void Describe(const IndexState::RoleFigures& figures, size_t role,
              v1::ComponentStatus& out) {
  out.set_name(absl::StrCat("partition/", RoleLabel(role)));
  out.set_ok(true);
  out.set_detail(figures.graph == 0 ? "flat" : "hnsw");
  FigureMap values(out);
  values["facets"] = static_cast<double>(figures.live);
  values["graph_rows"] = static_cast<double>(figures.graph);
  values["delta_rows"] = static_cast<double>(figures.outside);
  values["dead_rows"] = static_cast<double>(figures.dead);
  values["oldest_dead_seconds"] = absl::ToDoubleSeconds(figures.oldest_dead);
  values["bytes"] = static_cast<double>(figures.bytes.sum());
  values["vector_bytes"] = static_cast<double>(figures.bytes.vectors);
  values["graph_bytes"] = static_cast<double>(figures.bytes.graph);
  values["column_bytes"] = static_cast<double>(figures.bytes.columns);
  values["posting_bytes"] = static_cast<double>(figures.bytes.postings);
  values["building"] = figures.building ? 1 : 0;
  values["walk_care"] = figures.care;
  values["tuned_by_questions"] = figures.tuned ? 1 : 0;
  values["leans_from_pivots"] = static_cast<double>(figures.leans_from_pivots);
  values["leans_by_lists"] = static_cast<double>(figures.leans_by_lists);
}

void Describe(const Canary::Figures& figures, int role,
              v1::ServiceStatus& response) {
  // What is promised, less what a small sample errs by.
  constexpr double kLeast = 0.97;
  if (figures.samples == 0) return;
  v1::ComponentStatus& out = *response.add_components();
  out.set_name(absl::StrCat(
      "canary/", role == 0 ? "several" : RoleLabel(static_cast<size_t>(role))));
  out.set_ok(figures.recall >= kLeast && figures.fill == 1);
  FigureMap values(out);
  values["samples"] = static_cast<double>(figures.samples);
  values["recall"] = figures.recall;
  values["worst_recall"] = figures.worst_recall;
  values["fill"] = figures.fill;
}

}  // namespace

OperationsRpc::OperationsRpc(const IndexState& state,
                             const feed::Follower& follower,
                             Maintainer& maintainer, const Canary& canary,
                             rpc::Executor& executor)
    : state_(state),
      follower_(follower),
      maintainer_(maintainer),
      canary_(canary),
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
  FigureMap values(index);
  values["member_bytes"] = static_cast<double>(figures.member_bytes);
  values["id_bytes"] = static_cast<double>(figures.id_bytes);
  values["text_bytes"] = static_cast<double>(figures.text_bytes);
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
  for (int role = 0; role < kRoles; ++role) {
    Describe(canary_.figures(role), role, response);
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

void ExportIndexMetrics(const IndexState& state, const Canary& canary) {
  MetricRegistry& metrics = Metrics();
  metrics.OnCollect([&state, &canary, &metrics] {
    const IndexState::Figures figures = state.figures();
    const auto set = [&](absl::string_view name, absl::string_view help,
                         double value, MetricLabels labels = {}) {
      metrics.GetGauge(name, help, std::move(labels)).Set(value);
    };
    set("mitra_search_members", "Members in the index.",
        static_cast<double>(figures.members));
    set("mitra_search_index_bytes", "Bytes of the index.",
        static_cast<double>(figures.bytes));
    set("mitra_search_canary_dropped",
        "Sampled questions that came too fast to be asked again.",
        static_cast<double>(canary.dropped()));
    for (int role = 0; role < kRoles; ++role) {
      const Canary::Figures seen = canary.figures(role);
      if (seen.samples == 0) continue;
      const MetricLabels labels = {
          {"role",
           role == 0 ? "several" : RoleLabel(static_cast<size_t>(role))}};
      set("mitra_search_canary_samples", "Questions that were asked again.",
          static_cast<double>(seen.samples), labels);
      set("mitra_search_canary_recall",
          "Share of the exact answer that was given, latest samples.",
          seen.recall, labels);
      set("mitra_search_canary_worst_recall",
          "The least share of an exact answer that was given, latest samples.",
          seen.worst_recall, labels);
      set("mitra_search_canary_fill",
          "Candidates given, of as many as there should be, latest samples.",
          seen.fill, labels);
    }
    set("mitra_search_watermark", "Revision that the index has applied.",
        static_cast<double>(state.Read()->watermark));
    for (size_t role = 1; role < kRoles; ++role) {
      const IndexState::RoleFigures& from = figures.roles[role];
      const MetricLabels labels = {{"role", RoleLabel(role)}};
      set("mitra_search_facets", "Facets of a role.",
          static_cast<double>(from.live), labels);
      set("mitra_search_delta_rows", "Rows outside the graph of a role.",
          static_cast<double>(from.outside), labels);
      set("mitra_search_building", "A graph of the role is being built.",
          from.building ? 1 : 0, labels);
      set("mitra_search_walk_care", "Breadth of walks, see WalkBreadth.",
          from.care, labels);
      set("mitra_search_dead_rows", "Deleted rows in the graph of a role.",
          static_cast<double>(from.dead), labels);
    }
  });
}

}  // namespace mitra::search
