#include "services/matching/ranking/rank_trace_stages.h"

#include <algorithm>

namespace mitra::matching {

void TraceWalk(const TrustVector* trust, size_t candidates, RankTrace& trace) {
  trace.Add("candidates", static_cast<double>(candidates));
  if (trust == nullptr) return;
  trace.Add("edges", trust->edges_pushed);
  trace.Add("reached", trust->touched);
  trace.Add("residual", trust->residual);
  trace.Add("truncated", trust->truncated ? 1 : 0);
}

void TraceRetrieval(int asked, const absl::StatusOr<Retrieved>& found,
                    RankTrace& trace) {
  trace.Add("asked", asked);
  trace.Add("status", static_cast<double>(found.status().code()));
  if (!found.ok()) return;
  trace.Add("found", static_cast<double>(found->candidates.size()));
  trace.Add("eligible", static_cast<double>(found->eligible));
  trace.Add("revision", static_cast<double>(found->revision));
}

void TraceSlate(const Ranking& ranking, size_t wanted, RankTrace& trace) {
  trace.Begin("slate");
  trace.Add("ranked", static_cast<double>(ranking.items.size()));
  trace.Add("exhausted", ranking.exhausted ? 1 : 0);
  const size_t n = std::min(wanted, ranking.items.size());
  if (n > 0) {
    trace.Add("first_key", double{ranking.items[0].score.key});
    trace.Add("last_key", double{ranking.items[n - 1].score.key});
  }
  double trusted = 0, community = 0, newcomers = 0;
  for (size_t i = 0; i < n; ++i) {
    trusted += (ranking.items[i].sources & kFromTrust) != 0;
    community += (ranking.items[i].sources & kFromCommunity) != 0;
    newcomers += ranking.items[i].newcomer;
  }
  trace.Add("from_trust", trusted);
  trace.Add("from_community", community);
  trace.Add("newcomers", newcomers);
  trace.End();
}

}  // namespace mitra::matching
