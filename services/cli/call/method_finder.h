// Where `mitra call` learns what a method takes and gives: from the server by
// reflection, so that a server of another version can be called as well, or
// from the descriptors that this program was built with.

#ifndef MITRA_SERVICES_CLI_CALL_METHOD_FINDER_H_
#define MITRA_SERVICES_CLI_CALL_METHOD_FINDER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "services/cli/connection.h"

namespace mitra::cli {

// "mitra.v1.Profiles/GetProfile" for "Profiles/GetProfile",
// "Profiles.GetProfile", "/mitra.v1.Profiles/GetProfile" and the full name
// itself. INVALID_ARGUMENT if it is no method's name.
absl::StatusOr<std::string> FullMethodName(absl::string_view name);

// The public methods that this program knows, as "Profiles/GetProfile", in
// order.
std::vector<std::string> KnownMethods();

// Not thread-safe. Descriptors and messages live as long as the finder.
class MethodFinder {
 public:
  // Nothing is asked before Find.
  explicit MethodFinder(const Connection& connection);
  ~MethodFinder();

  // `name` as FullMethodName gives it. NOT_FOUND if neither the server nor
  // this program knows it.
  absl::StatusOr<const google::protobuf::MethodDescriptor*> Find(
      const std::string& name);

  // An empty message of that type.
  std::unique_ptr<google::protobuf::Message> New(
      const google::protobuf::Descriptor& type);

  // Whether the last method came from the server.
  bool from_server() const { return from_server_; }

 private:
  bool Reflect(const std::string& service);

  const Connection& connection_;
  google::protobuf::DescriptorPool pool_;
  std::unique_ptr<google::protobuf::DynamicMessageFactory> factory_;
  bool from_server_ = false;
};

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_CALL_METHOD_FINDER_H_
