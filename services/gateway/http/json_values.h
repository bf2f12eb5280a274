// Single values between JSON and the fields of a message. Internal to the JSON
// codec.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_JSON_VALUES_H_
#define MITRA_SERVICES_GATEWAY_HTTP_JSON_VALUES_H_

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace mitra::gateway::internal {

// Text of a query parameter or path: has no type of its own.
struct UntypedText {
  absl::string_view text;
};

// One JSON value that is neither object nor array nor null.
using JsonScalar = std::variant<bool, int64_t, uint64_t, double,
                                absl::string_view, UntypedText>;

// The field of `message` by its proto or camelCase name, or null.
const google::protobuf::FieldDescriptor* FindField(
    const google::protobuf::Descriptor* message, absl::string_view name);

// `name` if it looks like a name, so that it may stand in an error.
std::string SafeName(absl::string_view name);

// True for messages whose JSON is one string: Timestamp, Duration, FieldMask.
bool IsTextMessage(const google::protobuf::Descriptor* message);

// Sets `field` of `message`, or adds one element to it if it is repeated.
// INVALID_ARGUMENT naming `path` if the value does not fit.
absl::Status SetScalar(const JsonScalar& value,
                       const google::protobuf::FieldDescriptor* field,
                       absl::string_view path,
                       google::protobuf::Message& message);

}  // namespace mitra::gateway::internal

#endif  // MITRA_SERVICES_GATEWAY_HTTP_JSON_VALUES_H_
