#include <google/protobuf/util/json_util.h>

#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "mitra/v1/refreshes_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/commands/refresh_series.h"
#include "services/cli/commands/refresh_text.h"
#include "services/cli/input/row_parser.h"
#include "services/cli/output/progress.h"

namespace mitra::cli {
namespace {

// The phase before members are counted.
constexpr char kCatchUp[] = "catch-up";

struct Options {
  std::string id, kinds, regions, sectors, members, reason, since, request_id,
      ranking;
  int size = 10;
  double fairness = -1;
  double min_coverage = -1, max_gini = -1, max_empty = -1, max_fragments = -1;
  uint64_t min_revision = 0;
  bool watch = false, dry_run = false, hold = false, force = false;
  double min_seats = -1;
  bool digests = false, hard_seats = false, fresh = false;
  std::vector<std::string> pins, removals;
};

// The kinds of --kinds; false, with the reason told, if one is none.
template <typename Request>
bool AddKinds(const Options& o, Request& request) {
  for (absl::string_view word :
       absl::StrSplit(o.kinds, ',', absl::SkipEmpty())) {
    const auto kind = ParseEnumWord(*v1::RecommendationKind_descriptor(),
                                    "RECOMMENDATION_KIND_", word, "--kinds");
    if (!kind.ok()) {
      std::cerr << "mitra: " << kind.status().message() << "\n";
      return false;
    }
    request.add_kinds(static_cast<v1::RecommendationKind>(*kind));
  }
  return true;
}

void Print(const Globals& globals, const v1::Refresh& r) {
  if (globals.json()) return PrintMessage(globals, r);
  PrintRefresh(r);
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
  std::string phase;
  std::unique_ptr<Progress> progress;
  while (reader->Read(&refresh)) {
    // Each phase has its own rate, and its own end.
    if (refresh.phase() != phase) {
      phase = refresh.phase();
      progress.reset();
      if (phase == kCatchUp) {
        std::cerr << "refresh: waits until search has read the record\n";
      }
    }
    if (!progress && refresh.members_total() > 0) {
      progress = std::make_unique<Progress>(absl::StrCat("refresh, ", phase),
                                            "members", refresh.members_total());
    }
    if (progress) progress->Update(refresh.members_done());
  }
  progress.reset();
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return Report(status);
  Print(globals, refresh);
  return refresh.state() == v1::REFRESH_STATE_FAILED ||
                 refresh.guard_failures_size() > 0
             ? kFailed
             : kOk;
}

template <typename Codes>
void AddCodes(const std::string& text, Codes* codes) {
  for (absl::string_view code : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    codes->Add(std::string(code));
  }
}

void AddScopeAndGuards(const Options& o, v1::StartRefreshRequest& request) {
  v1::RefreshScope& scope = *request.mutable_scope();
  AddCodes(o.regions, scope.mutable_region_codes());
  AddCodes(o.sectors, scope.mutable_sector_codes());
  AddCodes(o.members, scope.mutable_profile_ids());
  v1::RefreshGuards& guards = *request.mutable_guards();
  if (o.min_coverage >= 0) guards.set_min_coverage(o.min_coverage);
  if (o.max_gini >= 0) guards.set_max_gini(o.max_gini);
  if (o.max_empty >= 0) guards.set_max_empty_share(o.max_empty);
  if (o.max_fragments >= 0) guards.set_max_fragmentation(o.max_fragments);
  if (o.min_seats >= 0) guards.set_min_seats_per_seeker(o.min_seats);
  if (o.fairness >= 0) request.set_fairness(o.fairness);
}

// member:kind:candidate
bool AddPairs(const std::vector<std::string>& texts, const char* option,
              v1::PairDecision decision, const std::string& reason,
              google::protobuf::RepeatedPtrField<v1::FixedPair>& out) {
  for (const std::string& text : texts) {
    const std::vector<std::string> words = absl::StrSplit(text, ':');
    const auto kind =
        words.size() == 3
            ? ParseEnumWord(*v1::RecommendationKind_descriptor(),
                            "RECOMMENDATION_KIND_", words[1], option)
            : absl::InvalidArgumentError(
                  absl::StrCat(option, ": wants member:kind:candidate"));
    if (!kind.ok()) {
      std::cerr << "mitra: " << kind.status().message() << "\n";
      return false;
    }
    v1::FixedPair& pair = *out.Add();
    pair.set_profile_id(words[0]);
    pair.set_kind(static_cast<v1::RecommendationKind>(*kind));
    pair.set_candidate_id(words[2]);
    pair.set_decision(decision);
    pair.set_reason(reason);
  }
  return true;
}

template <typename Request>
bool AddFixedPairs(
    const Options& o, Request& request,
    google::protobuf::RepeatedPtrField<v1::FixedPair>* (Request::*pairs)()) {
  auto& out = *(request.*pairs)();
  return AddPairs(o.pins, "--pin", v1::PAIR_DECISION_PIN, o.reason, out) &&
         AddPairs(o.removals, "--remove", v1::PAIR_DECISION_REMOVE, o.reason,
                  out);
}

int Start(const Globals& globals, const Options& o) {
  v1::StartRefreshRequest request;
  request.set_hard_seats(o.hard_seats);
  request.set_fresh(o.fresh);
  if (!AddFixedPairs(o, request,
                     &v1::StartRefreshRequest::mutable_fixed_pairs)) {
    return kUsage;
  }
  request.set_slate_size(o.size);
  request.set_dry_run(o.dry_run);
  request.set_hold(o.hold);
  request.set_request_id(o.request_id);
  request.set_ranking_profile(o.ranking);
  request.set_min_revision(o.min_revision);
  AddScopeAndGuards(o, request);
  if (!AddKinds(o, request)) return kUsage;
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

grpc::Status Latest(const Globals& globals,
                    v1::ListRefreshesResponse& response) {
  const Connection connection(globals);
  auto stub = v1::Refreshes::NewStub(connection.channel());
  return Call(connection, *stub, &v1::Refreshes::Stub::ListRefreshes,
              v1::ListRefreshesRequest(), response);
}

int List(const Globals& globals, const Options&) {
  v1::ListRefreshesResponse response;
  const grpc::Status status = Latest(globals, response);
  if (!status.ok()) return Report(status);
  for (const v1::Refresh& refresh : response.refreshes()) {
    Print(globals, refresh);
  }
  return kOk;
}

// One line for each kind of each refresh that has been computed.
int Series(const Globals& globals, const Options&) {
  v1::ListRefreshesResponse response;
  const grpc::Status status = Latest(globals, response);
  if (!status.ok()) return Report(status);
  const RefreshSeries series(response);
  std::cout << (globals.json() ? series.AsJson() : series.AsCsv());
  return kOk;
}

int Get(const Globals& globals, const Options& o);

// The latest one, or the one that is named.
int Status(const Globals& globals, const Options& o) {
  if (!o.id.empty()) return Get(globals, o);
  v1::ListRefreshesResponse response;
  const grpc::Status status = Latest(globals, response);
  if (!status.ok()) return mitra::cli::Report(status);
  if (response.refreshes().empty()) {
    std::cout << "no refresh yet: mitra refresh start --watch\n";
    return kOk;
  }
  Print(globals, response.refreshes(0));
  return kOk;
}

int ShowReport(const Globals& globals, const Options& o) {
  const Connection connection(globals);
  auto stub = v1::Refreshes::NewStub(connection.channel());
  v1::GetRefreshReportRequest request;
  request.set_refresh_id(o.id);
  v1::RefreshReport report;
  const grpc::Status status =
      Call(connection, *stub, &v1::Refreshes::Stub::GetRefreshReport, request,
           report);
  if (!status.ok()) return mitra::cli::Report(status);
  if (globals.json()) {
    PrintMessage(globals, report);
    return kOk;
  }
  PrintRefreshReport(report);
  return kOk;
}

// One JSON object a line.
int Export(const Globals& globals, const Options& o) {
  const Connection connection(globals);
  auto stub = v1::Refreshes::NewStub(connection.channel());
  grpc::ClientContext context;
  if (!connection.PrepareStream(context)) return kUsage;
  v1::ExportSlatesRequest request;
  request.set_refresh_id(o.id);
  request.set_changed_since_refresh_id(o.since);
  request.set_digests(o.digests);
  if (!AddKinds(o, request)) return kUsage;
  auto reader = stub->ExportSlates(&context, request);
  v1::SlateLine line;
  std::string json;
  while (reader->Read(&line)) {
    json.clear();
    if (!google::protobuf::util::MessageToJsonString(line, &json).ok()) {
      return kFailed;
    }
    std::cout << json << "\n";
  }
  std::cout.flush();
  const grpc::Status status = reader->Finish();
  return status.ok() ? kOk : mitra::cli::Report(status);
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

// Calls a method and watches what follows, if it was asked for.
template <typename Request>
int Decide(const Globals& globals, const Options& o, const Request& request,
           grpc::Status (v1::Refreshes::Stub::*method)(grpc::ClientContext*,
                                                       const Request&,
                                                       v1::Refresh*)) {
  const Connection connection(globals);
  auto stub = v1::Refreshes::NewStub(connection.channel());
  v1::Refresh refresh;
  const grpc::Status status = Call(connection, *stub, method, request, refresh);
  if (!status.ok()) return Report(status);
  if (o.watch) return Watch(globals, connection, refresh.refresh_id());
  Print(globals, refresh);
  return kOk;
}

int Publish(const Globals& globals, const Options& o) {
  v1::PublishRefreshRequest request;
  request.set_refresh_id(o.id);
  request.set_override_guards(o.force);
  return Decide(globals, o, request, &v1::Refreshes::Stub::PublishRefresh);
}

int Edit(const Globals& globals, const Options& o) {
  v1::EditRefreshRequest request;
  request.set_refresh_id(o.id);
  if (!AddFixedPairs(o, request, &v1::EditRefreshRequest::mutable_pairs)) {
    return kUsage;
  }
  return Decide(globals, o, request, &v1::Refreshes::Stub::EditRefresh);
}

int Reject(const Globals& globals, const Options& o) {
  v1::RejectRefreshRequest request;
  request.set_refresh_id(o.id);
  request.set_reason(o.reason);
  return Decide(globals, o, request, &v1::Refreshes::Stub::RejectRefresh);
}

int RollBack(const Globals& globals, const Options& o) {
  v1::RollBackRefreshRequest request;
  request.set_refresh_id(o.id);
  return Decide(globals, o, request, &v1::Refreshes::Stub::RollBackRefresh);
}

// Waits without a bar, for scripts.
int WaitFor(const Globals& globals, const Options& o) {
  return OnOne(globals, o.id, &v1::Refreshes::Stub::WaitRefresh);
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
  start->add_flag("--hold", o->hold, "Publish only after a review");
  start->add_option("--regions", o->regions, "Only inside: 33,34.04");
  start->add_option("--sectors", o->sectors, "Only inside: 10,56102");
  start->add_option("--members", o->members, "Only these: id,id");
  start->add_option("--request-id", o->request_id, "For safe repeats");
  const CLI::Range share(0.0, 1.0);
  start->add_option("--fairness", o->fairness, "How much prices weigh, 0 to 1")
      ->check(share);
  start->add_option("--min-coverage", o->min_coverage, "Guard, 0 to 1")
      ->check(share);
  start->add_option("--max-gini", o->max_gini, "Guard, 0 to 1")->check(share);
  start->add_option("--max-empty", o->max_empty, "Guard, 0 to 1")->check(share);
  start->add_option("--max-fragmentation", o->max_fragments, "Guard, 0 to 1")
      ->check(share);
  add("list", "List the latest", List);
  add("series", "Figures of all for a page: CSV, or -o json", Series);
  add("status", "Show one, the latest if none is named", Status)
      ->add_option("id", o->id);
  const auto on_one = [&](const char* name, const char* help, Run run) {
    auto* command = add(name, help, run);
    command->add_option("id", o->id)->required();
    return command;
  };
  on_one("get", "Show one", Get);
  on_one("cancel", "Stop one", Cancel);
  on_one("wait", "Wait for one, up to --timeout", WaitFor);
  on_one("report", "What one is worth, and for whom", ShowReport);
  auto* publish = on_one("publish", "Publish what is held", Publish);
  publish->add_flag("--force", o->force, "Although guards failed");
  publish->add_flag("--watch", o->watch, "Show progress until it ends");
  const auto pairs = [&](CLI::App& command) {
    command.add_option("--pin", o->pins,
                       "First place for a candidate: member:kind:candidate");
    command.add_option("--remove", o->removals,
                       "No place for a candidate: member:kind:candidate");
  };
  pairs(*start);
  start->add_option("--reason", o->reason, "Why pairs are settled");
  start->add_option("--min-seats", o->min_seats,
                    "Guard, free seats for each member that seeks");
  start->add_flag("--fresh", o->fresh,
                  "Look for candidates even if nothing has changed");
  start->add_option("--ranking-profile", o->ranking,
                    "Another one than serves, with --dry-run or --hold");
  start->add_option("--min-revision", o->min_revision,
                    "Of the record, that it rests on at least");
  start->add_flag("--hard-seats", o->hard_seats,
                  "Give seats out whole, no seat to two");
  auto* edit = on_one("edit", "Settle places of what is held", Edit);
  pairs(*edit);
  edit->add_option("--reason", o->reason, "Why");
  on_one("reject", "Throw away what is held", Reject)
      ->add_option("--reason", o->reason, "Why");
  on_one("rollback", "Bring back what stood before", RollBack);
  auto* out =
      add("export", "Slates as NDJSON, the current ones if none named", Export);
  out->add_option("id", o->id);
  out->add_option("--kinds", o->kinds, "Only these kinds");
  out->add_option("--changed-since", o->since, "Only what is new since it");
  out->add_flag("--digests", o->digests, "With a message in words for each");
}

}  // namespace mitra::cli
