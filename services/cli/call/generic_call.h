// One gRPC call of any shape, of which only the bytes are known.

#ifndef MITRA_SERVICES_CLI_CALL_GENERIC_CALL_H_
#define MITRA_SERVICES_CLI_CALL_GENERIC_CALL_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace mitra::cli {

// Gives the next request message, nothing at the end. Called on the thread
// that runs the call; may block.
using RequestSource = std::function<std::optional<std::string>()>;
// Takes one response message.
using ResponseSink = std::function<void(const std::string&)>;

// Sends what `requests` gives and hands on what comes back, both at once, so
// that unary and streaming methods are one case. `method` is
// "/package.Service/Method".
grpc::Status RunGenericCall(const std::shared_ptr<grpc::Channel>& channel,
                            grpc::ClientContext& context,
                            const std::string& method,
                            const RequestSource& requests,
                            const ResponseSink& responses);

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_CALL_GENERIC_CALL_H_
