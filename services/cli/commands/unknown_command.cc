#include "services/cli/commands/unknown_command.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"

namespace mitra::cli {
namespace {

constexpr size_t kNear = 2;

// Letters to add, drop or change (Levenshtein).
size_t Distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

// Whether an option of that name takes the next argument as its value.
bool TakesNext(const CLI::App& app, const CLI::App& at,
               const std::string& argument) {
  if (argument.find('=') != std::string::npos) return false;
  for (const CLI::App* owner : {&at, &app}) {
    const CLI::Option* option = owner->get_option_no_throw(argument);
    if (option != nullptr) return option->get_items_expected_max() > 0;
  }
  return false;
}

}  // namespace

std::string UnknownCommand(CLI::App& app,
                           const std::vector<std::string>& arguments) {
  CLI::App* at = &app;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (at->get_subcommands({}).empty()) return "";
    const std::string& word = arguments[i];
    if (absl::StartsWith(word, "-")) {
      if (TakesNext(app, *at, word)) ++i;
      continue;
    }
    const auto commands = at->get_subcommands({});
    CLI::App* found = nullptr;
    std::string nearest;
    size_t least = kNear + 1;
    for (CLI::App* command : commands) {
      if (command->get_name() == word) found = command;
      const size_t distance = Distance(word, command->get_name());
      if (distance < std::min(least, command->get_name().size())) {
        least = distance;
        nearest = command->get_name();
      }
    }
    if (found == nullptr) {
      return absl::StrCat(
          "there is no command \"", CutUtf8(word, 40), "\"",
          at == &app ? "" : absl::StrCat(" of ", at->get_name()),
          nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?"));
    }
    at = found;
  }
  return "";
}

}  // namespace mitra::cli
