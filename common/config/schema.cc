#include "common/config/schema.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "toml++/toml.h"

namespace mitra {
namespace {

// Variables of our other programs and of the tests; a service ignores them.
constexpr absl::string_view kForeignVariables[] = {
    "MITRA_SHARED_DATA", "MITRA_BIN_DIR", "MITRA_SOURCE_DIR", "MITRA_KERNEL",
    "MITRA_API_KEY",     "MITRA_SERVER",  "MITRA_CONTEXT",    "MITRA_HTTP",
    "MITRA_CLUSTER_DIR", "MITRA_CONFIG",  "MITRA_TLS_CA",     "MITRA_TLS_CERT",
    "MITRA_TLS_KEY"};

absl::Status Wrong(absl::string_view key, absl::string_view source,
                   absl::string_view what) {
  return InvalidField(key, absl::StrCat(what, " (from ", source, ")"));
}

// "feed.target" → "MITRA_FEED_TARGET".
std::string VariableOf(absl::string_view key) {
  return absl::StrCat(
      "MITRA_", absl::AsciiStrToUpper(absl::StrReplaceAll(key, {{".", "_"}})));
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    return MakeError(absl::StatusCode::kInvalidArgument, "CONFIG_UNREADABLE",
                     absl::StrCat("cannot read ", path));
  }
  return text.str();
}

std::string Quote(const std::string& text) {
  std::stringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

// Text that reads back as exactly `number`.
std::string ShowDouble(double number) {
  std::string text = absl::StrFormat("%.15g", number);
  double back = 0;
  if (!absl::SimpleAtod(text, &back) || back != number) {
    text = absl::StrFormat("%.17g", number);
  }
  return text;
}

std::string ShowValue(const Schema::Target& target) {
  struct Shower {
    std::string operator()(const std::string* v) const { return Quote(*v); }
    std::string operator()(const bool* v) const {
      return *v ? "true" : "false";
    }
    std::string operator()(const int* v) const { return absl::StrCat(*v); }
    std::string operator()(const int64_t* v) const { return absl::StrCat(*v); }
    std::string operator()(const double* v) const { return ShowDouble(*v); }
    std::string operator()(const absl::Duration* v) const {
      return Quote(absl::FormatDuration(*v));
    }
    std::string operator()(const std::vector<std::string>* v) const {
      return absl::StrCat(
          "[",
          absl::StrJoin(*v, ", ",
                        [](std::string* out, const std::string& item) {
                          out->append(Quote(item));
                        }),
          "]");
    }
  };
  return std::visit(Shower(), target);
}

}  // namespace

Schema::Field& Schema::Field::Range(double low, double high) {
  ranged_ = true;
  low_ = low;
  high_ = high;
  return *this;
}

Schema::Field& Schema::Field::OneOf(std::vector<std::string> values) {
  allowed_ = std::move(values);
  return *this;
}

Schema::Field& Schema::Add(std::string key, Target target, std::string help) {
  fields_.push_back(std::make_unique<Field>());
  Field& field = *fields_.back();
  field.key_ = std::move(key);
  field.target_ = target;
  field.help_ = std::move(help);
  return field;
}

Schema::Field* Schema::Find(absl::string_view key) {
  for (auto& field : fields_) {
    if (field->key_ == key) return field.get();
  }
  return nullptr;
}

absl::Status Schema::Check(const Field& field, absl::string_view source) const {
  if (!field.allowed_.empty()) {
    const std::string& value = **std::get_if<std::string*>(&field.target_);
    if (std::find(field.allowed_.begin(), field.allowed_.end(), value) ==
        field.allowed_.end()) {
      return Wrong(
          field.key_, source,
          absl::StrCat("must be one of ", absl::StrJoin(field.allowed_, ", ")));
    }
  }
  if (!field.ranged_) return absl::OkStatus();
  struct Number {
    double operator()(const int* v) const { return *v; }
    double operator()(const int64_t* v) const {
      return static_cast<double>(*v);
    }
    double operator()(const double* v) const { return *v; }
    double operator()(const absl::Duration* v) const {
      return absl::ToDoubleSeconds(*v);
    }
    double operator()(const void*) const { return 0; }
  };
  const double value = std::visit(Number(), field.target_);
  if (!(value >= field.low_ && value <= field.high_)) {
    return Wrong(field.key_, source,
                 absl::StrCat("must be ", field.low_, " to ", field.high_,
                              ", is ", value));
  }
  return absl::OkStatus();
}

absl::Status Schema::SetText(Field& field, absl::string_view text,
                             absl::string_view source) {
  struct Setter {
    absl::string_view text;
    const char* operator()(std::string* v) const {
      *v = std::string(text);
      return nullptr;
    }
    const char* operator()(bool* v) const {
      if (text == "true" || text == "false") {
        *v = text == "true";
        return nullptr;
      }
      return "must be true or false";
    }
    const char* operator()(int* v) const {
      return absl::SimpleAtoi(text, v) ? nullptr : "must be a whole number";
    }
    const char* operator()(int64_t* v) const {
      return absl::SimpleAtoi(text, v) ? nullptr : "must be a whole number";
    }
    const char* operator()(double* v) const {
      return absl::SimpleAtod(text, v) && std::isfinite(*v)
                 ? nullptr
                 : "must be a number";
    }
    const char* operator()(absl::Duration* v) const {
      return absl::ParseDuration(text, v)
                 ? nullptr
                 : "must be a duration such as 250ms, 10s or 1h30m";
    }
    const char* operator()(std::vector<std::string>* v) const {
      *v = absl::StrSplit(text, ',', absl::SkipWhitespace());
      return nullptr;
    }
  };
  if (const char* wrong = std::visit(Setter{text}, field.target_)) {
    return Wrong(field.key_, source, wrong);
  }
  return Check(field, source);
}

absl::Status Schema::LoadFile(const std::string& path) {
  MITRA_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  toml::table table;
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return MakeError(absl::StatusCode::kInvalidArgument, "CONFIG_SYNTAX",
                     absl::StrCat(path, ":", error.source().begin.line, ":",
                                  error.source().begin.column, ": ",
                                  std::string(error.description())));
  }
  absl::Status result;
  const std::function<void(const toml::table&, const std::string&)> walk =
      [&](const toml::table& node, const std::string& prefix) {
        for (auto&& [name, value] : node) {
          if (!result.ok()) return;
          const std::string key = absl::StrCat(prefix, std::string(name.str()));
          if (const toml::table* inner = value.as_table()) {
            walk(*inner, absl::StrCat(key, "."));
            continue;
          }
          const std::string source =
              absl::StrCat(path, ":", value.source().begin.line, ":",
                           value.source().begin.column);
          Field* field = Find(key);
          if (field == nullptr) {
            result = Wrong(key, source, "is not a key of this program");
            return;
          }
          if (const toml::array* array = value.as_array()) {
            auto* list =
                std::get_if<std::vector<std::string>*>(&field->target_);
            if (list == nullptr) {
              result = Wrong(key, source, "must not be a list");
              return;
            }
            (*list)->clear();
            for (auto&& item : *array) {
              const auto item_text = item.value<std::string>();
              if (!item.is_string() || !item_text) {
                result = Wrong(key, source, "must be a list of strings");
                return;
              }
              (*list)->push_back(*item_text);
            }
            continue;
          }
          std::string scalar;
          const bool textual =
              std::holds_alternative<std::string*>(field->target_) ||
              std::holds_alternative<absl::Duration*>(field->target_) ||
              std::holds_alternative<std::vector<std::string>*>(field->target_);
          if (value.is_string()) {
            if (!textual) {
              result = Wrong(key, source, "must not be a string");
              return;
            }
            scalar = *value.value<std::string>();
          } else if (value.is_boolean()) {
            scalar = *value.value<bool>() ? "true" : "false";
          } else if (value.is_integer()) {
            scalar = absl::StrCat(*value.value<int64_t>());
          } else if (value.is_floating_point()) {
            scalar = ShowDouble(*value.value<double>());
          } else {
            result = Wrong(key, source, "has a type that is not used here");
            return;
          }
          if (!value.is_string() && textual) {
            result = Wrong(key, source, "must be a string");
            return;
          }
          result = SetText(*field, scalar, source);
        }
      };
  walk(table, "");
  return result;
}

absl::Status Schema::LoadEnvironment(
    const std::map<std::string, std::string>& environment) {
  for (const auto& [name, value] : environment) {
    if (!absl::StartsWith(name, "MITRA_") ||
        std::find(std::begin(kForeignVariables), std::end(kForeignVariables),
                  name) != std::end(kForeignVariables)) {
      continue;
    }
    Field* target = nullptr;
    bool from_file = false;
    for (auto& field : fields_) {
      const std::string variable = VariableOf(field->key_);
      if (name == variable) target = field.get();
      if (name == absl::StrCat(variable, "_FILE") && target == nullptr) {
        target = field.get();
        from_file = true;
      }
    }
    if (target == nullptr) {
      return Wrong(name, "the environment", "is not a key of this program");
    }
    std::string text = value;
    if (from_file) {
      MITRA_ASSIGN_OR_RETURN(text, ReadFile(value));
      text = std::string(absl::StripTrailingAsciiWhitespace(text));
    }
    MITRA_RETURN_IF_ERROR(SetText(*target, text, name));
  }
  return absl::OkStatus();
}

absl::StatusOr<Schema::Action> Schema::Load(
    absl::Span<const std::string> arguments,
    const std::map<std::string, std::string>& environment) {
  Action action = Action::kRun;
  std::string file;
  std::vector<std::pair<std::string, std::string>> flags;
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view argument = arguments[i];
    if (argument == "--help") return Action::kHelp;
    if (argument == "--version") return Action::kVersion;
    if (argument == "--check-config") {
      action = Action::kCheck;
      continue;
    }
    if (argument == "--print-config") {
      action = Action::kPrint;
      continue;
    }
    if (!absl::ConsumePrefix(&argument, "--")) {
      return Wrong(arguments[i], "the command line", "is not a flag");
    }
    const std::vector<std::string> parts =
        absl::StrSplit(argument, absl::MaxSplits('=', 1));
    std::string value;
    if (parts.size() == 2) {
      value = parts[1];
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return Wrong(parts[0], "the command line", "needs a value");
    }
    if (parts[0] == "config") {
      file = value;
    } else {
      flags.emplace_back(parts[0], value);
    }
  }
  if (!file.empty()) MITRA_RETURN_IF_ERROR(LoadFile(file));
  MITRA_RETURN_IF_ERROR(LoadEnvironment(environment));
  for (const auto& [key, value] : flags) {
    Field* field = Find(key);
    if (field == nullptr) {
      return Wrong(key, "the command line", "is not a key of this program");
    }
    MITRA_RETURN_IF_ERROR(SetText(*field, value, "the command line"));
  }
  return action;
}

std::string Schema::Help() const {
  std::string text = absl::StrCat(
      "Usage: mitra-", service_,
      " [--config=FILE] [--KEY=VALUE …]\n\n"
      "Sources, later ones win: defaults, the TOML file, environment\n"
      "(MITRA_SECTION_KEY, or …_FILE to read the value from a file), flags.\n\n"
      "  --check-config   check the configuration and exit (0 good, 2 bad)\n"
      "  --print-config   print the effective configuration and exit\n"
      "  --version        print the version and exit\n\nKeys:\n");
  for (const auto& field : fields_) {
    absl::StrAppend(
        &text, "  --", field->key_, "\n        ", field->help_,
        " Default: ", field->secret_ ? "hidden" : ShowValue(field->target_),
        ".\n");
  }
  return text;
}

std::string Schema::Print() const {
  std::map<std::string, std::string> sections;  // "" first: plain keys
  for (const auto& field : fields_) {
    const std::vector<std::string> parts =
        absl::StrSplit(field->key_, absl::MaxSplits('.', 1));
    const bool plain = parts.size() == 1;
    absl::StrAppend(&sections[plain ? "" : parts[0]], "# ", field->help_, "\n",
                    plain ? parts[0] : parts[1], " = ",
                    field->secret_ ? "\"***\"" : ShowValue(field->target_),
                    "\n");
  }
  std::string text;
  for (const auto& [name, body] : sections) {
    if (!name.empty()) absl::StrAppend(&text, "\n[", name, "]\n");
    absl::StrAppend(&text, body);
  }
  return text;
}

}  // namespace mitra
