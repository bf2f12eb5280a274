// The protos with their comments, as they were when the program was built.

#ifndef MITRA_SERVICES_GATEWAY_API_PROTO_DOCS_H_
#define MITRA_SERVICES_GATEWAY_API_PROTO_DOCS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace mitra::gateway {

// Immutable; thread-safe.
class ProtoDocs {
 public:
  // INTERNAL if what was built in is broken.
  static absl::StatusOr<ProtoDocs> Create();

  // The leading comment of a service, method, message, field, enum or enum
  // value, as paragraphs of plain text; empty if there is none.
  std::string CommentOf(const google::protobuf::ServiceDescriptor& it) const;
  std::string CommentOf(const google::protobuf::MethodDescriptor& it) const;
  std::string CommentOf(const google::protobuf::Descriptor& it) const;
  std::string CommentOf(const google::protobuf::FieldDescriptor& it) const;
  std::string CommentOf(const google::protobuf::EnumDescriptor& it) const;
  std::string CommentOf(const google::protobuf::EnumValueDescriptor& it) const;

 private:
  ProtoDocs();
  // Keeps what comes from the source apart from the generated descriptors.
  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
};

// The first sentence of a comment.
absl::string_view FirstSentence(absl::string_view comment);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_API_PROTO_DOCS_H_
