#include "services/cli/connection.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "google/rpc/status.pb.h"
#include "services/cli/output/yaml.h"

namespace mitra::cli {
namespace {

std::string ReadKey(const Globals& globals) {
  if (!globals.api_key.empty() || globals.api_key_file.empty()) {
    return globals.api_key;
  }
  std::ifstream file(globals.api_key_file);
  std::string line;
  std::getline(file, line);
  return std::string(absl::StripAsciiWhitespace(line));
}

// What the file of an option holds; empty if it names none.
std::string FileOf(const char* option, const std::string& path) {
  if (path.empty()) return "";
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (text.str().empty()) {
    std::cerr << "mitra: " << option << ": " << path << " cannot be read\n";
  }
  return text.str();
}

// Unix sockets are never encrypted.
std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(
    const Globals& globals) {
  if (globals.tls_ca.empty() || absl::StartsWith(globals.server, "unix:")) {
    return grpc::InsecureChannelCredentials();
  }
  grpc::SslCredentialsOptions options;
  if (globals.tls_ca != "system") {
    options.pem_root_certs = FileOf("--tls-ca", globals.tls_ca);
  }
  options.pem_cert_chain = FileOf("--tls-cert", globals.tls_cert);
  options.pem_private_key = FileOf("--tls-key", globals.tls_key);
  return grpc::SslCredentials(options);
}

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string text;
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  return text;
}

}  // namespace

Connection::Connection(const Globals& globals)
    : globals_(globals), key_(ReadKey(globals)) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(64 << 20);
  channel_ = grpc::CreateCustomChannel(globals.server, CredentialsOf(globals),
                                       arguments);
}

bool Connection::PrepareStream(grpc::ClientContext& context) const {
  if (key_.empty()) return true;
  // gRPC aborts the process over an illegal value.
  const bool legal = std::all_of(key_.begin(), key_.end(),
                                 [](char c) { return c > 0x20 && c < 0x7f; });
  if (!legal || key_.size() > 4096) {
    std::cerr << "mitra: the API key holds characters that no key has\n";
    return false;
  }
  context.AddMetadata("authorization", absl::StrCat("Bearer ", key_));
  return true;
}

bool Connection::Prepare(grpc::ClientContext& context) const {
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(static_cast<int64_t>(
                           globals_.timeout_seconds * 1000)));
  return PrepareStream(context);
}

int Report(const grpc::Status& status) {
  if (status.ok()) return kOk;
  absl::Status error(static_cast<absl::StatusCode>(status.error_code()),
                     status.error_message());
  google::rpc::Status proto;
  if (proto.ParseFromString(status.error_details()) && proto.code() != 0) {
    error = FromRpcStatus(proto);
  }
  std::cerr << "mitra: " << absl::StatusCodeToString(error.code());
  const std::string reason = ReasonOf(error);
  if (!reason.empty()) std::cerr << " (" << reason << ")";
  std::cerr << ": " << error.message() << "\n";
  const auto fields = ViolatedFields(error);
  for (size_t i = 1; i < fields.size(); ++i) {
    std::cerr << "  also: " << fields[i] << "\n";
  }
  if (reason.empty() && absl::IsUnavailable(error)) {
    std::cerr << "  Is it the right address? See --server, mitra context and "
                 "mitra doctor.\n";
  }
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ? kUnreachable
                                                              : kFailed;
}

void PrintJson(const google::protobuf::Message& message) {
  std::cout << ToJson(message) << "\n";
}

void PrintMessage(const Globals& globals,
                  const google::protobuf::Message& message) {
  if (globals.output == "yaml") {
    std::cout << "---\n" << JsonToYaml(ToJson(message));
  } else {
    PrintJson(message);
  }
}

}  // namespace mitra::cli
