#include "common/base/page_token.h"

#include <sodium.h>

#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"

namespace mitra {
namespace {

constexpr size_t kMacBytes = 16;
constexpr size_t kHeadBytes = kMacBytes + 16;  // mac, query hash, expiry
constexpr size_t kMaxToken = 4096;

std::string Mac(absl::string_view key, absl::string_view body) {
  std::string mac(kMacBytes, '\0');
  crypto_generichash(
      reinterpret_cast<unsigned char*>(mac.data()), kMacBytes,
      reinterpret_cast<const unsigned char*>(body.data()), body.size(),
      reinterpret_cast<const unsigned char*>(key.data()), key.size());
  return mac;
}

void AppendU64(std::string& out, uint64_t value) {
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  out.append(bytes, 8);
}

uint64_t ReadU64(absl::string_view in) {
  uint64_t value = 0;
  std::memcpy(&value, in.data(), 8);
  return value;
}

absl::Status TokenError(absl::string_view field, absl::string_view reason,
                        absl::string_view text) {
  absl::Status status = InvalidField(field, text);
  // The field violation stays; only the reason differs.
  absl::Status reasoned =
      MakeError(absl::StatusCode::kInvalidArgument, reason, status.message());
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    if (!reasoned.GetPayload(url)) reasoned.SetPayload(url, payload);
  });
  return reasoned;
}

}  // namespace

std::string EncodePageToken(absl::string_view key, absl::string_view payload,
                            uint64_t query_hash, absl::Time expires) {
  std::string body;
  AppendU64(body, query_hash);
  AppendU64(body, static_cast<uint64_t>(absl::ToUnixMillis(expires)));
  absl::StrAppend(&body, payload);
  std::string token;
  absl::WebSafeBase64Escape(absl::StrCat(Mac(key, body), body), &token);
  return token;
}

absl::StatusOr<std::string> DecodePageToken(absl::string_view key,
                                            absl::string_view token,
                                            absl::string_view field,
                                            uint64_t query_hash,
                                            absl::Time now) {
  const absl::Status bad =
      TokenError(field, "BAD_PAGE_TOKEN", "is not a token of this query");
  std::string bytes;
  if (token.size() > kMaxToken || !absl::WebSafeBase64Unescape(token, &bytes) ||
      bytes.size() < kHeadBytes) {
    return bad;
  }
  const absl::string_view body = absl::string_view(bytes).substr(kMacBytes);
  const std::string mac = Mac(key, body);
  if (sodium_memcmp(mac.data(), bytes.data(), kMacBytes) != 0 ||
      ReadU64(body) != query_hash) {
    return bad;
  }
  const absl::Time expires =
      absl::FromUnixMillis(static_cast<int64_t>(ReadU64(body.substr(8))));
  if (now > expires) {
    return TokenError(field, "PAGE_TOKEN_EXPIRED",
                      "is too old; begin with the first page");
  }
  return std::string(body.substr(16));
}

std::string NewPageTokenKey() {
  std::string key(32, '\0');
  randombytes_buf(key.data(), key.size());
  return key;
}

}  // namespace mitra
