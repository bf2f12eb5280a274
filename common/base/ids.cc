#include "common/base/ids.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/random.h"
#include "common/status/errors.h"

namespace mitra {
namespace {

// Crockford's base 32: no letters that look like digits.
constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";

std::string Base32(uint64_t high, uint64_t low) {
  std::string text(26, '0');
  for (int i = 25; i >= 0; --i) {
    text[i] = kDigits[low & 31];
    low = (low >> 5) | (high << 59);
    high >>= 5;
  }
  return text;
}

}  // namespace

bool IsValidId(absl::string_view id) {
  if (id.empty() || id.size() > 64) return false;
  if (!absl::ascii_isalnum(static_cast<unsigned char>(id[0]))) return false;
  return std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '~' ||
           c == '-';
  });
}

absl::Status ValidateId(absl::string_view field, absl::string_view id) {
  if (IsValidId(id)) return absl::OkStatus();
  if (id.empty()) return InvalidField(field, "must not be empty");
  return InvalidField(field,
                      "must be 1 to 64 characters of A-Z a-z 0-9 . _ ~ - and "
                      "begin with a letter or digit");
}

std::string NewUlid() {
  static absl::Mutex mutex;
  static Random random(RandomSeed());
  static uint64_t last_ms = 0;
  static uint64_t high_random = 0;
  static uint64_t low_random = 0;
  absl::MutexLock lock(&mutex);
  const uint64_t ms = std::max<uint64_t>(
      last_ms, static_cast<uint64_t>(absl::ToUnixMillis(absl::Now())));
  if (ms == last_ms) {
    if (++low_random == 0) ++high_random;
  } else {
    last_ms = ms;
    high_random = random.Next64() & 0x7fff;
    low_random = random.Next64();
  }
  return Base32((ms << 16) | (high_random & 0xffff), low_random);
}

std::string EvidenceIdOf(absl::string_view author, absl::string_view about,
                         int kind, absl::Time event_time,
                         absl::string_view external_ref) {
  // Ids hold no NUL, so the joined text is unambiguous.
  const std::string key = absl::StrCat(
      author, absl::string_view("\0", 1), about, absl::string_view("\0", 1),
      kind, absl::string_view("\0", 1), absl::ToUnixNanos(event_time),
      absl::string_view("\0", 1), external_ref);
  // Cryptographic: nobody can choose an external_ref whose id is the id of
  // somebody else's evidence.
  unsigned char hash[16];
  crypto_generichash(hash, sizeof hash,
                     reinterpret_cast<const unsigned char*>(key.data()),
                     key.size(), nullptr, 0);
  uint64_t high = 0, low = 0;
  std::memcpy(&high, hash, 8);
  std::memcpy(&low, hash + 8, 8);
  return absl::StrCat("e-", Base32(high, low));
}

}  // namespace mitra
