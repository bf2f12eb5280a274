#include "services/search/maintenance/warm_up.h"

#include <algorithm>
#include <array>

#include "services/search/retrieval/retriever.h"

namespace mitra::search {

size_t WarmUp(const IndexView& view, const SearchPlan& plan,
              const std::atomic<bool>& stop) {
  constexpr size_t kQuestionsPerRole = 200;
  constexpr size_t kTop = 100;
  size_t answered = 0;
  std::array<size_t, kRoles> asked{};
  // Members spread over all of them.
  const size_t step =
      std::max<size_t>(view.members.size() / (kQuestionsPerRole * kRoles), 1);
  for (size_t i = 0; i < view.members.size() && !stop.load(); i += step) {
    const Member* member = view.members[i].get();
    if (member == nullptr) continue;
    for (const FacetRow& facet : member->facets()) {
      if (asked[facet.role]++ >= kQuestionsPerRole) continue;
      Retrieval question;
      question.subject_id = std::string(member->id());
      question.roles = {facet.role};
      question.k = kTop;
      answered += Retrieve(view, question, plan).ok();
    }
  }
  return answered;
}

}  // namespace mitra::search
