// Rows of import files as records.

#ifndef MITRA_SERVICES_CLI_INPUT_ROW_PARSER_H_
#define MITRA_SERVICES_CLI_INPUT_ROW_PARSER_H_

#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mitra/v1/engagement.pb.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/feedback_service.pb.h"
#include "mitra/v1/profile.pb.h"
#include "mitra/v1/relation.pb.h"

namespace mitra::cli {

using Row = std::variant<v1::Profile, v1::Evidence, v1::Consent, v1::Block>;

// A line of NDJSON: {"profile": {…}}, {"evidence": {…}}, {"consent": {…}},
// {"block": {…}}, or a bare profile. INVALID_ARGUMENT naming what is wrong: an
// unknown field, an unknown enum word, broken JSON, the first byte (from 1)
// that is not UTF-8.
absl::StatusOr<Row> ParseJsonRow(absl::string_view line);

// The same row as a line of NDJSON.
std::string ToJsonRow(const v1::Profile& profile);
std::string ToJsonRow(const v1::Evidence& evidence);
std::string ToJsonRow(const v1::Consent& consent);
std::string ToJsonRow(const v1::Block& block);
// These cannot be imported.
std::string ToJsonRow(const v1::Engagement& engagement);
std::string ToJsonRow(const v1::Feedback& feedback);

// Turns CSV records into profiles or evidence. Immutable.
class CsvSchema {
 public:
  // From the heading row, in any order. INVALID_ARGUMENT naming a column that
  // is unknown, stands twice, is missing or is not UTF-8.
  static absl::StatusOr<CsvSchema> FromHeader(
      const std::vector<std::string>& header, bool evidence);

  // INVALID_ARGUMENT naming the column.
  absl::StatusOr<Row> ParseRecord(const std::vector<std::string>& cells) const;

 private:
  std::vector<std::string> columns_;
  bool evidence_ = false;
};

// The value of an enum word, short ("mentor") or full ("ROLE_MENTOR"), in any
// case. `prefix` is that of the full words. INVALID_ARGUMENT naming `field`.
absl::StatusOr<int> ParseEnumWord(const google::protobuf::EnumDescriptor& type,
                                  absl::string_view prefix,
                                  absl::string_view word,
                                  absl::string_view field);

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_INPUT_ROW_PARSER_H_
