#include "services/cli/output/text_width.h"

#include <sys/ioctl.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace mitra::cli {
namespace {

constexpr size_t kNarrowest = 40;
constexpr UChar32 kAsEmoji = 0xfe0f;

size_t WidthOf(UChar32 point) {
  constexpr uint32_t kNoColumns = U_GC_MN_MASK | U_GC_ME_MASK | U_GC_CF_MASK;
  constexpr UChar32 kSoftHyphen = 0xad;
  if (point < 0 || point == kSoftHyphen) return 1;
  if ((U_GET_GC_MASK(point) & kNoColumns) != 0) return 0;
  switch (u_getIntPropertyValue(point, UCHAR_HANGUL_SYLLABLE_TYPE)) {
    case U_HST_VOWEL_JAMO:
    case U_HST_TRAILING_JAMO:
      return 0;  // part of the syllable before
    default:
      break;
  }
  switch (u_getIntPropertyValue(point, UCHAR_EAST_ASIAN_WIDTH)) {
    case U_EA_WIDE:
    case U_EA_FULLWIDTH:
      return 2;
    default:
      return 1;
  }
}

// The next character with all that has no width of its own; bad bytes stand
// for themselves.
struct Glyph {
  absl::string_view bytes;
  size_t width = 0;
};

Glyph GlyphAt(absl::string_view text, size_t at) {
  const auto next = [text](int32_t& i) {
    UChar32 point = 0;
    U8_NEXT(text.data(), i, static_cast<int32_t>(text.size()), point);
    return point;
  };
  const auto size = static_cast<int32_t>(text.size());
  auto end = static_cast<int32_t>(at);
  size_t width = WidthOf(next(end));
  while (end < size) {
    int32_t after = end;
    const UChar32 mark = next(after);
    if (WidthOf(mark) != 0) break;
    if (mark == kAsEmoji) width = 2;
    end = after;
  }
  return {text.substr(at, static_cast<size_t>(end) - at), width};
}

// Puts what is left of a word into lines that it fills; the rest stays.
void BreakWord(absl::string_view& word, size_t width,
               std::vector<std::string>& lines) {
  while (DisplayWidth(word) > width) {
    size_t end = 0, used = 0;
    while (end < word.size()) {
      const Glyph glyph = GlyphAt(word, end);
      if (end > 0 && used + glyph.width > width) break;
      used += glyph.width;
      end += glyph.bytes.size();
    }
    lines.emplace_back(word.substr(0, end));
    word.remove_prefix(end);
  }
}

}  // namespace

size_t DisplayWidth(absl::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const Glyph glyph = GlyphAt(text, i);
    width += glyph.width;
    i += glyph.bytes.size();
  }
  return width;
}

std::string FitWidth(absl::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return "";
  size_t used = 0, end = 0;
  while (end < text.size()) {
    const Glyph glyph = GlyphAt(text, end);
    if (used + glyph.width > width - 1) break;
    used += glyph.width;
    end += glyph.bytes.size();
  }
  return absl::StrCat(text.substr(0, end), "…");
}

std::vector<std::string> WrapText(absl::string_view text, size_t width) {
  std::vector<std::string> lines;
  std::string line;
  for (absl::string_view word :
       absl::StrSplit(text, ' ', absl::SkipWhitespace())) {
    const size_t wanted = DisplayWidth(word);
    if (!line.empty() && DisplayWidth(line) + 1 + wanted > width) {
      lines.push_back(std::move(line));
      line.clear();
    }
    if (wanted > width) BreakWord(word, width, lines);
    absl::StrAppend(&line, line.empty() ? "" : " ", word);
  }
  if (!line.empty() || lines.empty()) lines.push_back(std::move(line));
  return lines;
}

size_t TerminalWidth() {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return std::max<size_t>(kNarrowest, size.ws_col);
  }
  const char* columns = std::getenv("COLUMNS");
  int asked = 0;
  if (columns == nullptr || !absl::SimpleAtoi(columns, &asked) || asked <= 0) {
    return 100;
  }
  return std::clamp<size_t>(static_cast<size_t>(asked), kNarrowest, 1000);
}

}  // namespace mitra::cli
