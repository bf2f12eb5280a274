// Folds text to words for lexical search and for embeddings, so that both see
// the same words.
//
// Folding: Unicode NFKC case folding, then Latin accents removed ("Café" and
// "CAFE" are "cafe"); a word is a run of letters and digits, joined by a single
// ' or ’ between letters, which is dropped ("ma'ruf" is "maruf"). Words are cut
// to 48 bytes at a character boundary. Bytes that are not UTF-8 separate words.
// Deterministic for one version of ICU; ASCII text never depends on it.
//
// Safe for concurrent use.

#ifndef MITRA_COMMON_EMBEDDING_TEXT_FOLDING_H_
#define MITRA_COMMON_EMBEDDING_TEXT_FOLDING_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace mitra::embedding {

// The folded words of `text`, in order, stop words included.
std::vector<std::string> FoldWords(absl::string_view text);

// The same without building a list: calls `word` for each. The view is only
// valid during the call. Allocates nothing for ASCII text.
void ForEachFoldedWord(absl::string_view text,
                       absl::FunctionRef<void(absl::string_view)> word);

// True if a folded word says nothing of what a text is about ("yang", "dan",
// "the"): Indonesian and English function words.
bool IsStopWord(absl::string_view folded_word);

// A folded Indonesian word without its light affixes ("pertanian" → "tani",
// "makanannya" → "makan"): a view into `folded_word`. Purely by rules, so that
// it also shortens some words that only look derived, and forms whose first
// consonant was lost meet each other but not their root; a stem is an index
// key, not a word to show. Words shorter than 6 bytes or with other than a-z
// are returned unchanged.
absl::string_view LightStem(absl::string_view folded_word);

}  // namespace mitra::embedding

#endif  // MITRA_COMMON_EMBEDDING_TEXT_FOLDING_H_
