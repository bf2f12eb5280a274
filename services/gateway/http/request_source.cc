#include "services/gateway/http/request_source.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
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
  for (;;) {
    const size_t end = text_.find('\n', at_);
    if (end != std::string::npos || !more_) {
      if (at_ >= text_.size()) return false;
      const size_t stop = end == std::string::npos ? text_.size() : end;
      line_ = text_.substr(at_, stop - at_);
      at_ = stop + 1;
      ++number_;
      return true;
    }
    if (text_.size() - at_ > kMaxLine || total_ > kMaxText) {
      ++number_;
      status_ = AtLine(TooLarge(total_ > kMaxText
                                    ? "the body unpacks to more than 64 MiB"
                                    : "a line is longer than 1 MiB"));
      return false;
    }
    text_.erase(0, at_);
    at_ = 0;
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

std::optional<rpc::RawMessage> RequestLines::Next() {
  while (status_.ok() && NextLine()) {
    if (absl::StripAsciiWhitespace(line_).empty()) continue;
    if (line_.size() > kMaxLine) {
      status_ = AtLine(TooLarge("it is longer than 1 MiB"));
      break;
    }
    const auto request = NewMessage(type_);
    const absl::Status read = ReadJson(line_, "", *request);
    if (!read.ok()) {
      status_ = AtLine(read);
      break;
    }
    return rpc::RawMessage::Of(*request);
  }
  return std::nullopt;
}

}  // namespace mitra::gateway
