#include "services/gateway/api/json_schema.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mitra::gateway {
namespace {

namespace pb = google::protobuf;
using pb::FieldDescriptor;

// "Profile", "ListProfilesResponse.Result".
std::string NameOf(absl::string_view full_name) {
  return std::string(absl::StripPrefix(full_name, "mitra.v1."));
}

Json Reference(absl::string_view full_name) {
  return {{"$ref", absl::StrCat("#/components/schemas/", NameOf(full_name))}};
}

Json Integer(const char* format) {
  return {{"type", "integer"}, {"format", format}};
}

// 64-bit integers are text in JSON.
Json Integer64(const char* format, const char* pattern) {
  return {{"type", "string"}, {"format", format}, {"pattern", pattern}};
}

}  // namespace

Json JsonSchemas::Of(const pb::Descriptor& message) {
  const std::string& name = message.full_name();
  if (name == "google.protobuf.Timestamp") {
    return {{"type", "string"}, {"format", "date-time"}};
  }
  if (name == "google.protobuf.Duration") {
    return {{"type", "string"}, {"pattern", R"(^-?[0-9]+(\.[0-9]{1,9})?s$)"}};
  }
  if (name == "google.protobuf.FieldMask") {
    return {{"type", "string"},
            {"description", "Names of fields, divided by commas."}};
  }
  if (name == "google.protobuf.Empty") return {{"type", "object"}};
  if (name == "google.protobuf.Any") {
    return {{"type", "object"},
            {"properties", {{"@type", {{"type", "string"}}}}},
            {"additionalProperties", true}};
  }
  messages_.insert(&message);
  return Reference(name);
}

Json JsonSchemas::OfEnum(const pb::EnumDescriptor& type) {
  enums_.insert(&type);
  return Reference(type.full_name());
}

Json JsonSchemas::Single(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_BOOL:
      return {{"type", "boolean"}};
    case FieldDescriptor::TYPE_STRING:
      return {{"type", "string"}};
    case FieldDescriptor::TYPE_BYTES:
      return {{"type", "string"}, {"contentEncoding", "base64"}};
    case FieldDescriptor::TYPE_FLOAT:
      return {{"type", "number"}, {"format", "float"}};
    case FieldDescriptor::TYPE_DOUBLE:
      return {{"type", "number"}, {"format", "double"}};
    case FieldDescriptor::TYPE_INT32:
    case FieldDescriptor::TYPE_SINT32:
    case FieldDescriptor::TYPE_SFIXED32:
      return Integer("int32");
    case FieldDescriptor::TYPE_UINT32:
    case FieldDescriptor::TYPE_FIXED32: {
      Json schema = Integer("uint32");
      schema["minimum"] = 0;
      return schema;
    }
    case FieldDescriptor::TYPE_INT64:
    case FieldDescriptor::TYPE_SINT64:
    case FieldDescriptor::TYPE_SFIXED64:
      return Integer64("int64", "^-?[0-9]+$");
    case FieldDescriptor::TYPE_UINT64:
    case FieldDescriptor::TYPE_FIXED64:
      return Integer64("uint64", "^[0-9]+$");
    case FieldDescriptor::TYPE_ENUM:
      return OfEnum(*field.enum_type());
    case FieldDescriptor::TYPE_MESSAGE:
    case FieldDescriptor::TYPE_GROUP:
      return Of(*field.message_type());
  }
  return Json::object();
}

Json JsonSchemas::Of(const FieldDescriptor& field) {
  if (field.is_map()) {
    return {{"type", "object"},
            {"additionalProperties", Of(*field.message_type()->map_value())}};
  }
  if (!field.is_repeated()) return Single(field);
  return {{"type", "array"}, {"items", Single(field)}};
}

Json JsonSchemas::Describe(const pb::Descriptor& message) {
  Json properties = Json::object();
  Json required = Json::array();
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    Json schema = Of(field);
    std::string comment = docs_.CommentOf(field);
    if (absl::StrContains(comment, "Required.")) {
      required.push_back(field.json_name());
    }
    if (const auto* oneof = field.real_containing_oneof()) {
      absl::StrAppend(&comment, comment.empty() ? "" : " ",
                      "At most one field of `", oneof->name(), "` is set.");
    }
    if (!comment.empty()) schema["description"] = comment;
    properties[field.json_name()] = std::move(schema);
  }
  Json schema = {{"type", "object"}};
  if (std::string comment = docs_.CommentOf(message); !comment.empty()) {
    schema["description"] = std::move(comment);
  }
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

Json JsonSchemas::All() {
  std::map<std::string, Json> schemas;
  // Describing one may refer to others.
  for (bool more = true; more;) {
    more = false;
    for (const pb::Descriptor* message : std::set(messages_)) {
      const std::string name = NameOf(message->full_name());
      if (schemas.contains(name)) continue;
      schemas[name] = Describe(*message);
      more = true;
    }
  }
  for (const pb::EnumDescriptor* type : enums_) {
    Json values = Json::array();
    std::string text = docs_.CommentOf(*type);
    for (int i = 0; i < type->value_count(); ++i) {
      const pb::EnumValueDescriptor& value = *type->value(i);
      values.push_back(value.name());
      absl::StrAppend(&text, i == 0 ? "\n\n" : "\n", "- `", value.name(),
                      "`: ", docs_.CommentOf(value));
    }
    schemas[NameOf(type->full_name())] = {
        {"type", "string"}, {"enum", values}, {"description", text}};
  }
  Json all = Json::object();
  for (auto& [name, schema] : schemas) all[name] = std::move(schema);
  return all;
}

}  // namespace mitra::gateway
