#include "common/embedding/text_folding.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace mitra::embedding {
namespace {

constexpr size_t kMaxWordBytes = 48;

// Collects the bytes of one word; what goes beyond the limit is dropped.
class Word {
 public:
  void Add(char c) {
    if (!full_ && size_ < kMaxWordBytes) {
      bytes_[size_++] = c;
    } else {
      full_ = true;
    }
  }
  void Add(UChar32 c) {
    uint8_t encoded[U8_MAX_LENGTH];
    int32_t length = 0;
    U8_APPEND_UNSAFE(encoded, length, c);
    if (full_ || size_ + length > kMaxWordBytes) {
      full_ = true;
      return;
    }
    for (int32_t i = 0; i < length; ++i) {
      bytes_[size_++] = static_cast<char>(encoded[i]);
    }
  }
  void EmitTo(absl::FunctionRef<void(absl::string_view)> word) {
    if (size_ > 0) word({bytes_, size_});
    size_ = 0;
    full_ = false;
  }

 private:
  char bytes_[kMaxWordBytes];
  size_t size_ = 0;
  bool full_ = false;
};

bool IsAscii(absl::string_view text) {
  uint8_t all = 0;
  for (const char c : text) all |= static_cast<uint8_t>(c);
  return all < 0x80;
}

// A run without ASCII white space, all ASCII.
void FoldAsciiRun(absl::string_view run,
                  absl::FunctionRef<void(absl::string_view)> word) {
  Word current;
  for (size_t i = 0; i < run.size(); ++i) {
    const char c = absl::ascii_tolower(run[i]);
    if (absl::ascii_isalnum(c)) {
      current.Add(c);
    } else if (c == '\'' && i > 0 && i + 1 < run.size() &&
               absl::ascii_isalpha(run[i - 1]) &&
               absl::ascii_isalpha(run[i + 1])) {
      // Inside a word: joins.
    } else {
      current.EmitTo(word);
    }
  }
  current.EmitTo(word);
}

bool IsApostrophe(UChar32 c) { return c == '\'' || c == 0x2019 || c == 0x02BC; }

// A mark that turns a Latin, Greek or Cyrillic letter into an accented one.
bool IsAccent(UChar32 c) { return c >= 0x0300 && c <= 0x036F; }

bool IsWordCharacter(UChar32 c) {
  constexpr uint32_t kMask = U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK;
  return (U_MASK(u_charType(c)) & kMask) != 0;
}

// Case folded and decomposed, so that accents stand apart. Text that is not
// UTF-8 comes back with U+FFFD, which is no word character. Empty if ICU lacks
// its data.
std::string FoldAndDecompose(absl::string_view run) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* fold =
      icu::Normalizer2::getNFKCCasefoldInstance(error);
  const icu::Normalizer2* decompose = icu::Normalizer2::getNFDInstance(error);
  std::string folded, decomposed;
  if (U_FAILURE(error)) return decomposed;
  icu::StringByteSink<std::string> fold_sink(&folded);
  fold->normalizeUTF8(
      0, icu::StringPiece(run.data(), static_cast<int32_t>(run.size())),
      fold_sink, nullptr, error);
  icu::StringByteSink<std::string> decompose_sink(&decomposed);
  decompose->normalizeUTF8(0, folded, decompose_sink, nullptr, error);
  return decomposed;
}

// A run without ASCII white space, not all ASCII.
void FoldUnicodeRun(absl::string_view run,
                    absl::FunctionRef<void(absl::string_view)> word) {
  const std::string folded = FoldAndDecompose(run);
  const char* const bytes = folded.data();
  const auto size = static_cast<int32_t>(folded.size());
  Word current;
  bool pending_apostrophe = false;
  bool after_letter = false;
  for (int32_t i = 0; i < size;) {
    UChar32 c;
    U8_NEXT(bytes, i, size, c);
    if (c >= 0 && IsAccent(c)) continue;
    if (c >= 0 && IsApostrophe(c) && after_letter && !pending_apostrophe) {
      pending_apostrophe = true;
      continue;
    }
    const bool in_word = c >= 0 && !IsApostrophe(c) && IsWordCharacter(c);
    if (!in_word || (pending_apostrophe && !u_isalpha(c))) {
      current.EmitTo(word);
    }
    pending_apostrophe = false;
    after_letter = in_word && u_isalpha(c);
    if (in_word) current.Add(c);
  }
  current.EmitTo(word);
}

const absl::flat_hash_set<absl::string_view>& StopWords() {
  static const auto* const kWords = [] {
    auto* set = new absl::flat_hash_set<absl::string_view>;
    for (const absl::string_view list : {
             // Indonesian.
             "ada adalah agar akan akhirnya antara apa apabila atas atau bagi "
             "bahwa banyak beberapa belum berbagai berupa bisa boleh bukan "
             "cukup dalam dan dapat dari dengan di dll dsb dst guna hal hanya "
             "harus hingga ia ini itu jadi jika juga kalau kami kamu karena "
             "ke kecuali kepada ketika kini kita lagi lain lainnya lalu lebih "
             "maka masih melalui mereka mulai namun nya oleh pada para per "
             "pula pun saat saja sambil sampai sangat satu saya sebagai "
             "sebelum sebuah secara sedang sehingga sejak sejenisnya selain "
             "selama seluruh semua sendiri seperti serta setelah setiap "
             "suatu sudah supaya tanpa telah tentang terhadap termasuk "
             "tersebut tetapi tiap tidak untuk walaupun yaitu yakni yang "
             "ybdi ytdl",
             // English.
             "a about all also an and any are as at be been but by can do does "
             "for from had has have he her his i if in into is it its may more "
             "most my not of on only or other our she so some such than that "
             "the their them then there these they this to under up was we "
             "were what when where which who will with you your",
         }) {
      for (const absl::string_view word : absl::StrSplit(list, ' ')) {
        set->insert(word);
      }
    }
    return set;
  }();
  return *kWords;
}

bool IsVowel(char c) {
  return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

// A stem of fewer bytes would say too little.
constexpr size_t kMinStem = 4;

bool CutSuffix(absl::string_view& word, absl::string_view suffix) {
  if (word.size() < suffix.size() + kMinStem || !absl::EndsWith(word, suffix)) {
    return false;
  }
  word.remove_suffix(suffix.size());
  return true;
}

// True if `prefix` was there and what is left can be a stem.
bool CutPrefix(absl::string_view& word, absl::string_view prefix) {
  if (word.size() < prefix.size() + kMinStem ||
      !absl::StartsWith(word, prefix)) {
    return false;
  }
  word.remove_prefix(prefix.size());
  return true;
}

// meN- and peN-. The nasal may stand for a lost first consonant (memotong and
// pemotongan, from potong), which the rules cannot know; those forms meet each
// other, not the root.
bool CutNasalPrefix(absl::string_view& word) {
  for (const absl::string_view prefix : {"meng", "peng", "meny", "peny"}) {
    if (CutPrefix(word, prefix)) return true;
  }
  for (const absl::string_view prefix : {"mem", "pem", "men", "pen"}) {
    if (word.size() < 4 || !absl::StartsWith(word, prefix)) continue;
    return CutPrefix(word, IsVowel(word[3]) ? prefix.substr(0, 2) : prefix);
  }
  return false;
}

}  // namespace

void ForEachFoldedWord(absl::string_view text,
                       absl::FunctionRef<void(absl::string_view)> word) {
  // White space ends words and never joins with what stands beside it, so each
  // run is folded for itself and only those that need ICU pay for it.
  size_t begin = 0;
  while (begin < text.size()) {
    if (absl::ascii_isspace(text[begin])) {
      ++begin;
      continue;
    }
    size_t end = begin + 1;
    while (end < text.size() && !absl::ascii_isspace(text[end])) ++end;
    const absl::string_view run = text.substr(begin, end - begin);
    if (IsAscii(run)) {
      FoldAsciiRun(run, word);
    } else {
      FoldUnicodeRun(run, word);
    }
    begin = end;
  }
}

std::vector<std::string> FoldWords(absl::string_view text) {
  std::vector<std::string> words;
  ForEachFoldedWord(text, [&](absl::string_view word) {
    words.emplace_back(word.data(), word.size());
  });
  return words;
}

bool IsStopWord(absl::string_view folded_word) {
  return StopWords().contains(folded_word);
}

absl::string_view LightStem(absl::string_view folded_word) {
  if (folded_word.size() < 6) return folded_word;
  for (const char c : folded_word) {
    if (c < 'a' || c > 'z') return folded_word;
  }
  absl::string_view word = folded_word;
  CutSuffix(word, "nya");
  for (const absl::string_view suffix : {"kan", "an"}) {
    if (CutSuffix(word, suffix)) break;
  }
  if (CutNasalPrefix(word)) return word;
  for (const absl::string_view prefix :
       {"per", "ber", "ter", "di", "ke", "se"}) {
    if (CutPrefix(word, prefix)) break;
  }
  return word;
}

}  // namespace mitra::embedding
