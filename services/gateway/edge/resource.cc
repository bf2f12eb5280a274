#include "services/gateway/edge/resource.h"

#include "common/base/ids.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace mitra::gateway {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

std::string IdOrNothing(std::string text) {
  return IsValidId(text) ? text : "";
}

// The last length-delimited value of field `number`, as parsing would keep it.
absl::string_view FindField(absl::string_view bytes, int number) {
  CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  absl::string_view found;
  while (const uint32_t tag = in.ReadTag()) {
    const bool wanted = WireFormatLite::GetTagFieldNumber(tag) == number &&
                        WireFormatLite::GetTagWireType(tag) ==
                            WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (!wanted) {
      if (!WireFormatLite::SkipField(&in, tag)) return {};
      continue;
    }
    uint32_t size = 0;
    if (!in.ReadVarint32(&size)) return {};
    const auto at = static_cast<size_t>(in.CurrentPosition());
    if (at + size > bytes.size()) return {};
    found = bytes.substr(at, size);
    if (!in.Skip(static_cast<int>(size))) return {};
  }
  return found;
}

}  // namespace

std::string ResourceOf(const Method& method,
                       const google::protobuf::Message& request) {
  if (method.resource_path.empty()) return "";
  const google::protobuf::Message* owner = &request;
  for (size_t i = 0; i + 1 < method.resource_path.size(); ++i) {
    owner =
        &owner->GetReflection()->GetMessage(*owner, method.resource_path[i]);
  }
  return IdOrNothing(
      owner->GetReflection()->GetString(*owner, method.resource_path.back()));
}

std::string ResourceOf(const Method& method, absl::string_view bytes) {
  if (method.resource_path.empty()) return "";
  for (const auto* field : method.resource_path) {
    bytes = FindField(bytes, field->number());
  }
  return IdOrNothing(std::string(bytes));
}

}  // namespace mitra::gateway
