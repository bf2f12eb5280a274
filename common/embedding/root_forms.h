// The roots that an Indonesian word may come from.
//
// Affixes cannot be undone without a dictionary: "pemotongan" may come from
// "potong" or from "motong", "pembatikan" from "batik" or from "bati". An index
// that takes all of them in finds every form by every other one, and what no
// word comes from costs a posting and is never asked for.

#ifndef MITRA_COMMON_EMBEDDING_ROOT_FORMS_H_
#define MITRA_COMMON_EMBEDDING_ROOT_FORMS_H_

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace mitra::embedding {

// Calls `root` for each possible root of a word of ForEachFoldedWord but the
// word itself, each once, in a fixed order; at least 3 letters each, at most
// about 12 of them. None for words of fewer than 5 letters or with anything but
// a to z. Takes away -nya, then -kan or -an, and one of meN-, peN-, per-, ber-,
// ter-, di-, ke- and se-, with the consonant that a nasal may have swallowed
// (k, p, s, t).
void ForEachRootForm(absl::string_view folded_word,
                     absl::FunctionRef<void(absl::string_view)> root);

}  // namespace mitra::embedding

#endif  // MITRA_COMMON_EMBEDDING_ROOT_FORMS_H_
