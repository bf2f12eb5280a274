#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "mitra/v1/operations_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/output/table.h"

namespace mitra::cli {
namespace {

void AddService(const v1::ServiceStatus& status, Table& table) {
  table.AddRow({status.service(), status.ready() ? "ready" : "not ready",
                absl::StrCat(status.revision()), status.version()});
  if (!status.not_ready_reason().empty()) {
    table.AddNote(status.not_ready_reason());
  }
  for (const v1::ComponentStatus& component : status.components()) {
    std::string note =
        absl::StrCat(component.ok() ? "[ok] " : "[NO] ", component.name());
    if (!component.detail().empty()) {
      absl::StrAppend(&note, " ", component.detail());
    }
    for (const auto& [name, value] : component.figures()) {
      absl::StrAppend(&note, " ", name, "=", absl::StrFormat("%.0f", value));
    }
    table.AddNote(note);
  }
}

constexpr int kServices = 3;

int Status(const Globals& globals) {
  const Connection connection(globals);
  const v1::GetStatusRequest request;
  Table table({"service", "state", "revision", "version"});
  int code = kOk;
  int unreachable = 0;
  const auto take = [&](const char* name, const grpc::Status& status,
                        const v1::ServiceStatus& answer) {
    if (!status.ok()) {
      table.AddRow({name, "away", "", ""});
      table.AddNote(status.error_message());
      unreachable += status.error_code() == grpc::StatusCode::UNAVAILABLE;
      code = unreachable == kServices ? kUnreachable : kFailed;
      return;
    }
    if (globals.json()) {
      PrintMessage(globals, answer);
    } else {
      AddService(answer, table);
    }
  };
  v1::ServiceStatus profile, search, matching;
  auto p = v1::ProfileOperations::NewStub(connection.channel());
  auto s = v1::SearchOperations::NewStub(connection.channel());
  auto m = v1::MatchingOperations::NewStub(connection.channel());
  take("profile",
       Call(connection, *p, &v1::ProfileOperations::Stub::GetProfileStatus,
            request, profile),
       profile);
  take("search",
       Call(connection, *s, &v1::SearchOperations::Stub::GetSearchStatus,
            request, search),
       search);
  take("matching",
       Call(connection, *m, &v1::MatchingOperations::Stub::GetMatchingStatus,
            request, matching),
       matching);
  if (!globals.json()) std::cout << table.Render(TerminalWidth());
  return code;
}

}  // namespace

void AddStatusCommand(CLI::App& app, const Globals& globals, Action& action) {
  app.add_subcommand("status", "How the cluster is doing")
      ->callback([&globals, &action] {
        action = [&globals] { return Status(globals); };
      });
}

}  // namespace mitra::cli
