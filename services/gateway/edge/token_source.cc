#include "services/gateway/edge/token_source.h"

#include <sodium.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/observability/log.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::gateway {
namespace {

constexpr size_t kMaxName = 60;

std::string NameOf(absl::string_view subject) {
  const bool plain =
      subject.size() <= kMaxName &&
      std::all_of(subject.begin(), subject.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' ||
               c == '@' || c == '|';
      });
  if (plain) return absl::StrCat("jwt:", subject);
  unsigned char hash[16];
  crypto_generichash(hash, sizeof hash,
                     reinterpret_cast<const unsigned char*>(subject.data()),
                     subject.size(), nullptr, 0);
  return absl::StrCat("jwt:#",
                      absl::BytesToHexString(absl::string_view(
                          reinterpret_cast<char*>(hash), sizeof hash)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenSource>> TokenSource::Open(
    const std::string& jwks_file, Options options, absl::Duration poll) {
  if (options.rules.issuer.empty()) {
    return InvalidField("auth.jwt_issuer", "is required with auth.jwks_file");
  }
  if (options.rules.audience.empty()) {
    return InvalidField("auth.jwt_audience", "is required with auth.jwks_file");
  }
  MITRA_ASSIGN_OR_RETURN(auto file, File::Open(jwks_file, LoadJwksFile, poll));
  return std::unique_ptr<TokenSource>(
      new TokenSource(std::move(file), std::move(options)));
}

std::optional<Caller> TokenSource::CallerOf(const JwtClaims& claims) const {
  if (!claims.member_id && !options_.platforms) return std::nullopt;
  Caller caller;
  caller.identity.credential = NameOf(claims.subject);
  caller.identity.member_id = claims.member_id.value_or("");
  caller.identity.delegate_id = claims.delegate_id;
  caller.identity.scopes = claims.scopes;
  return caller;
}

std::optional<Caller> TokenSource::FindAt(absl::string_view token,
                                          absl::Time now) const {
  const std::shared_ptr<const JwkSet> keys = file_->Get();
  {
    absl::MutexLock lock(&mutex_);
    const auto it = known_.find(token);
    if (it != known_.end() && it->second.keys == keys &&
        now >= it->second.not_before && now < it->second.expire_time) {
      return it->second.caller;
    }
  }
  const auto claims = VerifyJwt(token, *keys, options_.rules, now);
  std::optional<Caller> caller;
  if (claims.ok()) caller = CallerOf(*claims);
  if (!caller) {
    static LogLimiter limiter(absl::Seconds(1));
    if (limiter.Allow()) {
      LogInfo("gateway: a token was refused",
              {{"why", claims.ok() ? "it names no member"
                                   : std::string(claims.status().message())}});
    }
    return std::nullopt;
  }
  absl::MutexLock lock(&mutex_);
  // Rarely full, and then mostly with what has expired.
  if (known_.size() >= kMaxKnown) known_.clear();
  known_[token] = {keys, now, claims->expire_time, *caller};
  return caller;
}

}  // namespace mitra::gateway
