// The commands of `mitra`: each adds itself to the command line and, when it is
// chosen, sets what main() runs.

#ifndef MITRA_SERVICES_CLI_COMMANDS_COMMANDS_H_
#define MITRA_SERVICES_CLI_COMMANDS_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "services/cli/connection.h"

namespace mitra::cli {

// What the chosen command does; gives the exit code.
using Action = std::function<int()>;

void AddSampleCommand(CLI::App& app, const Globals& globals, Action& action);
void AddImportCommand(CLI::App& app, const Globals& globals, Action& action);
void AddExportCommand(CLI::App& app, const Globals& globals, Action& action);
// backup create, list, verify, restore.
void AddBackupCommands(CLI::App& app, const Globals& globals, Action& action);
// trace, events.
void AddTraceCommands(CLI::App& app, const Globals& globals, Action& action);
// get, list, delete, block, unblock, consent, verify.
void AddRecordCommands(CLI::App& app, const Globals& globals, Action& action);
// merge, seed.
void AddIdentityCommands(CLI::App& app, const Globals& globals, Action& action);
// recommend, explain, why-not, trust, diagnose, search.
void AddRecommendCommands(CLI::App& app, const Globals& globals,
                          Action& action);
// request, accept, decline, begin, complete, cancel, get, list.
void AddEngageCommands(CLI::App& app, const Globals& globals, Action& action);
void AddRefreshCommands(CLI::App& app, const Globals& globals, Action& action);
void AddLearnCommand(CLI::App& app, const Globals& globals, Action& action);
// check, show, diff, activate, split.
void AddRankingCommands(CLI::App& app, const Globals& globals, Action& action);
void AddStatusCommand(CLI::App& app, const Globals& globals, Action& action);
void AddKeyCommands(CLI::App& app, const Globals& globals, Action& action);
// upsert, suspend.
void AddUpsertCommands(CLI::App& app, const Globals& globals, Action& action);
void AddBenchCommand(CLI::App& app, const Globals& globals, Action& action);
void AddDoctorCommand(CLI::App& app, const Globals& globals, Action& action);
void AddCallCommand(CLI::App& app, const Globals& globals, Action& action);
void AddContextCommands(CLI::App& app, Action& action);
void AddCompletionCommand(CLI::App& app, Action& action);

// What can follow: `words` are those typed after "mitra", the last one begun or
// empty.
std::vector<std::string> Completions(CLI::App& app,
                                     const std::vector<std::string>& words);

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_COMMANDS_COMMANDS_H_
