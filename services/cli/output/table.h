// Tables that fit the terminal.

#ifndef MITRA_SERVICES_CLI_OUTPUT_TABLE_H_
#define MITRA_SERVICES_CLI_OUTPUT_TABLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/cli/output/text_width.h"

namespace mitra::cli {

// `text`, harmless to a terminal (style.h, Printable), in lines of at most
// `width` columns; those after the first begin with `indent` spaces.
std::string Paragraph(absl::string_view text, size_t indent, size_t width);

// Rows of cells under headings; lines may follow a row. What cells hold does no
// harm to a terminal (style.h, Printable).
class Table {
 public:
  explicit Table(std::vector<std::string> headings);
  // Cells under these headings are never cut: what is copied from there must
  // work.
  Table& KeepWhole(const std::vector<absl::string_view>& headings);
  void AddRow(std::vector<std::string> cells);
  // A line that belongs to the last row, indented and wrapped.
  void AddNote(absl::string_view text);

  // No line is wider than `width`, 40 or more. The widest columns give way;
  // where columns would have to be cut to less than a word, each row becomes
  // lines "heading  cell", of which nothing is cut. Only a cell that must stay
  // whole and is wider than the terminal stands on a line of its own that is.
  std::string Render(size_t width) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    std::vector<std::string> notes;
  };
  // Columns' widths of the table side by side; empty if it does not fit.
  std::vector<size_t> ColumnsWithin(size_t width) const;
  std::string SideBySide(const std::vector<size_t>& widths, size_t width) const;
  std::string OneBelowAnother(size_t width) const;

  std::vector<std::string> headings_;
  std::vector<bool> whole_;
  std::vector<Row> rows_;
};

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_OUTPUT_TABLE_H_
