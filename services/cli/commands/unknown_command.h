// What to say to somebody who typed a command that is not there.

#ifndef MITRA_SERVICES_CLI_COMMANDS_UNKNOWN_COMMAND_H_
#define MITRA_SERVICES_CLI_COMMANDS_UNKNOWN_COMMAND_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace mitra::cli {

// The word among `arguments` that stands where a command of `app`, or of a
// command of it, is expected and is none, with the nearest one that there is:
// `there is no command "gett"; did you mean get?`. Empty if all are known.
std::string UnknownCommand(CLI::App& app,
                           const std::vector<std::string>& arguments);

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_COMMANDS_UNKNOWN_COMMAND_H_
