// JSON and protobuf messages, by descriptors, with the proto3 JSON mapping.
//
// The library's own converter forgives too much for an edge (single quotes,
// unquoted names, `null` or `[]` as a whole message, repeated names) and does
// not tell where an error is, so reading is done here: on nlohmann's strict
// SAX parser, into the message by reflection, one pass, no tree in between.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_JSON_CODEC_H_
#define MITRA_SERVICES_GATEWAY_HTTP_JSON_CODEC_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace mitra::gateway {

// Adds the JSON object `json` to `message`. Takes camelCase and proto names;
// 64-bit integers as numbers and as strings, exactly; `null` as "not given".
//
// INVALID_ARGUMENT otherwise. With the field's path (`prefix` and the names of
// the protos, "profile.facets[2].role") for: an unknown name, a name given
// twice, an unknown enum word or number, a value of another type or out of
// range, two members of a oneof. With reason MALFORMED_JSON and the position
// for: text that is not JSON or not UTF-8, text after the value, a value that
// is no object, more than 64 levels. Errors never quote values.
absl::Status ReadJson(absl::string_view json, absl::string_view prefix,
                      google::protobuf::Message& message);

// Sets the field that `path` names ("filter.regionCodes") from the text of a
// query parameter, or adds to it if it is repeated. The same types and errors.
absl::Status SetFromText(absl::string_view path, absl::string_view text,
                         google::protobuf::Message& message);

// Appends `message` as JSON: camelCase, 64-bit integers as strings, enums as
// words, fields at their default left out, map keys sorted.
void WriteJson(const google::protobuf::Message& message, std::string& out);

// Appends `text` as a JSON string.
void WriteJsonString(absl::string_view text, std::string& out);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_JSON_CODEC_H_
