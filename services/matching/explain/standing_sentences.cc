#include "services/matching/explain/standing_sentences.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/matching/explain/date_text.h"

namespace mitra::matching {
namespace {

// Less than this is not worth a word of praise or blame.
constexpr double kNothing = .005;

Phrase BandPhrase(StandingBand band) {
  return static_cast<Phrase>(static_cast<int>(Phrase::kStandingNew) +
                             static_cast<int>(band));
}

std::string CauseText(Language language, const StandingCause& cause) {
  const Phrase phrase = cause.amount > kNothing    ? Phrase::kStandingRaises
                        : cause.amount < -kNothing ? Phrase::kStandingLowers
                                                   : Phrase::kStandingSlight;
  std::string text = Say(
      language, phrase,
      {{"tie", TieWord(language, static_cast<v1::EvidenceKind>(cause.kind))},
       {"count", absl::StrCat(cause.pieces + cause.low_pieces)}});
  if (cause.last_end > 0) {
    absl::StrAppend(&text, " ",
                    Say(language, Phrase::kStandingEnds,
                        {{"date", DateText(language, cause.last_end)}}));
  }
  return text;
}

Phrase StepPhrase(StandingAction action) {
  switch (action) {
    case StandingAction::kCollaborate:
      return Phrase::kStandingCollaborate;
    case StandingAction::kAskReference:
      return Phrase::kStandingAskReference;
    case StandingAction::kContest:
      return Phrase::kStandingContest;
    case StandingAction::kGetVerified:
      return Phrase::kStandingGetVerified;
  }
  return Phrase::kStandingCollaborate;
}

}  // namespace

void DescribeStanding(const Standing& standing, Language language,
                      v1::GetStandingResponse& response) {
  response.set_band(static_cast<v1::StandingBand>(
      static_cast<int>(standing.band) + v1::STANDING_BAND_NEW));
  response.set_text(Say(language, BandPhrase(standing.band)));
  if (!standing.reputation.is_new) {
    response.set_reputation(standing.reputation.value);
  }
  for (const StandingCause& cause : standing.causes) {
    v1::StandingCause& out = *response.add_causes();
    out.set_kind(static_cast<v1::EvidenceKind>(cause.kind));
    out.set_pieces(cause.pieces);
    out.set_discounted_pieces(cause.low_pieces);
    out.set_raters(cause.raters);
    out.set_positive(cause.positive);
    out.set_negative(cause.negative);
    out.set_amount(cause.amount);
    out.set_half_life_days(cause.half_life_days);
    out.set_complaint_window_days(cause.window_days);
    if (cause.last_end > 0) {
      out.mutable_complaint_end_time()->set_seconds(int64_t{cause.last_end} *
                                                    86'400);
    }
    out.set_text(CauseText(language, cause));
  }
  for (const StandingStep& step : standing.steps) {
    v1::StandingStep& out = *response.add_steps();
    out.set_text(Say(language, StepPhrase(step.action)));
    out.set_effect(std::clamp(step.effect, 0., 1.));
  }
  response.set_contest_text(Say(language, Phrase::kStandingHowToContest));
  response.set_own_weight(std::clamp(standing.own_weight, 0., 1.));
  response.set_weighed(standing.weighed);
}

void DescribeSpread(const RegionalCapital& capital,
                    v1::DescribeCapitalResponse& response) {
  response.set_members(capital.members);
  response.set_measured(capital.measured);
  for (int d = 0; d < kCapitalDimensions; ++d) {
    const CapitalSpread& spread = capital.spread[d];
    v1::CapitalSpread& out = *response.add_dimensions();
    out.set_dimension(static_cast<v1::CapitalDimension>(d + 1));
    out.set_lower_quartile(spread.lower_quartile);
    out.set_median(spread.median);
    out.set_upper_quartile(spread.upper_quartile);
    out.set_none(spread.none);
  }
}

}  // namespace mitra::matching
