#include "services/matching/trust/vouching.h"

#include <algorithm>
#include <bit>

#include "mitra/v1/evidence.pb.h"

namespace mitra::matching {
namespace {

// A tie must say something good, beyond what rounding makes of neutral.
bool Vouches(const Tie& tie) {
  return tie.kind != 0 && !tie.to_group && tie.trust > .5 + 1e-4;
}

// Weight of the edge between two neighbours; 0 if there is none.
double EdgeWeight(const TieFacts& facts, double cheap) {
  const Tie out = OutTie(facts), in = InTie(facts);
  const auto weight = [&](const Tie& tie) {
    if (!Vouches(tie)) return 0.;
    return tie.kind == v1::EVIDENCE_KIND_CONTACT ? cheap : 1;
  };
  return std::max(weight(out), weight(in));
}

class Walk {
 public:
  Walk(const GraphView& graph, const VouchOptions& options)
      : options_(options), degree_(graph.size(), 0) {
    begin_.push_back(0);
    for (MemberIndex m = 0; m < graph.size(); ++m) {
      const Neighbours n = graph.of(m);
      for (uint32_t i = 0; i < n.size; ++i) {
        const double weight = EdgeWeight(n.facts[i], options.cheap);
        if (weight <= 0) continue;
        to_.push_back(n.edges[i].to);
        weight_.push_back(static_cast<float>(weight));
        degree_[m] += weight;
      }
      begin_.push_back(to_.size());
      total_ += degree_[m];
    }
  }

  Vouching Run(absl::Span<const MemberIndex> seeds) const {
    const size_t n = degree_.size();
    Vouching out;
    out.edges = to_.size() / 2;
    std::vector<double> trust(n, 0), next(n);
    std::vector<bool> is_seed(n, false);
    for (const MemberIndex seed : seeds) {
      if (seed >= n || degree_[seed] <= 0 || is_seed[seed]) continue;
      is_seed[seed] = true;
      ++out.seeds;
    }
    if (out.seeds == 0) return out;
    size_t with_edges = 0;
    for (size_t m = 0; m < n; ++m) {
      if (is_seed[m]) trust[m] = 1. / out.seeds;
      with_edges += degree_[m] > 0;
    }
    out.steps = options_.steps > 0
                    ? options_.steps
                    : static_cast<int>(std::bit_width(with_edges - 1));
    for (int step = 0; step < out.steps; ++step) {
      Step(is_seed, trust, next);
      trust.swap(next);
    }
    out.level.resize(n);
    out.weight.resize(n);
    for (size_t m = 0; m < n; ++m) {
      if (degree_[m] <= 0) continue;
      const double level = trust[m] / degree_[m] * total_;
      out.level[m] = static_cast<float>(level);
      out.weight[m] = static_cast<float>(
          std::min(1., level) * std::min(1., degree_[m] / options_.full_edges));
    }
    out.leak_per_edge = out.steps * options_.edge_flow / options_.full_edges;
    return out;
  }

 private:
  void Step(const std::vector<bool>& is_seed, const std::vector<double>& trust,
            std::vector<double>& next) const {
    std::fill(next.begin(), next.end(), 0);
    const double most = options_.edge_flow / total_;
    for (MemberIndex m = 0; m < degree_.size(); ++m) {
      if (trust[m] <= 0) continue;
      double each = trust[m] / degree_[m];
      if (each > most && !is_seed[m]) {
        next[m] += trust[m] - most * degree_[m];
        each = most;
      }
      for (uint64_t i = begin_[m]; i < begin_[m + 1]; ++i) {
        next[to_[i]] += each * double{weight_[i]};
      }
    }
  }

  const VouchOptions options_;
  std::vector<uint64_t> begin_;
  std::vector<MemberIndex> to_;
  std::vector<float> weight_;
  std::vector<double> degree_;
  double total_ = 0;
};

}  // namespace

Vouching ComputeVouching(const GraphView& graph,
                         absl::Span<const MemberIndex> seeds,
                         const VouchOptions& options) {
  Vouching vouching;
  if (!seeds.empty()) vouching = Walk(graph, options).Run(seeds);
  vouching.graph_epoch = graph.epoch();
  return vouching;
}

}  // namespace mitra::matching
