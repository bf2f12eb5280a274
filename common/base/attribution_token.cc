#include "common/base/attribution_token.h"

#include "common/base/byte_codec.h"
#include "common/base/sealed_token.h"

namespace mitra {
namespace {

constexpr char kContext[] = "attribution";
constexpr char kFormat = 2;
// Without the mark of chance; good until the last of them has ended.
constexpr char kFormerFormat = 1;

void PutText(std::string& out, absl::string_view text) {
  PutBytes(out, static_cast<uint8_t>(text.size()));
  out.append(text.data(), text.size());
}

std::string GetText(ByteReader& in) {
  const uint8_t size = in.Get<uint8_t>();
  return std::string(in.Text(size));
}

}  // namespace

std::string EncodeAttribution(absl::string_view key,
                              const Attribution& attribution, absl::Time now) {
  std::string payload;
  payload.reserve(128);
  PutBytes(payload, kFormat);
  PutText(payload, attribution.subject_id);
  PutBytes(payload, attribution.subject_incarnation);
  PutText(payload, attribution.candidate_id);
  PutBytes(payload, attribution.candidate_incarnation);
  PutBytes(payload, static_cast<uint8_t>(attribution.kind));
  PutBytes(payload, attribution.slate_id);
  PutBytes(payload, attribution.position);
  PutText(payload, attribution.ranking_profile);
  PutBytes(payload, static_cast<uint8_t>(attribution.randomised));
  return SealToken(key, kContext, payload, now + kAttributionLife);
}

absl::StatusOr<Attribution> DecodeAttribution(absl::string_view key,
                                              absl::string_view token,
                                              absl::string_view field,
                                              absl::Time now) {
  std::string payload;
  const Unsealed unsealed = OpenToken(key, kContext, token, now, payload);
  if (unsealed == Unsealed::kExpired) {
    return TokenError(field, "ATTRIBUTION_TOKEN_EXPIRED",
                      "is older than 30 days");
  }
  ByteReader in(payload);
  Attribution attribution;
  const char format = unsealed == Unsealed::kGood ? in.Get<char>() : '\0';
  if (format == kFormat || format == kFormerFormat) {
    attribution.subject_id = GetText(in);
    attribution.subject_incarnation = in.Get<uint64_t>();
    attribution.candidate_id = GetText(in);
    attribution.candidate_incarnation = in.Get<uint64_t>();
    attribution.kind = in.Get<uint8_t>();
    attribution.slate_id = in.Get<uint64_t>();
    attribution.position = in.Get<uint32_t>();
    attribution.ranking_profile = GetText(in);
    if (format == kFormat) attribution.randomised = in.Get<uint8_t>() != 0;
    if (in.done() && !attribution.candidate_id.empty()) return attribution;
  }
  return MisplacedAttribution(field, "is not a token of this network");
}

absl::Status MisplacedAttribution(absl::string_view field,
                                  absl::string_view description) {
  return TokenError(field, "BAD_ATTRIBUTION_TOKEN", description);
}

}  // namespace mitra
