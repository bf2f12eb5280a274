#include "common/redis/keys.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace mitra::redis {
namespace {

// Percent-encodes all but the characters of member ids.
std::string Encoded(absl::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
        c == '_' || c == '~' || c == '-') {
      encoded.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded.push_back('%');
      encoded.push_back(kHex[byte >> 4]);
      encoded.push_back(kHex[byte & 15]);
    }
  }
  return encoded;
}

std::string Key(absl::string_view tag, absl::string_view family) {
  return absl::StrCat("mitra:{", Encoded(tag), "}:", family);
}

}  // namespace

std::string SlateKey(const SlateKeyParts& parts) {
  return absl::StrCat(Key(parts.subject, "slate"), ":", Encoded(parts.kind),
                      ":", parts.epoch, ":", Encoded(parts.ranking_version),
                      ":", Encoded(parts.embedding_space), ":",
                      absl::Hex(parts.parameters, absl::kZeroPad16));
}

std::string EpochKey(absl::string_view name) {
  return absl::StrCat(Key("epoch", "epoch"), ":", Encoded(name));
}

std::string PricesKey(uint64_t number, size_t part) {
  return absl::StrCat(Key(absl::StrCat(number), "prices"), ":", part);
}

std::string QuotaKey(absl::string_view credential, absl::string_view bucket) {
  return absl::StrCat(Key(credential, "quota"), ":", Encoded(bucket));
}

std::string RefreshChunksKey(absl::string_view job) {
  return absl::StrCat(Key(job, "refresh"), ":chunks");
}

std::string RefreshDirectoryKey() { return Key("refresh", "refreshes"); }

std::string RefreshAnnouncementKey() {
  return absl::StrCat(Key("refresh", "refresh"), ":announcement");
}

std::string LockKey(absl::string_view name) { return Key(name, "lock"); }

std::string FenceKey(absl::string_view name) { return Key(name, "fence"); }

std::string TrustKey(absl::string_view subject, uint64_t graph_epoch) {
  return absl::StrCat(Key(subject, "trust"), ":", graph_epoch);
}

std::string RevisionKey(absl::string_view credential) {
  return Key(credential, "revision");
}

std::string ImpressionsKey(absl::string_view subject) {
  return Key(subject, "impressions");
}

std::string ImpressionLogKey() { return Key("log", "impressionlog"); }

}  // namespace mitra::redis
