// Which method an HTTP request means, by verb and path.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_ROUTE_TABLE_H_
#define MITRA_SERVICES_GATEWAY_HTTP_ROUTE_TABLE_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/gateway/proxy/method_table.h"

namespace mitra::gateway {

// Text with %XX resolved; `+` stands for itself. Empty optional if an escape is
// cut short or not hexadecimal.
std::optional<std::string> PercentDecode(absl::string_view text);

// A request path that belongs to a method.
struct Route {
  // The path as the method declares it, a label for metrics and logs.
  std::string path_template;
  const Method* method = nullptr;
  const HttpBinding* binding = nullptr;
  // Path variables, "profile.profile_id" → the value, decoded and valid UTF-8.
  std::vector<std::pair<std::string, std::string>> variables;
};

// Templates are flat: "/v1/profiles/{profile_id}/blocks/{blocked_id}", with an
// optional verb at the end, "/v1/profiles/{profile_id}:recommend". A variable
// takes one whole segment. Paths are split first and decoded afterwards, so an
// escaped slash stays inside its id; no path is ever normalised; empty segments
// match nothing, so an empty id reaches no method.
//
// Immutable after Create(); thread-safe.
class RouteTable {
 public:
  // INTERNAL if a template is malformed, names a field that the request does
  // not have, or means two methods. `methods` must outlive the table.
  static absl::StatusOr<RouteTable> Create(const MethodTable& methods);

  // `path`: the request target without its query. NOT_FOUND (ROUTE_NOT_FOUND)
  // if nothing is there; UNIMPLEMENTED (METHOD_NOT_ALLOWED) if there is, under
  // other verbs, see Allowed(); INVALID_ARGUMENT for a wrong escape in a
  // variable.
  absl::StatusOr<Route> Match(absl::string_view verb,
                              absl::string_view path) const;

  // The verbs that `path` takes, sorted; empty if nothing is there.
  std::vector<std::string> Allowed(absl::string_view path) const;

 private:
  struct Entry {
    std::string path_template;
    // Literal, or, where `variables` has a name, anything.
    std::vector<std::string> literals;
    std::vector<std::string> variables;
    std::string custom_verb;
    // By HTTP verb.
    std::map<std::string, std::pair<const Method*, const HttpBinding*>> methods;
  };

  RouteTable() = default;
  static absl::StatusOr<Entry> ParseTemplate(const Method& method,
                                             const HttpBinding& binding);
  std::vector<const Entry*> Candidates(absl::string_view path) const;

  std::vector<Entry> entries_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_ROUTE_TABLE_H_
