#include "services/gateway/http/transcoder.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/gateway/http/json_codec.h"

namespace mitra::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using FieldPath = std::vector<const FieldDescriptor*>;

constexpr size_t kMaxParameters = 2000;

absl::Status BodyError(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason, message);
}

// The request has fields that only a body can bring.
bool NeedsBody(const Route& route) {
  const Descriptor* input = route.method->descriptor->input_type();
  if (route.binding->body != "*") return !route.binding->body.empty();
  return input->field_count() > static_cast<int>(route.variables.size());
}

absl::Status ReadBody(const Route& route, absl::string_view body,
                      Message& request) {
  const std::string& field_name = route.binding->body;
  if (body.empty()) {
    if (!NeedsBody(route)) return absl::OkStatus();
    return BodyError("BODY_REQUIRED",
                     "the request needs a JSON object as its body");
  }
  if (field_name.empty()) {
    return BodyError("BODY_NOT_ALLOWED", "this request takes no body");
  }
  if (field_name == "*") return ReadJson(body, "", request);
  const FieldDescriptor* field =
      request.GetDescriptor()->FindFieldByName(field_name);
  return ReadJson(body, field_name,
                  *request.GetReflection()->MutableMessage(&request, field));
}

// As forms encode: a plus is a space.
std::optional<std::string> DecodeForm(absl::string_view text) {
  if (!absl::StrContains(text, '+')) return PercentDecode(text);
  return PercentDecode(absl::StrReplaceAll(text, {{"+", " "}}));
}

absl::Status ReadParameter(const Route& route, absl::string_view parameter,
                           Message& request) {
  const std::pair<absl::string_view, absl::string_view> split =
      absl::StrSplit(parameter, absl::MaxSplits('=', 1));
  const auto name = DecodeForm(split.first);
  const auto value = DecodeForm(split.second);
  if (!name || !value) {
    return InvalidField("query", "a parameter has a wrong percent escape");
  }
  const std::string& body = route.binding->body;
  if (body == "*") {
    return InvalidField("query", "this request has its fields in the body");
  }
  if (!body.empty()) {
    const std::string first = name->substr(0, name->find('.'));
    const Descriptor* input = request.GetDescriptor();
    const FieldDescriptor* field = input->FindFieldByName(first);
    if (field == nullptr) field = input->FindFieldByCamelcaseName(first);
    if (field != nullptr && field->name() == body) {
      return InvalidField(body, "stands in the body, not in the query");
    }
  }
  return SetFromText(*name, *value, request);
}

absl::Status ReadQuery(const Route& route, absl::string_view query,
                       Message& request) {
  const std::vector<absl::string_view> parameters =
      absl::StrSplit(query, '&', absl::SkipEmpty());
  if (parameters.size() > kMaxParameters) {
    return InvalidField(
        "query", absl::StrCat("more than ", kMaxParameters, " parameters"));
  }
  for (absl::string_view parameter : parameters) {
    MITRA_RETURN_IF_ERROR(ReadParameter(route, parameter, request));
  }
  return absl::OkStatus();
}

// Sets the string field at `path`; refuses if it already says another thing.
absl::Status SetAgreeing(const FieldPath& path, const std::string& value,
                         absl::string_view name, absl::string_view source,
                         Message& request) {
  Message* owner = &request;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    owner = owner->GetReflection()->MutableMessage(owner, path[i]);
  }
  const FieldDescriptor* field = path.back();
  const std::string given = owner->GetReflection()->GetString(*owner, field);
  if (!given.empty() && given != value) {
    return InvalidField(name, absl::StrCat("differs from the ", source));
  }
  owner->GetReflection()->SetString(owner, field, value);
  return absl::OkStatus();
}

bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c > 0x20 && c < 0x7f; });
}

absl::Status ReadHeaders(const Method& method, const RequestParts& parts,
                         Message& request) {
  if (parts.idempotency_key) {
    const absl::string_view key = *parts.idempotency_key;
    if (method.request_id_field == nullptr) {
      if (!method.read_only()) {
        return InvalidField("Idempotency-Key", "this request takes none");
      }
      // Harmless on reads, and some clients send it always.
    } else if (key.empty() || key.size() > 64 || !IsPrintable(key)) {
      return InvalidField("Idempotency-Key",
                          "1 to 64 bytes of printable ASCII without spaces");
    } else {
      MITRA_RETURN_IF_ERROR(SetAgreeing({method.request_id_field},
                                        std::string(key), "request_id",
                                        "header Idempotency-Key", request));
    }
  }
  if (parts.if_match) {
    absl::string_view tag = *parts.if_match;
    if (method.etag_path.empty()) {
      return InvalidField("If-Match", "this request takes none");
    }
    if (!absl::ConsumePrefix(&tag, "\"") || !absl::ConsumeSuffix(&tag, "\"") ||
        tag.empty() || !IsPrintable(tag) || absl::StrContains(tag, '"')) {
      return InvalidField("If-Match", "one strong entity tag, \"…\"");
    }
    std::string name = absl::StrJoin(method.etag_path, ".",
                                     [](std::string* out, const auto* field) {
                                       absl::StrAppend(out, field->name());
                                     });
    MITRA_RETURN_IF_ERROR(SetAgreeing(method.etag_path, std::string(tag), name,
                                      "header If-Match", request));
  }
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<Message> NewMessage(const Descriptor* type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()
          ->GetPrototype(type)
          ->New());
}

absl::StatusOr<std::unique_ptr<Message>> BuildRequest(
    const Route& route, const RequestParts& parts) {
  const Method& method = *route.method;
  const Descriptor* input = method.descriptor->input_type();
  std::unique_ptr<Message> request = NewMessage(input);
  MITRA_RETURN_IF_ERROR(ReadBody(route, parts.body, *request));
  MITRA_RETURN_IF_ERROR(ReadQuery(route, parts.query, *request));
  for (const auto& [name, value] : route.variables) {
    MITRA_RETURN_IF_ERROR(
        SetAgreeing(FindFieldPath(input, name), value, name, "path", *request));
  }
  MITRA_RETURN_IF_ERROR(ReadHeaders(method, parts, *request));
  return request;
}

std::string ETagOf(const Message& response) {
  const FieldDescriptor* field =
      response.GetDescriptor()->FindFieldByName("etag");
  if (field == nullptr || field->type() != FieldDescriptor::TYPE_STRING ||
      field->is_repeated()) {
    return "";
  }
  const std::string tag = response.GetReflection()->GetString(response, field);
  if (tag.empty() || !IsPrintable(tag) || absl::StrContains(tag, '"')) {
    return "";
  }
  return absl::StrCat("\"", tag, "\"");
}

}  // namespace mitra::gateway
