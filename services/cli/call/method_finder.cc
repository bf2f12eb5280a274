#include "services/cli/call/method_finder.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status/errors.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "mitra/v1/archive_service.pb.h"
#include "mitra/v1/engagements_service.pb.h"
#include "mitra/v1/events_service.pb.h"
#include "mitra/v1/evidence_service.pb.h"
#include "mitra/v1/feedback_service.pb.h"
#include "mitra/v1/operations_service.pb.h"
#include "mitra/v1/options.pb.h"
#include "mitra/v1/profiles_service.pb.h"
#include "mitra/v1/rankings_service.pb.h"
#include "mitra/v1/recommendations_service.pb.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "mitra/v1/relations_service.pb.h"
#include "mitra/v1/search_service.pb.h"
#include "mitra/v1/standing_service.pb.h"
#include "services/cli/call/generic_call.h"

namespace mitra::cli {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptorProto;
using google::protobuf::MethodDescriptor;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

constexpr char kPackage[] = "mitra.v1.";

// Touching one descriptor of a file registers the whole file.
std::vector<const google::protobuf::FileDescriptor*> KnownFiles() {
  return {v1::GetProfileRequest::descriptor()->file(),
          v1::GetEvidenceRequest::descriptor()->file(),
          v1::ListBlocksRequest::descriptor()->file(),
          v1::GetEngagementRequest::descriptor()->file(),
          v1::Feedback::descriptor()->file(),
          v1::SearchProfilesRequest::descriptor()->file(),
          v1::RecommendRequest::descriptor()->file(),
          v1::Refresh::descriptor()->file(),
          v1::GetRankingRequest::descriptor()->file(),
          v1::GetStandingRequest::descriptor()->file(),
          v1::WatchEventsRequest::descriptor()->file(),
          v1::ExportRequest::descriptor()->file(),
          v1::GetStatusRequest::descriptor()->file()};
}

// Files by name, those they import first. False if one is missing or broken.
bool Build(const std::string& name,
           const std::map<std::string, FileDescriptorProto>& files,
           DescriptorPool& pool) {
  if (pool.FindFileByName(name) != nullptr) return true;
  const auto at = files.find(name);
  if (at == files.end()) return false;
  for (const std::string& dependency : at->second.dependency()) {
    if (!Build(dependency, files, pool)) return false;
  }
  return pool.BuildFile(at->second) != nullptr;
}

}  // namespace

absl::StatusOr<std::string> FullMethodName(absl::string_view name) {
  absl::string_view rest = absl::StripPrefix(name, "/");
  size_t cut = rest.rfind('/');
  if (cut == absl::string_view::npos) cut = rest.rfind('.');
  if (cut == absl::string_view::npos || cut == 0 || cut + 1 == rest.size()) {
    return InvalidField("method", "like Profiles/GetProfile");
  }
  const absl::string_view service = rest.substr(0, cut);
  return absl::StrCat(absl::StrContains(service, '.') ? "" : kPackage, service,
                      "/", rest.substr(cut + 1));
}

std::vector<std::string> KnownMethods() {
  std::vector<std::string> names;
  for (const auto* file : KnownFiles()) {
    for (int s = 0; s < file->service_count(); ++s) {
      const auto& service = *file->service(s);
      for (int m = 0; m < service.method_count(); ++m) {
        const MethodDescriptor& method = *service.method(m);
        if (method.options().GetExtension(v1::policy).internal()) continue;
        names.push_back(absl::StrCat(service.name(), "/", method.name()));
      }
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

MethodFinder::MethodFinder(const Connection& connection)
    : connection_(connection) {}

MethodFinder::~MethodFinder() = default;

absl::StatusOr<const MethodDescriptor*> MethodFinder::Find(
    const std::string& name) {
  const size_t slash = name.find('/');
  const std::string service = name.substr(0, slash);
  const std::string method = name.substr(slash + 1);
  const auto in = [&](const DescriptorPool& pool) -> const MethodDescriptor* {
    const auto* found = pool.FindServiceByName(service);
    return found == nullptr ? nullptr : found->FindMethodByName(method);
  };
  from_server_ = Reflect(service);
  const MethodDescriptor* found = from_server_ ? in(pool_) : nullptr;
  if (found == nullptr) {
    from_server_ = false;
    (void)KnownFiles();
    found = in(*DescriptorPool::generated_pool());
  }
  if (found != nullptr) return found;
  return MakeError(absl::StatusCode::kNotFound, "METHOD_UNKNOWN",
                   absl::StrCat(name,
                                ": no such method; see mitra call "
                                "--list"));
}

std::unique_ptr<google::protobuf::Message> MethodFinder::New(
    const google::protobuf::Descriptor& type) {
  if (type.file()->pool() == DescriptorPool::generated_pool()) {
    return std::unique_ptr<google::protobuf::Message>(
        google::protobuf::MessageFactory::generated_factory()
            ->GetPrototype(&type)
            ->New());
  }
  if (!factory_) {
    factory_ = std::make_unique<google::protobuf::DynamicMessageFactory>();
  }
  return std::unique_ptr<google::protobuf::Message>(
      factory_->GetPrototype(&type)->New());
}

bool MethodFinder::Reflect(const std::string& service) {
  if (pool_.FindServiceByName(service) != nullptr) return true;
  ServerReflectionRequest request;
  request.set_file_containing_symbol(service);
  for (const char* version : {"v1", "v1alpha"}) {
    grpc::ClientContext context;
    if (!connection_.Prepare(context)) return false;
    bool asked = false;
    ServerReflectionResponse response;
    const grpc::Status status = RunGenericCall(
        connection_.channel(), context,
        absl::StrCat("/grpc.reflection.", version,
                     ".ServerReflection/ServerReflectionInfo"),
        [&]() -> std::optional<std::string> {
          if (asked) return std::nullopt;
          asked = true;
          return request.SerializeAsString();
        },
        [&](const std::string& bytes) { response.ParseFromString(bytes); });
    if (!status.ok() || !response.has_file_descriptor_response()) continue;
    std::map<std::string, FileDescriptorProto> files;
    for (const std::string& bytes :
         response.file_descriptor_response().file_descriptor_proto()) {
      FileDescriptorProto file;
      if (!file.ParseFromString(bytes)) return false;
      files.emplace(file.name(), std::move(file));
    }
    for (const auto& [name, file] : files) {
      if (!Build(name, files, pool_)) return false;
    }
    return pool_.FindServiceByName(service) != nullptr;
  }
  return false;
}

}  // namespace mitra::cli
