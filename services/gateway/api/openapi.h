// The HTTP/JSON interface as OpenAPI 3.1, made from the descriptors.

#ifndef MITRA_SERVICES_GATEWAY_API_OPENAPI_H_
#define MITRA_SERVICES_GATEWAY_API_OPENAPI_H_

#include <string>

#include "services/gateway/api/proto_docs.h"
#include "services/gateway/proxy/method_table.h"

namespace mitra::gateway {

// One JSON document: every HTTP binding of every method with its parameters,
// bodies and comments, the schemas in the JSON mapping of proto3, the reasons
// of errors with an example body each (`x-mitra-errors`), what the method
// demands (`x-mitra-policy`), and examples of requests; `x-mitra-example` is
// their place in an order in which all of them work (request_examples.h).
std::string OpenApiJson(const MethodTable& methods, const ProtoDocs& docs);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_API_OPENAPI_H_
