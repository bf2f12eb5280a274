// All that the edge knows of the methods, read from the protos: where each is
// answered, what it demands of a credential, how HTTP reaches it. Adding an RPC
// to a proto is all it takes to offer it here.

#ifndef MITRA_SERVICES_GATEWAY_PROXY_METHOD_TABLE_H_
#define MITRA_SERVICES_GATEWAY_PROXY_METHOD_TABLE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "mitra/v1/options.pb.h"

namespace mitra::gateway {

// One way to reach a method over HTTP.
struct HttpBinding {
  // "GET", "PUT", "POST", "DELETE" or "PATCH".
  std::string verb;
  // "/v1/profiles/{profile_id}:recommend".
  std::string path;
  // The request field that holds the body; "*" for the whole message, empty
  // for none.
  std::string body;
};

// One method that clients may call.
struct Method {
  // "/mitra.v1.Profiles/GetProfile".
  std::string name;
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  v1::MethodPolicy policy;
  std::vector<HttpBinding> bindings;
  // The way to the field that must equal the member of a member credential;
  // empty closes the method to them.
  std::vector<const google::protobuf::FieldDescriptor*> member_path;
  // Fields of the request that the edge fills in, or null.
  const google::protobuf::FieldDescriptor* request_id_field = nullptr;
  const google::protobuf::FieldDescriptor* min_revision_field = nullptr;
  // The way to the id that the request is about: the first variable of its
  // path, else the member; empty if there is none. For the audit log.
  std::vector<const google::protobuf::FieldDescriptor*> resource_path;
  // The way to the request's etag; empty if it has none.
  std::vector<const google::protobuf::FieldDescriptor*> etag_path;

  bool streaming() const {
    return descriptor->client_streaming() || descriptor->server_streaming();
  }
  bool read_only() const {
    return policy.idempotency() == v1::IDEMPOTENCY_READ_ONLY;
  }
  // Streams are closed to member credentials: nobody checks their messages.
  bool open_to_members() const { return !member_path.empty() && !streaming(); }
  // The deadline of a call that asks for `asked` (absl::InfiniteFuture() for
  // none), at most the method's maximum from `now`.
  absl::Time DeadlineFor(absl::Time asked, absl::Time now) const;
};

// A field by its path, "evidence.author_id", each part but the last a single
// message; empty if there is no such field.
std::vector<const google::protobuf::FieldDescriptor*> FindFieldPath(
    const google::protobuf::Descriptor* message, absl::string_view path);

// What is wrong with the options of `method`; OK if it may be offered or is
// internal. INTERNAL, naming the method and the option.
absl::Status CheckOptions(const google::protobuf::MethodDescriptor* method);

// Immutable after Create(); thread-safe.
class MethodTable {
 public:
  // All methods of package mitra.v1 that are linked into the program, without
  // the internal ones. INTERNAL if a method's options are not complete.
  static absl::StatusOr<MethodTable> Create();

  // Null for unknown and internal methods.
  const Method* Find(absl::string_view name) const;
  // In the order of names.
  const std::vector<std::unique_ptr<const Method>>& methods() const {
    return methods_;
  }

 private:
  MethodTable() = default;

  std::vector<std::unique_ptr<const Method>> methods_;
  absl::flat_hash_map<std::string, const Method*> by_name_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_PROXY_METHOD_TABLE_H_
