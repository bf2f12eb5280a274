#include "services/matching/learning/exposure_bias.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace mitra::matching {
namespace {

constexpr size_t kMinMeasured = 500;
constexpr double kLeastChance = .05;
// Outcomes of the mean that each place begins with.
constexpr double kPrior = 20;
constexpr double kNothing = 1e-9;

size_t PlaceOf(const Outcome& outcome) {
  return std::min<size_t>(*outcome.position, kPlaces - 1);
}

// Whether the subject wanted the candidate that it may have looked at; false
// for kMissed, of which nobody knows.
bool Wanted(const Outcome& outcome) {
  return outcome.pair.answer == Answer::kMatch ||
         outcome.pair.answer == Answer::kDeclined;
}

// Never rising: neighbours that rise are pooled (isotonic regression).
void MakeFalling(const std::vector<double>& weights,
                 std::vector<double>& rates) {
  struct Pool {
    double sum, weight;
    size_t places;
  };
  std::vector<Pool> pools;
  for (size_t i = 0; i < rates.size(); ++i) {
    pools.push_back({rates[i] * weights[i], weights[i], 1});
    while (pools.size() > 1) {
      const Pool last = pools.back();
      Pool& before = pools[pools.size() - 2];
      if (before.sum / before.weight >= last.sum / last.weight) break;
      before.sum += last.sum;
      before.weight += last.weight;
      before.places += last.places;
      pools.pop_back();
    }
  }
  size_t at = 0;
  for (const Pool& pool : pools) {
    for (size_t i = 0; i < pool.places; ++i) {
      rates[at++] = pool.sum / pool.weight;
    }
  }
}

}  // namespace

PlaceChances ChancesOf(absl::Span<const Outcome> outcomes) {
  PlaceChances chances;
  for (size_t place = 0; place < kPlaces; ++place) {
    chances.seen.push_back(1 / std::log2(static_cast<double>(place) + 2));
  }
  std::vector<double> wanted(kPlaces), shown(kPlaces);
  double all_wanted = 0, all_shown = 0;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.randomised || !outcome.position.has_value() ||
        outcome.pair.answer == Answer::kMissed) {
      continue;
    }
    shown[PlaceOf(outcome)] += 1;
    wanted[PlaceOf(outcome)] += Wanted(outcome);
    all_shown += 1;
    all_wanted += Wanted(outcome);
  }
  if (all_shown < kMinMeasured || all_wanted == 0) return chances;
  chances.measured = true;
  const double mean = all_wanted / all_shown;
  std::vector<double> rates(kPlaces), weights(kPlaces);
  for (size_t place = 0; place < kPlaces; ++place) {
    rates[place] = (wanted[place] + kPrior * mean) / (shown[place] + kPrior);
    // A place that nobody was drawn for says nothing: it is as those before.
    weights[place] = shown[place] > 0 ? shown[place] + kPrior : kNothing;
  }
  MakeFalling(weights, rates);
  for (size_t place = 0; place < kPlaces; ++place) {
    chances.seen[place] = std::max(kLeastChance, rates[place] / rates[0]);
  }
  return chances;
}

void Debias(const PlaceChances& chances, double popularity,
            absl::Span<Outcome> outcomes) {
  absl::flat_hash_map<std::string, double> times;
  double named = 0;
  for (const Outcome& outcome : outcomes) {
    if (outcome.candidate.empty()) continue;
    ++times[outcome.candidate];
    ++named;
  }
  for (Outcome& outcome : outcomes) {
    double& weight = outcome.pair.weight;
    if (outcome.position.has_value() && !outcome.has_propensity) {
      weight =
          std::min(kMaxOutcomeWeight, weight / chances.seen[PlaceOf(outcome)]);
    }
    if (popularity > 0 && !outcome.candidate.empty()) {
      const double mean = named / static_cast<double>(times.size());
      weight *= std::pow(mean / times[outcome.candidate], popularity);
      weight = std::min(kMaxOutcomeWeight, weight);
    }
  }
}

}  // namespace mitra::matching
