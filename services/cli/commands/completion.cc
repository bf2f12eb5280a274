// completion: what the shell needs to complete `mitra`. The shell asks the
// command itself, so that it never knows less than the command does.

#include <algorithm>
#include <iostream>
#include <memory>

#include "absl/strings/match.h"
#include "services/cli/call/method_finder.h"
#include "services/cli/commands/commands.h"

namespace mitra::cli {
namespace {

constexpr char kBash[] = R"sh(# eval "$(mitra completion bash)"
_mitra() {
  local IFS=$'\n'
  COMPREPLY=($(mitra __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _mitra mitra
)sh";

constexpr char kZsh[] = R"sh(#compdef mitra
# eval "$(mitra completion zsh)"
_mitra() {
  local -a found
  found=("${(@f)$(mitra __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _mitra mitra
)sh";

// Values of options that have a few.
std::vector<std::string> ValuesOf(absl::string_view option) {
  if (option == "-o" || option == "--output") return {"json", "table", "yaml"};
  if (option == "--lang") return {"en", "id"};
  if (option == "--kind" || option == "--kinds") {
    return {"buyer",  "community", "event",     "facilitator", "investor",
            "mentor", "partner",   "programme", "peer",        "supplier"};
  }
  return {};
}

}  // namespace

std::vector<std::string> Completions(CLI::App& app,
                                     const std::vector<std::string>& words) {
  CLI::App* at = &app;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    for (CLI::App* deeper : at->get_subcommands({})) {
      if (deeper->check_name(words[i])) {
        at = deeper;
        break;
      }
    }
  }
  const std::string last = words.empty() ? "" : words.back();
  const std::string before = words.size() < 2 ? "" : words[words.size() - 2];
  std::vector<std::string> all = ValuesOf(before);
  if (all.empty() && at->get_name() == "call" && before == "call" &&
      !absl::StartsWith(last, "-")) {
    all = KnownMethods();
  }
  if (all.empty()) {
    for (const CLI::App* command : at->get_subcommands({})) {
      if (!command->get_name().empty()) all.push_back(command->get_name());
    }
    if (absl::StartsWith(last, "-") || all.empty()) {
      for (const CLI::App* level = at; level != nullptr;
           level = level->get_parent()) {
        for (const CLI::Option* option : level->get_options()) {
          for (const std::string& name : option->get_lnames()) {
            all.push_back("--" + name);
          }
        }
      }
    }
  }
  all.erase(std::remove_if(all.begin(), all.end(),
                           [&](const std::string& candidate) {
                             return !absl::StartsWith(candidate, last);
                           }),
            all.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

void AddCompletionCommand(CLI::App& app, Action& action) {
  auto shell = std::make_shared<std::string>();
  auto* completion = app.add_subcommand(
      "completion",
      "The script that completes this command in a shell.\n"
      "  echo 'eval \"$(mitra completion bash)\"' >> ~/.bashrc");
  completion->add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  completion->callback([&action, shell] {
    action = [shell] {
      std::cout << (*shell == "bash" ? kBash : kZsh);
      return kOk;
    };
  });
}

}  // namespace mitra::cli
