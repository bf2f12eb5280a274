#include "services/search/lexical/sector_terms.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace mitra::search {
namespace {

using taxonomy::SectorNumber;

constexpr float kLevelShare = 0.4F;
constexpr size_t kGuesses = 5;
constexpr float kSharpness = 0.5F;
// BM25 of texts against titles.
constexpr float kSaturation = 1.2F;
constexpr float kLengthShare = 0.75F;

std::vector<DocumentTerm> TitleTerms(absl::string_view title, float weight) {
  std::vector<DocumentTerm> terms;
  ForEachTerm(title, TermDetail::kWords,
              [&](TermHash term, float share, size_t) {
                terms.push_back({term, weight * share});
              });
  return terms;
}

class SectorTitles {
 public:
  SectorTitles() : called_(taxonomy::SectorCount() + 1) {
    std::vector<std::pair<SectorNumber, std::vector<DocumentTerm>>> titles;
    for (size_t n = 1; n < called_.size(); ++n) {
      const auto sector = static_cast<SectorNumber>(n);
      const absl::string_view code = taxonomy::SectorCodeAt(sector);
      float weight = 1;
      for (size_t digits = code.size(); digits >= 1; --digits) {
        const absl::string_view above = code.substr(0, digits);
        if (digits < 2 && digits < code.size()) break;
        const auto terms = TitleTerms(taxonomy::SectorTitle(above), weight);
        called_[n].insert(called_[n].end(), terms.begin(), terms.end());
        weight *= kLevelShare;
      }
      SortAndJoin(called_[n]);
      auto title = TitleTerms(taxonomy::SectorTitle(code), 1);
      SortAndJoin(title);
      titles.emplace_back(sector, std::move(title));
    }
    IndexTitles(titles);
  }

  absl::Span<const DocumentTerm> Called(SectorNumber sector) const {
    return sector < called_.size() ? called_[sector] : called_[0];
  }

  std::vector<SectorGuess> Guess(const std::vector<DocumentTerm>& terms) const {
    std::vector<float> scores(called_.size(), 0);
    std::vector<float> covered(called_.size(), 0);
    std::vector<SectorNumber> touched;
    float all = 0;
    for (const DocumentTerm& term : terms) {
      const auto found = postings_.find(term.term);
      if (found == postings_.end()) {
        all += term.frequency * rarest_;
        continue;
      }
      const float weight = term.frequency * found->second.rare;
      all += weight;
      const float often = term.frequency / (term.frequency + 1);
      for (const auto& [sector, gain] : found->second.titles) {
        if (scores[sector] == 0) touched.push_back(sector);
        scores[sector] += often * gain;
        covered[sector] += weight;
      }
    }
    const size_t n = std::min(touched.size(), kGuesses);
    std::partial_sort(
        touched.begin(), touched.begin() + static_cast<ptrdiff_t>(n),
        touched.end(), [&](SectorNumber a, SectorNumber b) {
          return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
        });
    std::vector<SectorGuess> guesses;
    float sum = 0;
    for (size_t i = 0; i < n; ++i) {
      const SectorNumber sector = touched[i];
      const float share =
          std::exp(kSharpness * (scores[sector] - scores[touched[0]]));
      guesses.push_back({sector, share, covered[sector] / all});
      sum += share;
    }
    for (SectorGuess& guess : guesses) guess.share /= sum;
    return guesses;
  }

 private:
  void IndexTitles(
      const std::vector<std::pair<SectorNumber, std::vector<DocumentTerm>>>&
          titles) {
    absl::flat_hash_map<TermHash, float> with;
    const auto length = [](const std::vector<DocumentTerm>& title) {
      float sum = 0;
      for (const DocumentTerm& term : title) sum += term.frequency;
      return sum;
    };
    float mean = 0;
    for (const auto& [sector, title] : titles) {
      mean += length(title) / static_cast<float>(titles.size());
      for (const DocumentTerm& term : title) ++with[term.term];
    }
    const auto all = static_cast<float>(titles.size());
    rarest_ = std::log(1 + (all + 0.5F) / 0.5F);
    for (const auto& [sector, title] : titles) {
      if (taxonomy::SectorCodeAt(sector).size() != 5) continue;
      const float norm = kSaturation * (1 - kLengthShare +
                                        kLengthShare * length(title) / mean);
      for (const DocumentTerm& term : title) {
        const float n = with[term.term];
        const float rare = std::log(1 + (all - n + 0.5F) / (n + 0.5F));
        Word& word = postings_[term.term];
        word.rare = rare;
        word.titles.emplace_back(
            sector, rare * term.frequency / (term.frequency + norm));
      }
    }
  }

  // A word of titles: how rare it is, and what each of its titles gains by it.
  struct Word {
    float rare = 0;
    std::vector<std::pair<SectorNumber, float>> titles;
  };

  std::vector<std::vector<DocumentTerm>> called_;
  absl::flat_hash_map<TermHash, Word> postings_;
  float rarest_ = 0;  // of words that no title has
};

const SectorTitles& Titles() {
  static const auto* const titles = new SectorTitles;
  return *titles;
}

}  // namespace

absl::Span<const DocumentTerm> SectorTerms(SectorNumber sector) {
  return Titles().Called(sector);
}

std::vector<SectorGuess> GuessSectors(const std::vector<DocumentTerm>& terms) {
  return Titles().Guess(terms);
}

}  // namespace mitra::search
