// CSV by RFC 4180: quoted cells, doubled quotes, line ends inside quotes.

#ifndef MITRA_SERVICES_CLI_INPUT_CSV_H_
#define MITRA_SERVICES_CLI_INPUT_CSV_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/cli/input/line_reader.h"

namespace mitra::cli {

// Records of a CSV file. Not thread-safe.
class CsvReader {
 public:
  // `lines` must outlive the reader.
  explicit CsvReader(LineReader& lines) : lines_(lines) {}

  // Reads the next record; false at the end. Blank lines are passed over and
  // counted. INVALID_ARGUMENT, naming the line, for a quote that never ends,
  // text after a closing quote, or an overlong line.
  absl::StatusOr<bool> Next();

  const std::vector<std::string>& cells() const { return cells_; }
  uint64_t first_line() const { return first_line_; }
  uint64_t blank_lines() const { return blank_lines_; }

 private:
  LineReader& lines_;
  std::vector<std::string> cells_;
  uint64_t first_line_ = 0;
  uint64_t blank_lines_ = 0;
};

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_INPUT_CSV_H_
