#include "services/matching/learning/ranking_learner.h"

#include <algorithm>
#include <cmath>

#include "common/status/status_macros.h"
#include "services/matching/learning/calibration.h"
#include "services/matching/learning/logistic.h"

namespace mitra::matching {
namespace {

// What a profile may hold (RankingProfile::Validate).
constexpr double kMaxWeight = 20;

// The examples of one side.
class Side {
 public:
  explicit Side(FeatureSet features) {
    for (const FeatureInfo& info : AllFeatures()) {
      if ((features & FeatureBit(info.feature)) != 0) infos_.push_back(&info);
    }
  }
  Examples Rows(absl::Span<const AnsweredPair> pairs) const {
    Examples rows(infos_.size());
    std::vector<float> values(infos_.size());
    for (const AnsweredPair& pair : pairs) {
      for (size_t f = 0; f < infos_.size(); ++f) {
        values[f] = pair.features.Get(infos_[f]->feature) - infos_[f]->neutral;
      }
      rows.Add(values, 0);
    }
    return rows;
  }
  SideWeights Weights(const LogisticModel& model) const {
    const auto bounded = [](double weight) {
      return static_cast<float>(std::clamp(weight, -kMaxWeight, kMaxWeight));
    };
    SideWeights side;
    side.bias = bounded(model.bias);
    for (size_t f = 0; f < infos_.size(); ++f) {
      side[infos_[f]->feature] = bounded(model.weight[f]);
    }
    return side;
  }
  bool empty() const { return infos_.empty(); }

 private:
  std::vector<const FeatureInfo*> infos_;
};

double LogOdds(const SideWeights& side, const FeatureVector& features) {
  double z = double{side.bias};
  for (const FeatureInfo& info : AllFeatures()) {
    z += double{side[info.feature]} *
         double{features.Get(info.feature) - info.neutral};
  }
  return z;
}

SideWeights CalibratedSide(const SideWeights& side,
                           const std::vector<Judged>& answers) {
  constexpr double kEnough = 20;
  double yes = 0, no = 0;
  for (const Judged& answer : answers) {
    yes += answer.outcome;
    no += 1 - answer.outcome;
  }
  if (yes < kEnough || no < kEnough) return side;
  const auto platt = FitPlatt(answers);
  if (!platt.ok()) return side;
  SideWeights out = side;
  const auto scaled = [&](float weight, double add) {
    return static_cast<float>(std::clamp(platt->slope * double{weight} + add,
                                         -kMaxWeight, kMaxWeight));
  };
  out.bias = scaled(side.bias, platt->intercept);
  for (float& weight : out.weight) weight = scaled(weight, 0);
  return out;
}

}  // namespace

absl::StatusOr<KindWeights> LearnKind(absl::Span<const AnsweredPair> pairs,
                                      const LearnOptions& options) {
  const Side wants_side(options.wants), accepts_side(options.accepts);
  if (wants_side.empty() || accepts_side.empty()) {
    return absl::InvalidArgumentError("each side needs a feature");
  }
  Examples wants = wants_side.Rows(pairs);
  Examples accepts = accepts_side.Rows(pairs);
  double total = 0, matches = 0;
  bool any_missed = false;
  for (const AnsweredPair& pair : pairs) {
    total += pair.weight;
    if (pair.answer == Answer::kMatch) matches += pair.weight;
    any_missed = any_missed || pair.answer == Answer::kMissed;
  }
  const double share = total > 0 ? matches / total : 0;
  const double start = std::max(options.start_wants, share);
  std::vector<double> yes_wants(pairs.size(), start);
  std::vector<double> yes_accepts(pairs.size(), share / start);
  KindWeights kind;
  for (int round = 0; round < (any_missed ? options.rounds : 1); ++round) {
    for (size_t i = 0; i < pairs.size(); ++i) {
      const double weight = pairs[i].weight;
      switch (pairs[i].answer) {
        case Answer::kMatch:
          wants.Reset(i, 1, weight);
          accepts.Reset(i, 1, weight);
          break;
        case Answer::kDeclined:
          wants.Reset(i, 1, weight);
          accepts.Reset(i, 0, weight);
          break;
        case Answer::kNotWanted:
          wants.Reset(i, 0, weight);
          accepts.Reset(i, 0, 0);
          break;
        case Answer::kUnrequited:
          wants.Reset(i, 0, weight);
          accepts.Reset(i, 1, weight);
          break;
        case Answer::kNeither:
          wants.Reset(i, 0, weight);
          accepts.Reset(i, 0, weight);
          break;
        case Answer::kMissed: {
          const double w = yes_wants[i], a = yes_accepts[i];
          const double missed = std::max(1e-12, 1 - w * a);
          wants.Reset(i, w * (1 - a) / missed, weight);
          accepts.Reset(i, a * (1 - w) / missed, weight);
          break;
        }
      }
    }
    const LogisticOptions logistic = {.l2 = options.l2};
    MITRA_ASSIGN_OR_RETURN(const LogisticModel w, FitLogistic(wants, logistic));
    MITRA_ASSIGN_OR_RETURN(const LogisticModel a,
                           FitLogistic(accepts, logistic));
    for (size_t i = 0; any_missed && i < pairs.size(); ++i) {
      yes_wants[i] = w.Probability(wants.row(i));
      yes_accepts[i] = a.Probability(accepts.row(i));
    }
    kind.wants = wants_side.Weights(w);
    kind.accepts = accepts_side.Weights(a);
  }
  return kind;
}

KindWeights Calibrated(const KindWeights& weights,
                       absl::Span<const AnsweredPair> pairs) {
  std::vector<Judged> wants, accepts;
  for (const AnsweredPair& pair : pairs) {
    if (pair.answer == Answer::kMissed) continue;
    const Answer answer = pair.answer;
    const bool wanted = answer == Answer::kMatch || answer == Answer::kDeclined;
    wants.push_back(
        {LogOdds(weights.wants, pair.features), wanted ? 1. : 0., pair.weight});
    if (answer == Answer::kNotWanted) continue;
    const bool accepted =
        answer == Answer::kMatch || answer == Answer::kUnrequited;
    accepts.push_back({LogOdds(weights.accepts, pair.features),
                       accepted ? 1. : 0., pair.weight});
  }
  return {CalibratedSide(weights.wants, wants),
          CalibratedSide(weights.accepts, accepts)};
}

}  // namespace mitra::matching
