#include "services/cli/input/line_reader.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/status/errors.h"

namespace mitra::cli {

LineReader::LineReader(std::istream& in, size_t max_bytes)
    : in_(in), max_bytes_(max_bytes) {}

absl::StatusOr<bool> LineReader::Next() {
  line_.clear();
  too_long_ = false;
  std::streambuf& buffer = *in_.rdbuf();
  bool any = false;
  for (int c = buffer.sbumpc(); c != EOF; c = buffer.sbumpc()) {
    any = true;
    if (c == '\n') break;
    if (line_.size() < max_bytes_) {
      line_.push_back(static_cast<char>(c));
    } else {
      too_long_ = true;  // the rest is read over
    }
  }
  if (!any) return false;
  ++number_;
  if (number_ == 1) {
    if (absl::StartsWith(line_, "\xff\xfe") ||
        absl::StartsWith(line_, "\xfe\xff")) {
      return InvalidField("line 1", "the file is UTF-16; save it as UTF-8");
    }
    if (absl::StartsWith(line_, "\xef\xbb\xbf")) line_.erase(0, 3);
  }
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  return true;
}

bool LineReader::blank() const {
  return !too_long_ && absl::StripAsciiWhitespace(line_).empty();
}

}  // namespace mitra::cli
