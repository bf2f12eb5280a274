#include "services/profile/ingest/request_validation.h"

#include <xxhash.h>

#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/page_token.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/feedback_service.pb.h"
#include "mitra/v1/relations_service.pb.h"

namespace mitra::profile {
namespace {

constexpr size_t kMaxTokenBytes = 512;
constexpr absl::Duration kTokenLife = absl::Hours(24);

bool IsPrintable(absl::string_view text) {
  for (const char c : text) {
    if (c < 0x21 || c > 0x7E) return false;
  }
  return true;
}

uint64_t HashOf(absl::string_view query) {
  return XXH3_64bits(query.data(), query.size());
}

template <typename Enum>
void Known(FieldChecks& checks, const FieldPath& path, Enum value,
           bool (*is_valid)(int), bool required) {
  if (!is_valid(value)) {
    checks.Add(path, absl::StrCat("unknown value ", value));
  } else if (required && value == 0) {
    checks.Add(path, "is required");
  }
}

}  // namespace

absl::Status ValidateEvidence(const v1::Evidence& evidence,
                              const FieldPath& path, absl::Time now) {
  FieldChecks checks;
  checks.IdOrEmpty(path.Field("evidence_id"), evidence.evidence_id());
  checks.Id(path.Field("author_id"), evidence.author_id());
  checks.Id(path.Field("about_id"), evidence.about_id());
  if (!evidence.about_id().empty() &&
      evidence.about_id() == evidence.author_id()) {
    checks.Add(path.Field("about_id"), "must not be the author");
  }
  Known(checks, path.Field("kind"), evidence.kind(), v1::EvidenceKind_IsValid,
        true);
  if (evidence.has_event_time()) {
    checks.Time(path.Field("event_time"), evidence.event_time(),
                now + absl::Hours(24));
  } else {
    checks.Add(path.Field("event_time"), "is required");
  }
  if (evidence.has_quality()) {
    checks.Number(path.Field("quality"), evidence.quality(), 0, 1);
  }
  checks.LineOrEmpty(path.Field("external_ref"), evidence.external_ref(), 128);
  checks.Text(path.Field("note"), evidence.note(), 2000);
  Known(checks, path.Field("contest_state"), evidence.contest_state(),
        v1::ContestState_IsValid, false);
  return checks.ToStatus();
}

absl::Status ValidateFeedback(const v1::Feedback& feedback,
                              const FieldPath& path, absl::Time now) {
  FieldChecks checks;
  const std::string& token = feedback.attribution_token();
  if (token.empty()) {
    checks.Add(path.Field("attribution_token"), "is required");
  } else if (token.size() > kMaxTokenBytes || !IsPrintable(token)) {
    checks.Add(path.Field("attribution_token"), "is not a token");
  }
  Known(checks, path.Field("kind"), feedback.kind(), v1::FeedbackKind_IsValid,
        true);
  if (feedback.has_event_time()) {
    checks.Time(path.Field("event_time"), feedback.event_time(),
                now + absl::Hours(24));
  }
  static constexpr absl::string_view kReasons[] = {
      "", "not_relevant", "too_far", "already_know", "other"};
  bool known_reason = false;
  for (absl::string_view reason : kReasons) {
    known_reason = known_reason || feedback.reason_code() == reason;
  }
  if (!known_reason) {
    checks.Add(path.Field("reason_code"), "is not a known reason");
  }
  Known(checks, path.Field("outcome"), feedback.outcome(),
        v1::OutcomeKind_IsValid, feedback.kind() == v1::FEEDBACK_KIND_OUTCOME);
  checks.Number(path.Field("amount"), feedback.amount(), 0, 1e15);
  checks.LineOrEmpty(path.Field("external_ref"), feedback.external_ref(), 128);
  return checks.ToStatus();
}

absl::Status ValidateConsent(const v1::Consent& consent,
                             const FieldPath& path) {
  FieldChecks checks;
  checks.Id(path.Field("profile_id"), consent.profile_id());
  Known(checks, path.Field("purpose"), consent.purpose(),
        v1::ConsentPurpose_IsValid, true);
  checks.Line(path.Field("receipt_id"), consent.receipt_id(), 128);
  return checks.ToStatus();
}

absl::Status ValidateBlock(const v1::Block& block, const FieldPath& path) {
  FieldChecks checks;
  checks.Id(path.Field("blocker_id"), block.blocker_id());
  checks.Id(path.Field("blocked_id"), block.blocked_id());
  if (!block.blocked_id().empty() && block.blocker_id() == block.blocked_id()) {
    checks.Add(path.Field("blocked_id"), "must not be the blocker");
  }
  return checks.ToStatus();
}

absl::Status ValidateRequestId(absl::string_view request_id) {
  if (request_id.size() <= 64 && IsPrintable(request_id)) {
    return absl::OkStatus();
  }
  return InvalidField("request_id",
                      "must be at most 64 bytes of printable ASCII");
}

absl::Status ValidateBatchSize(absl::string_view field, int size, int max) {
  if (size >= 1 && size <= max) return absl::OkStatus();
  return InvalidField(
      field, absl::StrCat("must have 1 to ", max, " entries, has ", size));
}

absl::StatusOr<size_t> PageSize(int32_t page_size) {
  if (page_size < 0) {
    return InvalidField("page_size",
                        absl::StrCat("must be >= 0, is ", page_size));
  }
  if (page_size == 0) return size_t{100};
  return static_cast<size_t>(page_size > 1000 ? 1000 : page_size);
}

// The key is only there so that a token is not changed by accident or out of
// curiosity: what it could reach, a query reaches as well.
PageTokens::PageTokens(absl::string_view record_key, const Clock& clock)
    : key_(absl::StrCat(record_key, record_key)), clock_(clock) {}

std::string PageTokens::Encode(absl::string_view query,
                               absl::string_view after) const {
  return EncodePageToken(key_, after, HashOf(query), clock_.Now() + kTokenLife);
}

absl::StatusOr<std::string> PageTokens::Decode(absl::string_view query,
                                               absl::string_view token) const {
  if (token.empty()) return std::string();
  return DecodePageToken(key_, token, "page_token", HashOf(query),
                         clock_.Now());
}

std::string EncodeEtag(uint64_t record_incarnation, uint64_t revision) {
  return absl::StrCat(
      absl::Hex(static_cast<uint32_t>(record_incarnation), absl::kZeroPad8),
      "-", revision);
}

absl::StatusOr<std::optional<uint64_t>> DecodeEtag(absl::string_view field,
                                                   uint64_t record_incarnation,
                                                   absl::string_view etag) {
  if (etag.empty()) return std::optional<uint64_t>();
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(etag, absl::MaxSplits('-', 1));
  uint64_t revision = 0;
  if (etag.size() > 64 || parts.first.size() != 8 ||
      !absl::SimpleAtoi(parts.second, &revision)) {
    return InvalidField(field, "is not an etag of this service");
  }
  if (etag != EncodeEtag(record_incarnation, revision)) {
    return std::optional<uint64_t>(std::numeric_limits<uint64_t>::max());
  }
  return std::optional<uint64_t>(revision);
}

}  // namespace mitra::profile
