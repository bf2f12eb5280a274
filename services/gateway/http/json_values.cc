#include "services/gateway/http/json_values.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "common/status/errors.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/field_mask_util.h"
#include "google/protobuf/util/time_util.h"

namespace mitra::gateway::internal {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kMaxListedValues = 24;

// The value as text, if it is a JSON string or a query parameter.
std::optional<absl::string_view> TextOf(const JsonScalar& value) {
  if (const auto* text = std::get_if<absl::string_view>(&value)) return *text;
  if (const auto* text = std::get_if<UntypedText>(&value)) return text->text;
  return std::nullopt;
}

template <typename Number>
std::optional<Number> ParseWhole(absl::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return number;
}

template <typename Integer>
std::optional<Integer> IntegerOf(const JsonScalar& value) {
  using Limits = std::numeric_limits<Integer>;
  if (const auto text = TextOf(value)) return ParseWhole<Integer>(*text);
  if (const auto* number = std::get_if<int64_t>(&value)) {
    if (std::is_unsigned_v<Integer> && *number < 0) return std::nullopt;
    if (!std::is_unsigned_v<Integer> &&
        (*number < static_cast<int64_t>(Limits::min()) ||
         *number > static_cast<int64_t>(Limits::max()))) {
      return std::nullopt;
    }
    if (std::is_unsigned_v<Integer> &&
        static_cast<uint64_t>(*number) > Limits::max()) {
      return std::nullopt;
    }
    return static_cast<Integer>(*number);
  }
  if (const auto* number = std::get_if<uint64_t>(&value)) {
    if (*number > static_cast<uint64_t>(Limits::max())) return std::nullopt;
    return static_cast<Integer>(*number);
  }
  if (const auto* number = std::get_if<double>(&value)) {
    // 1e3 and 5.0 are integers; above 2^53 digits may already be lost.
    if (std::trunc(*number) != *number || std::abs(*number) > 0x1p53) {
      return std::nullopt;
    }
    if (*number < static_cast<double>(Limits::min()) ||
        *number > static_cast<double>(Limits::max())) {
      return std::nullopt;
    }
    return static_cast<Integer>(*number);
  }
  return std::nullopt;
}

std::optional<double> DoubleOf(const JsonScalar& value) {
  if (const auto text = TextOf(value)) {
    // The mapping's "NaN" and "Infinity" too are no numbers for this API.
    const auto number = ParseWhole<double>(*text);
    // from_chars knows "inf" and "nan"; JSON does not.
    return number && std::isfinite(*number) ? number : std::nullopt;
  }
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return static_cast<double>(*number);
  }
  if (const auto* number = std::get_if<uint64_t>(&value)) {
    return static_cast<double>(*number);
  }
  if (const auto* number = std::get_if<double>(&value)) return *number;
  return std::nullopt;
}

std::optional<bool> BoolOf(const JsonScalar& value) {
  if (const auto* word = std::get_if<bool>(&value)) return *word;
  if (const auto* text = std::get_if<UntypedText>(&value)) {
    if (text->text == "true") return true;
    if (text->text == "false") return false;
  }
  return std::nullopt;
}

const EnumValueDescriptor* EnumOf(const JsonScalar& value,
                                  const EnumDescriptor* type) {
  if (const auto text = TextOf(value)) {
    const auto* word = type->FindValueByName(std::string(*text));
    if (word != nullptr || std::holds_alternative<absl::string_view>(value)) {
      return word;
    }
  }
  const auto number = IntegerOf<int32_t>(value);
  return number ? type->FindValueByNumber(*number) : nullptr;
}

absl::Status BadEnum(const JsonScalar& value, const EnumDescriptor* type,
                     absl::string_view path) {
  std::string description = "unknown value";
  if (const auto text = TextOf(value)) {
    absl::StrAppend(&description, " ", SafeName(*text));
  }
  absl::StrAppend(&description, "; one of ");
  for (int i = 0; i < type->value_count() && i < kMaxListedValues; ++i) {
    absl::StrAppend(&description, i == 0 ? "" : ", ", type->value(i)->name());
  }
  return InvalidField(path, description);
}

std::optional<std::string> BytesOf(absl::string_view text) {
  std::string bytes;
  if (absl::Base64Unescape(text, &bytes)) return bytes;
  if (absl::WebSafeBase64Unescape(text, &bytes)) return bytes;
  return std::nullopt;
}

absl::Status SetTextMessage(absl::string_view text, const Descriptor* type,
                            absl::string_view path, Message& message) {
  const std::string value(text);
  if (type == google::protobuf::Timestamp::descriptor()) {
    google::protobuf::Timestamp time;
    if (!google::protobuf::util::TimeUtil::FromString(value, &time)) {
      return InvalidField(path, "not a time; the form is 2026-01-31T12:00:00Z");
    }
    message.CopyFrom(time);
  } else if (type == google::protobuf::Duration::descriptor()) {
    google::protobuf::Duration duration;
    if (!google::protobuf::util::TimeUtil::FromString(value, &duration)) {
      return InvalidField(path, "not a duration; the form is 1.5s");
    }
    message.CopyFrom(duration);
  } else {
    google::protobuf::FieldMask mask;
    if (!google::protobuf::util::FieldMaskUtil::FromJsonString(value, &mask)) {
      return InvalidField(path,
                          "not a field mask; the form is displayName,facets");
    }
    message.CopyFrom(mask);
  }
  return absl::OkStatus();
}

// Calls Set or Add of the reflection, by whether the field is repeated.
#define MITRA_PUT(Type, value)                                          \
  (field->is_repeated() ? reflection->Add##Type(&message, field, value) \
                        : reflection->Set##Type(&message, field, value))

absl::Status PutInteger(const JsonScalar& value, const FieldDescriptor* field,
                        absl::string_view path, Message& message) {
  const Reflection* reflection = message.GetReflection();
  bool fits = false;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      if (const auto number = IntegerOf<int32_t>(value)) {
        fits = true;
        MITRA_PUT(Int32, *number);
      }
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      if (const auto number = IntegerOf<uint32_t>(value)) {
        fits = true;
        MITRA_PUT(UInt32, *number);
      }
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      if (const auto number = IntegerOf<int64_t>(value)) {
        fits = true;
        MITRA_PUT(Int64, *number);
      }
      break;
    default:
      if (const auto number = IntegerOf<uint64_t>(value)) {
        fits = true;
        MITRA_PUT(UInt64, *number);
      }
      break;
  }
  if (fits) return absl::OkStatus();
  return InvalidField(path, absl::StrCat("not a whole number in the range of ",
                                         field->cpp_type_name()));
}

absl::Status PutReal(const JsonScalar& value, const FieldDescriptor* field,
                     absl::string_view path, Message& message) {
  const Reflection* reflection = message.GetReflection();
  const auto number = DoubleOf(value);
  if (!number) return InvalidField(path, "not a finite number");
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
    MITRA_PUT(Double, *number);
    return absl::OkStatus();
  }
  if (std::abs(*number) > std::numeric_limits<float>::max()) {
    return InvalidField(path, "not a number in the range of float");
  }
  MITRA_PUT(Float, static_cast<float>(*number));
  return absl::OkStatus();
}

absl::Status PutText(const JsonScalar& value, const FieldDescriptor* field,
                     absl::string_view path, Message& message) {
  const Reflection* reflection = message.GetReflection();
  const auto text = TextOf(value);
  if (!text) return InvalidField(path, "not a string");
  if (field->type() == FieldDescriptor::TYPE_BYTES) {
    std::optional<std::string> bytes = BytesOf(*text);
    if (!bytes) return InvalidField(path, "not base64");
    MITRA_PUT(String, *std::move(bytes));
    return absl::OkStatus();
  }
  if (FirstInvalidUtf8(*text)) return InvalidField(path, "must be UTF-8");
  if (text->find('\0') != absl::string_view::npos) {
    return InvalidField(path, "must not hold NUL");
  }
  MITRA_PUT(String, std::string(*text));
  return absl::OkStatus();
}

}  // namespace

const FieldDescriptor* FindField(const Descriptor* message,
                                 absl::string_view name) {
  const std::string key(name);
  const FieldDescriptor* field = message->FindFieldByName(key);
  if (field == nullptr) field = message->FindFieldByCamelcaseName(key);
  return field;
}

std::string SafeName(absl::string_view name) {
  if (name.empty() || name.size() > 64) return "(a name)";
  for (char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_') {
      return "(a name)";
    }
  }
  return std::string(name);
}

bool IsTextMessage(const Descriptor* message) {
  return message == google::protobuf::Timestamp::descriptor() ||
         message == google::protobuf::Duration::descriptor() ||
         message == google::protobuf::FieldMask::descriptor();
}

absl::Status SetScalar(const JsonScalar& value, const FieldDescriptor* field,
                       absl::string_view path, Message& message) {
  const Reflection* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return PutInteger(value, field, path, message);
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return PutReal(value, field, path, message);
    case FieldDescriptor::CPPTYPE_STRING:
      return PutText(value, field, path, message);
    case FieldDescriptor::CPPTYPE_BOOL: {
      const auto word = BoolOf(value);
      if (!word) return InvalidField(path, "not true or false");
      MITRA_PUT(Bool, *word);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* word = EnumOf(value, field->enum_type());
      if (word == nullptr) return BadEnum(value, field->enum_type(), path);
      MITRA_PUT(Enum, word);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const auto text = TextOf(value);
      if (!text || !IsTextMessage(field->message_type())) {
        return InvalidField(path, IsTextMessage(field->message_type())
                                      ? "not a string"
                                      : "not an object");
      }
      Message* target = field->is_repeated()
                            ? reflection->AddMessage(&message, field)
                            : reflection->MutableMessage(&message, field);
      return SetTextMessage(*text, field->message_type(), path, *target);
    }
  }
  return InvalidField(path, "cannot be given in JSON");
}

#undef MITRA_PUT

}  // namespace mitra::gateway::internal
