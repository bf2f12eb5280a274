// Colours on a terminal, and nowhere else; texts that do it no harm.

#ifndef MITRA_SERVICES_CLI_OUTPUT_STYLE_H_
#define MITRA_SERVICES_CLI_OUTPUT_STYLE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace mitra::cli {

enum class Tone { kPlain, kStrong, kGood, kWarn, kBad };

// Whether to paint: only if `terminal`, NO_COLOR (no-color.org) is not set or
// empty, and TERM is not "dumb".
bool MayPaint(bool terminal);

// `text` in a tone, on standard output if that is a terminal that may be
// painted; else as it is.
std::string Paint(Tone tone, absl::string_view text);

// The same where the answer is known.
std::string Paint(Tone tone, absl::string_view text, bool paint);

// `text` on one line and harmless for a terminal: line breaks are spaces,
// control characters, those that override the direction of writing, and bytes
// that are not UTF-8 are replaced.
std::string Printable(absl::string_view text);

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_OUTPUT_STYLE_H_
