#include "services/cli/commands/command_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/version.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/cli/context/contexts.h"

namespace mitra::cli {
namespace {

constexpr char kFooter[] = R"(
Examples:
  mitra recommend umkm-000123 --kind mentor,partner -n 5
  mitra search keripik tempe -o json
  mitra call Profiles/GetProfile '{"profileId": "umkm-000123"}' -o yaml

Data goes to standard output, all else to standard error. Exit codes: 0 done,
1 the cluster refused or failed, 2 the command line is wrong, 3 nobody answers.
Environment: MITRA_SERVER, MITRA_API_KEY, MITRA_CONTEXT, MITRA_CONFIG, NO_COLOR,
MITRA_TLS_CA, MITRA_TLS_CERT, MITRA_TLS_KEY.
)";

// Commands by what they are about, as the help lists them.
constexpr std::pair<const char*, const char*> kGroups[] = {
    {"recommend", "Recommendations"},
    {"explain", "Recommendations"},
    {"why-not", "Recommendations"},
    {"trust", "Recommendations"},
    {"diagnose", "Recommendations"},
    {"search", "Recommendations"},
    {"get", "Members"},
    {"list", "Members"},
    {"upsert", "Members"},
    {"delete", "Members"},
    {"suspend", "Members"},
    {"verify", "Members"},
    {"seed", "Members"},
    {"merge", "Members"},
    {"block", "Members"},
    {"unblock", "Members"},
    {"consent", "Members"},
    {"import", "Members"},
    {"export", "Members"},
    {"trace", "Members"},
    {"sample", "Members"},
    {"engage", "Members"},
    {"status", "Cluster"},
    {"doctor", "Cluster"},
    {"bench", "Cluster"},
    {"refresh", "Cluster"},
    {"learn", "Cluster"},
    {"ranking", "Cluster"},
    {"backup", "Cluster"},
    {"events", "Cluster"},
    {"key", "Cluster"},
    {"call", "This command"},
    {"context", "This command"},
    {"completion", "This command"}};

void AddGlobals(CLI::App& app, Globals& globals) {
  app.add_option("--server", globals.server, "Gateway: host:port or unix:/path")
      ->envname("MITRA_SERVER");
  app.add_option("--api-key", globals.api_key, "API key")
      ->envname("MITRA_API_KEY");
  app.add_option("--api-key-file", globals.api_key_file,
                 "File whose first line is the API key");
  app.add_option("--tls-ca", globals.tls_ca,
                 "Who signs the gateway's certificate: a file, or system")
      ->envname("MITRA_TLS_CA");
  app.add_option("--tls-cert", globals.tls_cert,
                 "Own certificate, for a gateway that asks for one")
      ->envname("MITRA_TLS_CERT");
  app.add_option("--tls-key", globals.tls_key, "The key of --tls-cert")
      ->envname("MITRA_TLS_KEY");
  app.add_option("--context", globals.context,
                 "A cluster by name; see mitra context")
      ->envname("MITRA_CONTEXT");
  app.add_option("-o,--output", globals.output, "table, json or yaml")
      ->check(CLI::IsMember({"table", "json", "yaml"}));
  app.add_option("--lang", globals.language, "Language of texts: id or en")
      ->check(CLI::IsMember({"id", "en"}));
  app.add_option("--timeout", globals.timeout_seconds, "Seconds for one call")
      ->check(CLI::Range(0.01, 3600.0));
}

}  // namespace

void BuildCommandLine(CLI::App& app, Globals& globals, Action& action) {
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);
  AddGlobals(app, globals);
  AddSampleCommand(app, globals, action);
  AddImportCommand(app, globals, action);
  AddExportCommand(app, globals, action);
  AddBackupCommands(app, globals, action);
  AddTraceCommands(app, globals, action);
  AddRecordCommands(app, globals, action);
  AddUpsertCommands(app, globals, action);
  AddIdentityCommands(app, globals, action);
  AddRecommendCommands(app, globals, action);
  AddRefreshCommands(app, globals, action);
  AddEngageCommands(app, globals, action);
  AddLearnCommand(app, globals, action);
  AddRankingCommands(app, globals, action);
  AddStatusCommand(app, globals, action);
  AddDoctorCommand(app, globals, action);
  AddBenchCommand(app, globals, action);
  AddKeyCommands(app, globals, action);
  AddCallCommand(app, globals, action);
  AddContextCommands(app, action);
  AddCompletionCommand(app, action);
  for (CLI::App* command : app.get_subcommands({})) {
    for (const auto& [name, group] : kGroups) {
      if (command->get_name() == name) command->group(group);
    }
  }
}

absl::Status ApplyContext(const std::vector<std::string>& arguments,
                          const CLI::App& app, Globals& globals) {
  const auto typed = [&](const std::string& option) {
    return std::any_of(
        arguments.begin(), arguments.end(), [&](const std::string& argument) {
          return argument == option ||
                 absl::StartsWith(argument, absl::StrCat(option, "="));
        });
  };
  const bool named = typed("--context");
  // Whether the option has a value that beats the context's.
  const auto settled = [&](const char* option) {
    return typed(option) || (!named && app.get_option(option)->count() > 0);
  };
  MITRA_ASSIGN_OR_RETURN(const Contexts contexts, LoadContexts(ContextsPath()));
  MITRA_ASSIGN_OR_RETURN(const Context context, contexts.Pick(globals.context));
  if (!context.server.empty() && !settled("--server")) {
    globals.server = context.server;
  }
  if (!context.api_key_file.empty() && !settled("--api-key") &&
      !settled("--api-key-file")) {
    globals.api_key.clear();
    globals.api_key_file = context.api_key_file;
  }
  if (!context.language.empty() && !settled("--lang")) {
    globals.language = context.language;
  }
  // Belong together: a certificate of one cluster never goes to another.
  if (!settled("--tls-ca") && !settled("--tls-cert") && !settled("--tls-key") &&
      (named || !settled("--server"))) {
    globals.tls_ca = context.tls_ca;
    globals.tls_cert = context.tls_cert;
    globals.tls_key = context.tls_key;
  }
  return absl::OkStatus();
}

absl::Status CheckFiles(const Globals& globals) {
  for (const auto& [option, path] :
       {std::pair("--api-key-file",
                  globals.api_key.empty() ? globals.api_key_file : ""),
        std::pair("--tls-ca", globals.tls_ca == "system" ? "" : globals.tls_ca),
        std::pair("--tls-cert", globals.tls_cert),
        std::pair("--tls-key", globals.tls_key)}) {
    if (path.empty() || access(path.c_str(), R_OK) == 0) continue;
    return InvalidField(option, absl::StrCat(path, " cannot be read"));
  }
  return absl::OkStatus();
}

}  // namespace mitra::cli
