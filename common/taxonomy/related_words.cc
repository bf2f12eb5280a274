#include "common/taxonomy/related_words.h"

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_split.h"
#include "common/taxonomy/embedded_tables.h"

namespace mitra::taxonomy {
namespace {

using Words = std::vector<absl::string_view>;
using Thesaurus = absl::flat_hash_map<absl::string_view, Words>;

void Relate(absl::string_view word, absl::string_view other,
            Thesaurus& related) {
  Words& words = related[word];
  if (word != other &&
      std::find(words.begin(), words.end(), other) == words.end()) {
    words.push_back(other);
  }
}

Thesaurus ReadThesaurus() {
  Thesaurus related;
  ForEachRow(RelatedWordsTable(), 2, [&](auto cells) {
    const Words words = absl::StrSplit(cells[1], ' ');
    if (words.size() < 2 || (cells[0] != "same" && cells[0] != "also")) {
      BadTable(RelatedWordsTable(), cells[1]);
    }
    const size_t heads = cells[0] == "same" ? words.size() : 1;
    for (size_t head = 0; head < heads; ++head) {
      for (const absl::string_view other : words) {
        Relate(words[head], other, related);
      }
    }
  });
  return related;
}

}  // namespace

absl::Span<const absl::string_view> RelatedWords(absl::string_view word) {
  static const auto* const related = new Thesaurus(ReadThesaurus());
  const auto found = related->find(word);
  if (found == related->end()) return {};
  return found->second;
}

}  // namespace mitra::taxonomy
