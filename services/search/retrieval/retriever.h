// Reciprocal retrieval: the candidates that fit a subject in both directions.

#ifndef MITRA_SERVICES_SEARCH_RETRIEVAL_RETRIEVER_H_
#define MITRA_SERVICES_SEARCH_RETRIEVAL_RETRIEVER_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/search/filter/acceptance.h"
#include "services/search/filter/member_filter.h"
#include "services/search/index/index_view.h"
#include "services/search/partition/role_search.h"

namespace mitra::search {

struct Retrieval {
  // A stored member, or empty; then the vectors below are the subject.
  std::string subject_id;
  // The facet of a stored subject; 0 for the sum of all.
  int subject_role = 0;
  // Unit vectors of d values, or empty for a missing side.
  std::vector<float> need;
  std::vector<float> offer;
  // Roles of the candidates, at least one, each once.
  std::vector<int> roles;
  MemberFilter filter;
  // Share of what the candidate gives the subject, 0 to 1.
  double weight = 0.5;
  size_t k = 0;
  // Candidates below this score are left out.
  float min_score = -std::numeric_limits<float>::infinity();
  // Members to be scored beside those that are found.
  std::vector<std::string> also_score_ids;
  // Whom a subject that is not stored takes, and who it is to those who choose;
  // nothing: such rules are passed over. Of a stored one the index knows both.
  std::optional<SubjectRules> rules;
};

struct Candidate {
  uint32_t member = 0;  // in the view
  int role = 0;
  float give = 0;
  float take = 0;
  float score = 0;
  bool also_scored = false;
};

struct Retrieved {
  // The min(k, eligible) best members by score, then id, as far as they reach
  // the least score; then those of
  // also_score_ids that are eligible and not among them, by the same order.
  // Each member once, with its best facet; never the subject.
  std::vector<Candidate> candidates;
  // Facets that pass the filter.
  uint64_t eligible = 0;
  bool need_missing = false;
  bool offer_missing = false;
};

// The id of whom a row of `role` belongs to in the view; empty for rows of
// nobody.
inline absl::string_view IdOf(const IndexView& view, const RoleView& role,
                              uint32_t row) {
  const Member* member =
      view.members[role.columns.attributes[row].member].get();
  return member == nullptr ? absl::string_view() : member->id();
}

// Pure. NOT_FOUND if the subject is not in the view or lacks that facet.
//
// A side that the subject or the candidate lacks counts as 0, which is what two
// unrelated texts score: missing neither helps nor hurts against strangers. A
// subject without any vector gets candidates in the order of their ids.
absl::StatusOr<Retrieved> Retrieve(const IndexView& view,
                                   const Retrieval& retrieval,
                                   const SearchPlan& plan);

// The answers to many questions, in their order, each as Retrieve gives it.
// Rows that several of them ask are read once for all.
std::vector<absl::StatusOr<Retrieved>> RetrieveAll(
    const IndexView& view, absl::Span<const Retrieval> retrievals,
    const SearchPlan& plan);

// The question alone, as Retrieve asks it. Errors as there.
absl::StatusOr<Query> QueryOf(const IndexView& view,
                              const Retrieval& retrieval);

// What of one role passes `filter`, without the members in `excluded`; if
// `rules` are there, also without those that refuse the subject and those that
// it does not take.
RowFilter FilterRole(const IndexView& view, int role,
                     const MemberFilter& filter,
                     absl::Span<const uint32_t> excluded,
                     const SubjectRules* rules = nullptr);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_RETRIEVAL_RETRIEVER_H_
