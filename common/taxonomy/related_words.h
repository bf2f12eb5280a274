// A small thesaurus: how small businesses in Indonesia call things
// (data/related_words.tsv). Who types "catering" shall find "katering" as well.

#ifndef MITRA_COMMON_TAXONOMY_RELATED_WORDS_H_
#define MITRA_COMMON_TAXONOMY_RELATED_WORDS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mitra::taxonomy {

// The words that the searcher of `word` may mean as well, in order of the
// table, each once and never `word`; empty for words that the table lacks.
// `word` is folded: lower case, no accents. Pure and safe for concurrent use;
// texts live as long as the program.
absl::Span<const absl::string_view> RelatedWords(absl::string_view word);

}  // namespace mitra::taxonomy

#endif  // MITRA_COMMON_TAXONOMY_RELATED_WORDS_H_
