// The whole command line of `mitra`.

#ifndef MITRA_SERVICES_CLI_COMMANDS_COMMAND_LINE_H_
#define MITRA_SERVICES_CLI_COMMANDS_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/cli/commands/commands.h"

namespace mitra::cli {

// Adds all options and commands; `globals` and `action` must outlive `app`.
void BuildCommandLine(CLI::App& app, Globals& globals, Action& action);

// Fills what the command line left open from the context that it names, or
// from the current one. Options beat a named context, which beats variables of
// the environment, which beat the current context. `arguments` are those of
// the process. NOT_FOUND or INVALID_ARGUMENT if the contexts are no good.
absl::Status ApplyContext(const std::vector<std::string>& arguments,
                          const CLI::App& app, Globals& globals);

// INVALID_ARGUMENT naming the option whose file (of keys or certificates)
// cannot be read; without this a key that is not there would be none shown.
absl::Status CheckFiles(const Globals& globals);

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_COMMANDS_COMMAND_LINE_H_
