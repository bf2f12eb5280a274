// Tables that fit the terminal.

#ifndef MITRA_SERVICES_CLI_OUTPUT_TABLE_H_
#define MITRA_SERVICES_CLI_OUTPUT_TABLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace mitra::cli {

// Columns that `text` takes on a terminal: one per code point, two for wide
// ones (East Asian, emoji), none for combining marks.
size_t DisplayWidth(absl::string_view text);

// `text` cut to `width` columns, the last one "…" if something was cut.
std::string FitWidth(absl::string_view text, size_t width);

// `text` broken at spaces into lines of at most `width` columns.
std::vector<std::string> WrapText(absl::string_view text, size_t width);

// Columns of the terminal that stdout is, else 100; at least 40.
size_t TerminalWidth();

// Rows of cells under headings; lines may follow a row.
class Table {
 public:
  explicit Table(std::vector<std::string> headings);
  void AddRow(std::vector<std::string> cells);
  // A line that belongs to the last row, indented and wrapped.
  void AddNote(std::string text);
  // The widest column gives way when the table does not fit.
  std::string Render(size_t width) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    std::vector<std::string> notes;
  };
  std::vector<std::string> headings_;
  std::vector<Row> rows_;
};

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_OUTPUT_TABLE_H_
