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
  for (const FacetRow& facet : view.member(subject.member).facets()) {
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

// Appends those that reach the least score as candidates, in their order. The
// numbers of their members lie all over memory.
void AddCandidates(const RoleView& role_view, int role,
                   absl::Span<const ScoredRow> scored, float least,
                   bool also_scored, std::vector<Candidate>& candidates) {
  constexpr size_t kAhead = 8;
  const AttributeVector::View& attributes = role_view.columns.attributes;
  const auto call = [&](size_t i) {
    if (i < scored.size()) __builtin_prefetch(&attributes[scored[i].row]);
  };
  for (size_t i = 0; i < kAhead; ++i) call(i);
  candidates.reserve(candidates.size() + scored.size());
  for (size_t i = 0; i < scored.size(); ++i) {
    call(i + kAhead);
    const ScoredRow& row = scored[i];
    if (row.score < least) continue;
    candidates.push_back({attributes[row.row].member, role, row.give, row.take,
                          row.score, also_scored});
  }
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

// The roles with what passes in each, the one with the most first: what is
// found there tells how good the others' must be.
struct FilteredRole {
  int role;
  RowFilter filter;
};
std::vector<FilteredRole> FilterRoles(const IndexView& view,
                                      const Retrieval& retrieval,
                                      absl::Span<const uint32_t> excluded,
                                      const SubjectRules* rules) {
  std::vector<FilteredRole> roles;
  roles.reserve(retrieval.roles.size());
  for (int role : retrieval.roles) {
    roles.push_back(
        {role, FilterRole(view, role, retrieval.filter, excluded, rules)});
  }
  std::sort(roles.begin(), roles.end(), [](const auto& a, const auto& b) {
    return a.filter.count() > b.filter.count();
  });
  return roles;
}

absl::StatusOr<std::vector<Candidate>> Find(
    const IndexView& view, const Retrieval& retrieval, const Query& query,
    absl::Span<const FilteredRole> roles, const SearchPlan& plan) {
  const BetterCandidate better(view);
  std::vector<Candidate> best;
  for (const FilteredRole& one : roles) {
    const RoleView& role_view = view.roles[static_cast<size_t>(one.role)];
    const auto before = [&](uint32_t a, uint32_t b) {
      return IdOf(view, role_view, a) < IdOf(view, role_view, b);
    };
    // With k members in hand the others must be as good as the last of them.
    const float least = best.size() == retrieval.k
                            ? std::max(best.back().score, retrieval.min_score)
                            : retrieval.min_score;
    MITRA_ASSIGN_OR_RETURN(const std::vector<ScoredRow> found,
                           SearchRole(role_view.partitions, one.filter, query,
                                      retrieval.k, plan, before, least,
                                      /*lasting=*/true));
    const auto known = static_cast<ptrdiff_t>(best.size());
    AddCandidates(role_view, one.role, found, least, false, best);
    const auto middle = best.begin() + known;
    // One role's candidates are in order and have each member once.
    if (known == 0 || middle == best.end()) continue;
    std::inplace_merge(best.begin(), middle, best.end(), better);
    KeepBestFacets(best, retrieval.k);
  }
  return best;
}

// The candidates among `members` that are not in `found`.
std::vector<Candidate> ScoreAlso(const IndexView& view,
                                 const Retrieval& retrieval, const Query& query,
                                 absl::Span<const FilteredRole> roles,
                                 absl::Span<const Candidate> found) {
  const std::vector<uint32_t> members =
      view.FindMembers(retrieval.also_score_ids);
  absl::flat_hash_set<uint32_t> present;
  present.reserve(found.size() + members.size());
  for (const Candidate& candidate : found) present.insert(candidate.member);
  std::vector<std::vector<uint32_t>> rows(roles.size());
  view.ForEachMember(members, [&](size_t i, const Member* member) {
    if (!present.insert(members[i]).second) return;
    for (const FacetRow& facet : member->facets()) {
      for (size_t r = 0; r < roles.size(); ++r) {
        if (roles[r].role == facet.role && roles[r].filter.Passes(facet.row)) {
          rows[r].push_back(facet.row);
        }
      }
    }
  });
  std::vector<Candidate> also;
  std::vector<ScoredRow> scored;
  for (size_t r = 0; r < roles.size(); ++r) {
    const RoleView& role_view = view.roles[static_cast<size_t>(roles[r].role)];
    scored.clear();
    query.ScoreAll(role_view.partitions.rows, rows[r], scored);
    AddCandidates(role_view, roles[r].role, scored, retrieval.min_score, true,
                  also);
  }
  std::sort(also.begin(), also.end(), BetterCandidate(view));
  KeepBestFacets(also, also.size());
  return also;
}

// Who a stored member is to the rules of others, and whom its own take; nothing
// for a member without roles, of which no row tells anything.
std::optional<SubjectRules> RulesOf(const IndexView& view, uint32_t member) {
  std::optional<SubjectRules> rules;
  for (const FacetRow& facet : view.member(member).facets()) {
    const FilterColumns& columns = view.roles[facet.role].columns;
    if (!rules.has_value()) {
      rules.emplace();
      rules->facts = columns.attributes[facet.row];
    }
    rules->roles |= uint32_t{1} << facet.role;
    rules->accepts.push_back(columns.figures.Get(facet.row));
  }
  return rules;
}

// Takes rows out of a filter: few of them one by one, which leaves the quick
// ways of a role as they are.
void Refuse(std::shared_ptr<const Roaring> refused,
            const FilterColumns& columns, RowFilter& rows,
            std::vector<uint32_t>& hidden) {
  constexpr size_t kFewerThan = 4;  // a fourth
  if (rows.matches == nullptr &&
      refused->cardinality() * kFewerThan < rows.eligible_count) {
    hidden.resize(refused->cardinality());
    refused->toUint32Array(hidden.data());
    return;
  }
  auto left = std::make_shared<Roaring>();
  if (rows.matches != nullptr) {
    *left = *rows.matches - *refused;
  } else if (const auto all = columns.postings.Find(AnyRowKey())) {
    *left = *all - *refused;
  }
  rows.matches = std::move(left);
}

}  // namespace

RowFilter FilterRole(const IndexView& view, int role,
                     const MemberFilter& filter,
                     absl::Span<const uint32_t> excluded,
                     const SubjectRules* rules) {
  const RoleView& role_view = view.roles[static_cast<size_t>(role)];
  RowFilter rows;
  rows.eligible = role_view.eligible;
  rows.eligible_count = role_view.eligible_count;
  rows.matches = filter.Match(role_view.columns);
  std::vector<uint32_t> hidden;
  if (rules != nullptr) {
    const PostingIndex::View& postings = role_view.columns.postings;
    if (auto taken = TakenBy(postings, *rules, role)) {
      rows.matches = rows.matches == nullptr
                         ? std::move(taken)
                         : std::make_shared<Roaring>(*rows.matches & *taken);
    }
    if (auto refused = RefusedBy(postings, *rules)) {
      Refuse(std::move(refused), role_view.columns, rows, hidden);
    }
  }
  // Those that rules have hidden are many, perhaps, and in order already.
  const auto in_order = static_cast<ptrdiff_t>(hidden.size());
  for (uint32_t member : excluded) {
    for (const FacetRow& facet : view.member(member).facets()) {
      if (facet.role == role && rows.Passes(facet.row)) {
        hidden.push_back(facet.row);
      }
    }
  }
  std::sort(hidden.begin() + in_order, hidden.end());
  std::inplace_merge(hidden.begin(), hidden.begin() + in_order, hidden.end());
  hidden.erase(std::unique(hidden.begin(), hidden.end()), hidden.end());
  rows.excluded = std::move(hidden);
  return rows;
}

absl::StatusOr<Query> QueryOf(const IndexView& view,
                              const Retrieval& retrieval) {
  MITRA_ASSIGN_OR_RETURN(const Subject subject, SubjectOf(view, retrieval));
  return Query(view.dimension, subject.need, subject.offer,
               static_cast<float>(retrieval.weight));
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
      view.FindMembers(retrieval.filter.excluded_ids());
  if (subject.member != IndexView::kNoMember) {
    excluded.push_back(subject.member);
  }
  const std::optional<SubjectRules> rules =
      subject.member != IndexView::kNoMember ? RulesOf(view, subject.member)
                                             : retrieval.rules;
  const std::vector<FilteredRole> roles = FilterRoles(
      view, retrieval, excluded, rules.has_value() ? &*rules : nullptr);
  for (const FilteredRole& one : roles) {
    retrieved.eligible += one.filter.count();
  }
  MITRA_ASSIGN_OR_RETURN(retrieved.candidates,
                         Find(view, retrieval, query, roles, plan));
  if (retrieval.also_score_ids.empty()) return retrieved;
  const std::vector<Candidate> also =
      ScoreAlso(view, retrieval, query, roles, retrieved.candidates);
  retrieved.candidates.insert(retrieved.candidates.end(), also.begin(),
                              also.end());
  return retrieved;
}

}  // namespace mitra::search
