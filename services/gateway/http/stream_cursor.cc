#include "services/gateway/http/stream_cursor.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/errors.h"

namespace mitra::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Null unless there is a single field of that name and type.
const FieldDescriptor* Find(const Descriptor* type, const char* name,
                            FieldDescriptor::Type of) {
  const FieldDescriptor* field = type->FindFieldByName(name);
  if (field == nullptr || field->type() != of || field->is_repeated()) {
    return nullptr;
  }
  return field;
}

}  // namespace

StreamCursor::StreamCursor(const google::protobuf::MethodDescriptor& method) {
  if (!method.server_streaming() || method.client_streaming()) return;
  constexpr auto kNumber = FieldDescriptor::TYPE_UINT64;
  const Descriptor* in = method.input_type();
  const Descriptor* out = method.output_type();
  of_record_ = Find(in, "record_incarnation", kNumber);
  from_now_ = Find(in, "from_now", FieldDescriptor::TYPE_BOOL);
  revision_ = Find(out, "revision", kNumber);
  incarnation_ = Find(out, "record_incarnation", kNumber);
  if (of_record_ == nullptr || revision_ == nullptr ||
      incarnation_ == nullptr) {
    return;
  }
  after_ = Find(in, "after_revision", kNumber);
}

std::string StreamCursor::IdOf(const Message& answer) const {
  if (!known()) return "";
  const auto* reflection = answer.GetReflection();
  return absl::StrCat(reflection->GetUInt64(answer, incarnation_), "-",
                      reflection->GetUInt64(answer, revision_));
}

absl::Status StreamCursor::Resume(absl::string_view last_event_id,
                                  Message& request) const {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(last_event_id, absl::MaxSplits('-', 1));
  uint64_t incarnation = 0;
  uint64_t revision = 0;
  if (!absl::SimpleAtoi(parts.first, &incarnation) ||
      !absl::SimpleAtoi(parts.second, &revision)) {
    return InvalidField("Last-Event-ID", "the id of an event of this stream");
  }
  const auto* reflection = request.GetReflection();
  reflection->SetUInt64(&request, after_, revision);
  reflection->SetUInt64(&request, of_record_, incarnation);
  if (from_now_ != nullptr) reflection->ClearField(&request, from_now_);
  return absl::OkStatus();
}

}  // namespace mitra::gateway
