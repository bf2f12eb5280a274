#include <charconv>
#include <cmath>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/field_mask_util.h"
#include "google/protobuf/util/time_util.h"
#include "services/gateway/http/json_codec.h"
#include "services/gateway/http/json_values.h"

namespace mitra::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;

template <typename Number>
void WriteReal(Number number, std::string& out) {
  if (std::isnan(number)) {
    out += "\"NaN\"";
  } else if (std::isinf(number)) {
    out += number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number);
    out.append(buffer, end.ptr);
  }
}

template <typename WellKnown>
WellKnown As(const Message& message) {
  WellKnown typed;
  typed.CopyFrom(message);
  return typed;
}

std::string TextOf(const Message& message) {
  const Descriptor* type = message.GetDescriptor();
  using google::protobuf::util::TimeUtil;
  if (type == google::protobuf::Timestamp::descriptor()) {
    return TimeUtil::ToString(As<google::protobuf::Timestamp>(message));
  }
  if (type == google::protobuf::Duration::descriptor()) {
    return TimeUtil::ToString(As<google::protobuf::Duration>(message));
  }
  std::string text;
  google::protobuf::util::FieldMaskUtil::ToJsonString(
      As<google::protobuf::FieldMask>(message), &text);
  return text;
}

void WriteFields(const Message& message, bool first, std::string& out);

void WriteAny(const Message& message, std::string& out) {
  const auto any = As<google::protobuf::Any>(message);
  out += "{\"@type\":";
  WriteJsonString(any.type_url(), out);
  const std::string& url = any.type_url();
  const Descriptor* type =
      DescriptorPool::generated_pool()->FindMessageTypeByName(
          url.substr(url.rfind('/') + 1));
  const Message* prototype =
      type == nullptr ? nullptr
                      : MessageFactory::generated_factory()->GetPrototype(type);
  if (prototype != nullptr) {
    std::unique_ptr<Message> inner(prototype->New());
    if (inner->ParseFromString(any.value())) {
      if (internal::IsTextMessage(type)) {
        out += ",\"value\":";
        WriteJson(*inner, out);
      } else {
        WriteFields(*inner, /*first=*/false, out);
      }
    }
  }
  out += '}';
}

// One value: of a plain field if `index` is negative, else an element.
void WriteValue(const Message& message, const FieldDescriptor* field, int index,
                std::string& out) {
  const Reflection* reflection = message.GetReflection();
  const bool one = index < 0;
#define MITRA_GET(Type)                        \
  (one ? reflection->Get##Type(message, field) \
       : reflection->GetRepeated##Type(message, field, index))
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      absl::StrAppend(&out, MITRA_GET(Int32));
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      absl::StrAppend(&out, MITRA_GET(UInt32));
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      absl::StrAppend(&out, "\"", MITRA_GET(Int64), "\"");
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      absl::StrAppend(&out, "\"", MITRA_GET(UInt64), "\"");
      return;
    case FieldDescriptor::CPPTYPE_FLOAT:
      WriteReal(MITRA_GET(Float), out);
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      WriteReal(MITRA_GET(Double), out);
      return;
    case FieldDescriptor::CPPTYPE_BOOL:
      out += MITRA_GET(Bool) ? "true" : "false";
      return;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = MITRA_GET(EnumValue);
      const auto* word = field->enum_type()->FindValueByNumber(number);
      if (word == nullptr) {
        absl::StrAppend(&out, number);
      } else {
        absl::StrAppend(&out, "\"", word->name(), "\"");
      }
      return;
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      const std::string& text =
          one ? reflection->GetStringReference(message, field, &scratch)
              : reflection->GetRepeatedStringReference(message, field, index,
                                                       &scratch);
      if (field->type() == FieldDescriptor::TYPE_BYTES) {
        absl::StrAppend(&out, "\"", absl::Base64Escape(text), "\"");
      } else {
        WriteJsonString(text, out);
      }
      return;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      WriteJson(MITRA_GET(Message), out);
      return;
  }
#undef MITRA_GET
}

void WriteMap(const Message& message, const FieldDescriptor* field,
              std::string& out) {
  const Reflection* reflection = message.GetReflection();
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    const Message& entry = reflection->GetRepeatedMessage(message, field, i);
    const FieldDescriptor* key = field->message_type()->map_key();
    std::string name;
    WriteValue(entry, key, -1, name);
    // Keys are strings in JSON, whatever their type.
    if (name.front() != '"') name = absl::StrCat("\"", name, "\"");
    std::string value;
    WriteValue(entry, field->message_type()->map_value(), -1, value);
    entries.emplace_back(std::move(name), std::move(value));
  }
  std::sort(entries.begin(), entries.end());
  out += '{';
  for (size_t i = 0; i < entries.size(); ++i) {
    absl::StrAppend(&out, i == 0 ? "" : ",", entries[i].first, ":",
                    entries[i].second);
  }
  out += '}';
}

void WriteFields(const Message& message, bool first, std::string& out) {
  const Reflection* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    absl::StrAppend(&out, std::exchange(first, false) ? "\"" : ",\"",
                    field->json_name(), "\":");
    if (field->is_map()) {
      WriteMap(message, field, out);
    } else if (field->is_repeated()) {
      out += '[';
      const int size = reflection->FieldSize(message, field);
      for (int i = 0; i < size; ++i) {
        if (i > 0) out += ',';
        WriteValue(message, field, i, out);
      }
      out += ']';
    } else {
      WriteValue(message, field, -1, out);
    }
  }
}

}  // namespace

void WriteJsonString(absl::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      case '<':  // harmless even if somebody puts it into a page
        out += "\\u003c";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppend(&out, "\\u", absl::Hex(c, absl::kZeroPad4));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void WriteJson(const Message& message, std::string& out) {
  const Descriptor* type = message.GetDescriptor();
  if (internal::IsTextMessage(type)) {
    WriteJsonString(TextOf(message), out);
  } else if (type == google::protobuf::Any::descriptor()) {
    WriteAny(message, out);
  } else {
    out += '{';
    WriteFields(message, /*first=*/true, out);
    out += '}';
  }
}

}  // namespace mitra::gateway
