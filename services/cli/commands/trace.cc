// What the record holds of a member, and what happens to all of them.

#include <iostream>
#include <limits>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mitra/v1/archive_service.grpc.pb.h"
#include "mitra/v1/events_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/input/row_parser.h"

namespace mitra::cli {
namespace {

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC",
                          absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

// "PROFILE" of "RECORD_KIND_PROFILE", in small letters.
std::string Word(const std::string& name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::string_view(name).substr(prefix.size()));
}

void Print(const v1::MemberTrace& trace) {
  std::cout << trace.profile_id() << ": "
            << Word(v1::MemberPresence_Name(trace.presence()),
                    "MEMBER_PRESENCE_")
            << "\n";
  if (!trace.merged_into_profile_id().empty()) {
    std::cout << "  merged into " << trace.merged_into_profile_id() << "\n";
  }
  if (trace.has_create_time()) {
    std::cout << "  since " << TimeText(trace.create_time()) << ", changed "
              << TimeText(trace.update_time()) << "\n";
  }
  for (const v1::TraceCount& holding : trace.holdings()) {
    std::cout << "  "
              << Word(v1::RecordKind_Name(holding.kind()), "RECORD_KIND_")
              << ": " << holding.count() << "\n";
  }
  if (trace.external_ids() > 0) {
    std::cout << "  external ids: " << trace.external_ids() << "\n";
  }
  for (const v1::Consent& consent : trace.consents()) {
    std::cout << "  consent "
              << Word(v1::ConsentPurpose_Name(consent.purpose()),
                      "CONSENT_PURPOSE_")
              << (consent.granted() ? ": given " : ": withdrawn ")
              << TimeText(consent.record_time()) << ", receipt "
              << consent.receipt_id() << "\n";
  }
  for (const v1::TraceDeletion& deletion : trace.deletions()) {
    std::cout << "  deleted at revision " << deletion.revision()
              << " (a life that began at " << deletion.incarnation() << ")\n";
  }
  if (!trace.oldest_backup_with_member().empty()) {
    std::cout << "  may be in backups from "
              << trace.oldest_backup_with_member()
              << " on; a restore leaves the deleted out\n";
  }
  if (trace.presence() == v1::MEMBER_PRESENCE_DELETED) {
    std::cout << "  the write-ahead log "
              << (trace.log_folded() ? "holds nothing any more"
                                     : "is folded within seconds of rest")
              << "\n";
  }
  std::cout << "  as of revision " << trace.revision() << "\n";
}

int Trace(const Globals& globals, const std::string& id) {
  const Connection connection(globals);
  auto stub = v1::Archive::NewStub(connection.channel());
  v1::TraceMemberRequest request;
  request.set_profile_id(id);
  v1::MemberTrace trace;
  const grpc::Status status =
      Call(connection, *stub, &v1::Archive::Stub::TraceMember, request, trace);
  if (!status.ok()) return Report(status);
  if (globals.json()) {
    PrintMessage(globals, trace);
  } else {
    Print(trace);
  }
  return kOk;
}

struct EventOptions {
  uint64_t after = 0;
  bool now = false;
  bool once = false;
  std::vector<std::string> kinds;
};

void Print(const v1::Event& event) {
  std::cout << event.revision() << " ";
  if (event.has_member()) {
    std::cout << (event.member().created() ? "new " : "member ")
              << event.member().profile_id();
    for (const v1::FreeSeats& seats : event.member().seats()) {
      std::cout << ", " << Word(v1::Role_Name(seats.role()), "ROLE_") << " "
                << seats.free() << "/" << seats.total() << " free";
    }
  } else if (event.has_deletion()) {
    std::cout << "deleted "
              << absl::BytesToHexString(event.deletion().profile_id_hash());
  } else if (event.has_epoch()) {
    std::cout << "slates";
    for (const v1::KindEpochs& kind : event.epoch().kinds()) {
      std::cout << " "
                << Word(v1::RecommendationKind_Name(kind.kind()),
                        "RECOMMENDATION_KIND_")
                << " "
                << (kind.epochs_size() > 0 ? kind.epochs(0) : uint64_t{0});
    }
  } else {
    const v1::Engagement& engagement = event.engagement();
    std::cout << "engagement " << engagement.engagement_id() << " "
              << engagement.seeker_id() << " -> " << engagement.provider_id()
              << " "
              << Word(v1::EngagementState_Name(engagement.state()),
                      "ENGAGEMENT_STATE_");
  }
  std::cout << "\n";
}

int Events(const Globals& globals, const EventOptions& o) {
  v1::WatchEventsRequest request;
  request.set_after_revision(o.after);
  request.set_from_now(o.now);
  for (const std::string& word : o.kinds) {
    const auto kind = ParseEnumWord(*v1::EventKind_descriptor(), "EVENT_KIND_",
                                    word, "--kinds");
    if (!kind.ok()) {
      std::cerr << "mitra: " << kind.status().message() << "\n";
      return kUsage;
    }
    request.add_kinds(static_cast<v1::EventKind>(*kind));
  }
  const Connection connection(globals);
  auto stub = v1::Events::NewStub(connection.channel());
  grpc::ClientContext context;
  if (!connection.PrepareStream(context)) return kUsage;
  auto stream = stub->WatchEvents(&context, request);
  v1::WatchEventsResponse response;
  while (stream->Read(&response)) {
    for (const v1::Event& event : response.events()) {
      if (globals.json()) {
        PrintMessage(globals, event);
      } else {
        Print(event);
      }
    }
    std::cout.flush();
    // A progress mark: nothing more for now.
    if (o.once && response.events().empty()) {
      context.TryCancel();
      (void)stream->Finish();
      std::cerr << "mitra: go on with --after " << response.revision() << "\n";
      return kOk;
    }
  }
  return Report(stream->Finish());
}

}  // namespace

void AddTraceCommands(CLI::App& app, const Globals& globals, Action& action) {
  auto id = std::make_shared<std::string>();
  auto* trace = app.add_subcommand(
      "trace", "Where the record holds a member, or when it went.");
  trace->add_option("id", *id)->required();
  trace->callback([id, &globals, &action] {
    action = [id, &globals] { return Trace(globals, *id); };
  });
  auto o = std::make_shared<EventOptions>();
  auto* events =
      app.add_subcommand("events",
                         "Follow what changes.\n"
                         "  mitra events --after 120000 --kinds engagement");
  events->add_option("--after", o->after, "The last revision seen")
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()));
  events->add_flag("--now", o->now, "Begin at the present");
  events->add_flag("--once", o->once, "End when there is nothing more");
  events->add_option("--kinds", o->kinds, "member, deletion, engagement")
      ->delimiter(',');
  events->callback([o, &globals, &action] {
    action = [o, &globals] { return Events(globals, *o); };
  });
}

}  // namespace mitra::cli
