// Tokens (JWT) as credentials, with the issuer's keys from a file that is read
// again when it changes.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_TOKEN_SOURCE_H_
#define MITRA_SERVICES_GATEWAY_EDGE_TOKEN_SOURCE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/security/jwt.h"
#include "services/gateway/edge/authenticator.h"
#include "services/gateway/edge/reloaded_file.h"

namespace mitra::gateway {

// Thread-safe. A key file that turns wrong leaves the keys of the last good one
// in force.
//
// The identity is "jwt:" and the token's subject, or a hash of it if it is long
// or of odd characters. Scopes that this API cannot have are left out.
class TokenSource final : public CredentialSource {
 public:
  struct Options {
    JwtRules rules;
    // Whether a token that names no member is a platform's. Not by default: an
    // issuer may hand out tokens to people who are no members.
    bool platforms = false;
  };

  // The error of the file if it is wrong at the start; INVALID_ARGUMENT naming
  // auth.jwt_issuer or auth.jwt_audience if that is empty.
  static absl::StatusOr<std::unique_ptr<TokenSource>> Open(
      const std::string& jwks_file, Options options,
      absl::Duration poll = absl::Seconds(1));

  std::optional<Caller> Find(absl::string_view token) const override {
    return FindAt(token, absl::Now());
  }
  std::optional<Caller> FindAt(absl::string_view token, absl::Time now) const;

  // Reads the file now if it has changed.
  void Poll() { file_->Poll(); }

 private:
  using File = ReloadedFile<JwkSet>;
  // A token that was good: checking a signature takes a tenth of a millisecond,
  // which is much beside a cached answer.
  struct Known {
    std::shared_ptr<const JwkSet> keys;
    absl::Time not_before;
    absl::Time expire_time;
    Caller caller;
  };
  static constexpr size_t kMaxKnown = 10'000;

  TokenSource(std::unique_ptr<File> file, Options options)
      : options_(std::move(options)), file_(std::move(file)) {}
  std::optional<Caller> CallerOf(const JwtClaims& claims) const;

  const Options options_;
  const std::unique_ptr<File> file_;
  mutable absl::Mutex mutex_;
  mutable absl::flat_hash_map<std::string, Known> known_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_TOKEN_SOURCE_H_
