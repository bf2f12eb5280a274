#include "services/gateway/edge/call_headers.h"

#include <charconv>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mitra::gateway {
namespace {

uint64_t Random64() {
  thread_local std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

}  // namespace

std::string NewRequestId() {
  // Seeded once per thread: asking the kernel for every request costs more
  // than the rest of this function.
  thread_local std::mt19937_64 engine(Random64());
  return absl::StrCat(absl::Hex(engine(), absl::kZeroPad16),
                      absl::Hex(engine(), absl::kZeroPad16));
}

std::optional<absl::Duration> ParseTimeout(absl::string_view text) {
  absl::Duration unit = absl::Seconds(1);
  if (absl::ConsumeSuffix(&text, "ms")) {
    unit = absl::Milliseconds(1);
  } else if (absl::ConsumeSuffix(&text, "m")) {
    unit = absl::Minutes(1);
  } else {
    absl::ConsumeSuffix(&text, "s");
  }
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] =
      std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (text.empty() || error != std::errc() || stop != end || !(number > 0) ||
      !(number * unit <= absl::Hours(24))) {
    return std::nullopt;
  }
  return number * unit;
}

}  // namespace mitra::gateway
