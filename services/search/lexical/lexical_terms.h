// What the words of a profile and of a query are looked up by.
//
// A word stands for itself and, weaker, for the roots that it may come from
// (common/embedding/root_forms.h); two words in a row stand for the pair as
// well. A profile is also found by what its lines of business are called
// (sector_terms.h) and by those lines themselves, declared or guessed: a query
// that reads like the title of one finds who is in it, whatever their words. A
// query also finds what its words are otherwise called
// (common/taxonomy/related_words.h).

#ifndef MITRA_SERVICES_SEARCH_LEXICAL_LEXICAL_TERMS_H_
#define MITRA_SERVICES_SEARCH_LEXICAL_LEXICAL_TERMS_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace mitra::v1 {
class Profile;
}

namespace mitra::search {

// A word, as its 64-bit hash. Different words meet in one about never.
using TermHash = uint64_t;

struct DocumentTerm {
  TermHash term;
  float frequency;  // weighted by field and place
};

// Sorts by term and adds up the frequencies of equal ones.
void SortAndJoin(std::vector<DocumentTerm>& terms);

enum class TermDetail {
  // Words that say anything, and their roots.
  kWords,
  // Pairs of them in a row as well, and one term for "others".
  kAll,
};
// Calls `term` for the terms of a text; `word` counts the words that say
// anything from 0.
void ForEachTerm(
    absl::string_view text, TermDetail detail,
    absl::FunctionRef<void(TermHash, float share, size_t word)> term);

struct DocumentText {
  // Each once, sorted.
  std::vector<DocumentTerm> terms;
  // Of the member's own words.
  float length = 0;
};
DocumentText TextOf(const v1::Profile& profile);

// What a query looks for.
struct LexicalQuery {
  struct Term {
    TermHash term;
    float weight;
    // Not typed but related: it makes a score better, its absence no worse.
    bool related = false;
  };
  // Each once; empty if the text has no word that says anything.
  std::vector<Term> terms;
  // The whole text as a name; 0 if it has no words.
  TermHash name = 0;
};
LexicalQuery LexicalQueryOf(absl::string_view text);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_LEXICAL_LEXICAL_TERMS_H_
