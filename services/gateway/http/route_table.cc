#include "services/gateway/http/route_table.h"

#include <algorithm>
#include <set>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/utf8.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::gateway {
namespace {

struct SplitPath {
  std::vector<absl::string_view> segments;
  absl::string_view custom_verb;
};

// False for a path that begins without a slash.
bool Split(absl::string_view path, SplitPath& out) {
  if (!absl::ConsumePrefix(&path, "/")) return false;
  out.segments = absl::StrSplit(path, '/');
  absl::string_view& last = out.segments.back();
  if (const size_t colon = last.rfind(':'); colon != absl::string_view::npos) {
    out.custom_verb = last.substr(colon + 1);
    last = last.substr(0, colon);
    // "x:" is no verb and no id either.
    if (out.custom_verb.empty()) return false;
  }
  return true;
}

}  // namespace

std::optional<std::string> PercentDecode(absl::string_view text) {
  if (text.find('%') == absl::string_view::npos) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
        !absl::ascii_isxdigit(text[i + 2])) {
      return std::nullopt;
    }
    out += absl::HexStringToBytes(text.substr(i + 1, 2));
    i += 2;
  }
  return out;
}

absl::StatusOr<RouteTable::Entry> RouteTable::ParseTemplate(
    const Method& method, const HttpBinding& binding) {
  const auto bad = [&](absl::string_view what) {
    return absl::InternalError(
        absl::StrCat(method.name, ": path ", binding.path, ": ", what));
  };
  Entry entry;
  entry.path_template = binding.path;
  SplitPath split;
  if (!Split(binding.path, split)) return bad("is malformed");
  entry.custom_verb = std::string(split.custom_verb);
  for (absl::string_view segment : split.segments) {
    if (segment.empty()) return bad("has an empty segment");
    std::string variable;
    if (absl::ConsumePrefix(&segment, "{")) {
      if (!absl::ConsumeSuffix(&segment, "}")) return bad("is not flat");
      variable = std::string(segment);
      const auto field =
          FindFieldPath(method.descriptor->input_type(), variable);
      if (field.empty() || field.back()->type() !=
                               google::protobuf::FieldDescriptor::TYPE_STRING) {
        return bad("has a variable that is not a string field");
      }
      segment = "";
    }
    entry.literals.push_back(std::string(segment));
    entry.variables.push_back(std::move(variable));
  }
  entry.methods.emplace(binding.verb, std::make_pair(&method, &binding));
  return entry;
}

absl::StatusOr<RouteTable> RouteTable::Create(const MethodTable& methods) {
  RouteTable table;
  for (const auto& method : methods.methods()) {
    for (const HttpBinding& binding : method->bindings) {
      MITRA_ASSIGN_OR_RETURN(Entry entry, ParseTemplate(*method, binding));
      const auto same = std::find_if(
          table.entries_.begin(), table.entries_.end(), [&](const Entry& e) {
            return e.literals == entry.literals &&
                   e.variables == entry.variables &&
                   e.custom_verb == entry.custom_verb;
          });
      if (same == table.entries_.end()) {
        table.entries_.push_back(std::move(entry));
      } else if (!same->methods.insert(*entry.methods.begin()).second) {
        return absl::InternalError(
            absl::StrCat(method->name, ": ", binding.verb, " ", binding.path,
                         " already means another method"));
      }
    }
  }
  // Most specific first: literals before variables.
  const auto literals = [](const Entry& entry) {
    return absl::c_count_if(entry.variables,
                            [](const std::string& v) { return v.empty(); });
  };
  absl::c_stable_sort(table.entries_, [&](const Entry& a, const Entry& b) {
    return literals(a) > literals(b);
  });
  return table;
}

std::vector<const RouteTable::Entry*> RouteTable::Candidates(
    absl::string_view path) const {
  std::vector<const Entry*> found;
  SplitPath split;
  if (!Split(path, split)) return found;
  for (const Entry& entry : entries_) {
    if (entry.literals.size() != split.segments.size() ||
        entry.custom_verb != split.custom_verb) {
      continue;
    }
    bool fits = true;
    for (size_t i = 0; fits && i < split.segments.size(); ++i) {
      fits = entry.variables[i].empty() ? split.segments[i] == entry.literals[i]
                                        : !split.segments[i].empty();
    }
    if (fits) found.push_back(&entry);
  }
  return found;
}

std::vector<std::string> RouteTable::Allowed(absl::string_view path) const {
  std::set<std::string> verbs;
  for (const Entry* entry : Candidates(path)) {
    for (const auto& [verb, method] : entry->methods) verbs.insert(verb);
  }
  return {verbs.begin(), verbs.end()};
}

absl::StatusOr<Route> RouteTable::Match(absl::string_view verb,
                                        absl::string_view path) const {
  const std::vector<const Entry*> candidates = Candidates(path);
  if (candidates.empty()) {
    return MakeError(absl::StatusCode::kNotFound, "ROUTE_NOT_FOUND",
                     "no such path in this API; an id that is not empty and "
                     "has no slash is one path segment");
  }
  for (const Entry* entry : candidates) {
    const auto it = entry->methods.find(std::string(verb));
    if (it == entry->methods.end()) continue;
    Route route;
    route.path_template = entry->path_template;
    std::tie(route.method, route.binding) = it->second;
    SplitPath split;
    Split(path, split);
    for (size_t i = 0; i < split.segments.size(); ++i) {
      if (entry->variables[i].empty()) continue;
      std::optional<std::string> value = PercentDecode(split.segments[i]);
      if (!value || FirstInvalidUtf8(*value) ||
          value->find('\0') != std::string::npos) {
        return InvalidField(entry->variables[i],
                            "the path segment has a wrong percent escape, is "
                            "not UTF-8 or holds NUL");
      }
      route.variables.emplace_back(entry->variables[i], *std::move(value));
    }
    return route;
  }
  return MakeError(absl::StatusCode::kUnimplemented, "METHOD_NOT_ALLOWED",
                   absl::StrCat("this path takes only ",
                                absl::StrJoin(Allowed(path), ", ")));
}

}  // namespace mitra::gateway
