// Messages as JSON Schema (2020-12) in the JSON mapping of proto3.

#ifndef MITRA_SERVICES_GATEWAY_API_JSON_SCHEMA_H_
#define MITRA_SERVICES_GATEWAY_API_JSON_SCHEMA_H_

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "google/protobuf/descriptor.h"
#include "services/gateway/api/proto_docs.h"

namespace mitra::gateway {

using Json = nlohmann::ordered_json;

// Collects the schemas of all messages and enums that were referred to. Not
// thread-safe.
class JsonSchemas {
 public:
  explicit JsonSchemas(const ProtoDocs& docs) : docs_(docs) {}

  // A reference to a message's schema, or the schema itself for the types that
  // have a form of their own in JSON (times, durations, masks).
  Json Of(const google::protobuf::Descriptor& message);
  // The schema of a field's value; a list for a repeated one.
  Json Of(const google::protobuf::FieldDescriptor& field);

  // The schemas by name, with those that they refer to.
  Json All();

 private:
  Json OfEnum(const google::protobuf::EnumDescriptor& type);
  Json Single(const google::protobuf::FieldDescriptor& field);
  Json Describe(const google::protobuf::Descriptor& message);

  const ProtoDocs& docs_;
  std::set<const google::protobuf::Descriptor*> messages_;
  std::set<const google::protobuf::EnumDescriptor*> enums_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_API_JSON_SCHEMA_H_
