#include "common/rpc/server_method.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "mitra/v1/options.pb.h"

namespace mitra::rpc::internal {
namespace {

const google::protobuf::MethodDescriptor* FindMethod(absl::string_view method) {
  absl::ConsumePrefix(&method, "/");
  std::string name(method);
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return nullptr;
  name[slash] = '.';
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
      name);
}

}  // namespace

std::string ServiceOf(absl::string_view method) {
  absl::ConsumePrefix(&method, "/");
  return std::string(method.substr(0, method.find('/')));
}

absl::Status CheckDescriptor(ServerMethod& method,
                             absl::string_view request_type,
                             absl::string_view response_type) {
  const auto* descriptor = FindMethod(method.name);
  if (descriptor == nullptr) {
    return absl::InternalError(
        absl::StrCat(method.name, ": no such method in the protos"));
  }
  const bool streaming =
      descriptor->client_streaming() || descriptor->server_streaming();
  if (descriptor->input_type()->full_name() != request_type ||
      descriptor->output_type()->full_name() != response_type ||
      streaming != static_cast<bool>(method.streaming)) {
    return absl::InternalError(
        absl::StrCat(method.name, ": handler does not fit the proto"));
  }
  method.subscription =
      descriptor->server_streaming() && !descriptor->client_streaming();
  const v1::MethodPolicy& policy =
      descriptor->options().GetExtension(v1::policy);
  if (policy.default_timeout_ms() > 0) {
    method.default_timeout = absl::Milliseconds(policy.default_timeout_ms());
  }
  if (policy.max_timeout_ms() > 0) {
    method.max_timeout = absl::Milliseconds(policy.max_timeout_ms());
  }
  return absl::OkStatus();
}

}  // namespace mitra::rpc::internal
