#include "services/matching/explain/score_gap.h"

namespace mitra::matching {
namespace {

constexpr absl::string_view kPrice = "price";

// Terms by their place; the last is the price, which the key alone tells.
std::vector<KeyTerm> TermsOf(const MemberView& members,
                             const PairFeatures& features,
                             const JointUtility& utility,
                             const Ranked& ranked) {
  const Member& member = members.at(ranked.member);
  const Facet* const facet = member.FacetOf(ranked.role);
  if (facet == nullptr) return {};
  std::vector<KeyTerm> terms = utility.Terms(features.Of(
      ranked.member, member, *facet, ranked.similarity, ranked.trust));
  float sum = 0;
  for (const KeyTerm& term : terms) sum += term.contribution;
  terms.back().contribution = ranked.score.key - sum;
  return terms;
}

struct TermWords {
  absl::string_view term, indonesian, english;
};

constexpr TermWords kWords[] = {
    {"give_similarity", "kecocokan penawarannya dengan kebutuhan Anda",
     "how well its offer fits your need"},
    {"take_similarity", "kecocokan penawaran Anda dengan kebutuhannya",
     "how well your offer fits its need"},
    {"need_covered", "kebutuhan Anda yang dapat dipenuhi",
     "how much of your needs it covers"},
    {"offer_wanted", "penawaran Anda yang dicarinya",
     "how much of your offer it wants"},
    {"region_proximity", "jarak", "distance"},
    {"sector_proximity", "kedekatan bidang usaha", "line of business"},
    {"supply_relation", "hubungan pasokan", "supply relation"},
    {"shared_norms", "norma yang sama", "shared norms"},
    {"cohesion", "kenalan bersama", "common acquaintances"},
    {"same_group", "kelompok yang sama", "a common group"},
    {"same_language", "bahasa yang sama", "a common language"},
    {"seats_free", "tempat yang tersedia", "free places"},
    {"responsiveness", "kebiasaan menjawab", "how often it answers"},
    {"candidate_verified", "verifikasi anggota ini", "its verification"},
    {"subject_verified", "verifikasi profil Anda", "your verification"},
    {"newcomer", "lamanya menjadi anggota", "being new"},
    {"ahead", "skala usaha", "scale of business"},
    {"trust", "kepercayaan", "trust"},
    {"reputation", "reputasinya", "its reputation"},
    {"subject_reputation", "reputasi Anda", "your reputation"},
    {"warnings", "keluhan dari yang Anda percaya",
     "complaints by those whom you trust"},
    {kPrice, "banyaknya peminat", "how many others ask for it"},
};

}  // namespace

ScoreGap CompareScores(const MemberView& members, const PairFeatures& features,
                       const JointUtility& utility, const Ranked& candidate,
                       const Ranked& other) {
  ScoreGap result;
  result.gap = double{other.score.key} - double{candidate.score.key};
  const auto own = TermsOf(members, features, utility, candidate);
  const auto others = TermsOf(members, features, utility, other);
  for (size_t i = 0; i < own.size(); ++i) {
    if (own[i].missing) result.missing.push_back(own[i].name);
    if (i >= others.size()) continue;
    // What is the same of both is no reason: its share differs only because
    // shares are of sums that differ.
    if (own[i].value == others[i].value && own[i].name != kPrice) continue;
    const double gap =
        double{others[i].contribution} - double{own[i].contribution};
    // "base" is the same for all but rounding.
    if (gap > result.term_gap &&
        !TermWord(Language::kEnglish, own[i].name).empty()) {
      result.term = own[i].name;
      result.term_gap = gap;
    }
  }
  return result;
}

absl::string_view TermWord(Language language, absl::string_view term) {
  for (const TermWords& words : kWords) {
    if (words.term == term) {
      return language == Language::kEnglish ? words.english : words.indonesian;
    }
  }
  return "";
}

}  // namespace mitra::matching
