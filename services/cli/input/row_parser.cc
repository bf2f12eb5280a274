#include "services/cli/input/row_parser.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/utf8.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::cli {
namespace {

namespace util = google::protobuf::util;

constexpr absl::string_view kProfileColumns[] = {
    "profile_id", "kind",  "display_name", "about",    "region_code",
    "sectors",    "scale", "role",         "headline", "needs",
    "offers",     "seats", "languages"};
constexpr absl::string_view kEvidenceColumns[] = {
    "evidence_id", "author_id", "about_id",     "kind",
    "event_time",  "quality",   "external_ref", "note"};

// Said of a place in a line. What stands there is not repeated: it may be
// anything, and goes to a terminal.
constexpr absl::string_view kNotUtf8 =
    "is not UTF-8; save the file as UTF-8 (not Windows-1252 or Latin-1)";

template <typename Message>
absl::StatusOr<Row> ParseInto(absl::string_view json, const char* what) {
  Message message;
  util::JsonParseOptions options;
  options.case_insensitive_enum_parsing = false;
  const auto status = util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &message,
      options);
  if (!status.ok()) {
    return InvalidField(what, CutUtf8(std::string(status.message()), 300));
  }
  return Row(std::move(message));
}

// The object inside {"key": {…}} if the line has just that shape.
bool Unwrap(absl::string_view line, absl::string_view key,
            absl::string_view& inner) {
  absl::string_view rest = absl::StripAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&rest, "{") || !absl::ConsumeSuffix(&rest, "}")) {
    return false;
  }
  rest = absl::StripAsciiWhitespace(rest);
  if (!absl::ConsumePrefix(&rest, absl::StrCat("\"", key, "\""))) return false;
  rest = absl::StripAsciiWhitespace(rest);
  if (!absl::ConsumePrefix(&rest, ":")) return false;
  inner = absl::StripAsciiWhitespace(rest);
  return true;
}

template <typename Message>
std::string Wrap(const char* key, const Message& message) {
  std::string json;
  (void)util::MessageToJsonString(message, &json);
  return absl::StrCat("{\"", key, "\":", json, "}");
}

std::vector<std::string> Parts(absl::string_view cell) {
  std::vector<std::string> parts;
  for (absl::string_view part :
       absl::StrSplit(cell, ';', absl::SkipWhitespace())) {
    parts.emplace_back(absl::StripAsciiWhitespace(part));
  }
  return parts;
}

// "raw_material: tepung terigu".
template <typename Item>
absl::Status FillItems(absl::string_view cell, absl::string_view field,
                       google::protobuf::RepeatedPtrField<Item>& items) {
  for (const std::string& part : Parts(cell)) {
    const std::vector<std::string> halves =
        absl::StrSplit(part, absl::MaxSplits(':', 1));
    MITRA_ASSIGN_OR_RETURN(const int resource,
                           ParseEnumWord(*v1::Resource_descriptor(),
                                         "RESOURCE_", halves[0], field));
    Item& item = *items.Add();
    item.set_resource(static_cast<v1::Resource>(resource));
    if (halves.size() == 2) {
      item.set_text(std::string(absl::StripAsciiWhitespace(halves[1])));
    }
  }
  return absl::OkStatus();
}

absl::Status SetProfileCell(const std::string& column, const std::string& cell,
                            v1::Profile& profile, v1::Facet& facet) {
  if (column == "profile_id") profile.set_profile_id(cell);
  if (column == "display_name") profile.set_display_name(cell);
  if (column == "about") profile.set_about(cell);
  if (column == "region_code") profile.set_region_code(cell);
  if (column == "headline") facet.set_headline(cell);
  if (column == "kind") {
    MITRA_ASSIGN_OR_RETURN(const int value,
                           ParseEnumWord(*v1::MemberKind_descriptor(),
                                         "MEMBER_KIND_", cell, column));
    profile.set_kind(static_cast<v1::MemberKind>(value));
  }
  if (column == "scale") {
    MITRA_ASSIGN_OR_RETURN(
        const int value,
        ParseEnumWord(*v1::Scale_descriptor(), "SCALE_", cell, column));
    profile.set_scale(static_cast<v1::Scale>(value));
  }
  if (column == "role") {
    MITRA_ASSIGN_OR_RETURN(
        const int value,
        ParseEnumWord(*v1::Role_descriptor(), "ROLE_", cell, column));
    facet.set_role(static_cast<v1::Role>(value));
  }
  if (column == "sectors") {
    for (const std::string& code : Parts(cell)) {
      profile.add_sectors()->set_code(code);
    }
  }
  if (column == "languages") {
    for (const std::string& tag : Parts(cell)) profile.add_languages(tag);
  }
  if (column == "needs") {
    MITRA_RETURN_IF_ERROR(FillItems(cell, column, *facet.mutable_needs()));
  }
  if (column == "offers") {
    MITRA_RETURN_IF_ERROR(FillItems(cell, column, *facet.mutable_offers()));
  }
  if (column == "seats") {
    uint32_t seats = 0;
    if (!absl::SimpleAtoi(cell, &seats)) {
      return InvalidField(column, "must be a whole number");
    }
    facet.mutable_seats()->set_total(seats);
  }
  return absl::OkStatus();
}

absl::Status SetEvidenceCell(const std::string& column, const std::string& cell,
                             v1::Evidence& evidence) {
  if (column == "evidence_id") evidence.set_evidence_id(cell);
  if (column == "author_id") evidence.set_author_id(cell);
  if (column == "about_id") evidence.set_about_id(cell);
  if (column == "external_ref") evidence.set_external_ref(cell);
  if (column == "note") evidence.set_note(cell);
  if (column == "kind") {
    MITRA_ASSIGN_OR_RETURN(const int value,
                           ParseEnumWord(*v1::EvidenceKind_descriptor(),
                                         "EVIDENCE_KIND_", cell, column));
    evidence.set_kind(static_cast<v1::EvidenceKind>(value));
  }
  if (column == "event_time") {
    const std::string full =
        cell.size() == 10 ? absl::StrCat(cell, "T00:00:00Z") : cell;
    if (!util::TimeUtil::FromString(full, evidence.mutable_event_time())) {
      return InvalidField(column, "must be a date or time, 2026-01-31");
    }
  }
  if (column == "quality") {
    double quality = 0;
    if (!absl::SimpleAtod(cell, &quality)) {
      return InvalidField(column, "must be a number from 0 to 1");
    }
    evidence.set_quality(quality);
  }
  return absl::OkStatus();
}

// "mentor, partner": all values but the unspecified one, as people write them.
std::string WordsOf(const google::protobuf::EnumDescriptor& type,
                    absl::string_view prefix) {
  std::string words;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() == 0) continue;
    absl::string_view name = type.value(i)->name();
    absl::ConsumePrefix(&name, prefix);
    absl::StrAppend(&words, words.empty() ? "" : ", ",
                    absl::AsciiStrToLower(name));
  }
  return words;
}

}  // namespace

absl::StatusOr<int> ParseEnumWord(const google::protobuf::EnumDescriptor& type,
                                  absl::string_view prefix,
                                  absl::string_view word,
                                  absl::string_view field) {
  std::string name = absl::AsciiStrToUpper(absl::StripAsciiWhitespace(word));
  std::replace(name.begin(), name.end(), '-', '_');
  if (!absl::StartsWith(name, prefix)) name = absl::StrCat(prefix, name);
  const auto* value = type.FindValueByName(name);
  if (value == nullptr || value->number() == 0) {
    return InvalidField(field,
                        absl::StrCat("\"", CutUtf8(word, 40), "\" is none of ",
                                     WordsOf(type, prefix)));
  }
  return value->number();
}

absl::StatusOr<Row> ParseJsonRow(absl::string_view line) {
  if (const auto at = FirstInvalidUtf8(line)) {
    return InvalidField(absl::StrCat("byte ", *at + 1), kNotUtf8);
  }
  absl::string_view inner;
  if (Unwrap(line, "profile", inner)) {
    return ParseInto<v1::Profile>(inner, "profile");
  }
  if (Unwrap(line, "evidence", inner)) {
    return ParseInto<v1::Evidence>(inner, "evidence");
  }
  if (Unwrap(line, "consent", inner)) {
    return ParseInto<v1::Consent>(inner, "consent");
  }
  if (Unwrap(line, "block", inner)) {
    return ParseInto<v1::Block>(inner, "block");
  }
  return ParseInto<v1::Profile>(line, "profile");
}

std::string ToJsonRow(const v1::Profile& p) { return Wrap("profile", p); }
std::string ToJsonRow(const v1::Evidence& e) { return Wrap("evidence", e); }
std::string ToJsonRow(const v1::Consent& c) { return Wrap("consent", c); }
std::string ToJsonRow(const v1::Block& b) { return Wrap("block", b); }
std::string ToJsonRow(const v1::Engagement& e) { return Wrap("engagement", e); }
std::string ToJsonRow(const v1::Feedback& f) { return Wrap("feedback", f); }

absl::StatusOr<CsvSchema> CsvSchema::FromHeader(
    const std::vector<std::string>& header, bool evidence) {
  CsvSchema schema;
  schema.evidence_ = evidence;
  const auto known = evidence
                         ? absl::Span<const absl::string_view>(kEvidenceColumns)
                         : absl::Span<const absl::string_view>(kProfileColumns);
  for (size_t i = 0; i < header.size(); ++i) {
    const std::string& name = header[i];
    if (FirstInvalidUtf8(name)) {
      return InvalidField(absl::StrCat("column ", i + 1), kNotUtf8);
    }
    const std::string column =
        absl::AsciiStrToLower(absl::StripAsciiWhitespace(name));
    if (std::find(known.begin(), known.end(), column) == known.end()) {
      return InvalidField(CutUtf8(column, 60), "is not a column it knows");
    }
    if (std::find(schema.columns_.begin(), schema.columns_.end(), column) !=
        schema.columns_.end()) {
      return InvalidField(column, "stands twice");
    }
    schema.columns_.push_back(column);
  }
  const std::string key = evidence ? "author_id" : "profile_id";
  if (std::find(schema.columns_.begin(), schema.columns_.end(), key) ==
      schema.columns_.end()) {
    return InvalidField(key, "is a column that must be there");
  }
  return schema;
}

absl::StatusOr<Row> CsvSchema::ParseRecord(
    const std::vector<std::string>& cells) const {
  if (cells.size() != columns_.size()) {
    return InvalidField(
        "row", absl::StrCat("has ", cells.size(), " cells, the heading has ",
                            columns_.size()));
  }
  v1::Profile profile;
  v1::Facet facet;
  v1::Evidence evidence;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].empty()) continue;
    if (FirstInvalidUtf8(cells[i])) {
      return InvalidField(
          absl::StrCat("column ", i + 1, " (", columns_[i], ")"), kNotUtf8);
    }
    MITRA_RETURN_IF_ERROR(
        evidence_ ? SetEvidenceCell(columns_[i], cells[i], evidence)
                  : SetProfileCell(columns_[i], cells[i], profile, facet));
  }
  if (evidence_) return Row(std::move(evidence));
  *profile.add_facets() = std::move(facet);
  return Row(std::move(profile));
}

}  // namespace mitra::cli
