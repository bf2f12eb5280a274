#include "common/embedding/root_forms.h"

#include <algorithm>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mitra::embedding {
namespace {

constexpr size_t kMinWord = 5;
constexpr size_t kMinRoot = 3;
// What is left of a word when a suffix, or a prefix that leaves its root as it
// is, is taken away.
constexpr size_t kMinPart = 4;

bool IsVowel(char c) {
  return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

// Roots in order of appearance, each once.
class Roots {
 public:
  explicit Roots(absl::string_view word) : word_(word) {}

  void Add(absl::string_view before, absl::string_view part) {
    if (before.size() + part.size() < kMinRoot) return;
    std::string root = absl::StrCat(before, part);
    if (root == word_ ||
        std::find(roots_.begin(), roots_.end(), root) != roots_.end()) {
      return;
    }
    roots_.push_back(std::move(root));
  }

  void Tell(absl::FunctionRef<void(absl::string_view)> root) const {
    for (const std::string& one : roots_) root(one);
  }

 private:
  absl::string_view word_;
  absl::InlinedVector<std::string, 12> roots_;
};

// What stands behind `prefix`; empty if it is not there or leaves fewer than
// `least` letters.
absl::string_view Behind(absl::string_view word, absl::string_view prefix,
                         size_t least) {
  if (word.size() < prefix.size() + least || !absl::StartsWith(word, prefix)) {
    return {};
  }
  return word.substr(prefix.size());
}

// meN- and peN-. True if there was one.
bool AddBehindNasal(absl::string_view word, Roots& roots) {
  const absl::string_view tail = word.substr(1);
  if (word[0] != 'm' && word[0] != 'p') return false;
  if (auto rest = Behind(tail, "eng", kMinRoot); !rest.empty()) {
    roots.Add("", rest);
    if (IsVowel(rest[0])) roots.Add("k", rest);
    // Before roots of one syllable: pengecatan, from cat.
    if (rest[0] == 'e' && rest.size() > kMinRoot) {
      roots.Add("", rest.substr(1));
    }
    return true;
  }
  if (auto rest = Behind(tail, "eny", kMinRoot); !rest.empty()) {
    roots.Add("s", rest);
    return true;
  }
  struct Nasal {
    absl::string_view prefix, swallowed, own;
  };
  for (const Nasal& nasal : {Nasal{"em", "p", "m"}, Nasal{"en", "t", "n"}}) {
    const absl::string_view rest = Behind(tail, nasal.prefix, kMinRoot);
    if (rest.empty()) continue;
    if (IsVowel(rest[0])) {
      roots.Add(nasal.swallowed, rest);
      roots.Add(nasal.own, rest);
    } else {
      roots.Add("", rest);
    }
    return true;
  }
  const absl::string_view rest = Behind(tail, "e", kMinPart);
  if (rest.empty() || !absl::StrContains("lrwy", rest[0])) return false;
  roots.Add("", rest);
  if (word[0] == 'p' && rest[0] == 'r' && rest.size() > kMinPart) {
    roots.Add("", rest.substr(1));
  }
  return true;
}

void AddBehindPrefix(absl::string_view word, Roots& roots) {
  if (AddBehindNasal(word, roots)) return;
  for (const absl::string_view prefix :
       {"per", "ber", "ter", "di", "ke", "se"}) {
    const absl::string_view rest = Behind(word, prefix, kMinPart);
    if (rest.empty()) continue;
    roots.Add("", rest);
    return;
  }
}

}  // namespace

void ForEachRootForm(absl::string_view folded_word,
                     absl::FunctionRef<void(absl::string_view)> root) {
  if (folded_word.size() < kMinWord ||
      !std::all_of(folded_word.begin(), folded_word.end(),
                   [](char c) { return c >= 'a' && c <= 'z'; })) {
    return;
  }
  absl::string_view word = folded_word;
  if (word.size() >= 3 + kMinPart && absl::EndsWith(word, "nya")) {
    word.remove_suffix(3);
  }
  Roots roots(folded_word);
  const auto add = [&](absl::string_view part) {
    roots.Add("", part);
    AddBehindPrefix(part, roots);
  };
  for (const absl::string_view suffix : {"kan", "an"}) {
    if (word.size() >= suffix.size() + kMinPart &&
        absl::EndsWith(word, suffix)) {
      add(word.substr(0, word.size() - suffix.size()));
    }
  }
  add(word);
  roots.Tell(root);
}

}  // namespace mitra::embedding
