#include "services/cli/output/table.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/cli/output/style.h"

namespace mitra::cli {
namespace {

// The code point at `i`, which moves past it; bad bytes stand for themselves.
uint32_t NextCodePoint(absl::string_view text, size_t& i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  const int length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  uint32_t point = length == 1 ? lead : lead & (0xff >> (length + 1));
  ++i;
  for (int k = 1; k < length && i < text.size(); ++k, ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) break;
    point = point << 6 | (byte & 0x3f);
  }
  return point;
}

size_t WidthOf(uint32_t point) {
  if ((point >= 0x300 && point <= 0x36f) || point == 0x200d ||
      (point >= 0xfe00 && point <= 0xfe0f)) {
    return 0;
  }
  const bool wide = (point >= 0x1100 && point <= 0x115f) ||
                    (point >= 0x2e80 && point <= 0xa4cf) ||
                    (point >= 0xac00 && point <= 0xd7a3) ||
                    (point >= 0xf900 && point <= 0xfaff) ||
                    (point >= 0xff00 && point <= 0xff60) ||
                    (point >= 0x1f300 && point <= 0x1faff);
  return wide ? 2 : 1;
}

std::string Pad(absl::string_view text, size_t width) {
  const std::string fitted = FitWidth(text, width);
  return absl::StrCat(fitted, std::string(width - DisplayWidth(fitted), ' '));
}

}  // namespace

size_t DisplayWidth(absl::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) width += WidthOf(NextCodePoint(text, i));
  return width;
}

std::string FitWidth(absl::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return "";
  size_t used = 0, i = 0;
  while (i < text.size()) {
    size_t next = i;
    const size_t w = WidthOf(NextCodePoint(text, next));
    if (used + w > width - 1) break;
    used += w;
    i = next;
  }
  return absl::StrCat(text.substr(0, i), "…");
}

std::vector<std::string> WrapText(absl::string_view text, size_t width) {
  std::vector<std::string> lines;
  std::string line;
  for (absl::string_view word :
       absl::StrSplit(text, ' ', absl::SkipWhitespace())) {
    if (!line.empty() && DisplayWidth(line) + 1 + DisplayWidth(word) > width) {
      lines.push_back(std::move(line));
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? "" : " ", FitWidth(word, width));
  }
  if (!line.empty() || lines.empty()) lines.push_back(std::move(line));
  return lines;
}

size_t TerminalWidth() {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return 100;
  }
  return std::max<size_t>(40, size.ws_col);
}

Table::Table(std::vector<std::string> headings)
    : headings_(std::move(headings)) {}

void Table::AddRow(std::vector<std::string> cells) {
  cells.resize(headings_.size());
  rows_.push_back({std::move(cells), {}});
}

void Table::AddNote(std::string text) {
  if (!rows_.empty()) rows_.back().notes.push_back(std::move(text));
}

std::string Table::Render(size_t width) const {
  std::vector<size_t> widths;
  for (size_t c = 0; c < headings_.size(); ++c) {
    size_t widest = DisplayWidth(headings_[c]);
    for (const Row& row : rows_) {
      widest = std::max(widest, DisplayWidth(row.cells[c]));
    }
    widths.push_back(widest);
  }
  const auto total = [&] {
    size_t sum = 2 * (widths.size() - 1);
    for (size_t w : widths) sum += w;
    return sum;
  };
  while (total() > width) {
    auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= 4) break;
    --*widest;
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (size_t c = 0; c < cells.size(); ++c) {
      absl::StrAppend(&text, c == 0 ? "" : "  ", Pad(cells[c], widths[c]));
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    absl::StrAppend(&out, text, "\n");
  };
  line(headings_);
  out.pop_back();
  out = absl::StrCat(Paint(Tone::kStrong, out), "\n");
  for (const Row& row : rows_) {
    line(row.cells);
    for (const std::string& note : row.notes) {
      for (const std::string& part : WrapText(note, width - 6)) {
        absl::StrAppend(&out, "      ", part, "\n");
      }
    }
  }
  return out;
}

}  // namespace mitra::cli
