#include "services/gateway/api/openapi.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/version.h"
#include "common/status/errors.h"
#include "services/gateway/api/error_catalogue.h"
#include "services/gateway/api/json_schema.h"
#include "services/gateway/api/request_examples.h"
#include "services/gateway/http/error_body.h"

namespace mitra::gateway {
namespace {

namespace pb = google::protobuf;
using pb::FieldDescriptor;

// "PROFILE" of BACKEND_PROFILE, in lower case.
std::string Short(const std::string& value, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(value, prefix));
}

// The variables of a path, "profile.profile_id".
std::vector<std::string> VariablesOf(absl::string_view path) {
  std::vector<std::string> variables;
  for (size_t open = path.find('{'); open != absl::string_view::npos;
       open = path.find('{', open + 1)) {
    variables.emplace_back(
        path.substr(open + 1, path.find('}', open) - open - 1));
  }
  return variables;
}

Json Header(const char* name, const char* description) {
  return {{"name", name},
          {"in", "header"},
          {"description", description},
          {"schema", {{"type", "string"}}}};
}

// One operation: a method through one of its bindings.
class Operation {
 public:
  Operation(const Method& method, const HttpBinding& binding,
            const ProtoDocs& docs, JsonSchemas& schemas)
      : method_(method),
        binding_(binding),
        docs_(docs),
        schemas_(schemas),
        example_(RequestExampleOf(binding.verb, binding.path)) {}

  Json Describe(int number) {
    const auto& descriptor = *method_.descriptor;
    const std::string comment = docs_.CommentOf(descriptor);
    Json operation = {
        {"operationId",
         absl::StrCat(descriptor.service()->name(), "_", descriptor.name(),
                      number == 0 ? "" : absl::StrCat("_", number + 1))},
        {"tags", {descriptor.service()->name()}},
        {"summary", std::string(FirstSentence(comment))},
        {"description", comment}};
    Json parameters = Json::array();
    AddPath(parameters);
    if (binding_.body != "*") AddQuery(parameters);
    AddHeaders(parameters);
    operation["parameters"] = std::move(parameters);
    if (!binding_.body.empty()) operation["requestBody"] = Body();
    operation["responses"] = {
        {"200",
         {{"description", "The answer."},
          {"content",
           {{AnswerType(),
             {{"schema", schemas_.Of(*descriptor.output_type())}}}}}}},
        {"default", {{"$ref", "#/components/responses/Error"}}}};
    operation["x-mitra-policy"] = Policy();
    if (example_ != nullptr)
      operation["x-mitra-example"] = example_->at("order");
    return operation;
  }

 private:
  // Of a stream the schema is that of one line, or of the data of one event.
  const char* AnswerType() const {
    if (method_.descriptor->client_streaming()) return "application/x-ndjson";
    return method_.streaming() ? "text/event-stream" : "application/json";
  }

  void AddPath(Json& parameters) {
    for (const std::string& variable : VariablesOf(binding_.path)) {
      const auto path =
          FindFieldPath(method_.descriptor->input_type(), variable);
      if (path.empty()) continue;
      AddParameter({{"name", variable},
                    {"in", "path"},
                    {"required", true},
                    {"description", docs_.CommentOf(*path.back())},
                    {"schema", schemas_.Of(*path.back())}},
                   parameters);
    }
  }

  // Every field that stands neither in the path nor in the body.
  void AddQuery(Json& parameters) {
    const std::vector<std::string> variables = VariablesOf(binding_.path);
    const pb::Descriptor& request = *method_.descriptor->input_type();
    for (int i = 0; i < request.field_count(); ++i) {
      const FieldDescriptor& field = *request.field(i);
      if (field.name() == binding_.body || &field == method_.request_id_field ||
          std::find(variables.begin(), variables.end(), field.name()) !=
              variables.end()) {
        continue;
      }
      AddQueryField(field, "", parameters);
    }
  }

  // Members of messages are named by their path, "filter.text".
  void AddQueryField(const FieldDescriptor& field, const std::string& prefix,
                     Json& parameters) {
    const std::string name = prefix + field.json_name();
    const bool message = field.type() == FieldDescriptor::TYPE_MESSAGE;
    if (message &&
        absl::StartsWith(field.message_type()->full_name(), "mitra.v1.")) {
      const pb::Descriptor& inner = *field.message_type();
      // Lists of messages cannot stand in a query, nor what holds itself.
      if (field.is_repeated() || prefix.size() > 64) return;
      for (int i = 0; i < inner.field_count(); ++i) {
        AddQueryField(*inner.field(i), name + ".", parameters);
      }
      return;
    }
    AddParameter({{"name", name},
                  {"in", "query"},
                  {"description", docs_.CommentOf(field)},
                  {"schema", schemas_.Of(field)}},
                 parameters);
  }

  void AddParameter(Json parameter, Json& parameters) const {
    if (example_ != nullptr) {
      const Json& values = example_->at("parameters");
      const auto value = values.find(parameter["name"].get<std::string>());
      if (value != values.end()) parameter["example"] = *value;
    }
    parameters.push_back(std::move(parameter));
  }

  void AddHeaders(Json& parameters) const {
    if (method_.request_id_field != nullptr) {
      parameters.push_back(Header("Idempotency-Key",
                                  "Becomes `request_id`: a repeat of the "
                                  "same request does nothing more."));
    }
    if (!method_.etag_path.empty()) {
      parameters.push_back(
          Header("If-Match", "The ETag of the state that is to be replaced."));
    }
    parameters.push_back(
        Header("X-Request-Timeout", "How long to wait, `250ms` or `5s`."));
  }

  Json Body() {
    const pb::Descriptor& request = *method_.descriptor->input_type();
    const FieldDescriptor* field =
        binding_.body == "*" ? nullptr : request.FindFieldByName(binding_.body);
    const bool lines = method_.descriptor->client_streaming();
    Json content = {{"schema", field == nullptr ? schemas_.Of(request)
                                                : schemas_.Of(*field)}};
    if (example_ != nullptr && example_->contains("body")) {
      content["example"] = example_->at("body");
    }
    return {{"required", true},
            {"content",
             {{lines ? "application/x-ndjson" : "application/json",
               std::move(content)}}}};
  }

  Json Policy() const {
    const v1::MethodPolicy& policy = method_.policy;
    Json described = {
        {"grpc", method_.name},
        {"scope", policy.scope()},
        {"idempotency",
         Short(v1::Idempotency_Name(policy.idempotency()), "IDEMPOTENCY_")},
        {"criticality",
         Short(v1::Criticality_Name(policy.criticality()), "CRITICALITY_")},
        {"cost", policy.cost()},
        {"defaultTimeoutMs", policy.default_timeout_ms()},
        {"maxTimeoutMs", policy.max_timeout_ms()}};
    if (!policy.member_field().empty()) {
      described["memberField"] = policy.member_field();
    }
    return described;
  }

  const Method& method_;
  const HttpBinding& binding_;
  const ProtoDocs& docs_;
  JsonSchemas& schemas_;
  const Json* const example_;  // null: there is none
};

Json ErrorSchema() {
  return {
      {"type", "object"},
      {"description", "An error in the shape of AIP-193."},
      {"required", {"error"}},
      {"properties",
       {{"error",
         {{"type", "object"},
          {"required", {"code", "message", "status", "details"}},
          {"properties",
           {{"code",
             {{"type", "integer"}, {"description", "The HTTP status."}}},
            {"message", {{"type", "string"}}},
            {"status", {{"type", "string"}, {"description", "The gRPC code."}}},
            {"details",
             {{"type", "array"}, {"items", {{"type", "object"}}}}}}}}}}}};
}

const char* RepeatName(Repeat repeat) {
  switch (repeat) {
    case Repeat::kNever:
      return "never";
    case Repeat::kChange:
      return "after-reading-again";
    case Repeat::kLater:
      return "later";
  }
  return "never";
}

Json Errors() {
  Json errors = Json::array();
  for (const ErrorReason& reason : ErrorReasons()) {
    const absl::Status example =
        MakeError(reason.code, reason.reason, reason.meaning);
    errors.push_back({{"reason", std::string(reason.reason)},
                      {"httpStatus", HttpStatusOf(example)},
                      {"status", absl::StatusCodeToString(reason.code)},
                      {"retry", RepeatName(reason.repeat)},
                      {"meaning", std::string(reason.meaning)},
                      {"forPerson", std::string(reason.for_person)},
                      {"example", Json::parse(ErrorBody(example, "r-1"))}});
  }
  return errors;
}

}  // namespace

std::string OpenApiJson(const MethodTable& methods, const ProtoDocs& docs) {
  JsonSchemas schemas(docs);
  Json paths = Json::object();
  Json tags = Json::array();
  std::string service;
  for (const auto& method : methods.methods()) {
    if (method->bindings.empty()) continue;
    const auto& owner = *method->descriptor->service();
    if (owner.full_name() != service) {
      service = owner.full_name();
      tags.push_back(
          {{"name", owner.name()}, {"description", docs.CommentOf(owner)}});
    }
    int number = 0;
    for (const HttpBinding& binding : method->bindings) {
      paths[binding.path][absl::AsciiStrToLower(binding.verb)] =
          Operation(*method, binding, docs, schemas).Describe(number++);
    }
  }
  Json all = schemas.All();
  all["Error"] = ErrorSchema();
  const Json document = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Mitra"},
        {"version", std::string(kVersion)},
        {"description",
         "Recommends partners and mentors to small businesses, with reasons. "
         "Fields are as in the protos, in the JSON mapping of proto3."},
        {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", {{{"url", "/"}}}},
      {"security", {{{"bearer", Json::array()}}, {{"apiKey", Json::array()}}}},
      {"tags", tags},
      {"paths", paths},
      {"components",
       {{"schemas", all},
        {"responses",
         {{"Error",
           {{"description", "An error; `x-mitra-errors` lists the reasons."},
            {"content",
             {{"application/json",
               {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}}}}},
        {"securitySchemes",
         {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
          {"apiKey",
           {{"type", "apiKey"}, {"in", "header"}, {"name", "X-Api-Key"}}}}}}},
      {"x-mitra-errors", Errors()}};
  return document.dump();
}

}  // namespace mitra::gateway
