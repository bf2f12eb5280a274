#include "services/cli/output/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/cli/output/style.h"

namespace mitra::cli {
namespace {

// A column is not cut to less than this.
constexpr size_t kLeast = 8;
constexpr size_t kGap = 2;
constexpr size_t kNoteIndent = 6;

std::string Pad(absl::string_view text, size_t width) {
  const std::string fitted = FitWidth(text, width);
  return absl::StrCat(fitted, std::string(width - DisplayWidth(fitted), ' '));
}

void AddNotes(const std::vector<std::string>& notes, size_t width,
              std::string& out) {
  for (const std::string& note : notes) {
    for (const std::string& part : WrapText(note, width - kNoteIndent)) {
      absl::StrAppend(&out, std::string(kNoteIndent, ' '), part, "\n");
    }
  }
}

std::vector<std::string> PrintableAll(const std::vector<std::string>& texts) {
  std::vector<std::string> printable;
  printable.reserve(texts.size());
  for (const std::string& text : texts) printable.push_back(Printable(text));
  return printable;
}

}  // namespace

std::string Paragraph(absl::string_view text, size_t indent, size_t width) {
  std::string out;
  for (const std::string& line : WrapText(Printable(text), width - indent)) {
    absl::StrAppend(&out, out.empty() ? "" : std::string(indent, ' '), line,
                    "\n");
  }
  return out;
}

Table::Table(std::vector<std::string> headings)
    : headings_(PrintableAll(headings)), whole_(headings_.size(), false) {}

Table& Table::KeepWhole(const std::vector<absl::string_view>& headings) {
  for (size_t c = 0; c < headings_.size(); ++c) {
    whole_[c] = whole_[c] || std::find(headings.begin(), headings.end(),
                                       headings_[c]) != headings.end();
  }
  return *this;
}

void Table::AddRow(std::vector<std::string> cells) {
  cells.resize(headings_.size());
  rows_.push_back({PrintableAll(cells), {}});
}

void Table::AddNote(absl::string_view text) {
  if (!rows_.empty()) rows_.back().notes.push_back(Printable(text));
}

std::vector<size_t> Table::ColumnsWithin(size_t width) const {
  std::vector<size_t> widths;
  size_t total = headings_.empty() ? 0 : kGap * (headings_.size() - 1);
  for (size_t c = 0; c < headings_.size(); ++c) {
    size_t widest = DisplayWidth(headings_[c]);
    for (const Row& row : rows_) {
      widest = std::max(widest, DisplayWidth(row.cells[c]));
    }
    widths.push_back(widest);
    total += widest;
  }
  while (total > width) {
    size_t* widest = nullptr;
    for (size_t c = 0; c < widths.size(); ++c) {
      if (whole_[c] || widths[c] <= kLeast) continue;
      if (widest == nullptr || widths[c] > *widest) widest = &widths[c];
    }
    if (widest == nullptr) return {};
    --*widest;
    --total;
  }
  return widths;
}

std::string Table::SideBySide(const std::vector<size_t>& widths,
                              size_t width) const {
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (size_t c = 0; c < cells.size(); ++c) {
      absl::StrAppend(&text, c == 0 ? "" : std::string(kGap, ' '),
                      Pad(cells[c], widths[c]));
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
  };
  std::string out = absl::StrCat(Paint(Tone::kStrong, line(headings_)), "\n");
  for (const Row& row : rows_) {
    absl::StrAppend(&out, line(row.cells), "\n");
    AddNotes(row.notes, width, out);
  }
  return out;
}

std::string Table::OneBelowAnother(size_t width) const {
  size_t indent = 0;
  for (const std::string& heading : headings_) {
    indent = std::max(indent, DisplayWidth(heading));
  }
  // Long headings leave half of the line at least.
  indent = std::min(indent, width / 2 - kGap) + kGap;
  std::string out;
  for (const Row& row : rows_) {
    if (!out.empty()) out += '\n';
    for (size_t c = 0; c < headings_.size(); ++c) {
      if (row.cells[c].empty()) continue;
      const size_t room = width - indent;
      const std::string heading = Pad(headings_[c], indent);
      absl::StrAppend(&out, Paint(Tone::kStrong, heading));
      if (whole_[c]) {
        if (DisplayWidth(row.cells[c]) > room) out += '\n';
        absl::StrAppend(&out, row.cells[c], "\n");
        continue;
      }
      bool first = true;
      for (const std::string& part : WrapText(row.cells[c], room)) {
        absl::StrAppend(&out, first ? "" : std::string(indent, ' '), part,
                        "\n");
        first = false;
      }
    }
    AddNotes(row.notes, width, out);
  }
  return out;
}

std::string Table::Render(size_t width) const {
  const std::vector<size_t> widths = ColumnsWithin(width);
  return widths.empty() && !headings_.empty() ? OneBelowAnother(width)
                                              : SideBySide(widths, width);
}

}  // namespace mitra::cli
