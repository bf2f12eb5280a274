#include "services/matching/ranking/joint_utility.h"

#include <algorithm>
#include <cmath>

namespace mitra::matching {
namespace {

// Far enough for every profile, near enough that no probability rounds to 0
// or 1 in a float.
constexpr float kMaxLogOdds = 15;

std::array<float, kFeatureCount> NeutralValues() {
  std::array<float, kFeatureCount> neutral;
  for (size_t i = 0; i < kFeatureCount; ++i) {
    neutral[i] = AllFeatures()[i].neutral;
  }
  return neutral;
}
const std::array<float, kFeatureCount> kNeutral = NeutralValues();

float LogOdds(const SideWeights& side, const FeatureVector& features) {
  float z = side.bias;
  for (size_t i = 0; i < kFeatureCount; ++i) {
    z += side.weight[i] * (features.values()[i] - kNeutral[i]);
  }
  return std::clamp(z, -kMaxLogOdds, kMaxLogOdds);
}

// log(1 / (1 + exp(-z))) without overflow.
float LogSigmoid(float z) {
  return z >= 0 ? -std::log1p(std::exp(-z)) : z - std::log1p(std::exp(z));
}

// Share of the subject's side in the key: .5 at the default weight of .6.
float Tilt(double subject_weight) {
  const double w = std::clamp(subject_weight, 0., 1.);
  return static_cast<float>(w <= .6 ? .5 * w / .6 : .5 + .5 * (w - .6) / .4);
}

// Adds one side's terms to `contribution`; returns its log P at bias alone.
float SpreadSide(const SideWeights& side, const FeatureVector& features,
                 float share, std::array<float, kFeatureCount>& contribution) {
  const float z = LogOdds(side, features);
  const float base =
      LogSigmoid(std::clamp(side.bias, -kMaxLogOdds, kMaxLogOdds));
  float sum = 0;
  std::array<float, kFeatureCount> term;
  for (size_t i = 0; i < kFeatureCount; ++i) {
    term[i] = side.weight[i] * (features.values()[i] - kNeutral[i]);
    sum += term[i];
  }
  if (std::abs(sum) > 1e-6f) {
    const float slope = (LogSigmoid(z) - base) / sum;
    for (size_t i = 0; i < kFeatureCount; ++i) {
      contribution[i] += share * slope * term[i];
    }
  }
  return share * base;
}

KindWeights WeightsFor(const KindWeights& weights, const SectorTies* ties) {
  KindWeights own = weights;
  if (ties == nullptr) return own;
  for (SideWeights* side : {&own.wants, &own.accepts}) {
    for (const Feature strong : {Feature::kCohesion, Feature::kSameGroup}) {
      (*side)[strong] *= static_cast<float>(ties->strong);
    }
    (*side)[Feature::kTrust] *= static_cast<float>(ties->weak);
  }
  return own;
}

}  // namespace

JointUtility::JointUtility(const RankingProfile& profile, const KindSpec& kind,
                           double subject_weight,
                           absl::Span<const taxonomy::SectorNumber> sectors)
    : weights_(WeightsFor(profile.kinds[kind.kind], TiesFor(profile, sectors))),
      wants_share_(Tilt(subject_weight) / static_cast<float>(profile.beta)),
      accepts_share_((1 - Tilt(subject_weight)) /
                     static_cast<float>(profile.beta)) {}

PairScore JointUtility::Score(const FeatureVector& features,
                              float log_price) const {
  // LogOdds() of both sides at once: each sum waits for its last addend.
  float wants = weights_.wants.bias;
  float accepts = weights_.accepts.bias;
  for (size_t i = 0; i < kFeatureCount; ++i) {
    const float value = features.values()[i] - kNeutral[i];
    wants += weights_.wants.weight[i] * value;
    accepts += weights_.accepts.weight[i] * value;
  }
  const float x_uv = LogSigmoid(std::clamp(wants, -kMaxLogOdds, kMaxLogOdds));
  const float x_vu = LogSigmoid(std::clamp(accepts, -kMaxLogOdds, kMaxLogOdds));
  PairScore score;
  score.wants = std::exp(x_uv);
  score.accepts = std::exp(x_vu);
  score.match = score.wants * score.accepts;
  score.key = wants_share_ * x_uv + accepts_share_ * x_vu +
              (std::isfinite(log_price) ? log_price : 0);
  return score;
}

std::vector<KeyTerm> JointUtility::Terms(const FeatureVector& features,
                                         float log_price) const {
  std::array<float, kFeatureCount> contribution{};
  const float base =
      SpreadSide(weights_.wants, features, wants_share_, contribution) +
      SpreadSide(weights_.accepts, features, accepts_share_, contribution);
  std::vector<KeyTerm> terms;
  terms.reserve(kFeatureCount + 2);
  terms.push_back({"base", base, base, false});
  for (const FeatureInfo& info : AllFeatures()) {
    terms.push_back({info.name, features.Get(info.feature),
                     contribution[static_cast<size_t>(info.feature)],
                     features.Missing(info.feature)});
  }
  const float price = std::isfinite(log_price) ? log_price : 0;
  terms.push_back({"price", price, price, false});
  return terms;
}

float JointUtility::WantsTerm(const FeatureVector& features,
                              Feature feature) const {
  return weights_.wants[feature] *
         (features.Get(feature) - kNeutral[static_cast<size_t>(feature)]);
}

float JointUtility::AcceptsTerm(const FeatureVector& features,
                                Feature feature) const {
  return weights_.accepts[feature] *
         (features.Get(feature) - kNeutral[static_cast<size_t>(feature)]);
}

}  // namespace mitra::matching
