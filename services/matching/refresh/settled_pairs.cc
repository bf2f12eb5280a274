// Places of a refresh that somebody has settled: before it is computed, and by
// a reviewer of a result that is held.

#include <algorithm>
#include <utility>

#include "common/status/status_macros.h"
#include "services/matching/refresh/refresh_job.h"

namespace mitra::matching {
namespace {

std::vector<v1::RecommendationKind> KindsOf(const v1::Refresh& refresh) {
  std::vector<v1::RecommendationKind> kinds;
  for (const int kind : refresh.kinds()) {
    kinds.push_back(static_cast<v1::RecommendationKind>(kind));
  }
  return kinds;
}

std::vector<const v1::FixedPair*> PointersTo(
    absl::Span<const v1::FixedPair> pairs) {
  std::vector<const v1::FixedPair*> pointers;
  for (const v1::FixedPair& pair : pairs) pointers.push_back(&pair);
  return pointers;
}

// Those of one chunk.
absl::Span<const PairEdit> EditsOfChunk(absl::Span<const PairEdit> edits,
                                        uint32_t chunk) {
  const auto number = [](const PairEdit& edit, size_t first) {
    return edit.number < first;
  };
  const auto begin = std::lower_bound(edits.begin(), edits.end(),
                                      chunk * kChunkMembers, number);
  const auto end =
      std::lower_bound(begin, edits.end(), (chunk + 1) * kChunkMembers, number);
  return edits.subspan(static_cast<size_t>(begin - edits.begin()),
                       static_cast<size_t>(end - begin));
}

}  // namespace

absl::StatusOr<ScorePair> RefreshJob::ScorerOf(const MatchingView& view) const {
  MITRA_ASSIGN_OR_RETURN(ChunkPlan plan, PlanOf(tools_, state()));
  return ScorePair([this, &view, plan = std::move(plan)](
                       uint32_t number, uint32_t kind, MemberIndex candidate) {
    return tools_.worker->ScorePair(view, members_[number], *plan.kinds[kind],
                                    candidate, plan);
  });
}

// What was settled beforehand; who has left, or may not be shown any more, is
// left out.
absl::Status RefreshJob::ApplyFixedPairs() {
  const v1::Refresh now = state();
  if (now.fixed_pairs().empty()) return absl::OkStatus();
  const std::vector<v1::FixedPair> pairs(now.fixed_pairs().begin(),
                                         now.fixed_pairs().end());
  MITRA_ASSIGN_OR_RETURN(
      const std::vector<PairEdit> edits,
      ResolvePairs(PointersTo(pairs), members_, KindsOf(now), view_.members,
                   /*strict=*/false));
  MITRA_ASSIGN_OR_RETURN(const ScorePair score, ScorerOf(view_));
  for (uint32_t chunk = 0; chunk < tables_.size(); ++chunk) {
    const auto own = EditsOfChunk(edits, chunk);
    if (own.empty()) continue;
    MITRA_RETURN_IF_ERROR(
        EditChunk(own, static_cast<uint32_t>(chunk * kChunkMembers), score,
                  /*strict=*/false, tables_[chunk]));
  }
  return absl::OkStatus();
}

absl::Status RefreshJob::Edit(absl::Span<const v1::FixedPair> pairs) {
  if (members_.empty()) {
    MITRA_ASSIGN_OR_RETURN(members_, folder_.ReadMembers());
  }
  const MatchingView view = tools_.views();
  const v1::Refresh now = state();
  MITRA_ASSIGN_OR_RETURN(const std::vector<PairEdit> edits,
                         ResolvePairs(PointersTo(pairs), members_, KindsOf(now),
                                      view.members, /*strict=*/true));
  MITRA_ASSIGN_OR_RETURN(
      const auto slates,
      folder_.OpenSlates(static_cast<uint32_t>(
          (members_.size() + kChunkMembers - 1) / kChunkMembers)));
  MITRA_ASSIGN_OR_RETURN(const ScorePair score, ScorerOf(view));
  std::vector<std::pair<uint32_t, std::string>> changed;
  for (uint32_t chunk = 0; chunk < slates->chunks(); ++chunk) {
    const auto own = EditsOfChunk(edits, chunk);
    if (own.empty()) continue;
    MITRA_ASSIGN_OR_RETURN(const std::string bytes, slates->Read(chunk));
    MITRA_ASSIGN_OR_RETURN(
        ChunkResult result,
        DecodeChunk(bytes, view.members, MembersOfChunk(chunk).size(),
                    static_cast<size_t>(now.kinds_size())));
    MITRA_RETURN_IF_ERROR(
        EditChunk(own, static_cast<uint32_t>(chunk * kChunkMembers), score,
                  /*strict=*/true, result));
    changed.emplace_back(chunk, EncodeChunk(result, view.members));
  }
  for (const auto& [chunk, bytes] : changed) {
    MITRA_RETURN_IF_ERROR(slates->Replace(chunk, bytes));
  }
  MITRA_RETURN_IF_ERROR(slates->Sync());
  Update([&](v1::Refresh& state) {
    for (const v1::FixedPair& pair : pairs) *state.add_fixed_pairs() = pair;
  });
  return absl::OkStatus();
}

}  // namespace mitra::matching
