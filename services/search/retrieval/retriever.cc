#include "services/search/retrieval/retriever.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "common/base/prefetch.h"
#include "common/base/thread_priority.h"
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
    if (i < scored.size()) PrefetchLine(&attributes[scored[i].row]);
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

// A role with what passes in it.
struct FilteredRole {
  int role;
  RowFilter filter;
};

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
  const size_t left_over = rows.matches == nullptr
                               ? rows.eligible_count
                               : rows.matches->cardinality();
  if (refused->cardinality() * kFewerThan < left_over) {
    const Roaring both =
        rows.matches == nullptr ? *refused : *refused & *rows.matches;
    hidden.resize(both.cardinality());
    both.toUint32Array(hidden.data());
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

using Matches = std::shared_ptr<const Roaring>;

// As FilterRole; `matches` are those of the filter.
RowFilter FilterMatches(const IndexView& view, int role, Matches matches,
                        absl::Span<const uint32_t> excluded,
                        const SubjectRules* rules) {
  const RoleView& role_view = view.roles[static_cast<size_t>(role)];
  RowFilter rows;
  rows.eligible = role_view.eligible;
  rows.eligible_count = role_view.eligible_count;
  rows.matches = std::move(matches);
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

// The matches of filters in roles: a batch states few filters.
class FilterMatchesMemo {
 public:
  Matches Of(const IndexView& view, int role, const MemberFilter& filter) {
    for (const Known& one : known_) {
      if (one.role == role && one.filter->MatchesLike(filter)) {
        return one.matches;
      }
    }
    const RoleView& role_view = view.roles[static_cast<size_t>(role)];
    known_.push_back({role, &filter, filter.Match(role_view.columns)});
    return known_.back().matches;
  }

 private:
  struct Known {
    int role;
    const MemberFilter* filter;
    Matches matches;
  };
  std::vector<Known> known_;
};

// One question on its way through its roles.
class Asked {
 public:
  static absl::StatusOr<Asked> Prepare(const IndexView& view,
                                       const Retrieval& retrieval,
                                       FilterMatchesMemo& memo) {
    MITRA_ASSIGN_OR_RETURN(const Subject subject, SubjectOf(view, retrieval));
    Asked asked(view, retrieval, subject);
    asked.FilterRoles(subject, memo);
    return asked;
  }

  // The i-th of its roles, the one with the most rows first: what is found
  // there tells how good the others' must be. 0: there is none.
  int role(size_t i) const { return i < roles_.size() ? roles_[i].role : 0; }

  RoleQuestion QuestionOf(size_t i) const {
    // With k members in hand the others must be as good as the last of them.
    const float least =
        best_.size() == retrieval_->k
            ? std::max(best_.back().score, retrieval_->min_score)
            : retrieval_->min_score;
    return {&roles_[i].filter, &query_, retrieval_->k, least};
  }

  void Take(size_t i, const RoleQuestion& question,
            absl::StatusOr<std::vector<ScoredRow>> found) {
    if (!found.ok()) {
      failure_.Update(found.status());
      return;
    }
    const int role = roles_[i].role;
    const auto known = static_cast<ptrdiff_t>(best_.size());
    AddCandidates(view_->roles[static_cast<size_t>(role)], role, *found,
                  question.least, false, best_);
    const auto middle = best_.begin() + known;
    // One role's candidates are in order and have each member once.
    if (known == 0 || middle == best_.end()) return;
    std::inplace_merge(best_.begin(), middle, best_.end(),
                       BetterCandidate(*view_));
    KeepBestFacets(best_, retrieval_->k);
  }

  absl::StatusOr<Retrieved> Finish() {
    if (!failure_.ok()) return failure_;
    retrieved_.candidates = std::move(best_);
    if (retrieval_->also_score_ids.empty()) return std::move(retrieved_);
    const std::vector<Candidate> also =
        ScoreAlso(*view_, *retrieval_, query_, roles_, retrieved_.candidates);
    retrieved_.candidates.insert(retrieved_.candidates.end(), also.begin(),
                                 also.end());
    return std::move(retrieved_);
  }

 private:
  Asked(const IndexView& view, const Retrieval& retrieval,
        const Subject& subject)
      : view_(&view),
        retrieval_(&retrieval),
        query_(view.dimension, subject.need, subject.offer,
               static_cast<float>(retrieval.weight)) {
    retrieved_.need_missing = subject.need.empty();
    retrieved_.offer_missing = subject.offer.empty();
  }

  void FilterRoles(const Subject& subject, FilterMatchesMemo& memo) {
    const IndexView& view = *view_;
    std::vector<uint32_t> excluded =
        view.FindMembers(retrieval_->filter.excluded_ids());
    if (subject.member != IndexView::kNoMember) {
      excluded.push_back(subject.member);
    }
    const std::optional<SubjectRules> rules =
        subject.member != IndexView::kNoMember ? RulesOf(view, subject.member)
                                               : retrieval_->rules;
    roles_.reserve(retrieval_->roles.size());
    for (const int role : retrieval_->roles) {
      roles_.push_back(
          {role,
           FilterMatches(view, role, memo.Of(view, role, retrieval_->filter),
                         excluded, rules.has_value() ? &*rules : nullptr)});
      retrieved_.eligible += roles_.back().filter.count();
    }
    std::sort(roles_.begin(), roles_.end(), [](const auto& a, const auto& b) {
      return a.filter.count() > b.filter.count();
    });
  }

  const IndexView* view_;
  const Retrieval* retrieval_;
  Query query_;
  std::vector<FilteredRole> roles_;
  std::vector<Candidate> best_;
  Retrieved retrieved_;
  absl::Status failure_;
};

// Lets each of `asked` look at its `nth` role, which is the same for all.
void SearchOneRole(const IndexView& view, int role, size_t nth,
                   const SearchPlan& plan, absl::Span<Asked* const> asked) {
  const RoleView& role_view = view.roles[static_cast<size_t>(role)];
  // Who has the same score as others is asked for again and again, and names
  // lie far apart in memory.
  absl::flat_hash_map<uint32_t, absl::string_view> names;
  const auto name = [&](uint32_t row) {
    const auto [at, added] = names.try_emplace(row);
    if (added) at->second = IdOf(view, role_view, row);
    return at->second;
  };
  const auto before = [&](uint32_t a, uint32_t b) {
    const absl::string_view first = name(a);
    return first < name(b);
  };
  std::vector<RoleQuestion> questions;
  questions.reserve(asked.size());
  for (const Asked* one : asked) questions.push_back(one->QuestionOf(nth));
  auto found = SearchRoleForAll(role_view.partitions, questions, plan, before);
  for (size_t i = 0; i < asked.size(); ++i) {
    GiveWay();
    asked[i]->Take(nth, questions[i], std::move(found[i]));
  }
}

}  // namespace

RowFilter FilterRole(const IndexView& view, int role,
                     const MemberFilter& filter,
                     absl::Span<const uint32_t> excluded,
                     const SubjectRules* rules) {
  return FilterMatches(
      view, role, filter.Match(view.roles[static_cast<size_t>(role)].columns),
      excluded, rules);
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
  return std::move(RetrieveAll(view, {&retrieval, 1}, plan)[0]);
}

std::vector<absl::StatusOr<Retrieved>> RetrieveAll(
    const IndexView& view, absl::Span<const Retrieval> retrievals,
    const SearchPlan& plan) {
  FilterMatchesMemo memo;
  std::vector<absl::StatusOr<Asked>> asked;
  asked.reserve(retrievals.size());
  size_t steps = 0;
  for (const Retrieval& retrieval : retrievals) {
    GiveWay();
    asked.push_back(Asked::Prepare(view, retrieval, memo));
    steps = std::max(steps, retrieval.roles.size());
  }
  for (size_t step = 0; step < steps; ++step) {
    for (int role = 1; role < kRoles; ++role) {
      std::vector<Asked*> together;
      for (absl::StatusOr<Asked>& one : asked) {
        if (one.ok() && one->role(step) == role) together.push_back(&*one);
      }
      if (together.empty()) continue;
      SearchOneRole(view, role, step, plan, together);
    }
  }
  std::vector<absl::StatusOr<Retrieved>> answers;
  answers.reserve(asked.size());
  for (absl::StatusOr<Asked>& one : asked) {
    GiveWay();
    if (one.ok()) {
      answers.push_back(one->Finish());
    } else {
      answers.push_back(one.status());
    }
  }
  return answers;
}

}  // namespace mitra::search
