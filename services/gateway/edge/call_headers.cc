#include "services/gateway/edge/call_headers.h"

#include <algorithm>
#include <charconv>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mitra::gateway {
namespace {

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
  });
}

bool IsZero(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '0'; });
}

uint64_t Random64() {
  thread_local std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

}  // namespace

bool IsRequestId(absl::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '-';
         });
}

std::string NewRequestId() {
  // Seeded once per thread: asking the kernel for every request costs more
  // than the rest of this function.
  thread_local std::mt19937_64 engine(Random64());
  return absl::StrCat(absl::Hex(engine(), absl::kZeroPad16),
                      absl::Hex(engine(), absl::kZeroPad16));
}

bool IsTraceparent(absl::string_view text) {
  // 00-<32 hex>-<16 hex>-<2 hex>
  return text.size() == 55 && absl::ConsumePrefix(&text, "00-") &&
         IsLowerHex(text.substr(0, 32)) && !IsZero(text.substr(0, 32)) &&
         text[32] == '-' && IsLowerHex(text.substr(33, 16)) &&
         !IsZero(text.substr(33, 16)) && text[49] == '-' &&
         IsLowerHex(text.substr(50, 2));
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
