#include "services/cli/context/contexts.h"

#include <sys/stat.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"

namespace mitra::cli {
namespace {

constexpr std::pair<absl::string_view, std::string Context::*> kFields[] = {
    {"server", &Context::server},     {"api_key_file", &Context::api_key_file},
    {"lang", &Context::language},     {"tls_ca", &Context::tls_ca},
    {"tls_cert", &Context::tls_cert}, {"tls_key", &Context::tls_key}};

absl::Status Misunderstood(absl::string_view path, const toml::node& node,
                           absl::string_view what) {
  return InvalidField(absl::StrCat(path, ":", node.source().begin.line, ":",
                                   node.source().begin.column),
                      what);
}

absl::StatusOr<Context> ReadContext(absl::string_view path,
                                    const toml::table& table) {
  Context context;
  for (const auto& [key, value] : table) {
    const auto* field = std::find_if(
        std::begin(kFields), std::end(kFields), [&key = key](const auto& f) {
          return absl::string_view(key.str().data(), key.str().size()) ==
                 f.first;
        });
    if (field == std::end(kFields) || !value.is_string()) {
      return Misunderstood(
          path, value,
          "a context has the texts server, api_key_file, lang, "
          "tls_ca, tls_cert and tls_key");
    }
    context.*(field->second) = value.as_string()->get();
  }
  return context;
}

}  // namespace

absl::StatusOr<Context> Contexts::Pick(const std::string& name) const {
  const std::string& wanted = name.empty() ? current : name;
  if (wanted.empty()) return Context();
  const auto at = by_name.find(wanted);
  if (at != by_name.end()) return at->second;
  return MakeError(absl::StatusCode::kNotFound, "CONTEXT_UNKNOWN",
                   absl::StrCat("no context \"", wanted,
                                "\"; mitra context list shows those there "
                                "are"));
}

std::string ContextsPath() {
  if (const char* path = std::getenv("MITRA_CONFIG")) return path;
  if (const char* base = std::getenv("XDG_CONFIG_HOME"); base && *base) {
    return absl::StrCat(base, "/mitra/config.toml");
  }
  const char* home = std::getenv("HOME");
  return home == nullptr ? ""
                         : absl::StrCat(home, "/.config/mitra/config.toml");
}

absl::StatusOr<Contexts> LoadContexts(const std::string& path) {
  Contexts contexts;
  if (path.empty() || !std::filesystem::exists(path)) return contexts;
  toml::table file;
  try {
    file = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    return InvalidField(absl::StrCat(path, ":", error.source().begin.line, ":",
                                     error.source().begin.column),
                        std::string(error.description()));
  }
  for (const auto& [key, value] : file) {
    if (key.str() == "current" && value.is_string()) {
      contexts.current = value.as_string()->get();
    } else if (key.str() == "context" && value.is_table()) {
      for (const auto& [name, entry] : *value.as_table()) {
        if (!entry.is_table()) {
          return Misunderstood(path, entry, "a context is a table");
        }
        auto context = ReadContext(path, *entry.as_table());
        if (!context.ok()) return context.status();
        contexts.by_name[std::string(name.str())] = *std::move(context);
      }
    } else {
      return Misunderstood(path, value, "only current and context are known");
    }
  }
  return contexts;
}

absl::Status SaveContexts(const Contexts& contexts, const std::string& path) {
  namespace fs = std::filesystem;
  const auto failed = [&] {
    return MakeError(absl::StatusCode::kUnavailable, "CONFIG_UNWRITABLE",
                     absl::StrCat(path, ": cannot be written"));
  };
  if (path.empty()) return failed();
  toml::table all;
  for (const auto& [name, context] : contexts.by_name) {
    toml::table one;
    for (const auto& [key, field] : kFields) {
      if (!(context.*field).empty()) {
        one.insert(std::string(key), context.*field);
      }
    }
    all.insert(name, std::move(one));
  }
  toml::table file;
  if (!contexts.current.empty()) file.insert("current", contexts.current);
  file.insert("context", std::move(all));
  std::error_code error;
  const fs::path folder = fs::path(path).parent_path();
  if (!folder.empty()) fs::create_directories(folder, error);
  const std::string temporary = absl::StrCat(path, ".new");
  {
    const mode_t before = umask(077);
    std::ofstream out(temporary, std::ios::trunc);
    umask(before);
    out << file << "\n";
    if (!out.flush()) return failed();
  }
  fs::rename(temporary, path, error);
  return error ? failed() : absl::OkStatus();
}

bool IsContextName(absl::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_';
         });
}

}  // namespace mitra::cli
