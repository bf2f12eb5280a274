#include "services/matching/explain/sentences.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "mitra/v1/relation.pb.h"

namespace mitra::matching {
namespace {

// Percentiles below the first are low, from the second on high.
constexpr double kLow = .34;
constexpr double kHigh = .67;

// The three phrases of a dimension stand one after another.
constexpr Phrase kLowest[kCapitalDimensions] = {
    Phrase::kBondingLow, Phrase::kBridgingLow, Phrase::kLinkingLow,
    Phrase::kTrustLow,   Phrase::kNormsLow,    Phrase::kCohesionLow};

v1::CapitalDimension ToProto(CapitalDimension dimension) {
  return static_cast<v1::CapitalDimension>(static_cast<int>(dimension) + 1);
}

std::string ScoreText(Language language, CapitalDimension dimension,
                      double percentile) {
  const int step = percentile < kLow ? 0 : percentile < kHigh ? 1 : 2;
  const Phrase phrase = static_cast<Phrase>(
      static_cast<int>(kLowest[static_cast<int>(dimension)]) + step);
  const int percent =
      static_cast<int>(std::lround(100 * std::clamp(percentile, 0., 1.)));
  return Say(language, phrase, {{"percent", absl::StrCat(percent)}});
}

std::string StepText(const MemberView& members, Language language,
                     const CapitalStep& step) {
  const Member& target = members.at(step.target);
  const absl::string_view name = target.display_name.view();
  const Member& introducer = members.at(step.introducer);
  switch (step.action) {
    case CapitalAction::kJoinCommunity:
      return Say(language,
                 target.kind == v1::MEMBER_KIND_EVENT ? Phrase::kStepAttendEvent
                                                      : Phrase::kStepJoinGroup,
                 {{"name", name}});
    case CapitalAction::kReachNorm:
      return Say(
          language, Phrase::kStepNorm,
          {{"norm", NormWord(language, static_cast<v1::NormKind>(step.norm))}});
    case CapitalAction::kAskIntroduction:
      if (introducer.deleted || introducer.hidden ||
          !introducer.Consents(v1::CONSENT_PURPOSE_INTRODUCTION)) {
        return Say(language, Phrase::kStepAskSomeIntroduction,
                   {{"name", name}});
      }
      return Say(
          language, Phrase::kStepAskIntroduction,
          {{"introducer", introducer.display_name.view()}, {"name", name}});
    case CapitalAction::kTieAcrossGroups:
      return Say(language, Phrase::kStepMeetAcross, {{"name", name}});
    case CapitalAction::kAskForReference:
      return Say(language, Phrase::kStepAskReference, {{"name", name}});
    case CapitalAction::kIntroduceNeighbours:
      return Say(language, Phrase::kStepConnectNeighbours,
                 {{"name", name}, {"other", introducer.display_name.view()}});
  }
  return "";
}

}  // namespace

v1::WhyNotCause CauseOf(Eligibility eligibility, bool full) {
  switch (eligibility) {
    case Eligibility::kNoSuchRole:
      return v1::WHY_NOT_CAUSE_WRONG_ROLE;
    case Eligibility::kFull:
      return v1::WHY_NOT_CAUSE_FULL;
    case Eligibility::kEngaged:
      return full ? v1::WHY_NOT_CAUSE_ENGAGED : v1::WHY_NOT_CAUSE_NOT_AVAILABLE;
    case Eligibility::kHidden:
      return full ? v1::WHY_NOT_CAUSE_HIDDEN : v1::WHY_NOT_CAUSE_NOT_AVAILABLE;
    case Eligibility::kPaused:
    case Eligibility::kStandingBy:
      return full ? v1::WHY_NOT_CAUSE_PAUSED : v1::WHY_NOT_CAUSE_NOT_AVAILABLE;
    case Eligibility::kBlocked:
      return full ? v1::WHY_NOT_CAUSE_BLOCKED : v1::WHY_NOT_CAUSE_NOT_AVAILABLE;
    case Eligibility::kRefusedByCandidate:
      return full ? v1::WHY_NOT_CAUSE_RULES : v1::WHY_NOT_CAUSE_NOT_AVAILABLE;
    default:
      return v1::WHY_NOT_CAUSE_NOT_AVAILABLE;
  }
}

std::string WhyNotText(Language language, v1::WhyNotCause cause,
                       const KindSpec& kind, uint32_t rank,
                       absl::string_view term) {
  const absl::string_view word = KindWord(language, kind.name);
  const std::string number = absl::StrCat(rank);
  switch (cause) {
    case v1::WHY_NOT_CAUSE_IN_SLATE:
      return Say(language, Phrase::kWhyNotInSlate, {{"rank", number}});
    case v1::WHY_NOT_CAUSE_WRONG_ROLE:
      return Say(language, Phrase::kWhyNotWrongRole, {{"kind", word}});
    case v1::WHY_NOT_CAUSE_FULL:
      return Say(language, Phrase::kWhyNotFull, {{"kind", word}});
    case v1::WHY_NOT_CAUSE_ENGAGED:
      return Say(language, Phrase::kWhyNotEngaged, {{"kind", word}});
    case v1::WHY_NOT_CAUSE_LOWER_RANK:
      if (!term.empty()) {
        return Say(language,
                   rank > 0 ? Phrase::kWhyNotTerm : Phrase::kWhyNotTermUnknown,
                   {{"rank", number}, {"term", term}});
      }
      return rank > 0
                 ? Say(language, Phrase::kWhyNotLowerRank, {{"rank", number}})
                 : Say(language, Phrase::kWhyNotLowerRankUnknown);
    case v1::WHY_NOT_CAUSE_HIDDEN:
      return Say(language, Phrase::kWhyNotHidden);
    case v1::WHY_NOT_CAUSE_PAUSED:
      return Say(language, Phrase::kWhyNotPaused);
    case v1::WHY_NOT_CAUSE_BLOCKED:
      return Say(language, Phrase::kWhyNotBlocked);
    case v1::WHY_NOT_CAUSE_RULES:
      return Say(language, Phrase::kWhyNotRules);
    default:
      return Say(language, Phrase::kWhyNotNotAvailable);
  }
}

void DescribeCapital(const MemberView& members,
                     const CapitalDiagnosis& diagnosis, Language language,
                     v1::DiagnoseCapitalResponse& response) {
  for (int i = 0; i < kCapitalDimensions; ++i) {
    const auto dimension = static_cast<CapitalDimension>(i);
    const CapitalScore& score = diagnosis.of(dimension);
    v1::CapitalScore& out = *response.add_scores();
    out.set_dimension(ToProto(dimension));
    out.set_value(score.value);
    out.set_percentile(score.percentile);
    out.set_text(ScoreText(language, dimension, score.percentile));
  }
  for (const CapitalStep& step : diagnosis.steps) {
    v1::CapitalStep& out = *response.add_steps();
    out.set_text(StepText(members, language, step));
    out.set_dimension(ToProto(step.dimension));
    out.set_profile_id(std::string(members.at(step.target).id.view()));
    out.set_effect(
        std::clamp(step.percentile_after - step.percentile_before, 0., 1.));
  }
  response.set_peers(diagnosis.peers.size);
}

}  // namespace mitra::matching
