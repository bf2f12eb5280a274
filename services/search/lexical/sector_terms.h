// What lines of business are called: the titles of KBLI 2020, so that a member
// is found by the name of its trade though its own texts never say it.

#ifndef MITRA_SERVICES_SEARCH_LEXICAL_SECTOR_TERMS_H_
#define MITRA_SERVICES_SEARCH_LEXICAL_SECTOR_TERMS_H_

#include <vector>

#include "absl/types/span.h"
#include "common/taxonomy/sector.h"
#include "services/search/lexical/lexical_terms.h"

namespace mitra::search {

// Weights of the terms of a sector that the member declares, and of one that
// is only guessed from its texts.
inline constexpr float kDeclaredSector = 0.5F;
inline constexpr float kGuessedSector = 0.25F;

// The words of the title of a sector and, each level weaker, of the sectors
// above it; each once, sorted. Empty for kNoSector.
absl::Span<const DocumentTerm> SectorTerms(taxonomy::SectorNumber sector);

struct SectorGuess {
  taxonomy::SectorNumber sector = taxonomy::kNoSector;
  float share = 0;    // of all guesses; they sum to 1
  float covered = 0;  // share of the weight of `terms` that the title has
};
// The five sectors of five digits whose titles fit `terms` best by BM25, the
// better one first; fewer if no title has a word of them. Shares are by the
// exponential of the score. Of the descriptions of KBLI 2020, 67 % have their
// own title first. About 20 us for a description.
std::vector<SectorGuess> GuessSectors(const std::vector<DocumentTerm>& terms);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_LEXICAL_SECTOR_TERMS_H_
