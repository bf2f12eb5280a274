#include "services/matching/refresh/fixed_pairs.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/ranking/recommendation_kinds.h"
#include "services/matching/refresh/member_order.h"

namespace mitra::matching {
namespace {

constexpr size_t kMaxReason = 500;

absl::Status NoMember(absl::string_view what) {
  return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                   absl::StrCat(what, ": is no member of the refresh"));
}

// One list with the edits of its member and kind.
absl::Status EditList(absl::Span<const MarketCandidate> list,
                      absl::Span<const PairEdit> edits, const ScorePair& score,
                      bool strict, std::vector<MarketCandidate>& out) {
  out.clear();
  for (const PairEdit& edit : edits) {
    if (!edit.pin) continue;
    const auto at =
        std::find_if(list.begin(), list.end(), [&](const MarketCandidate& row) {
          return row.member == edit.candidate;
        });
    if (at != list.end()) {
      out.push_back(*at);
    } else {
      auto row = score(edit.number, edit.kind, edit.candidate);
      if (!row.ok() && strict) return row.status();
      if (!row.ok()) continue;
      out.push_back(*row);
    }
    out.back().sources |= MarketCandidate::kPinnedBit;
  }
  for (const MarketCandidate& row : list) {
    const bool settled = std::any_of(
        edits.begin(), edits.end(),
        [&](const PairEdit& edit) { return edit.candidate == row.member; });
    if (!settled) out.push_back(row);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<PairEdit>> ResolvePairs(
    absl::Span<const v1::FixedPair* const> pairs,
    absl::Span<const std::string> members,
    absl::Span<const v1::RecommendationKind> kinds, const MemberView& view,
    bool strict) {
  std::vector<PairEdit> edits;
  if (pairs.empty()) return edits;
  const PositionsById positions(members);
  // The last word of each place stands where the place was named first.
  std::map<std::tuple<uint32_t, uint32_t, MemberIndex>, size_t> places;
  for (const v1::FixedPair* pair : pairs) {
    const auto kind = std::find(kinds.begin(), kinds.end(), pair->kind());
    if (kind == kinds.end()) continue;
    const size_t member = positions.Find(pair->profile_id());
    const bool is_member = member < members.size();
    PairEdit edit;
    edit.candidate = view.Find(pair->candidate_id());
    if (!is_member || edit.candidate == kNoMember) {
      if (!strict) continue;
      return NoMember(is_member ? "candidate_id" : "profile_id");
    }
    edit.number = static_cast<uint32_t>(member);
    edit.kind = static_cast<uint32_t>(kind - kinds.begin());
    edit.pin = pair->decision() == v1::PAIR_DECISION_PIN;
    const auto [at, is_new] = places.try_emplace(
        std::tuple(edit.number, edit.kind, edit.candidate), edits.size());
    if (is_new) {
      edits.push_back(edit);
    } else {
      edits[at->second] = edit;
    }
  }
  std::stable_sort(
      edits.begin(), edits.end(), [](const PairEdit& a, const PairEdit& b) {
        return std::pair(a.number, a.kind) < std::pair(b.number, b.kind);
      });
  return edits;
}

absl::Status EditChunk(absl::Span<const PairEdit> edits, uint32_t first,
                       const ScorePair& score, bool strict,
                       ChunkResult& chunk) {
  std::vector<MarketCandidate> list;
  for (uint32_t k = 0; k < chunk.kinds.size(); ++k) {
    CandidateLists edited;
    for (uint32_t i = 0; i < chunk.kinds[k].size(); ++i) {
      const auto key = std::pair(first + i, k);
      const auto [begin, end] = std::equal_range(
          edits.begin(), edits.end(), PairEdit{key.first, key.second},
          [](const PairEdit& a, const PairEdit& b) {
            return std::pair(a.number, a.kind) < std::pair(b.number, b.kind);
          });
      const auto own = edits.subspan(static_cast<size_t>(begin - edits.begin()),
                                     static_cast<size_t>(end - begin));
      MITRA_RETURN_IF_ERROR(
          EditList(chunk.kinds[k].of(i), own, score, strict, list));
      edited.Add(list, chunk.kinds[k].flags[i]);
    }
    chunk.kinds[k] = std::move(edited);
  }
  return absl::OkStatus();
}

absl::Status CheckFixedPairs(
    const google::protobuf::RepeatedPtrField<v1::FixedPair>& pairs,
    absl::string_view field, int at_most) {
  FieldViolations bad;
  if (pairs.size() > at_most) {
    return InvalidField(field, absl::StrCat("must have at most ", at_most,
                                            " values, has ", pairs.size()));
  }
  for (int i = 0; i < pairs.size(); ++i) {
    const v1::FixedPair& pair = pairs[i];
    const std::string path = absl::StrCat(field, "[", i, "].");
    if (!IsValidId(pair.profile_id())) {
      bad.Add(path + "profile_id", "is not a member id");
    }
    if (!IsValidId(pair.candidate_id())) {
      bad.Add(path + "candidate_id", "is not a member id");
    } else if (pair.candidate_id() == pair.profile_id()) {
      bad.Add(path + "candidate_id", "is the member itself");
    }
    if (FindKind(pair.kind()) == nullptr) {
      bad.Add(path + "kind", "unknown value");
    }
    if (pair.decision() != v1::PAIR_DECISION_PIN &&
        pair.decision() != v1::PAIR_DECISION_REMOVE) {
      bad.Add(path + "decision", "must be PIN or REMOVE");
    }
    if (pair.reason().size() > kMaxReason) {
      bad.Add(path + "reason", "must have at most 500 bytes");
    }
  }
  return bad.ToStatus();
}

}  // namespace mitra::matching
