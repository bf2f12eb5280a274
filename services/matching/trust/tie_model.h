// Chances made of TieSignals, by logistics whose weights are data.

#ifndef MITRA_SERVICES_MATCHING_TRUST_TIE_MODEL_H_
#define MITRA_SERVICES_MATCHING_TRUST_TIE_MODEL_H_

#include <array>

#include "absl/status/status.h"
#include "services/matching/trust/tie_signals.h"

namespace mitra::matching {

// P = 1 / (1 + exp(-z)), z = bias + sum of weight * signal.
struct TieModel {
  float bias = 0;
  std::array<float, kTieSignals> weight{};

  float& operator[](TieSignal signal) {
    return weight[static_cast<size_t>(signal)];
  }
  float operator[](TieSignal signal) const {
    return weight[static_cast<size_t>(signal)];
  }
  double LogOdds(const TieSignals& signals) const;
  double Chance(const TieSignals& signals) const;
};

struct TieModels {
  // Will the subject come to trust the target of its own accord? Against
  // members drawn at random, so a rank more than a frequency.
  TieModel forms;
  // If the two deal with each other, will the subject speak well of it?
  TieModel goes_well;

  // INVALID_ARGUMENT, naming the model and signal, unless all weights are
  // finite and within 50 of 0.
  absl::Status Validate() const;

  // Learned by mitra-quality from public data: `forms` from Epinions' slices 5
  // to 7, `goes_well` from the first four fifths of Bitcoin-OTC, in time. No
  // row of the data is in them.
  static const TieModels& Default();
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_TIE_MODEL_H_
