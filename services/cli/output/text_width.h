// How much room text takes on a terminal.

#ifndef MITRA_SERVICES_CLI_OUTPUT_TEXT_WIDTH_H_
#define MITRA_SERVICES_CLI_OUTPUT_TEXT_WIDTH_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace mitra::cli {

// Columns that `text`, UTF-8, takes: two for wide characters (East Asian Width
// W and F of UAX #11, and what U+FE0F makes an emoji), none for marks that
// combine and for characters that only format.
size_t DisplayWidth(absl::string_view text);

// `text` cut to `width` columns, the last one "…" if something was cut.
std::string FitWidth(absl::string_view text, size_t width);

// `text` broken at spaces into lines of at most `width` columns; a longer word
// goes on in the next line. Nothing is lost but spaces.
std::vector<std::string> WrapText(absl::string_view text, size_t width);

// Columns of the terminal that stdout is; where it is none, those of the
// variable COLUMNS, else 100; at least 40.
size_t TerminalWidth();

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_OUTPUT_TEXT_WIDTH_H_
