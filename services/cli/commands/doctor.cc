// doctor: what is wrong between this command and a healthy cluster, and what to
// do about it.

#include <algorithm>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/version.h"
#include "mitra/v1/operations_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/output/style.h"
#include "services/cli/output/table.h"

namespace mitra::cli {
namespace {

constexpr uint64_t kManyBehind = 10'000;
constexpr int kProbes = 9;

// Findings in the order they were made.
class Findings {
 public:
  void Good(absl::string_view what) { Add(Tone::kGood, "ok  ", what, ""); }
  void Warn(absl::string_view what, absl::string_view hint) {
    Add(Tone::kWarn, "warn", what, hint);
  }
  void Bad(absl::string_view what, absl::string_view hint) {
    Add(Tone::kBad, "bad ", what, hint);
    failed_ = true;
  }
  bool failed() const { return failed_; }

 private:
  static void Add(Tone tone, absl::string_view mark, absl::string_view what,
                  absl::string_view hint) {
    std::cout << Paint(tone, mark) << "  " << what << "\n";
    if (!hint.empty()) std::cout << "      → " << hint << "\n";
  }
  bool failed_ = false;
};

// Whether the gateway answers and lets us in; says which of the two it is not.
bool CheckEntrance(const grpc::Status& status, const Globals& globals,
                   Findings& findings) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      findings.Bad(absl::StrCat("nobody answers at ", globals.server),
                   "is the gateway up, and is --server (or the context) its "
                   "gRPC address?");
      return false;
    case grpc::StatusCode::UNAUTHENTICATED:
      findings.Bad("the gateway does not know this key",
                   "see mitra key list; give one with --api-key-file or "
                   "MITRA_API_KEY");
      return false;
    case grpc::StatusCode::PERMISSION_DENIED:
      findings.Warn("this key may not read the status",
                    "the scope is operations:read; the rest is not checked");
      return false;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      findings.Bad("the gateway does not answer in time",
                   "is it overloaded? --timeout gives it longer");
      return false;
    default:
      findings.Good(absl::StrCat("the gateway at ", globals.server,
                                 " answers and knows the key"));
      return true;
  }
}

void CheckService(const char* name, const grpc::Status& status,
                  const v1::ServiceStatus& service, uint64_t head,
                  Findings& findings) {
  if (!status.ok()) {
    findings.Bad(absl::StrCat(name, " is away: ", status.error_message()),
                 absl::StrCat("look at the log of mitra-", name));
    return;
  }
  if (!service.ready()) {
    findings.Bad(
        absl::StrCat(name, " is not ready: ", service.not_ready_reason()),
        "it may be catching up; ask again in a while");
  } else {
    findings.Good(absl::StrCat(
        name, " is ready since ",
        absl::FormatTime("%Y-%m-%d %H:%M",
                         absl::FromUnixSeconds(service.start_time().seconds()),
                         absl::LocalTimeZone())));
  }
  const uint64_t behind =
      head > service.revision() ? head - service.revision() : 0;
  if (behind > kManyBehind) {
    findings.Warn(absl::StrCat(name, " is ", behind, " changes behind"),
                  "normal during an import; else look at its log");
  }
  for (const v1::ComponentStatus& part : service.components()) {
    if (part.ok()) continue;
    findings.Bad(absl::StrCat(name, "/", part.name(), " is in trouble",
                              part.detail().empty() ? "" : ": ", part.detail()),
                 part.name() == "redis"
                     ? "answers go on without the shared cache; is Redis up?"
                     : "");
  }
  if (service.version() != kVersion) {
    findings.Warn(absl::StrCat(name, " is version ", service.version(),
                               ", this command ", kVersion),
                  "use commands of one version");
  }
}

int Doctor(const Globals& globals) {
  Findings findings;
  const Connection connection(globals);
  const v1::GetStatusRequest request;
  v1::ServiceStatus profile, search, matching;
  auto p = v1::ProfileOperations::NewStub(connection.channel());
  auto s = v1::SearchOperations::NewStub(connection.channel());
  auto m = v1::MatchingOperations::NewStub(connection.channel());
  const auto ask_profile = [&] {
    return Call(connection, *p, &v1::ProfileOperations::Stub::GetProfileStatus,
                request, profile);
  };
  const grpc::Status first = ask_profile();
  if (!CheckEntrance(first, globals, findings)) {
    return first.error_code() == grpc::StatusCode::UNAVAILABLE ? kUnreachable
                                                               : kFailed;
  }
  const uint64_t head = profile.revision();
  CheckService("profile", first, profile, head, findings);
  CheckService(
      "search",
      Call(connection, *s, &v1::SearchOperations::Stub::GetSearchStatus,
           request, search),
      search, head, findings);
  CheckService(
      "matching",
      Call(connection, *m, &v1::MatchingOperations::Stub::GetMatchingStatus,
           request, matching),
      matching, head, findings);

  std::vector<absl::Duration> times;
  for (int i = 0; i < kProbes; ++i) {
    const absl::Time start = absl::Now();
    if (ask_profile().ok()) times.push_back(absl::Now() - start);
  }
  if (!times.empty()) {
    std::sort(times.begin(), times.end());
    const double ms = absl::ToDoubleMilliseconds(times[times.size() / 2]);
    const std::string text =
        absl::StrFormat("a call takes %.2f ms (middle of %d)", ms, kProbes);
    if (ms > 250) {
      findings.Warn(text, "a far network, or a cluster with much to do");
    } else {
      findings.Good(text);
    }
  }
  return findings.failed() ? kFailed : kOk;
}

}  // namespace

void AddDoctorCommand(CLI::App& app, const Globals& globals, Action& action) {
  app.add_subcommand("doctor",
                     "Check everything between here and a healthy cluster.\n"
                     "  mitra --context solo doctor")
      ->callback([&globals, &action] {
        action = [&globals] { return Doctor(globals); };
      });
}

}  // namespace mitra::cli
