// The command `mitra`: works with a cluster through its gateway.
//
//   mitra --server 127.0.0.1:8080 --api-key-file key.txt recommend umkm-000123

#include <exception>
#include <iostream>

#include "google/protobuf/stubs/logging.h"
#include "services/cli/commands/command_line.h"
#include "services/cli/commands/unknown_command.h"

namespace mitra::cli {
namespace {

// What the shell asks while somebody types: not a command for people.
constexpr char kComplete[] = "__complete";

// Commands that must work whatever the contexts are.
bool NeedsNoContext(const CLI::App& app) {
  for (const char* name : {"context", "completion", "sample", "key"}) {
    if (app.got_subcommand(name)) return true;
  }
  return false;
}

int Run(const std::vector<std::string>& arguments, int argc, char** argv) {
  Globals globals;
  Action action;
  CLI::App app("mitra: partners and mentors for small businesses");
  BuildCommandLine(app, globals, action);
  if (!arguments.empty() && arguments[0] == kComplete) {
    for (const std::string& word :
         Completions(app, {arguments.begin() + 1, arguments.end()})) {
      std::cout << word << "\n";
    }
    return kOk;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const std::string unknown = UnknownCommand(app, arguments);
    if (error.get_exit_code() != 0 && !unknown.empty()) {
      std::cerr << "mitra: " << unknown << "\nRun with --help for more "
                << "information.\n";
      return kUsage;
    }
    const int code = app.exit(error);
    return code == 0 ? kOk : kUsage;
  }
  if (!NeedsNoContext(app)) {
    absl::Status applied = ApplyContext(arguments, app, globals);
    applied.Update(CheckFiles(globals));
    if (!applied.ok()) {
      std::cerr << "mitra: " << applied.message() << "\n";
      return kUsage;
    }
  }
  return action ? action() : kUsage;
}

}  // namespace
}  // namespace mitra::cli

int main(int argc, char** argv) {
  // Its lines are for developers, and quote what a file holds.
  google::protobuf::SetLogHandler(nullptr);
  try {
    return mitra::cli::Run({argv + (argc > 0), argv + argc}, argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "mitra: " << error.what() << "\n";
    return mitra::cli::kFailed;
  }
}
