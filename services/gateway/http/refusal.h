// What is said to a client whose request never became one.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_REFUSAL_H_
#define MITRA_SERVICES_GATEWAY_HTTP_REFUSAL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/gateway/http/http_server.h"

namespace mitra::gateway {

// "Not Found" for 404; "Unknown" for a status that the edge never gives.
const char* ReasonPhrase(int status);

// INVALID_ARGUMENT with that reason.
absl::Status BadRequest(absl::string_view reason, absl::string_view message);

// What an error line of RESTinio's log means for the client, with one of the
// reasons of HttpHandler::Refuse(); OK if it means nothing.
absl::Status CauseOf(absl::string_view line,
                     const HttpServer::Options& options);

// The bytes of a response after which the connection is closed.
std::string Serialise(const HttpResponse& response);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_REFUSAL_H_
