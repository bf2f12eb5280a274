#include "services/matching/graph/tie_options.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "mitra/v1/evidence.pb.h"

namespace mitra::matching {
namespace {

// False for NaN.
bool InRange(double value, double low, double high) {
  return value >= low && value <= high;
}

}  // namespace

std::array<EvidenceKindOptions, kEvidenceKinds> TieOptions::DefaultKinds() {
  static_assert(v1::EvidenceKind_MAX == kEvidenceKinds - 1);
  std::array<EvidenceKindOptions, kEvidenceKinds> kinds;
  const auto set = [&](v1::EvidenceKind kind, EvidenceKindOptions options) {
    kinds[kind] = options;
  };
  set(v1::EVIDENCE_KIND_ENDORSEMENT, {.35, 365, 1});
  set(v1::EVIDENCE_KIND_REFERENCE, {.5, 365, 1});
  set(v1::EVIDENCE_KIND_COLLABORATION, {1, 540, .8, 1, false, true});
  set(v1::EVIDENCE_KIND_MENTORING, {1, 540, .8, 1, false, true});
  set(v1::EVIDENCE_KIND_TRANSACTION, {.6, 270, .75, 1, false, true});
  set(v1::EVIDENCE_KIND_REPAYMENT, {1, 540, .8, 1, false, true});
  set(v1::EVIDENCE_KIND_RATING, {.6, 270, .5, 1, false, true});
  set(v1::EVIDENCE_KIND_MEMBERSHIP, {.15, 0, .75, 1, true});
  set(v1::EVIDENCE_KIND_ATTENDANCE, {.1, 365, .75, 1, true});
  set(v1::EVIDENCE_KIND_CONTACT, {.15, 0, .75});
  set(v1::EVIDENCE_KIND_NO_SHOW, {1, 720, 0, 0, false, false, 1095});
  set(v1::EVIDENCE_KIND_DISPUTE, {1, 720, 0, .5, false, false, 1095});
  set(v1::EVIDENCE_KIND_REPORT, {1, 720, 0, 0, false, false, 1095});
  return kinds;
}

absl::Status TieOptions::Validate() const {
  const auto error = [](absl::string_view field) {
    return absl::InvalidArgumentError(
        absl::StrCat("ties.", field, ": out of range"));
  };
  for (int k = 0; k < kEvidenceKinds; ++k) {
    const EvidenceKindOptions& kind = kinds[k];
    if (!InRange(kind.weight, 0, 10) ||
        !InRange(kind.half_life_days, 0, 36'500) ||
        (kind.half_life_days > 0 && kind.half_life_days < 1) ||
        !InRange(kind.default_quality, 0, 1) ||
        !InRange(kind.max_quality, 0, 1) ||
        !InRange(kind.window_days, 0, 36'500)) {
      return error(absl::AsciiStrToLower(absl::StripPrefix(
          v1::EvidenceKind_Name(static_cast<v1::EvidenceKind>(k)),
          "EVIDENCE_KIND_")));
    }
  }
  if (!InRange(prior_weight, 1e-3, 1e3)) return error("prior_weight");
  if (!InRange(base_rate, 0, 1)) return error("base_rate");
  if (!InRange(neutral_trust, 0, 1)) return error("neutral_trust");
  if (!InRange(certainty_power, 0, 4)) return error("certainty_power");
  if (!InRange(edge_evidence_cap, .01, 1e3)) return error("edge_evidence_cap");
  if (!InRange(low_weight, 0, 1)) return error("low_weight");
  if (!InRange(low_evidence_cap, 0, 1e3)) return error("low_evidence_cap");
  if (!InRange(reverse_factor, 0, 1)) return error("reverse_factor");
  if (!InRange(reverse_share, 0, .5)) return error("reverse_share");
  if (!InRange(reverse_floor, 0, .01)) return error("reverse_floor");
  if (!InRange(group_share, 0, .5)) return error("group_share");
  if (!InRange(group_member_share, 0, 1)) return error("group_member_share");
  if (!InRange(edge_share_cap, 1e-3, 1)) return error("edge_share_cap");
  return absl::OkStatus();
}

}  // namespace mitra::matching
