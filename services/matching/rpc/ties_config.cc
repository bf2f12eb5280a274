#include "services/matching/rpc/ties_config.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "mitra/v1/evidence.pb.h"

namespace mitra::matching {
namespace {

// "collaboration"
std::string KeyOf(int kind) {
  std::string name = v1::EvidenceKind_Name(static_cast<v1::EvidenceKind>(kind));
  absl::string_view rest = name;
  absl::ConsumePrefix(&rest, "EVIDENCE_KIND_");
  return absl::AsciiStrToLower(rest);
}

void AddKind(Schema& schema, int kind, EvidenceKindOptions& options) {
  const std::string key = absl::StrCat("ties.", KeyOf(kind));
  schema
      .Add(key + "_weight", &options.weight,
           absl::StrCat("Weight of one fresh piece of evidence of the kind ",
                        KeyOf(kind), "; 0 ignores the kind."))
      .Range(0, 10);
  schema
      .Add(key + "_half_life_days", &options.half_life_days,
           "Days until half of it is left, at least 1; 0: it does not fade.")
      .Range(0, 36'500);
  schema
      .Add(
          key + "_window_days", &options.window_days,
          "A complaint of this kind is gone once it is so old and the month is "
          "over; 0: it only fades.")
      .Range(0, 36'500);
}

}  // namespace

void AddTieOptions(Schema& schema, TieOptions& options) {
  for (int kind = 1; kind < kEvidenceKinds; ++kind) {
    AddKind(schema, kind, options.kinds[static_cast<size_t>(kind)]);
  }
  schema
      .Add("ties.prior_weight", &options.prior_weight,
           "Weight of having no evidence, in pieces.")
      .Range(1e-3, 1e3);
  schema
      .Add("ties.edge_evidence_cap", &options.edge_evidence_cap,
           "Evidence of one rater about one member counts at most this much "
           "for its reputation.")
      .Range(.01, 1e3);
  schema
      .Add("ties.low_weight", &options.low_weight,
           "Raters whose word counts less than this count only together.")
      .Range(0, 1);
  schema
      .Add("ties.low_evidence_cap", &options.low_evidence_cap,
           "What they count at most together, in pieces; bounds brigades.")
      .Range(0, 1e3);
  schema
      .Add("ties.reverse_factor", &options.reverse_factor,
           "A tie is walked backwards with this factor.")
      .Range(0, 1);
  schema
      .Add("ties.reverse_share", &options.reverse_share,
           "At most this share of a member's walk goes backwards.")
      .Range(0, .5);
  schema
      .Add("ties.group_share", &options.group_share,
           "At most this share of a group's walk goes to its members.")
      .Range(0, .5);
  schema
      .Add("ties.group_member_share", &options.group_member_share,
           "At most this share of a group's walk goes to one member.")
      .Range(0, 1);
  schema
      .Add("ties.edge_share_cap", &options.edge_share_cap,
           "No tie carries more than this share of a member's walk.")
      .Range(1e-3, 1);
}

}  // namespace mitra::matching
