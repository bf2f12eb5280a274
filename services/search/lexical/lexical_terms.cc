#include "services/search/lexical/lexical_terms.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/embedding/root_forms.h"
#include "common/embedding/text_folding.h"
#include "common/taxonomy/related_words.h"
#include "mitra/v1/profile.pb.h"
#include "services/search/lexical/profile_text.h"
#include "services/search/lexical/sector_terms.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mitra::search {
namespace {

// All weights were chosen on titles of KBLI 2020 and 2025 and on those names of
// Solo that scripts/quality does not ask for.

// What a member is called stands before what it makes, and that before what it
// writes about itself.
constexpr float kNameWeight = 3;
constexpr float kProductWeight = 2;
constexpr float kRootShare = 0.3F;
constexpr float kPairShare = 0.5F;
constexpr float kRelatedWeight = 0.3F;

// A text comes to the point in its first words; later ones count less, down to
// a floor.
constexpr size_t kFirstWords = 5;
constexpr float kFade = 0.03F;  // each word
constexpr float kFloor = 0.7F;

TermHash HashOf(absl::string_view word) {
  const TermHash hash = XXH3_64bits(word.data(), word.size());
  return hash == 0 ? 1 : hash;
}

TermHash NameTerm(absl::string_view text) {
  std::string joined;
  embedding::ForEachFoldedWord(text, [&](absl::string_view word) {
    joined += '\x01';
    joined.append(word.data(), word.size());
  });
  return joined.empty() ? 0 : HashOf(joined);
}

// "Others", as official titles put it ("lainnya", "YTDL") and as texts do. Stop
// words all, but together what tells such a title from its neighbours.
bool MeansTheRest(absl::string_view word) {
  return word == "lainnya" || word == "lain" || word == "ytdl" ||
         word == "selain" || word == "tercakup" || word == "diklasifikasikan";
}
constexpr absl::string_view kTheRest = "\x03";

float WeightOf(TextField field) {
  switch (field) {
    case TextField::kName:
      return kNameWeight;
    case TextField::kProductName:
      return kProductWeight;
    case TextField::kBody:
      break;
  }
  return 1;
}

float PlaceWeight(size_t word) {
  if (word <= kFirstWords) return 1;
  return std::max(kFloor,
                  1 / (1 + kFade * static_cast<float>(word - kFirstWords)));
}

// Sectors of these lengths are terms themselves; queries weigh them so. A
// query says that it means a sector as far as the sector's title covers it.
constexpr size_t kConceptDigits[] = {4, 5};
constexpr float kConceptWeights[] = {0.5F, 1};
constexpr float kLeastCovered = 0.6F;

// Adds a sector, or part of a guess of it, to each of its terms.
void AddConcepts(taxonomy::SectorNumber sector, absl::Span<const float> weights,
                 float share, std::vector<DocumentTerm>& concepts) {
  const absl::string_view code = taxonomy::SectorCodeAt(sector);
  for (size_t i = 0; i < std::size(kConceptDigits); ++i) {
    if (code.size() < kConceptDigits[i]) continue;
    const absl::string_view prefix = code.substr(0, kConceptDigits[i]);
    concepts.push_back(
        {HashOf(absl::StrCat("\x04", prefix)), weights[i] * share});
  }
}

// The sectors that a query reads like; each term once.
std::vector<DocumentTerm> ConceptsOf(absl::string_view text) {
  std::vector<DocumentTerm> words;
  ForEachTerm(text, TermDetail::kWords,
              [&](TermHash term, float share, size_t) {
                words.push_back({term, share});
              });
  SortAndJoin(words);
  const std::vector<SectorGuess> guesses = GuessSectors(words);
  float covered = 0;
  for (const SectorGuess& guess : guesses) {
    covered = std::max(covered, guess.covered);
  }
  std::vector<DocumentTerm> concepts;
  const float sure = (covered - kLeastCovered) / (1 - kLeastCovered);
  if (sure <= 0) return concepts;
  for (const SectorGuess& guess : guesses) {
    AddConcepts(guess.sector, kConceptWeights, guess.share * sure, concepts);
  }
  SortAndJoin(concepts);
  return concepts;
}

// What the member's lines of business are called, and they themselves.
void AddSectors(const v1::Profile& profile, std::vector<DocumentTerm>& terms) {
  constexpr int kSectors = 4;
  constexpr float kLeast = 1.F / 32;  // less would be rounded up
  std::vector<DocumentTerm> called;
  std::vector<DocumentTerm> concepts;
  constexpr float kPlain[] = {1, 1};
  const auto add = [&](taxonomy::SectorNumber sector, float weight,
                       float share) {
    AddConcepts(sector, kPlain, share, concepts);
    for (const DocumentTerm& term : SectorTerms(sector)) {
      const float frequency = weight * term.frequency;
      if (frequency >= kLeast) called.push_back({term.term, frequency});
    }
  };
  if (profile.sectors().empty()) {
    for (const SectorGuess& guess : GuessSectors(terms)) {
      add(guess.sector, kGuessedSector * guess.share, guess.share);
    }
  }
  for (int i = 0; i < std::min(profile.sectors_size(), kSectors); ++i) {
    const v1::Sector& sector = profile.sectors(i);
    add(taxonomy::SectorIndex(
            taxonomy::NormaliseSector(sector.code(), sector.edition())),
        kDeclaredSector, 1);
  }
  SortAndJoin(concepts);
  for (const DocumentTerm& one : concepts) {
    if (one.frequency < kLeast) continue;
    called.push_back({one.term, std::min(one.frequency, 1.F)});
  }
  terms.insert(terms.end(), called.begin(), called.end());
}

}  // namespace

void SortAndJoin(std::vector<DocumentTerm>& terms) {
  std::sort(terms.begin(), terms.end(),
            [](const DocumentTerm& a, const DocumentTerm& b) {
              return a.term < b.term;
            });
  size_t kept = 0;
  for (const DocumentTerm& term : terms) {
    if (kept > 0 && terms[kept - 1].term == term.term) {
      terms[kept - 1].frequency += term.frequency;
    } else {
      terms[kept++] = term;
    }
  }
  terms.resize(kept);
}

void ForEachTerm(
    absl::string_view text, TermDetail detail,
    absl::FunctionRef<void(TermHash, float share, size_t word)> term) {
  bool rest = false;
  size_t words = 0;
  std::string pair;  // the stem before, then both
  embedding::ForEachFoldedWord(text, [&](absl::string_view word) {
    rest = rest || MeansTheRest(word);
    if (embedding::IsStopWord(word)) return;
    term(HashOf(word), 1, words);
    embedding::ForEachRootForm(word, [&](absl::string_view root) {
      term(HashOf(root), kRootShare, words);
    });
    ++words;
    if (detail == TermDetail::kWords) return;
    const absl::string_view stem = embedding::LightStem(word);
    if (!pair.empty()) {
      absl::StrAppend(&pair, "\x02", stem);
      term(HashOf(pair), kPairShare, words - 1);
    }
    pair.assign(stem.data(), stem.size());
  });
  if (rest && detail == TermDetail::kAll) term(HashOf(kTheRest), 1, 0);
}

DocumentText TextOf(const v1::Profile& profile) {
  DocumentText text;
  TermHash name = 0;
  ForEachText(profile, [&](TextField field, absl::string_view one) {
    const float weight = WeightOf(field);
    ForEachTerm(
        one, TermDetail::kAll, [&](TermHash term, float share, size_t word) {
          text.terms.push_back({term, weight * share * PlaceWeight(word)});
        });
    if (field == TextField::kName) name = NameTerm(one);
  });
  SortAndJoin(text.terms);
  for (const DocumentTerm& term : text.terms) text.length += term.frequency;
  AddSectors(profile, text.terms);
  if (name != 0) text.terms.push_back({name, 1});
  SortAndJoin(text.terms);
  return text;
}

LexicalQuery LexicalQueryOf(absl::string_view text) {
  LexicalQuery query;
  absl::flat_hash_map<TermHash, size_t> at;
  const auto add = [&](TermHash term, float weight) {
    const auto [found, added] = at.try_emplace(term, query.terms.size());
    if (added) query.terms.push_back({term, 0, false});
    query.terms[found->second].weight += weight;
  };
  ForEachTerm(text, TermDetail::kAll,
              [&](TermHash term, float share, size_t) { add(term, share); });
  const auto relate = [&](TermHash term, float share, size_t) {
    const auto [found, added] = at.try_emplace(term, query.terms.size());
    const float weight = kRelatedWeight * share;
    if (added) query.terms.push_back({term, weight, true});
    LexicalQuery::Term& one = query.terms[found->second];
    if (one.related) one.weight = std::max(one.weight, weight);
  };
  embedding::ForEachFoldedWord(text, [&](absl::string_view word) {
    for (const absl::string_view other : taxonomy::RelatedWords(word)) {
      ForEachTerm(other, TermDetail::kWords, relate);
    }
  });
  for (const DocumentTerm& one : ConceptsOf(text)) {
    query.terms.push_back({one.term, one.frequency, true});
  }
  query.name = NameTerm(text);
  return query;
}

}  // namespace mitra::search
