// Public search: members whose names, needs and offers fit some words.

#ifndef MITRA_SERVICES_SEARCH_RETRIEVAL_TEXT_SEARCH_H_
#define MITRA_SERVICES_SEARCH_RETRIEVAL_TEXT_SEARCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/search/filter/member_filter.h"
#include "services/search/index/index_view.h"
#include "services/search/partition/role_search.h"

namespace mitra::search {

struct TextSearch {
  std::string text;
  // The text's unit vector, or empty if it has none: then only words count.
  std::vector<float> vector;
  // Roles that are looked for, each once, at least one.
  std::vector<int> roles;
  MemberFilter filter;
};

struct TextHit {
  uint32_t member = 0;  // in the view
  int role = 0;         // whose facet fits best
  bool exact_name = false;
  float score = 0;  // 0 to 1
};

// How many members one search lists at most.
inline constexpr size_t kMaxTextHits = 1000;

// The members that share a word with the text, or whose need or offer is near
// to its vector, at most kMaxTextHits; those whose name is the text first, then
// by score, then by id. Words and vector are two chances to be right: the score
// is 1 − (1 − words)·(1 − vector). Pure.
absl::StatusOr<std::vector<TextHit>> SearchText(const IndexView& view,
                                                const TextSearch& search,
                                                const SearchPlan& plan);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_RETRIEVAL_TEXT_SEARCH_H_
