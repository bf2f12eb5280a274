#include "common/base/sealed_token.h"

#include <sodium.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/byte_codec.h"
#include "common/status/errors.h"

namespace mitra {
namespace {

constexpr size_t kMacBytes = 16;
constexpr size_t kHeadBytes = kMacBytes + sizeof(int64_t);  // mac, expiry
constexpr size_t kMaxToken = 4096;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Keyed BLAKE2b of context and body, each with its length.
std::string Mac(absl::string_view key, absl::string_view context,
                absl::string_view body) {
  std::string message;
  message.reserve(sizeof(uint64_t) + context.size() + body.size());
  PutBytes(message, uint64_t{context.size()});
  absl::StrAppend(&message, context, body);
  std::string mac(kMacBytes, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(mac.data()), kMacBytes,
                     Bytes(message), message.size(), Bytes(key), key.size());
  return mac;
}

}  // namespace

std::string SealToken(absl::string_view key, absl::string_view context,
                      absl::string_view payload, absl::Time expires) {
  if (key.size() != kTokenKeyBytes) return "";
  std::string body;
  body.reserve(sizeof(int64_t) + payload.size());
  PutBytes(body, absl::ToUnixMillis(expires));
  absl::StrAppend(&body, payload);
  std::string token;
  absl::WebSafeBase64Escape(absl::StrCat(Mac(key, context, body), body),
                            &token);
  return token;
}

Unsealed OpenToken(absl::string_view key, absl::string_view context,
                   absl::string_view token, absl::Time now,
                   std::string& payload) {
  std::string bytes;
  if (key.size() != kTokenKeyBytes || token.size() > kMaxToken ||
      !absl::WebSafeBase64Unescape(token, &bytes) ||
      bytes.size() < kHeadBytes) {
    return Unsealed::kBroken;
  }
  const absl::string_view body = absl::string_view(bytes).substr(kMacBytes);
  const std::string mac = Mac(key, context, body);
  if (sodium_memcmp(mac.data(), bytes.data(), kMacBytes) != 0) {
    return Unsealed::kBroken;
  }
  ByteReader in(body);
  if (now > absl::FromUnixMillis(in.Get<int64_t>())) return Unsealed::kExpired;
  payload = std::string(in.Text(in.left()));
  return Unsealed::kGood;
}

absl::Status TokenError(absl::string_view field, absl::string_view reason,
                        absl::string_view description) {
  const absl::Status status = InvalidField(field, description);
  // The field violation stays; only the reason differs.
  absl::Status reasoned =
      MakeError(absl::StatusCode::kInvalidArgument, reason, status.message());
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    if (!reasoned.GetPayload(url)) reasoned.SetPayload(url, payload);
  });
  return reasoned;
}

}  // namespace mitra
