// Requests that work as they stand, for the description of the API.

#ifndef MITRA_SERVICES_GATEWAY_API_REQUEST_EXAMPLES_H_
#define MITRA_SERVICES_GATEWAY_API_REQUEST_EXAMPLES_H_

#include <nlohmann/json_fwd.hpp>

#include "absl/strings/string_view.h"

namespace mitra::gateway {

// All of them, in an order in which they can be sent one after another to a
// cluster that holds nothing yet: an array of objects with `verb`, `path` (the
// template of a binding), `parameters` (of path and query, by name) and, where
// there is one, `body`.
const nlohmann::ordered_json& RequestExamples();

// That of one binding, with its place among all as `order`; null without one.
// Bindings whose request names what only a server makes have none.
const nlohmann::ordered_json* RequestExampleOf(absl::string_view verb,
                                               absl::string_view path);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_API_REQUEST_EXAMPLES_H_
