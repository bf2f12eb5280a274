#include "services/matching/trust/tie_model.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "services/matching/trust/learned_trees.h"

namespace mitra::matching {
namespace {

constexpr float kMaxWeight = 50;

absl::Status Check(absl::string_view name, const TieModel& model) {
  const auto sane = [](float weight) { return std::abs(weight) <= kMaxWeight; };
  if (!sane(model.bias)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ".bias: must be finite and within 50 of 0"));
  }
  for (size_t i = 0; i < kTieSignals; ++i) {
    if (sane(model.weight[i])) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        name, ".", TieSignalNames()[i], ": must be finite and within 50 of 0"));
  }
  for (const TieTree& tree : model.trees) {
    bool good = true;
    for (const uint8_t signal : tree.signal) good &= signal < kTieSignals;
    for (const float split : tree.split) good &= std::isfinite(split);
    for (const float value : tree.value) good &= sane(value);
    if (good) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        name, ".trees: must ask for known signals, with finite numbers"));
  }
  return absl::OkStatus();
}

TieModels Learned() {
  // In the order of TieSignal; what is left out is 0.
  TieModels models;
  models.forms.bias = -2.232f;
  models.forms.weight = {
      0.13147f,  0.13574f,    0.19043f,  0.087992f, -0.016157f,
      -0.38296f, -0.0051783f, 0.016926f, 2.0802f,   0.672f,
      0.12401f,  0.18513f,    0.10376f,  0.055667f, 0.42738f,
      0.6199f,   0.44094f,    0.28882f,  1.3265f,   0.48112f,
      0.47653f,  -0.31345f,   -0.58492f, 1.8287f,   1.7753f};
  models.goes_well.bias = 1.6148f;
  models.goes_well.weight = {
      0.034462f, -0.022655f, 0.054809f, 0.025988f, -0.27782f,  0.01432f,
      -0.1582f,  0.092937f,  0.8582f,   -0.2793f,  0.0033865f, -0.018644f,
      0.25127f,  -0.29986f,  0.95699f,  0.087319f, -0.28366f,  0.24486f,
      0.64439f,  0.65514f,   -0.19f,    0.56738f,  0.81627f,   0.36249f,
      0.48992f,  0.42411f,   -0.48948f, 0.12225f,  -0.26204f,  0.2526f,
      0.042041f};
  const auto trees = GoesWellTrees();
  models.goes_well.trees.assign(trees.begin(), trees.end());
  return models;
}

}  // namespace

double TieModel::LogOdds(const TieSignals& signals) const {
  double z = bias;
  for (size_t i = 0; i < kTieSignals; ++i) {
    z += double{weight[i]} * double{signals[i]};
  }
  for (const TieTree& tree : trees) z += double{tree.Of(signals)};
  return z;
}

double TieModel::Chance(const TieSignals& signals) const {
  return 1 / (1 + std::exp(-LogOdds(signals)));
}

absl::Status TieModels::Validate() const {
  absl::Status status = Check("forms", forms);
  if (status.ok()) status = Check("goes_well", goes_well);
  return status;
}

const TieModels& TieModels::Default() {
  static const TieModels& models = *new TieModels(Learned());
  return models;
}

}  // namespace mitra::matching
