#include "services/matching/learning/boosted_trees.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "common/status/errors.h"

namespace mitra::matching {
namespace {

constexpr double kLeastGain = 1e-6;

// What a set of examples pulls to, and how firmly.
struct Pull {
  double gradient = 0;
  double curvature = 0;
  size_t examples = 0;

  void Add(double g, double h) {
    gradient += g;
    curvature += h;
    ++examples;
  }
  Pull Without(const Pull& part) const {
    return {gradient - part.gradient, curvature - part.curvature,
            examples - part.examples};
  }
  double Gain(double l2) const {
    return gradient * gradient / (curvature + l2);
  }
  double Step(double l2) const { return gradient / (curvature + l2); }
};

struct Split {
  size_t feature = 0;
  uint8_t bin = 0;
  double gain = kLeastGain;
  bool found = false;
};

// One fit on its way: features as numbers of bins, and what each example still
// lacks.
class Boosting {
 public:
  Boosting(const Examples& examples, const BoostingOptions& options)
      : options_(options),
        n_(examples.size()),
        cuts_(examples.features()),
        bins_(examples.features()),
        scores_(n_),
        gradients_(n_),
        curvatures_(n_) {
    for (size_t f = 0; f < cuts_.size(); ++f) Cut(examples, f);
  }

  absl::StatusOr<BoostedTrees> Run(const Examples& examples) {
    double yes = 0, all = 0;
    for (size_t i = 0; i < n_; ++i) {
      yes += examples.weight(i) * examples.target(i);
      all += examples.weight(i);
    }
    if (!(yes > 0 && yes < all)) {
      return absl::FailedPreconditionError("examples: need both yes and no");
    }
    BoostedTrees model;
    model.bias = std::log(yes / (all - yes));
    std::fill(scores_.begin(), scores_.end(), model.bias);
    for (int round = 0; round < options_.rounds; ++round) {
      for (size_t i = 0; i < n_; ++i) {
        const double chance = 1 / (1 + std::exp(-scores_[i]));
        gradients_[i] = examples.weight(i) * (examples.target(i) - chance);
        curvatures_[i] = examples.weight(i) * chance * (1 - chance);
      }
      model.trees.push_back(Grow());
    }
    return model;
  }

 private:
  // Bounds of the bins of one feature, and each example's bin.
  void Cut(const Examples& examples, size_t f) {
    std::vector<float> values(n_);
    for (size_t i = 0; i < n_; ++i) values[i] = examples.row(i)[f];
    std::vector<float> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const auto quantiles = static_cast<size_t>(options_.quantiles);
    for (size_t q = 1; q < quantiles && n_ > 0; ++q) {
      const float cut = sorted[n_ * q / quantiles];
      if (cuts_[f].empty() || cuts_[f].back() < cut) cuts_[f].push_back(cut);
    }
    bins_[f].resize(n_);
    for (size_t i = 0; i < n_; ++i) {
      bins_[f][i] = static_cast<uint8_t>(
          std::lower_bound(cuts_[f].begin(), cuts_[f].end(), values[i]) -
          cuts_[f].begin());
    }
  }

  Split BestSplit(const std::vector<uint32_t>& among) const {
    Pull whole;
    for (const uint32_t i : among) whole.Add(gradients_[i], curvatures_[i]);
    Split best;
    std::vector<Pull> pulls;
    for (size_t f = 0; f < cuts_.size(); ++f) {
      pulls.assign(cuts_[f].size() + 1, {});
      for (const uint32_t i : among) {
        pulls[bins_[f][i]].Add(gradients_[i], curvatures_[i]);
      }
      Pull low;
      for (size_t b = 0; b < cuts_[f].size(); ++b) {
        low.gradient += pulls[b].gradient;
        low.curvature += pulls[b].curvature;
        low.examples += pulls[b].examples;
        const Pull high = whole.Without(low);
        if (low.examples < options_.min_examples ||
            high.examples < options_.min_examples) {
          continue;
        }
        const double gain = low.Gain(options_.l2) + high.Gain(options_.l2) -
                            whole.Gain(options_.l2);
        if (gain > best.gain) best = {f, static_cast<uint8_t>(b), gain, true};
      }
    }
    return best;
  }

  // Puts a question into the tree and parts the examples by it. Without one,
  // all are low.
  void Ask(const Split& split, size_t at, const std::vector<uint32_t>& among,
           SmallTree& tree, std::vector<uint32_t>& low,
           std::vector<uint32_t>& high) const {
    tree.feature[at] = split.feature;
    tree.split[at] = split.found ? cuts_[split.feature][split.bin]
                                 : std::numeric_limits<float>::max();
    for (const uint32_t i : among) {
      const bool is_low = !split.found || bins_[split.feature][i] <= split.bin;
      (is_low ? low : high).push_back(i);
    }
  }

  SmallTree Grow() {
    SmallTree tree;
    std::vector<uint32_t> everybody(n_);
    for (uint32_t i = 0; i < n_; ++i) everybody[i] = i;
    std::vector<uint32_t> half[2];
    Ask(BestSplit(everybody), 0, everybody, tree, half[0], half[1]);
    for (size_t side = 0; side < 2; ++side) {
      std::vector<uint32_t> leaf[2];
      Ask(BestSplit(half[side]), side + 1, half[side], tree, leaf[0], leaf[1]);
      for (size_t end = 0; end < 2; ++end) {
        Pull pull;
        for (const uint32_t i : leaf[end]) {
          pull.Add(gradients_[i], curvatures_[i]);
        }
        const double value = options_.step * pull.Step(options_.l2);
        tree.value[2 * side + end] = value;
        for (const uint32_t i : leaf[end]) scores_[i] += value;
      }
    }
    return tree;
  }

  const BoostingOptions& options_;
  const size_t n_;
  std::vector<std::vector<float>> cuts_;    // by feature, rising
  std::vector<std::vector<uint8_t>> bins_;  // by feature, then example
  std::vector<double> scores_, gradients_, curvatures_;
};

}  // namespace

double BoostedTrees::LogOdds(absl::Span<const float> values) const {
  double z = bias;
  for (const SmallTree& tree : trees) z += tree.Of(values);
  return z;
}

absl::StatusOr<BoostedTrees> FitTrees(const Examples& examples,
                                      const BoostingOptions& options) {
  FieldViolations bad;
  if (options.rounds < 1 || options.rounds > 10'000) {
    bad.Add("rounds", "must be in [1, 10000]");
  }
  if (!(options.step > 0 && options.step <= 1)) {
    bad.Add("step", "must be in (0, 1]");
  }
  if (!(options.l2 > 0)) bad.Add("l2", "must be more than 0");
  if (options.quantiles < 2 || options.quantiles > 256) {
    bad.Add("quantiles", "must be in [2, 256]");
  }
  if (!bad.empty()) return bad.ToStatus();
  return Boosting(examples, options).Run(examples);
}

}  // namespace mitra::matching
