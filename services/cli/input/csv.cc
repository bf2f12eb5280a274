#include "services/cli/input/csv.h"

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::cli {

absl::StatusOr<bool> CsvReader::Next() {
  cells_.clear();
  for (;;) {
    MITRA_ASSIGN_OR_RETURN(const bool more, lines_.Next());
    if (!more) return false;
    if (!lines_.blank()) break;
    ++blank_lines_;
  }
  first_line_ = lines_.number();
  const auto error = [&](absl::string_view what) {
    return InvalidField(absl::StrCat("line ", first_line_), what);
  };
  std::string cell;
  bool quoted = false, was_quoted = false;
  size_t bytes = 0;
  for (;;) {
    if (lines_.too_long()) return error("is longer than 1 MiB");
    const std::string& text = lines_.line();
    bytes += text.size();
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (quoted) {
        if (c != '"') {
          cell.push_back(c);
        } else if (i + 1 < text.size() && text[i + 1] == '"') {
          cell.push_back('"');
          ++i;
        } else {
          quoted = false;
        }
      } else if (c == ',') {
        cells_.push_back(std::move(cell));
        cell.clear();
        was_quoted = false;
      } else if (c == '"' && cell.empty() && !was_quoted) {
        quoted = was_quoted = true;
      } else if (was_quoted) {
        return error("has text after a closing quote");
      } else {
        cell.push_back(c);
      }
    }
    if (!quoted) break;
    cell.push_back('\n');
    if (bytes > (1 << 20)) return error("is longer than 1 MiB");
    MITRA_ASSIGN_OR_RETURN(const bool more, lines_.Next());
    if (!more) return error("opens a quote that never ends");
  }
  cells_.push_back(std::move(cell));
  return true;
}

}  // namespace mitra::cli
