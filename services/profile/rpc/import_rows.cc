#include "services/profile/rpc/import_rows.h"

#include <string>

#include "absl/strings/string_view.h"
#include "common/base/ids.h"
#include "common/rpc/wire_fault.h"
#include "common/status/errors.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace mitra::profile {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr uint32_t kRowsTag = (v1::ImportRequest::kRowsFieldNumber << 3) |
                              WireFormatLite::WIRETYPE_LENGTH_DELIMITED;

// Replaces what was read of a row by the reason why it is not all.
void MakeUnreadable(absl::string_view bytes, v1::ImportRequest& row) {
  const absl::Status why =
      rpc::ExplainMalformed(bytes, *v1::ImportRequest::descriptor());
  // What came before the fault has been read.
  const uint64_t number = row.row();
  const std::string id = row.profile().profile_id();
  row.Clear();
  row.set_row(number);
  if (IsValidId(id)) row.mutable_profile()->set_profile_id(id);
  *row.mutable_unreadable() = ToRpcStatus(why);
}

// Reads what follows the tag `tag` at `in`, a row or a field of the message's
// own row, whose bytes are gathered in `own`. False if the message is torn.
bool ReadPart(absl::string_view bytes, int start, uint32_t tag,
              CodedInputStream& in, v1::ImportRequest& message,
              std::string& own) {
  if (tag != kRowsTag) {
    if (!WireFormatLite::SkipField(&in, tag)) return false;
    const auto size = static_cast<size_t>(in.CurrentPosition() - start);
    own.append(bytes.data() + start, size);
    return true;
  }
  uint32_t size = 0;
  if (!in.ReadVarint32(&size)) return false;
  const auto at = static_cast<size_t>(in.CurrentPosition());
  if (size > bytes.size() - at) return false;
  const absl::string_view part = bytes.substr(at, size);
  v1::ImportRequest& row = *message.add_rows();
  if (!row.ParseFromArray(part.data(), static_cast<int>(size))) {
    MakeUnreadable(part, row);
  }
  return in.Skip(static_cast<int>(size));
}

v1::ImportRequest Salvage(absl::string_view bytes) {
  v1::ImportRequest message;
  CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  std::string own;
  bool torn = false;
  while (!torn) {
    const int start = in.CurrentPosition();
    const uint32_t tag = in.ReadTag();
    if (tag == 0) {
      torn = start != static_cast<int>(bytes.size());
      break;
    }
    torn = !ReadPart(bytes, start, tag, in, message, own);
  }
  v1::ImportRequest alone;
  if (!alone.ParseFromString(own)) MakeUnreadable(own, alone);
  message.MergeFrom(alone);
  if (torn) {
    const bool only =
        message.rows().empty() &&
        message.record_case() == v1::ImportRequest::RECORD_NOT_SET;
    MakeUnreadable(bytes, only ? message : *message.add_rows());
  }
  return message;
}

}  // namespace

v1::ImportRequest ReadImport(const rpc::RawMessage& raw) {
  v1::ImportRequest message;
  if (raw.ParseTo(message).ok()) return message;
  return Salvage(raw.ToString());
}

}  // namespace mitra::profile
