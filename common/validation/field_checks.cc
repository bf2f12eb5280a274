#include "common/validation/field_checks.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/base/utf8.h"
#include "google/protobuf/timestamp.pb.h"

namespace mitra {
namespace {

// Seconds of 1990-01-01 and 2100-01-01.
constexpr int64_t kEarliest = 631'152'000;
constexpr int64_t kLatest = 4'102'444'800;

size_t FindControl(absl::string_view text, bool lines) {
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = text[i];
    if (c >= 0x20 && c != 0x7F) continue;
    if (lines && (c == '\n' || c == '\r' || c == '\t')) continue;
    return i;
  }
  return absl::string_view::npos;
}

// What is wrong with a text, or nothing.
std::string TextFault(absl::string_view text, size_t max_bytes, bool lines) {
  if (text.size() > max_bytes) {
    return absl::StrCat("must have at most ", max_bytes, " bytes, has ",
                        text.size());
  }
  if (const auto at = FirstInvalidUtf8(text)) {
    return absl::StrCat("is not UTF-8 at byte ", *at);
  }
  if (const size_t at = FindControl(text, lines);
      at != absl::string_view::npos) {
    return absl::StrCat("has a control character at byte ", at);
  }
  return "";
}

}  // namespace

bool IsLanguageTag(absl::string_view tag) {
  return (tag.size() == 2 || tag.size() == 3) &&
         std::all_of(tag.begin(), tag.end(),
                     [](unsigned char c) { return absl::ascii_islower(c); });
}

std::string FieldPath::ToString() const {
  std::string text = parent_ == nullptr ? "" : parent_->ToString();
  if (!text.empty() && !name_.empty()) text += '.';
  absl::StrAppend(&text, name_);
  if (index_ >= 0) absl::StrAppend(&text, "[", index_, "]");
  return text;
}

void FieldChecks::Add(const FieldPath& field, absl::string_view description) {
  violations_.Add(field.ToString(), description);
}

void FieldChecks::Id(const FieldPath& field, absl::string_view id) {
  if (id.empty()) {
    Add(field, "is required");
  } else if (!IsValidId(id)) {
    Add(field,
        "must be 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -, beginning "
        "with a letter or digit");
  }
}

void FieldChecks::IdOrEmpty(const FieldPath& field, absl::string_view id) {
  if (!id.empty()) Id(field, id);
}

void FieldChecks::Text(const FieldPath& field, absl::string_view text,
                       size_t max_bytes) {
  const std::string fault = TextFault(text, max_bytes, /*lines=*/true);
  if (!fault.empty()) Add(field, fault);
}

void FieldChecks::Line(const FieldPath& field, absl::string_view text,
                       size_t max_bytes) {
  if (absl::StripAsciiWhitespace(text).empty()) {
    Add(field, "is required");
  } else {
    LineOrEmpty(field, text, max_bytes);
  }
}

void FieldChecks::LineOrEmpty(const FieldPath& field, absl::string_view text,
                              size_t max_bytes) {
  const std::string fault = TextFault(text, max_bytes, /*lines=*/false);
  if (!fault.empty()) Add(field, fault);
}

void FieldChecks::Count(const FieldPath& field, int count, int max) {
  if (count > max) {
    Add(field,
        absl::StrCat("must have at most ", max, " entries, has ", count));
  }
}

void FieldChecks::Number(const FieldPath& field, double value, double low,
                         double high) {
  if (!std::isfinite(value)) {
    Add(field, "must be a finite number");
  } else if (value < low || value > high) {
    Add(field,
        absl::StrCat("must be from ", low, " to ", high, ", is ", value));
  }
}

void FieldChecks::Time(const FieldPath& field,
                       const google::protobuf::Timestamp& time,
                       absl::Time latest) {
  if (time.nanos() < 0 || time.nanos() > 999'999'999) {
    Add(field, "has nanos outside 0 to 999999999");
  } else if (time.seconds() < kEarliest) {
    Add(field, "must not be before 1990");
  } else if (time.seconds() > kLatest || ToTime(time) > latest) {
    Add(field, absl::StrCat("must not be after ",
                            absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", latest,
                                             absl::UTCTimeZone())));
  }
}

void FieldChecks::Time(const FieldPath& field,
                       const google::protobuf::Timestamp& time) {
  Time(field, time, absl::FromUnixSeconds(kLatest));
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

void SetTime(absl::Time time, google::protobuf::Timestamp& proto) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  proto.set_seconds(seconds);
  proto.set_nanos(static_cast<int32_t>((time - absl::FromUnixSeconds(seconds)) /
                                       absl::Nanoseconds(1)));
}

}  // namespace mitra
