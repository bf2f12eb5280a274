// A caller's hard filter: checked, turned into attribute keys, and evaluated
// against one role's postings.

#ifndef MITRA_SERVICES_SEARCH_FILTER_MEMBER_FILTER_H_
#define MITRA_SERVICES_SEARCH_FILTER_MEMBER_FILTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "roaring/roaring.hh"
#include "services/search/filter/posting_index.h"

namespace mitra::v1 {
class MemberFilter;
}

namespace mitra::search {

// A conjunction of disjunctions. Immutable.
class MemberFilter {
 public:
  static constexpr int kMaxValues = 100;
  static constexpr int kMaxExcluded = 1000;

  // Passes everything.
  MemberFilter() = default;

  // INVALID_ARGUMENT, naming the field under `path` ("filter"), for unknown
  // codes and enum values, ids outside the grammar and lists that are too long.
  static absl::StatusOr<MemberFilter> FromProto(const v1::MemberFilter& proto,
                                                absl::string_view path);

  // The rows that pass, without regard to `excluded_ids`; null if there is no
  // condition on rows. What is returned may be a posting itself.
  std::shared_ptr<const Roaring> Match(
      const PostingIndex::View& postings) const;

  const std::vector<std::string>& excluded_ids() const { return excluded_ids_; }

 private:
  std::vector<std::vector<AttributeKey>> all_of_any_of_;
  std::vector<std::string> excluded_ids_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_FILTER_MEMBER_FILTER_H_
