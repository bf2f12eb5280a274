// The command `mitra`: works with a cluster through its gateway.
//
//   mitra --server 127.0.0.1:8080 --api-key-file key.txt recommend umkm-000123

#include <exception>
#include <iostream>

#include "common/base/version.h"
#include "services/cli/commands/commands.h"

namespace mitra::cli {
namespace {

int Run(int argc, char** argv) {
  Globals globals;
  Action action;
  CLI::App app("mitra: partners and mentors for small businesses");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--server", globals.server, "Gateway: host:port or unix:/path")
      ->envname("MITRA_SERVER");
  app.add_option("--api-key", globals.api_key, "API key")
      ->envname("MITRA_API_KEY");
  app.add_option("--api-key-file", globals.api_key_file,
                 "File whose first line is the API key");
  app.add_option("-o,--output", globals.output, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  app.add_option("--lang", globals.language, "Language of texts: id or en")
      ->check(CLI::IsMember({"id", "en"}));
  app.add_option("--timeout", globals.timeout_seconds, "Seconds for one call")
      ->check(CLI::Range(0.01, 3600.0));
  AddSampleCommand(app, globals, action);
  AddImportCommand(app, globals, action);
  AddRecordCommands(app, globals, action);
  AddRecommendCommands(app, globals, action);
  AddEngageCommands(app, globals, action);
  AddRefreshCommands(app, globals, action);
  AddLearnCommand(app, globals, action);
  AddStatusCommand(app, globals, action);
  AddKeyCommands(app, globals, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kOk : kUsage;
  }
  return action ? action() : kUsage;
}

}  // namespace
}  // namespace mitra::cli

int main(int argc, char** argv) {
  try {
    return mitra::cli::Run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "mitra: " << error.what() << "\n";
    return mitra::cli::kFailed;
  }
}
