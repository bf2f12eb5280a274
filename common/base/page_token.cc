#include "common/base/page_token.h"

#include <sodium.h>

#include "common/base/byte_codec.h"
#include "common/base/sealed_token.h"

namespace mitra {
namespace {

std::string ContextOf(uint64_t query_hash) {
  std::string context = "page";
  PutBytes(context, query_hash);
  return context;
}

}  // namespace

std::string EncodePageToken(absl::string_view key, absl::string_view payload,
                            uint64_t query_hash, absl::Time expires) {
  return SealToken(key, ContextOf(query_hash), payload, expires);
}

absl::StatusOr<std::string> DecodePageToken(absl::string_view key,
                                            absl::string_view token,
                                            absl::string_view field,
                                            uint64_t query_hash,
                                            absl::Time now) {
  std::string payload;
  switch (OpenToken(key, ContextOf(query_hash), token, now, payload)) {
    case Unsealed::kGood:
      return payload;
    case Unsealed::kExpired:
      return TokenError(field, "PAGE_TOKEN_EXPIRED",
                        "is too old; begin with the first page");
    case Unsealed::kBroken:
      break;
  }
  return TokenError(field, "BAD_PAGE_TOKEN", "is not a token of this query");
}

std::string NewPageTokenKey() {
  std::string key(kTokenKeyBytes, '\0');
  randombytes_buf(key.data(), key.size());
  return key;
}

}  // namespace mitra
