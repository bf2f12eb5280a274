#include "services/matching/trust/tie_model.h"

#include <cmath>

#include "absl/strings/str_cat.h"

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
  models.goes_well.bias = .2126f;
  models.goes_well.weight = {
      0.14397f,  -0.1024f, 0.30961f,  0.21414f, -1.1743f,  -0.27809f,
      -0.64084f, 0.55902f, 3.4278f,   -1.1887f, -0.21483f, -0.058367f,
      1.6949f,   -1.6126f, -0.11444f, 0.27707f, -1.4542f,  0.42833f,
      0.96991f,  4.5349f,  -0.23138f, 2.859f,   3.1263f,   1.9336f,
      2.8143f,   1.0629f,  -1.5984f,  0.63295f, -0.85525f, 0.67843f,
      0.12997f};
  return models;
}

}  // namespace

double TieModel::LogOdds(const TieSignals& signals) const {
  double z = bias;
  for (size_t i = 0; i < kTieSignals; ++i) {
    z += double{weight[i]} * double{signals[i]};
  }
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
