#include "services/matching/graph/walk_shares.h"

#include <algorithm>

namespace mitra::matching {
namespace {

// Scales the weights of one pool so that they sum to `total` and none exceeds
// `cap`; what a cap cuts off is lost. Zero weights stay zero.
template <typename Pool>
void Normalise(std::vector<double>& weights, const std::vector<Pool>& pool,
               Pool which, double total, double cap) {
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (pool[i] == which) sum += weights[i];
  }
  if (sum <= 0) return;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (pool[i] == which) {
      weights[i] = std::min(weights[i] / sum * total, cap);
    }
  }
}

}  // namespace

WalkShares::Flow WalkShares::Collect(const TieOptions& options,
                                     absl::Span<const TieValue> outs,
                                     absl::Span<const TieValue> ins) {
  const size_t n = outs.size();
  forward_.assign(n, 0);
  backward_.assign(n, 0);
  pool_.assign(n, kNone);
  back_pool_.assign(n, kNone);
  Flow flow;
  for (size_t i = 0; i < n; ++i) {
    if (outs[i].walk > 0) {
      pool_[i] = kOwn;
      forward_[i] = outs[i].walk;
      flow.forward += forward_[i];
    }
    // Whom the member complains of cannot draw its walk by praising it.
    const bool complained = outs[i].kind != 0 && !outs[i].to_group &&
                            outs[i].trust < options.neutral_trust;
    if (ins[i].walk > 0 && !complained) {
      back_pool_[i] = ins[i].to_group ? kMembers : kOthers;
      backward_[i] = ins[i].walk * options.reverse_factor;
      if (ins[i].to_group) {
        flow.has_members = true;
      } else {
        flow.reverse += backward_[i];
      }
    }
    flow.carrying += pool_[i] != kNone || back_pool_[i] != kNone;
  }
  return flow;
}

absl::Span<const double> WalkShares::Of(const TieOptions& options,
                                        absl::Span<const TieValue> outs,
                                        absl::Span<const TieValue> ins) {
  const Flow flow = Collect(options, outs, ins);
  if (flow.carrying == 0) return forward_;
  const double members_total = flow.has_members ? options.group_share : 0;
  const double rest = 1 - members_total;
  const double reverse_total =
      flow.reverse > 0 ? std::min(flow.reverse / (flow.forward + flow.reverse),
                                  options.reverse_share) *
                             rest
                       : 0;
  const double cap =
      std::max(options.edge_share_cap,
               std::min(1.0, 2.0 / static_cast<double>(flow.carrying)));
  Normalise(forward_, pool_, kOwn, rest - reverse_total, cap);
  Normalise(backward_, back_pool_, kOthers, reverse_total, cap);
  Normalise(backward_, back_pool_, kMembers, members_total,
            options.group_member_share);
  for (size_t i = 0; i < forward_.size(); ++i) {
    if (back_pool_[i] == kOthers && backward_[i] < options.reverse_floor) {
      backward_[i] = 0;
    }
    forward_[i] = std::min(forward_[i] + backward_[i], cap);
  }
  return forward_;
}

}  // namespace mitra::matching
