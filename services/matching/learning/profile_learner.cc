#include "services/matching/learning/profile_learner.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/learning/calibration.h"
#include "services/matching/learning/exposure_bias.h"
#include "services/matching/ranking/joint_utility.h"

namespace mitra::matching {
namespace {

constexpr size_t kDepth = 10;

std::vector<AnsweredPair> PairsOf(absl::Span<const Outcome> outcomes) {
  std::vector<AnsweredPair> pairs;
  pairs.reserve(outcomes.size());
  for (const Outcome& outcome : outcomes) pairs.push_back(outcome.pair);
  return pairs;
}

RankingQuality Measure(absl::Span<const Outcome> outcomes,
                       const RankingProfile& profile, const KindSpec& kind,
                       size_t& lists) {
  const JointUtility utility(profile, kind);
  std::vector<Judged> all;
  std::map<std::string, std::vector<Judged>> by_list;
  for (const Outcome& outcome : outcomes) {
    all.push_back({double{utility.Score(outcome.pair.features).match},
                   outcome.pair.answer == Answer::kMatch ? 1. : 0.,
                   outcome.pair.weight});
    if (!outcome.list.empty()) by_list[outcome.list].push_back(all.back());
  }
  RankingQuality quality;
  quality.auc = AreaUnderRoc(all);
  quality.calibration_error = CalibrationError(all);
  lists = 0;
  for (const auto& [list, items] : by_list) {
    const auto matches =
        std::count_if(items.begin(), items.end(),
                      [](const Judged& item) { return item.outcome > 0; });
    if (matches == 0 || matches == static_cast<ptrdiff_t>(items.size())) {
      continue;
    }
    quality.ndcg += NdcgAt(items, kDepth);
    ++lists;
  }
  if (lists > 0) quality.ndcg /= static_cast<double>(lists);
  return quality;
}

// Learns one kind into `profile` if that is better.
KindReport LearnOne(absl::Span<Outcome> outcomes, const KindSpec& kind,
                    const ProfileLearnOptions& options,
                    RankingProfile& profile) {
  KindReport report;
  report.kind = std::string(kind.name);
  const auto share = [&](double of) {
    return static_cast<size_t>(of * static_cast<double>(outcomes.size()));
  };
  // Chances of places come from what is learned from, and hold for the rest.
  const size_t tested = share(options.test_share);
  const size_t calibrated = share(options.calibration_share);
  Debias(ChancesOf(outcomes.first(outcomes.size() - tested)),
         options.popularity, outcomes);
  const auto test = outcomes.last(tested);
  const auto rest = outcomes.first(outcomes.size() - tested);
  report.learned_from = rest.size() - calibrated;
  report.tested_on = tested;
  report.before = Measure(test, profile, kind, report.lists);
  report.after = report.before;
  if (outcomes.size() < options.min_outcomes) {
    report.why_not =
        absl::StrFormat("fewer than %d outcomes", options.min_outcomes);
    return report;
  }
  const auto learned =
      LearnKind(PairsOf(rest.first(report.learned_from)), options.learn);
  if (!learned.ok()) {
    report.why_not = std::string(learned.status().message());
    return report;
  }
  RankingProfile candidate = profile;
  candidate.kinds[kind.kind] =
      Calibrated(*learned, PairsOf(rest.last(calibrated)));
  report.after = Measure(test, candidate, kind, report.lists);
  if (report.after.auc < report.before.auc + options.margin) {
    report.why_not = "no better than the weights that it has";
    return report;
  }
  profile = std::move(candidate);
  report.taken = true;
  return report;
}

}  // namespace

absl::StatusOr<LearnedProfile> LearnProfile(
    std::vector<Outcome> outcomes, const RankingProfile& before,
    const ProfileLearnOptions& options) {
  if (!(options.test_share > 0 && options.calibration_share >= 0 &&
        options.test_share + options.calibration_share <= .9)) {
    return InvalidField("test_share",
                        "must be above 0 and leave a tenth to learn from");
  }
  if (!(options.popularity >= 0 && options.popularity <= 1)) {
    return InvalidField("popularity", "must be in [0, 1]");
  }
  std::stable_sort(
      outcomes.begin(), outcomes.end(),
      [](const Outcome& a, const Outcome& b) { return a.time < b.time; });
  LearnedProfile learned;
  learned.profile = before;
  learned.profile.id = options.id;
  MITRA_RETURN_IF_ERROR(learned.profile.Validate());
  for (const KindSpec& kind : AllKinds()) {
    std::vector<Outcome> own;
    for (const Outcome& outcome : outcomes) {
      if (outcome.kind == kind.kind) own.push_back(outcome);
    }
    if (own.empty()) continue;
    learned.kinds.push_back(
        LearnOne(absl::MakeSpan(own), kind, options, learned.profile));
  }
  MITRA_RETURN_IF_ERROR(learned.profile.Validate());
  return learned;
}

}  // namespace mitra::matching
