#include "services/gateway/http/request_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "google/rpc/status.pb.h"
#include "services/gateway/http/json_codec.h"
#include "services/gateway/http/transcoder.h"

namespace mitra::gateway {
namespace {

constexpr size_t kPiece = 64 << 10;
constexpr size_t kMaxLine = 1 << 20;
constexpr size_t kMaxText = 64 << 20;

absl::Status TooLarge(absl::string_view what) {
  return MakeError(absl::StatusCode::kResourceExhausted, "MESSAGE_TOO_LARGE",
                   what);
}

}  // namespace

RequestLines::RequestLines(std::string body, bool packed,
                           const google::protobuf::Descriptor* type)
    : body_(std::move(body)), type_(type) {
  if (packed) {
    unpacked_ = std::make_unique<GzipReader>(body_);
  } else {
    text_ = body_;
    more_ = false;
  }
  using google::protobuf::FieldDescriptor;
  const FieldDescriptor* row = type->FindFieldByName("row");
  const FieldDescriptor* why = type->FindFieldByName("unreadable");
  if (row == nullptr || row->type() != FieldDescriptor::TYPE_UINT64 ||
      why == nullptr ||
      why->message_type() != google::rpc::Status::descriptor()) {
    return;
  }
  row_ = row;
  unreadable_ = why;
}

absl::Status RequestLines::AtLine(const absl::Status& status) const {
  absl::Status located(status.code(),
                       absl::StrCat("line ", number_, ": ", status.message()));
  status.ForEachPayload([&](absl::string_view type, const absl::Cord& detail) {
    located.SetPayload(type, detail);
  });
  return located;
}

bool RequestLines::NextLine() {
  line_.clear();
  too_long_ = false;
  for (;;) {
    const size_t end = text_.find('\n', at_);
    if (end != std::string::npos || !more_) {
      if (at_ >= text_.size() && !too_long_) return false;
      const size_t stop =
          end == std::string::npos ? std::max(at_, text_.size()) : end;
      too_long_ = too_long_ || stop - at_ > kMaxLine;
      if (!too_long_) line_ = text_.substr(at_, stop - at_);
      at_ = stop + 1;
      ++number_;
      return true;
    }
    if (total_ > kMaxText) {
      ++number_;
      status_ = AtLine(TooLarge("the body unpacks to more than 64 MiB"));
      return false;
    }
    text_.erase(0, at_);
    at_ = 0;
    if (text_.size() > kMaxLine) {
      too_long_ = true;  // the rest of it is read over
      text_.clear();
    }
    const size_t before = text_.size();
    const absl::StatusOr<bool> more = unpacked_->Read(kPiece, text_);
    if (!more.ok()) {
      status_ = more.status();
      return false;
    }
    total_ += text_.size() - before;
    more_ = *more;
  }
}

absl::Status RequestLines::ReadLine(google::protobuf::Message& request) const {
  if (too_long_) return TooLarge("is longer than 1 MiB");
  return ReadJson(line_, "", request);
}

void RequestLines::TellUnreadable(const absl::Status& why,
                                  google::protobuf::Message& request) const {
  const google::protobuf::Reflection& fields = *request.GetReflection();
  // The number may have been read before the fault.
  const uint64_t row = fields.GetUInt64(request, row_);
  request.Clear();
  fields.SetUInt64(&request, row_, row);
  fields.MutableMessage(&request, unreadable_)->CopyFrom(ToRpcStatus(why));
}

std::optional<rpc::RawMessage> RequestLines::Next() {
  while (status_.ok() && NextLine()) {
    if (!too_long_ && absl::StripAsciiWhitespace(line_).empty()) continue;
    const auto request = NewMessage(type_);
    const absl::Status read = ReadLine(*request);
    if (!read.ok()) {
      if (unreadable_ == nullptr) {
        status_ = AtLine(read);
        break;
      }
      TellUnreadable(AtLine(read), *request);
    }
    if (row_ != nullptr) {
      const google::protobuf::Reflection& fields = *request->GetReflection();
      if (fields.GetUInt64(*request, row_) == 0) {
        fields.SetUInt64(request.get(), row_, number_);
      }
    }
    return rpc::RawMessage::Of(*request);
  }
  return std::nullopt;
}

}  // namespace mitra::gateway
