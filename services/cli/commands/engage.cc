// Commands on engagements: engage request, accept, decline, begin, complete,
// cancel, get, list.

#include <iostream>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "mitra/v1/engagements_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/input/row_parser.h"
#include "services/cli/output/table.h"

namespace mitra::cli {
namespace {

struct Options {
  std::string seeker, provider, role = "mentor", alternates, token;
  std::string id, actor, reason, note, etag, request_id;
  std::string member, states, promise;
  double quality = -1;
  int limit = 20;
};

std::string StateOf(const v1::Engagement& engagement) {
  return absl::AsciiStrToLower(v1::EngagementState_Name(engagement.state())
                                   .substr(sizeof("ENGAGEMENT_STATE_") - 1));
}

std::string RoleOf(const v1::Engagement& engagement) {
  return absl::AsciiStrToLower(
      v1::Role_Name(engagement.provider_role()).substr(sizeof("ROLE_") - 1));
}

std::string TimeOf(const google::protobuf::Timestamp& stamp) {
  return absl::FormatTime("%Y-%m-%d %H:%M",
                          absl::FromUnixSeconds(stamp.seconds()),
                          absl::LocalTimeZone());
}

void Print(const Globals& globals, const v1::Engagement& engagement) {
  if (globals.json()) return PrintMessage(globals, engagement);
  std::cout << engagement.engagement_id() << " " << StateOf(engagement) << ": "
            << engagement.seeker_id() << " asks " << engagement.provider_id()
            << " as " << RoleOf(engagement);
  if (engagement.state() == v1::ENGAGEMENT_STATE_REQUESTED) {
    std::cout << ", seat held until " << TimeOf(engagement.hold_expire_time());
  }
  if (!engagement.reason_code().empty()) {
    std::cout << ", " << engagement.reason_code();
  }
  if (!engagement.next_engagement_id().empty()) {
    std::cout << ", went on as " << engagement.next_engagement_id();
  }
  std::cout << "\n  etag " << engagement.etag() << ", revision "
            << engagement.revision() << "\n";
}

int Refused(const absl::Status& status) {
  std::cerr << "mitra: " << status.message() << "\n";
  return kUsage;
}

int Request(const Globals& globals, const Options& o) {
  const auto role =
      ParseEnumWord(*v1::Role_descriptor(), "ROLE_", o.role, "--role");
  if (!role.ok()) return Refused(role.status());
  v1::RequestEngagementRequest request;
  request.set_seeker_id(o.seeker);
  request.set_provider_id(o.provider);
  request.set_provider_role(static_cast<v1::Role>(*role));
  for (absl::string_view id :
       absl::StrSplit(o.alternates, ',', absl::SkipEmpty())) {
    request.add_alternate_ids(std::string(id));
  }
  request.set_note(o.note);
  request.set_attribution_token(o.token);
  request.set_request_id(o.request_id);
  const Connection connection(globals);
  auto stub = v1::Engagements::NewStub(connection.channel());
  v1::Engagement made;
  const grpc::Status status =
      Call(connection, *stub, &v1::Engagements::Stub::RequestEngagement,
           request, made);
  if (!status.ok()) return Report(status);
  Print(globals, made);
  return kOk;
}

int Change(const Globals& globals, const Options& o,
           v1::EngagementState state) {
  v1::ChangeEngagementRequest request;
  request.set_engagement_id(o.id);
  request.set_actor_id(o.actor);
  request.set_state(state);
  request.set_reason_code(absl::AsciiStrToUpper(o.reason));
  request.set_note(o.note);
  request.set_etag(o.etag);
  request.set_request_id(o.request_id);
  if (o.quality >= 0) request.set_quality(o.quality);
  if (!o.promise.empty()) request.set_promise_kept(o.promise == "yes");
  const Connection connection(globals);
  auto stub = v1::Engagements::NewStub(connection.channel());
  v1::Engagement changed;
  const grpc::Status status =
      Call(connection, *stub, &v1::Engagements::Stub::ChangeEngagement, request,
           changed);
  if (!status.ok()) return Report(status);
  Print(globals, changed);
  return kOk;
}

int Get(const Globals& globals, const Options& o) {
  v1::GetEngagementRequest request;
  request.set_engagement_id(o.id);
  const Connection connection(globals);
  auto stub = v1::Engagements::NewStub(connection.channel());
  v1::Engagement engagement;
  const grpc::Status status =
      Call(connection, *stub, &v1::Engagements::Stub::GetEngagement, request,
           engagement);
  if (!status.ok()) return Report(status);
  Print(globals, engagement);
  return kOk;
}

int List(const Globals& globals, const Options& o) {
  v1::ListEngagementsRequest request;
  request.set_profile_id(o.member);
  for (absl::string_view word :
       absl::StrSplit(o.states, ',', absl::SkipEmpty())) {
    const auto state = ParseEnumWord(*v1::EngagementState_descriptor(),
                                     "ENGAGEMENT_STATE_", word, "--states");
    if (!state.ok()) return Refused(state.status());
    request.add_states(static_cast<v1::EngagementState>(*state));
  }
  const Connection connection(globals);
  auto stub = v1::Engagements::NewStub(connection.channel());
  Table table({"id", "state", "seeker", "provider", "role", "since"});
  table.KeepWhole({"id", "seeker", "provider"});
  int left = o.limit;
  while (left > 0) {
    request.set_page_size(std::min(left, 1000));
    v1::ListEngagementsResponse response;
    const grpc::Status status =
        Call(connection, *stub, &v1::Engagements::Stub::ListEngagements,
             request, response);
    if (!status.ok()) return Report(status);
    if (globals.json()) PrintMessage(globals, response);
    for (const v1::Engagement& one : response.engagements()) {
      table.AddRow({one.engagement_id(), StateOf(one), one.seeker_id(),
                    one.provider_id(), RoleOf(one), TimeOf(one.update_time())});
    }
    left -= response.engagements_size();
    if (response.next_page_token().empty()) break;
    request.set_page_token(response.next_page_token());
  }
  if (!globals.json()) std::cout << table.Render(TerminalWidth());
  return kOk;
}

}  // namespace

void AddEngageCommands(CLI::App& app, const Globals& globals, Action& action) {
  auto o = std::make_shared<Options>();
  auto* engage = app.add_subcommand(
      "engage",
      "Requests between members and what became of them.\n"
      "  mitra engage request umkm-000123 mentor-000004 --role mentor\n"
      "  mitra engage accept 01J… --as mentor-000004");
  engage->require_subcommand(1);
  const auto add = [&](const char* name, const char* help,
                       std::function<int()> run) {
    auto* command = engage->add_subcommand(name, help);
    command->callback([&action, run = std::move(run)] { action = run; });
    return command;
  };
  auto* request = add("request", "Ask a member and hold a seat",
                      [&globals, o] { return Request(globals, *o); });
  request->add_option("seeker", o->seeker, "Who asks")->required();
  request->add_option("provider", o->provider, "Who is asked")->required();
  request->add_option("--role", o->role, "In which role");
  request->add_option("--alternates", o->alternates,
                      "Further choices, best first: id,id");
  request->add_option("--note", o->note, "In words");
  request->add_option("--token", o->token, "Token of the recommendation");
  request->add_option("--request-id", o->request_id, "For safe repeats");

  const auto change = [&](const char* name, const char* help,
                          v1::EngagementState state) {
    auto* command = add(name, help, [&globals, o, state] {
      return Change(globals, *o, state);
    });
    command->add_option("id", o->id, "The engagement")->required();
    command->add_option("--as", o->actor, "The member that acts")->required();
    command->add_option("--note", o->note, "In words");
    command->add_option("--etag", o->etag, "Only if it still is this state");
    command->add_option("--request-id", o->request_id, "For safe repeats");
    return command;
  };
  constexpr char kReasons[] =
      "no_time, not_my_field, too_far, found_another, did_not_come, "
      "no_agreement or other";
  change("accept", "Say yes", v1::ENGAGEMENT_STATE_ACCEPTED);
  change("decline", "Say no; the next choice is asked",
         v1::ENGAGEMENT_STATE_DECLINED)
      ->add_option("--reason", o->reason, kReasons);
  change("begin", "It goes on; contact details open",
         v1::ENGAGEMENT_STATE_ACTIVE);
  change("cancel", "End it before it is done", v1::ENGAGEMENT_STATE_CANCELLED)
      ->add_option("--reason", o->reason, kReasons);
  auto* complete = change("complete", "It is done; becomes evidence",
                          v1::ENGAGEMENT_STATE_COMPLETED);
  complete->add_option("--quality", o->quality, "How well it went, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  complete->add_option("--promise-kept", o->promise, "yes or no")
      ->check(CLI::IsMember({"yes", "no"}));

  add("get", "Show one", [&globals, o] { return Get(globals, *o); })
      ->add_option("id", o->id)
      ->required();
  auto* list = add("list", "A member's engagements, newest first",
                   [&globals, o] { return List(globals, *o); });
  list->add_option("member", o->member, "Whose, on either side")->required();
  list->add_option("--states", o->states, "Only these: requested,active");
  list->add_option("--limit", o->limit, "How many")
      ->check(CLI::Range(1, 100'000));
}

}  // namespace mitra::cli
