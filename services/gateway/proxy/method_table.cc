#include "services/gateway/proxy/method_table.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/status_macros.h"
#include "google/api/annotations.pb.h"
#include "google/protobuf/descriptor_database.h"

namespace mitra::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;

constexpr absl::string_view kFolder = "mitra/v1/";

HttpBinding BindingOf(const google::api::HttpRule& rule) {
  HttpBinding binding;
  binding.body = rule.body();
  switch (rule.pattern_case()) {
    case google::api::HttpRule::kGet:
      binding.verb = "GET";
      binding.path = rule.get();
      break;
    case google::api::HttpRule::kPut:
      binding.verb = "PUT";
      binding.path = rule.put();
      break;
    case google::api::HttpRule::kPost:
      binding.verb = "POST";
      binding.path = rule.post();
      break;
    case google::api::HttpRule::kDelete:
      binding.verb = "DELETE";
      binding.path = rule.delete_();
      break;
    case google::api::HttpRule::kPatch:
      binding.verb = "PATCH";
      binding.path = rule.patch();
      break;
    case google::api::HttpRule::PATTERN_NOT_SET:
      break;
  }
  return binding;
}

std::vector<HttpBinding> BindingsOf(const MethodDescriptor* method) {
  std::vector<HttpBinding> bindings;
  if (!method->options().HasExtension(google::api::http)) return bindings;
  const auto& rule = method->options().GetExtension(google::api::http);
  bindings.push_back(BindingOf(rule));
  for (const auto& more : rule.additional_bindings()) {
    bindings.push_back(BindingOf(more));
  }
  return bindings;
}

std::string NameOf(const MethodDescriptor* method) {
  return absl::StrCat("/", method->service()->full_name(), "/", method->name());
}

const FieldDescriptor* FieldOf(const Descriptor* message, const char* name,
                               FieldDescriptor::Type type) {
  const FieldDescriptor* field = message->FindFieldByName(name);
  if (field == nullptr || field->is_repeated() || field->type() != type) {
    return nullptr;
  }
  return field;
}

// The etag stands on the request itself or on the resource that its body is.
std::vector<const FieldDescriptor*> EtagPathOf(const Method& method) {
  const Descriptor* input = method.descriptor->input_type();
  auto path = FindFieldPath(input, "etag");
  for (const HttpBinding& binding : method.bindings) {
    if (!path.empty() || binding.body.empty() || binding.body == "*") continue;
    path = FindFieldPath(input, absl::StrCat(binding.body, ".etag"));
  }
  return path;
}

std::vector<const FieldDescriptor*> ResourcePathOf(const Method& method) {
  const Descriptor* input = method.descriptor->input_type();
  for (const HttpBinding& binding : method.bindings) {
    const size_t open = binding.path.find('{');
    if (open == std::string::npos) continue;
    const auto path = FindFieldPath(
        input, absl::string_view(binding.path)
                   .substr(open + 1, binding.path.find('}') - open - 1));
    if (!path.empty() && path.back()->type() == FieldDescriptor::TYPE_STRING) {
      return path;
    }
  }
  return method.member_path;
}

std::unique_ptr<const Method> MethodOf(const MethodDescriptor* descriptor) {
  auto method = std::make_unique<Method>();
  const Descriptor* input = descriptor->input_type();
  method->name = NameOf(descriptor);
  method->descriptor = descriptor;
  method->policy = descriptor->options().GetExtension(v1::policy);
  method->bindings = BindingsOf(descriptor);
  method->member_path = FindFieldPath(input, method->policy.member_field());
  method->request_id_field =
      FieldOf(input, "request_id", FieldDescriptor::TYPE_STRING);
  method->min_revision_field =
      FieldOf(input, "min_revision", FieldDescriptor::TYPE_UINT64);
  method->etag_path = EtagPathOf(*method);
  method->resource_path = ResourcePathOf(*method);
  return method;
}

std::vector<const FileDescriptor*> LinkedFiles() {
  // The pool itself cannot list its files.
  std::vector<std::string> names;
  DescriptorPool::internal_generated_database()->FindAllFileNames(&names);
  std::sort(names.begin(), names.end());
  std::vector<const FileDescriptor*> files;
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, kFolder)) continue;
    files.push_back(DescriptorPool::generated_pool()->FindFileByName(name));
  }
  return files;
}

}  // namespace

absl::Time Method::DeadlineFor(absl::Time asked, absl::Time now) const {
  if (asked == absl::InfiniteFuture()) {
    asked = now + absl::Milliseconds(policy.default_timeout_ms());
  }
  return std::min(asked, now + absl::Milliseconds(policy.max_timeout_ms()));
}

std::vector<const FieldDescriptor*> FindFieldPath(const Descriptor* message,
                                                  absl::string_view path) {
  std::vector<const FieldDescriptor*> fields;
  for (absl::string_view part : absl::StrSplit(path, '.')) {
    const FieldDescriptor* field =
        message == nullptr ? nullptr
                           : message->FindFieldByName(std::string(part));
    if (field == nullptr || field->is_repeated()) return {};
    fields.push_back(field);
    message = field->message_type();
  }
  return fields;
}

absl::Status CheckOptions(const MethodDescriptor* method) {
  const auto bad = [&](absl::string_view what) {
    return absl::InternalError(
        absl::StrCat(NameOf(method), ": option policy: ", what));
  };
  if (!method->options().HasExtension(v1::policy)) return bad("is missing");
  const v1::MethodPolicy& policy = method->options().GetExtension(v1::policy);
  if (policy.backend() == v1::BACKEND_UNSPECIFIED) return bad("no backend");
  if (policy.scope().empty()) return bad("no scope");
  if (policy.idempotency() == v1::IDEMPOTENCY_UNSPECIFIED) {
    return bad("no idempotency");
  }
  if (policy.criticality() == v1::CRITICALITY_UNSPECIFIED) {
    return bad("no criticality");
  }
  if (policy.cost() == 0) return bad("no cost");
  if (policy.default_timeout_ms() == 0 || policy.max_timeout_ms() == 0 ||
      policy.default_timeout_ms() > policy.max_timeout_ms()) {
    return bad("time-outs are missing or default is above the maximum");
  }
  const std::vector<HttpBinding> bindings = BindingsOf(method);
  if (policy.internal()) {
    if (!bindings.empty()) return bad("internal, but reachable over HTTP");
    return absl::OkStatus();
  }
  const bool streaming =
      method->client_streaming() || method->server_streaming();
  if (bindings.empty() && !streaming) return bad("no HTTP binding");
  for (const HttpBinding& binding : bindings) {
    if (binding.path.empty()) return bad("an HTTP binding without a path");
    if (method->client_streaming() &&
        (binding.verb != "POST" || binding.body != "*")) {
      return bad("an HTTP binding of a stream of requests must POST a body *");
    }
    if (method->client_streaming() &&
        binding.path.find('{') != std::string::npos) {
      return bad("an HTTP binding of a stream of requests with variables");
    }
    if (binding.body.empty() || binding.body == "*") continue;
    const auto* field = method->input_type()->FindFieldByName(binding.body);
    if (field == nullptr || field->message_type() == nullptr ||
        field->is_repeated()) {
      return bad("the HTTP body is not a message field of the request");
    }
  }
  if (policy.member_field().empty()) return absl::OkStatus();
  const auto path = FindFieldPath(method->input_type(), policy.member_field());
  if (path.empty() || path.back()->type() != FieldDescriptor::TYPE_STRING) {
    return bad("member_field is not a string field of the request");
  }
  return absl::OkStatus();
}

absl::StatusOr<MethodTable> MethodTable::Create() {
  MethodTable table;
  for (const FileDescriptor* file : LinkedFiles()) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const MethodDescriptor* descriptor = file->service(s)->method(m);
        MITRA_RETURN_IF_ERROR(CheckOptions(descriptor));
        if (descriptor->options().GetExtension(v1::policy).internal()) continue;
        table.methods_.push_back(MethodOf(descriptor));
      }
    }
  }
  std::sort(table.methods_.begin(), table.methods_.end(),
            [](const auto& a, const auto& b) { return a->name < b->name; });
  for (const auto& method : table.methods_) {
    table.by_name_.emplace(method->name, method.get());
  }
  return table;
}

const Method* MethodTable::Find(absl::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

}  // namespace mitra::gateway
