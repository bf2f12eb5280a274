#include "services/search/retrieval/text_search.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/status/status_macros.h"
#include "services/search/retrieval/retriever.h"

namespace mitra::search {
namespace {

// Nearness that says something, and that is worth showing without any common
// word, for the hashing embedder at d = 128, whose unrelated texts have a
// standard deviation of 0.09. Long texts seldom come that near, and there words
// alone are better.
constexpr float kNear = 0.35F;
// A vector is the weaker of the two signals.
constexpr float kVectorTrust = 0.45F;
// People look for what others give rather than for what they seek.
constexpr float kGiveWeight = 0.7F;

struct Words {
  float score = 0;
  bool exact_name = false;
};

class Searcher {
 public:
  Searcher(const IndexView& view, const TextSearch& search)
      : view_(view),
        query_(view.dimension, search.vector, search.vector, kGiveWeight),
        has_vector_(!search.vector.empty()) {
    const std::vector<uint32_t> excluded =
        view.FindMembers(search.filter.excluded_ids());
    for (int role : search.roles) {
      filters_.emplace_back(role,
                            FilterRole(view, role, search.filter, excluded));
    }
  }

  // Finds members by words.
  void FindWords(const std::string& text) {
    view_.lexical.Search(
        LexicalQueryOf(text),
        [&](const LexicalDocument& document, float score, bool exact_name) {
          if (document.member >= view_.members.size()) return;
          const auto& member = view_.members[document.member];
          if (member == nullptr || member->text_serial() != document.serial) {
            return;
          }
          words_[document.member] = {score, exact_name};
        });
  }

  // Finds members by their vectors.
  absl::Status FindNear(const SearchPlan& plan) {
    if (!has_vector_) return absl::OkStatus();
    for (const auto& [role, filter] : filters_) {
      const RoleView& role_view = view_.roles[static_cast<size_t>(role)];
      const auto before = [&](uint32_t a, uint32_t b) {
        return IdOf(view_, role_view, a) < IdOf(view_, role_view, b);
      };
      MITRA_ASSIGN_OR_RETURN(
          const std::vector<ScoredRow> found,
          SearchRole(role_view.partitions, filter, query_, kMaxTextHits / 4,
                     plan, before, -std::numeric_limits<float>::infinity(),
                     /*lasting=*/true));
      for (const ScoredRow& scored : found) {
        if (std::max(scored.give, scored.take) < kNear) continue;
        words_.try_emplace(role_view.columns.attributes[scored.row].member);
      }
    }
    return absl::OkStatus();
  }

  std::vector<TextHit> Rank() {
    std::vector<TextHit> hits;
    for (const auto& [member, words] : words_) {
      if (const auto hit = Score(member, words)) hits.push_back(*hit);
    }
    const auto better = [&](const TextHit& a, const TextHit& b) {
      if (a.exact_name != b.exact_name) return a.exact_name;
      if (a.score != b.score) return a.score > b.score;
      return view_.member(a.member).id() < view_.member(b.member).id();
    };
    const size_t n = std::min(hits.size(), kMaxTextHits);
    std::partial_sort(hits.begin(), hits.begin() + static_cast<ptrdiff_t>(n),
                      hits.end(), better);
    hits.resize(n);
    return hits;
  }

 private:
  // Nothing if no facet may be shown.
  std::optional<TextHit> Score(uint32_t member, const Words& words) const {
    std::optional<TextHit> best;
    float best_near = 0;
    for (const auto& [role, filter] : filters_) {
      for (const FacetRow& facet : view_.member(member).facets()) {
        if (facet.role != role || !filter.Passes(facet.row)) continue;
        float near = 0;
        if (has_vector_) {
          const ScoredRow scored =
              query_.Score(view_.roles[facet.role].partitions.rows, facet.row);
          near = std::clamp(
              (std::max(scored.give, scored.take) - kNear) / (1 - kNear), 0.0F,
              1.0F);
        }
        if (best.has_value() && near <= best_near) continue;
        best_near = near;
        best.emplace();
        best->member = member;
        best->role = role;
        best->exact_name = words.exact_name;
        best->score = words.exact_name
                          ? 1
                          : 1 - (1 - words.score) * (1 - kVectorTrust * near);
      }
    }
    return best;
  }

  const IndexView& view_;
  const Query query_;
  const bool has_vector_;
  std::vector<std::pair<int, RowFilter>> filters_;
  absl::flat_hash_map<uint32_t, Words> words_;
};

}  // namespace

absl::StatusOr<std::vector<TextHit>> SearchText(const IndexView& view,
                                                const TextSearch& search,
                                                const SearchPlan& plan) {
  Searcher searcher(view, search);
  searcher.FindWords(search.text);
  MITRA_RETURN_IF_ERROR(searcher.FindNear(plan));
  return searcher.Rank();
}

}  // namespace mitra::search
