// Checks of single values from outside, each against the name of its field.

#ifndef MITRA_COMMON_VALIDATION_FIELD_CHECKS_H_
#define MITRA_COMMON_VALIDATION_FIELD_CHECKS_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/status/errors.h"

namespace google::protobuf {
class Timestamp;
}

namespace mitra {

// A primary language tag of ISO 639: 2 or 3 lower-case letters.
bool IsLanguageTag(absl::string_view tag);

// The way from a request's root to a field, for example
// "profile.facets[0].needs[2].quantity.amount". Costs nothing until it is
// spelt out. A child must not outlive its parent.
class FieldPath {
 public:
  // `root` may be empty: then fields stand at the top of the request.
  explicit FieldPath(absl::string_view root) : name_(root) {}
  // One of a list at the top: "profiles[3]".
  FieldPath(absl::string_view root, int index) : name_(root), index_(index) {}

  FieldPath Field(absl::string_view name) const {
    return FieldPath(this, name, -1);
  }
  FieldPath At(absl::string_view name, int index) const {
    return FieldPath(this, name, index);
  }
  std::string ToString() const;

 private:
  FieldPath(const FieldPath* parent, absl::string_view name, int index)
      : parent_(parent), name_(name), index_(index) {}

  const FieldPath* parent_ = nullptr;
  absl::string_view name_;
  int index_ = -1;
};

// Collects what is wrong with a message.
class FieldChecks {
 public:
  void Add(const FieldPath& field, absl::string_view description);
  bool ok() const { return violations_.empty(); }
  absl::Status ToStatus() const { return violations_.ToStatus(); }

  // The grammar of ids: `[A-Za-z0-9][A-Za-z0-9._~-]{0,63}`.
  void Id(const FieldPath& field, absl::string_view id);
  void IdOrEmpty(const FieldPath& field, absl::string_view id);
  // UTF-8 without NUL and control characters but line breaks and tabs, of at
  // most `max_bytes`.
  void Text(const FieldPath& field, absl::string_view text, size_t max_bytes);
  // The same without line breaks, and not empty.
  void Line(const FieldPath& field, absl::string_view text, size_t max_bytes);
  void LineOrEmpty(const FieldPath& field, absl::string_view text,
                   size_t max_bytes);
  void Count(const FieldPath& field, int count, int max);
  // Finite and within [low, high].
  void Number(const FieldPath& field, double value, double low, double high);
  // From 1990 until `latest`; 2100 for what lies in the future.
  void Time(const FieldPath& field, const google::protobuf::Timestamp& time,
            absl::Time latest);
  void Time(const FieldPath& field, const google::protobuf::Timestamp& time);

 private:
  FieldViolations violations_;
};

absl::Time ToTime(const google::protobuf::Timestamp& time);
void SetTime(absl::Time time, google::protobuf::Timestamp& proto);

}  // namespace mitra

#endif  // MITRA_COMMON_VALIDATION_FIELD_CHECKS_H_
