// Chances made of TieSignals, by logistics, and trees beside them where one
// signal changes what another one means. Weights and trees are data.

#ifndef MITRA_SERVICES_MATCHING_TRUST_TIE_MODEL_H_
#define MITRA_SERVICES_MATCHING_TRUST_TIE_MODEL_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "services/matching/trust/tie_signals.h"

namespace mitra::matching {

// Two questions about signals, one after the other: `signal[0]` first, then
// `signal[1]` if it is at most `split[0]`, else `signal[2]`.
struct TieTree {
  std::array<uint8_t, 3> signal{};  // TieSignal
  std::array<float, 3> split{};
  // Low, low; low, high; high, low; high, high.
  std::array<float, 4> value{};

  float Of(const TieSignals& signals) const {
    const size_t second = signals[signal[0]] <= split[0] ? 1 : 2;
    const bool high = !(signals[signal[second]] <= split[second]);
    return value[2 * (second - 1) + (high ? 1 : 0)];
  }
};

// P = 1 / (1 + exp(-z)), z = bias + sum of weight * signal + sum of trees.
struct TieModel {
  float bias = 0;
  std::array<float, kTieSignals> weight{};
  std::vector<TieTree> trees;

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
  // finite and within 50 of 0, and trees ask for known signals and have finite
  // splits and values within 50 of 0.
  absl::Status Validate() const;

  // Learned by mitra-quality from public data: `forms` from Epinions' slices 5
  // to 7, `goes_well` from the first four fifths of Bitcoin-OTC, in time; its
  // trees stand in learned_trees.cc. No row of the data is in them. Trees were
  // taken in because they raise the AUC of later ratings by .02 and more on
  // earlier parts of that data (mitra-quality --full signs, "validation").
  static const TieModels& Default();
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_TIE_MODEL_H_
