#include "common/rpc/reflection.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"

namespace mitra::rpc::internal {
namespace {

using ::google::protobuf::DescriptorPool;
using ::google::protobuf::FileDescriptor;
using ::grpc::reflection::v1::ServerReflectionRequest;
using ::grpc::reflection::v1::ServerReflectionResponse;

// The file and everything that it imports, each once.
void AddFile(const FileDescriptor* file, std::set<std::string>& seen,
             grpc::reflection::v1::FileDescriptorResponse& out) {
  if (!seen.insert(file->name()).second) return;
  google::protobuf::FileDescriptorProto proto;
  file->CopyTo(&proto);
  out.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file->dependency_count(); ++i) {
    AddFile(file->dependency(i), seen, out);
  }
}

void Answer(const FileDescriptor* file, ServerReflectionResponse& response) {
  if (file == nullptr) {
    response.mutable_error_response()->set_error_code(
        static_cast<int>(absl::StatusCode::kNotFound));
    response.mutable_error_response()->set_error_message("not found");
    return;
  }
  std::set<std::string> seen;
  AddFile(file, seen, *response.mutable_file_descriptor_response());
}

}  // namespace

Task<absl::Status> ServeReflection(const std::vector<std::string>& services,
                                   RawStream& raw) {
  Stream<ServerReflectionRequest, ServerReflectionResponse> stream(raw);
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  for (;;) {
    auto request = co_await stream.Read();
    if (!request.ok()) co_return request.status();
    if (!request->has_value()) co_return absl::OkStatus();
    ServerReflectionResponse response;
    response.set_valid_host((*request)->host());
    *response.mutable_original_request() = **request;
    switch ((*request)->message_request_case()) {
      case ServerReflectionRequest::kListServices:
        for (const std::string& service : services) {
          response.mutable_list_services_response()->add_service()->set_name(
              service);
        }
        break;
      case ServerReflectionRequest::kFileByFilename:
        Answer(pool.FindFileByName((*request)->file_by_filename()), response);
        break;
      case ServerReflectionRequest::kFileContainingSymbol:
        Answer(
            pool.FindFileContainingSymbol((*request)->file_containing_symbol()),
            response);
        break;
      default:
        response.mutable_error_response()->set_error_code(
            static_cast<int>(absl::StatusCode::kUnimplemented));
        response.mutable_error_response()->set_error_message(
            "extension look-ups are not offered");
    }
    const bool written = co_await stream.Write(response);
    if (!written) co_return absl::OkStatus();
  }
}

}  // namespace mitra::rpc::internal
