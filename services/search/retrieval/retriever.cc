#include "services/search/retrieval/retriever.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "common/embedding/vector.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::search {
namespace {

// Adds up the sides of a subject's facets.
class SubjectVectors {
 public:
  explicit SubjectVectors(size_t dimension) : dimension_(dimension) {}

  void Add(const VectorRows::View& rows, uint32_t row) {
    AddSide(rows.Read(row, VectorRows::kNeed), need_);
    AddSide(rows.Read(row, VectorRows::kOffer), offer_);
  }
  // Facets that cancel each other out leave nothing.
  std::vector<float> TakeNeed() { return Finish(need_); }
  std::vector<float> TakeOffer() { return Finish(offer_); }

 private:
  struct Side {
    std::vector<float> sum;
    int count = 0;
  };
  void AddSide(std::vector<float> values, Side& side) {
    if (values.empty()) return;
    if (side.count++ == 0) {
      side.sum = std::move(values);
      return;
    }
    for (size_t i = 0; i < dimension_; ++i) side.sum[i] += values[i];
  }
  static std::vector<float> Finish(Side& side) {
    // A single facet keeps its vector to the last bit.
    if (side.count > 1 && !embedding::Normalise(absl::MakeSpan(side.sum))) {
      side.sum.clear();
    }
    return std::move(side.sum);
  }

  const size_t dimension_;
  Side need_;
  Side offer_;
};

struct Subject {
  uint32_t member = IndexView::kNoMember;
  std::vector<float> need;
  std::vector<float> offer;
};

absl::StatusOr<Subject> SubjectOf(const IndexView& view,
                                  const Retrieval& retrieval) {
  Subject subject;
  if (retrieval.subject_id.empty()) {
    subject.need = retrieval.need;
    subject.offer = retrieval.offer;
    return subject;
  }
  subject.member = view.FindMember(retrieval.subject_id);
  if (subject.member == IndexView::kNoMember) {
    return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                     "profile_id: no such profile");
  }
  SubjectVectors sum(view.dimension);
  bool found = false;
  for (const FacetRow& facet : view.member(subject.member).facets) {
    if (retrieval.subject_role != 0 && facet.role != retrieval.subject_role) {
      continue;
    }
    sum.Add(view.roles[facet.role].partitions.rows, facet.row);
    found = true;
  }
  if (!found && retrieval.subject_role != 0) {
    return MakeError(absl::StatusCode::kNotFound, "FACET_NOT_FOUND",
                     "subject_role: the profile does not have this role");
  }
  subject.need = sum.TakeNeed();
  subject.offer = sum.TakeOffer();
  return subject;
}

class BetterCandidate {
 public:
  explicit BetterCandidate(const IndexView& view) : view_(view) {}
  bool operator()(const Candidate& a, const Candidate& b) const {
    if (a.score != b.score) return a.score > b.score;
    if (a.member != b.member) {
      return view_.member(a.member).id() < view_.member(b.member).id();
    }
    return a.role < b.role;
  }

 private:
  const IndexView& view_;
};

Candidate ToCandidate(const RoleView& role_view, int role,
                      const ScoredRow& scored) {
  Candidate candidate;
  candidate.member = role_view.columns.attributes[scored.row].member;
  candidate.role = role;
  candidate.give = scored.give;
  candidate.take = scored.take;
  candidate.score = scored.score;
  return candidate;
}

// Keeps the first `k` of the sorted candidates that name their member for the
// first time.
void KeepBestFacets(std::vector<Candidate>& candidates, size_t k) {
  absl::flat_hash_set<uint32_t> seen;
  seen.reserve(std::min(k, candidates.size()));
  size_t kept = 0;
  for (const Candidate& candidate : candidates) {
    if (kept == k) break;
    if (seen.insert(candidate.member).second) candidates[kept++] = candidate;
  }
  candidates.resize(kept);
}

}  // namespace

std::vector<uint32_t> MembersOf(const IndexView& view,
                                absl::Span<const std::string> ids) {
  std::vector<uint32_t> members;
  members.reserve(ids.size());
  for (const std::string& id : ids) {
    const uint32_t member = view.FindMember(id);
    if (member != IndexView::kNoMember) members.push_back(member);
  }
  return members;
}

RowFilter FilterRole(const IndexView& view, int role,
                     const MemberFilter& filter,
                     absl::Span<const uint32_t> excluded) {
  const RoleView& role_view = view.roles[static_cast<size_t>(role)];
  RowFilter rows;
  rows.eligible = role_view.eligible;
  rows.eligible_count = role_view.eligible_count;
  rows.matches = filter.Match(role_view.columns);
  std::vector<uint32_t> hidden;
  for (uint32_t member : excluded) {
    for (const FacetRow& facet : view.member(member).facets) {
      if (facet.role == role && rows.Passes(facet.row)) {
        hidden.push_back(facet.row);
      }
    }
  }
  std::sort(hidden.begin(), hidden.end());
  hidden.erase(std::unique(hidden.begin(), hidden.end()), hidden.end());
  rows.excluded = std::move(hidden);
  return rows;
}

absl::StatusOr<Retrieved> Retrieve(const IndexView& view,
                                   const Retrieval& retrieval,
                                   const SearchPlan& plan) {
  MITRA_ASSIGN_OR_RETURN(const Subject subject, SubjectOf(view, retrieval));
  Retrieved retrieved;
  retrieved.need_missing = subject.need.empty();
  retrieved.offer_missing = subject.offer.empty();
  const Query query(view.dimension, subject.need, subject.offer,
                    static_cast<float>(retrieval.weight));
  std::vector<uint32_t> excluded =
      MembersOf(view, retrieval.filter.excluded_ids());
  if (subject.member != IndexView::kNoMember) {
    excluded.push_back(subject.member);
  }

  std::vector<Candidate>& candidates = retrieved.candidates;
  std::vector<std::pair<int, RowFilter>> filters;
  for (int role : retrieval.roles) {
    const RoleView& role_view = view.roles[static_cast<size_t>(role)];
    filters.emplace_back(role,
                         FilterRole(view, role, retrieval.filter, excluded));
    const RowFilter& filter = filters.back().second;
    retrieved.eligible += filter.count();
    const auto before = [&](uint32_t a, uint32_t b) {
      return view.member(role_view.columns.attributes[a].member).id() <
             view.member(role_view.columns.attributes[b].member).id();
    };
    MITRA_ASSIGN_OR_RETURN(const std::vector<ScoredRow> found,
                           SearchRole(role_view.partitions, filter, query,
                                      retrieval.k, plan, before));
    for (const ScoredRow& scored : found) {
      if (scored.score < retrieval.min_score) break;  // best first
      candidates.push_back(ToCandidate(role_view, role, scored));
    }
  }
  const BetterCandidate better(view);
  // One role's candidates are in order and have each member once.
  if (retrieval.roles.size() > 1) {
    std::sort(candidates.begin(), candidates.end(), better);
    KeepBestFacets(candidates, retrieval.k);
  }
  if (retrieval.also_score_ids.empty()) return retrieved;

  absl::flat_hash_set<uint32_t> present;
  for (const Candidate& candidate : candidates) {
    present.insert(candidate.member);
  }
  std::vector<Candidate> also;
  for (uint32_t member : MembersOf(view, retrieval.also_score_ids)) {
    if (!present.insert(member).second) continue;
    for (const FacetRow& facet : view.member(member).facets) {
      for (const auto& [role, filter] : filters) {
        if (role != facet.role || !filter.Passes(facet.row)) continue;
        const RoleView& role_view = view.roles[facet.role];
        const ScoredRow scored =
            query.Score(role_view.partitions.rows, facet.row);
        if (scored.score < retrieval.min_score) continue;
        also.push_back(ToCandidate(role_view, role, scored));
        also.back().also_scored = true;
      }
    }
  }
  std::sort(also.begin(), also.end(), better);
  KeepBestFacets(also, also.size());
  candidates.insert(candidates.end(), also.begin(), also.end());
  return retrieved;
}

}  // namespace mitra::search
