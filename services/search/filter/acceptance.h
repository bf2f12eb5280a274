// Whom members accept (v1::AcceptanceRules), in both directions, as filters on
// postings: who would refuse, or be refused, is never retrieved.
//
// A rule of a facet stands among the postings of its row once as such and once
// for each value that it takes. Those who refuse a subject are then the rows
// that have a rule less those that take one of the subject's values: some
// unions, whatever the number of rows. What the subject's own rules want of
// others is an ordinary filter.
//
// Says the same as Accepts() of matching, which has the last word when somebody
// is shown.

#ifndef MITRA_SERVICES_SEARCH_FILTER_ACCEPTANCE_H_
#define MITRA_SERVICES_SEARCH_FILTER_ACCEPTANCE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "roaring/roaring.hh"
#include "services/search/filter/posting_index.h"
#include "services/search/filter/row_attributes.h"

namespace mitra::v1 {
class AcceptanceRules;
}

namespace mitra::search {

// Adds what a facet's rules take, as figures of kind kRule. A rule that names
// only unknown places or sectors is kept: it takes nobody.
void AppendRules(const v1::AcceptanceRules& rules,
                 std::vector<Figure>& figures);

// The two sides of one subject.
struct SubjectRules {
  // Who it is to others: scale, region, sectors and norms count.
  RowAttributes facts;
  // Bit n: it stands in role n.
  uint32_t roles = 0;
  // Whom it takes, by facet; figures of other kinds are passed over. None:
  // anybody.
  std::vector<std::vector<Figure>> accepts;
};

// The rows whose rules refuse the subject; null for none.
std::shared_ptr<const Roaring> RefusedBy(const PostingIndex::View& postings,
                                         const SubjectRules& subject);

// The rows, all of role `role`, that one of the subject's facets takes; null
// if one takes everybody.
std::shared_ptr<const Roaring> TakenBy(const PostingIndex::View& postings,
                                       const SubjectRules& subject, int role);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_FILTER_ACCEPTANCE_H_
