#include "services/cli/output/style.h"

#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"

namespace mitra::cli {
namespace {

// What is shown for a character of three bytes that would break the line or
// turn around what stands beside it; null: itself.
const char* InsteadOf(absl::string_view character) {
  if (character < "\u2028" || character > "\u2069") return nullptr;
  if (character <= "\u2029") return " ";         // separators of lines
  if (character <= "\u202e") return "?";         // embeddings and overrides
  return character >= "\u2066" ? "?" : nullptr;  // isolates
}

}  // namespace

bool MayPaint(bool terminal) {
  const char* no_color = std::getenv("NO_COLOR");
  if (!terminal || (no_color != nullptr && *no_color != '\0')) return false;
  const char* term = std::getenv("TERM");
  return term == nullptr || absl::string_view(term) != "dumb";
}

std::string Paint(Tone tone, absl::string_view text) {
  static const bool kPaint = MayPaint(isatty(STDOUT_FILENO) == 1);
  return Paint(tone, text, kPaint);
}

std::string Paint(Tone tone, absl::string_view text, bool paint) {
  if (!paint || tone == Tone::kPlain) return std::string(text);
  const char* code = tone == Tone::kStrong ? "1"
                     : tone == Tone::kGood ? "32"
                     : tone == Tone::kWarn ? "33"
                                           : "31";
  return absl::StrCat("\033[", code, "m", text, "\033[0m");
}

std::string Printable(absl::string_view text) {
  std::string line = ReplaceInvalidUtf8(text);
  for (size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    if (byte == '\n' || byte == '\r' || byte == '\t') {
      line[i] = ' ';
    } else if (byte < 0x20 || byte == 0x7f) {
      line[i] = '?';
    } else if (byte == 0xc2 && static_cast<unsigned char>(line[i + 1]) < 0xa0) {
      line.replace(i, 2, "?");  // U+0080 to U+009F
    } else if (byte == 0xe2) {
      const char* instead = InsteadOf(absl::string_view(line).substr(i, 3));
      if (instead != nullptr) line.replace(i, 3, instead);
    }
  }
  return line;
}

}  // namespace mitra::cli
