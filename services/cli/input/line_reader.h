// Lines of files from outside: any line end, an optional byte-order mark, and
// no line so long that it would fill the memory.

#ifndef MITRA_SERVICES_CLI_INPUT_LINE_READER_H_
#define MITRA_SERVICES_CLI_INPUT_LINE_READER_H_

#include <cstdint>
#include <istream>
#include <string>

#include "absl/status/statusor.h"

namespace mitra::cli {

// Not thread-safe.
class LineReader {
 public:
  // `in` must outlive the reader.
  explicit LineReader(std::istream& in, size_t max_bytes = 1 << 20);

  // Reads the next line, without its end. False at the end of the input.
  // INVALID_ARGUMENT for UTF-16, seen by its mark, as the first line.
  absl::StatusOr<bool> Next();

  const std::string& line() const { return line_; }
  // Number of the line, from 1.
  uint64_t number() const { return number_; }
  // The line was longer than allowed; line() holds only its beginning.
  bool too_long() const { return too_long_; }
  // Nothing but white space.
  bool blank() const;

 private:
  std::istream& in_;
  const size_t max_bytes_;
  std::string line_;
  uint64_t number_ = 0;
  bool too_long_ = false;
};

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_INPUT_LINE_READER_H_
