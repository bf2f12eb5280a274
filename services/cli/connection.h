// How the command reaches the cluster, and how errors become exit codes.

#ifndef MITRA_SERVICES_CLI_CONNECTION_H_
#define MITRA_SERVICES_CLI_CONNECTION_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace mitra::cli {

// Exit codes of the command.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;       // the cluster refused or failed
inline constexpr int kUsage = 2;        // the command line is wrong
inline constexpr int kUnreachable = 3;  // nobody answers

// Options that every command has.
struct Globals {
  std::string server = "127.0.0.1:8080";
  std::string api_key;
  std::string api_key_file;
  // Who signs the gateway's certificate: a file, or "system"; empty: no TLS.
  // Our own certificate for a gateway that asks for one.
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string context;
  std::string output = "table";  // or "json", "yaml"
  std::string language = "id";
  double timeout_seconds = 30;

  // For programs: what the API said, whole.
  bool json() const { return output != "table"; }
};

// One connection. Safe for concurrent use.
class Connection {
 public:
  explicit Connection(const Globals& globals);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // Sets deadline and credential. False, after saying why, if the key cannot
  // be sent.
  bool Prepare(grpc::ClientContext& context) const;
  // The same without the usual deadline, for streams.
  bool PrepareStream(grpc::ClientContext& context) const;

 private:
  const Globals& globals_;
  std::string key_;
  std::shared_ptr<grpc::Channel> channel_;
};

// Prints an error with its violated fields to stderr; gives the exit code.
int Report(const grpc::Status& status);

// Prints a message as JSON, names as in the API.
void PrintJson(const google::protobuf::Message& message);
// The same as the user asked: JSON, or a YAML document.
void PrintMessage(const Globals& globals,
                  const google::protobuf::Message& message);

// Calls `method` of a stub with deadline and credential.
template <typename Stub, typename Request, typename Response>
grpc::Status Call(const Connection& connection, Stub& stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*,
                                               const Request&, Response*),
                  const Request& request, Response& response) {
  grpc::ClientContext context;
  if (!connection.Prepare(context)) {
    return {grpc::StatusCode::UNAUTHENTICATED, "the API key cannot be sent"};
  }
  return (stub.*method)(&context, request, &response);
}

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_CONNECTION_H_
