#include <iostream>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "mitra/v1/refreshes_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/input/row_parser.h"
#include "services/cli/output/progress.h"
#include "services/cli/output/table.h"

namespace mitra::cli {
namespace {

struct Options {
  std::string id, kinds;
  int size = 10;
  bool watch = false, dry_run = false;
};

std::string StateOf(const v1::Refresh& refresh) {
  return v1::RefreshState_Name(refresh.state())
      .substr(sizeof("REFRESH_STATE_") - 1);
}

// The joint solution beside what each list alone would have given.
void PrintMarket(const v1::MarketReport& market) {
  const std::string kind =
      absl::AsciiStrToLower(v1::RecommendationKind_Name(market.kind())
                                .substr(sizeof("RECOMMENDATION_KIND_") - 1));
  std::cout << "\n"
            << kind << ": " << market.subjects() << " members, "
            << market.candidates() << " candidates, " << market.pairs()
            << " pairs, " << market.without_candidates()
            << " without a candidate\n";
  Table table({"", "together", "each alone"});
  table.AddRow({"expected matches",
                absl::StrFormat("%.1f", market.expected_matches()),
                absl::StrFormat("%.1f", market.expected_matches_alone())});
  table.AddRow({"Gini of exposure",
                absl::StrFormat("%.3f", market.exposure_gini()),
                absl::StrFormat("%.3f", market.exposure_gini_alone())});
  std::cout << table.Render(TerminalWidth());
  if (market.scarce_size() == 0) return;
  std::cout << "scarcest:\n";
  Table scarce({"member", "name", "seats", "wanted by", "price"});
  for (const v1::ScarceCandidate& one : market.scarce()) {
    scarce.AddRow({one.profile_id(), one.display_name(),
                   absl::StrFormat("%.0f", one.seats()),
                   absl::StrCat(one.wanted_by()),
                   absl::StrFormat("%.2f", one.log_price())});
  }
  std::cout << scarce.Render(TerminalWidth());
}

void Print(const Globals& globals, const v1::Refresh& r) {
  if (globals.json()) return PrintMessage(globals, r);
  std::cout << r.refresh_id() << " " << StateOf(r) << " " << r.members_done()
            << "/" << r.members_total() << " members, " << r.full_slates()
            << " full, " << r.empty_slates() << " empty, exposure Gini "
            << absl::StrFormat("%.2f", r.exposure_gini()) << "\n";
  for (const v1::MarketReport& market : r.markets()) PrintMarket(market);
}

int Watch(const Globals& globals, const Connection& connection,
          const std::string& id) {
  auto stub = v1::Refreshes::NewStub(connection.channel());
  grpc::ClientContext context;
  if (!connection.PrepareStream(context)) return kUsage;
  v1::WatchRefreshRequest request;
  request.set_refresh_id(id);
  auto reader = stub->WatchRefresh(&context, request);
  v1::Refresh refresh;
  std::unique_ptr<Progress> progress;
  while (reader->Read(&refresh)) {
    if (!progress && refresh.members_total() > 0) {
      progress = std::make_unique<Progress>("refresh", "members",
                                            refresh.members_total());
    }
    if (progress) progress->Update(refresh.members_done(), refresh.phase());
  }
  progress.reset();
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return Report(status);
  Print(globals, refresh);
  return refresh.state() == v1::REFRESH_STATE_FAILED ? kFailed : kOk;
}

int Start(const Globals& globals, const Options& o) {
  v1::StartRefreshRequest request;
  request.set_slate_size(o.size);
  request.set_dry_run(o.dry_run);
  for (absl::string_view word :
       absl::StrSplit(o.kinds, ',', absl::SkipEmpty())) {
    const auto kind = ParseEnumWord(*v1::RecommendationKind_descriptor(),
                                    "RECOMMENDATION_KIND_", word, "--kinds");
    if (!kind.ok()) {
      std::cerr << "mitra: " << kind.status().message() << "\n";
      return kUsage;
    }
    request.add_kinds(static_cast<v1::RecommendationKind>(*kind));
  }
  const Connection connection(globals);
  auto stub = v1::Refreshes::NewStub(connection.channel());
  v1::Refresh refresh;
  const grpc::Status status = Call(
      connection, *stub, &v1::Refreshes::Stub::StartRefresh, request, refresh);
  if (!status.ok()) return Report(status);
  if (o.watch) return Watch(globals, connection, refresh.refresh_id());
  Print(globals, refresh);
  return kOk;
}

int List(const Globals& globals, const Options&) {
  const Connection connection(globals);
  auto stub = v1::Refreshes::NewStub(connection.channel());
  v1::ListRefreshesResponse response;
  const grpc::Status status =
      Call(connection, *stub, &v1::Refreshes::Stub::ListRefreshes,
           v1::ListRefreshesRequest(), response);
  if (!status.ok()) return Report(status);
  for (const v1::Refresh& refresh : response.refreshes()) {
    Print(globals, refresh);
  }
  return kOk;
}

// Calls a method that takes a refresh's id and gives its state.
template <typename Request>
int OnOne(const Globals& globals, const std::string& id,
          grpc::Status (v1::Refreshes::Stub::*method)(grpc::ClientContext*,
                                                      const Request&,
                                                      v1::Refresh*)) {
  const Connection connection(globals);
  auto stub = v1::Refreshes::NewStub(connection.channel());
  Request request;
  request.set_refresh_id(id);
  v1::Refresh refresh;
  const grpc::Status status = Call(connection, *stub, method, request, refresh);
  if (!status.ok()) return Report(status);
  Print(globals, refresh);
  return kOk;
}

int Get(const Globals& globals, const Options& o) {
  return OnOne(globals, o.id, &v1::Refreshes::Stub::GetRefresh);
}

int Cancel(const Globals& globals, const Options& o) {
  return OnOne(globals, o.id, &v1::Refreshes::Stub::CancelRefresh);
}

}  // namespace

void AddRefreshCommands(CLI::App& app, const Globals& globals, Action& action) {
  auto o = std::make_shared<Options>();
  auto* refresh = app.add_subcommand(
      "refresh",
      "Recommendations for everybody.\n  mitra refresh start --watch");
  refresh->require_subcommand(1);
  using Run = int (*)(const Globals&, const Options&);
  const auto add = [&](const char* name, const char* help, Run run) {
    auto* command = refresh->add_subcommand(name, help);
    command->callback([&action, &globals, run, o] {
      action = [&globals, run, o] { return run(globals, *o); };
    });
    return command;
  };
  auto* start = add("start", "Start one", Start);
  start->add_flag("--watch", o->watch, "Show progress until it ends");
  start->add_flag("--dry-run", o->dry_run, "Publish nothing");
  start->add_option("--kinds", o->kinds, "Kinds, mentor,partner if absent");
  start->add_option("--size", o->size, "Recommendations per slate")
      ->check(CLI::Range(1, 50));
  add("list", "List the latest", List);
  add("get", "Show one", Get)->add_option("id", o->id)->required();
  add("cancel", "Stop one", Cancel)->add_option("id", o->id)->required();
}

}  // namespace mitra::cli
