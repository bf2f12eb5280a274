// Which record a call is about, read from its request by descriptor.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_RESOURCE_H_
#define MITRA_SERVICES_GATEWAY_EDGE_RESOURCE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "services/gateway/proxy/method_table.h"

namespace mitra::gateway {

// The value of method.resource_path; empty if the method has none, the request
// does not say, or what it says is no id.
std::string ResourceOf(const Method& method,
                       const google::protobuf::Message& request);

// The same from the request's bytes, without parsing what is beside the way.
std::string ResourceOf(const Method& method, absl::string_view bytes);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_RESOURCE_H_
