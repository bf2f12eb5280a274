// API keys: shown once, stored as hashes, with scopes and an expiry.
//
// A key reads mk_<id>_<secret>: 8 characters that name it, 43 that prove it.
// The secret has 256 bits of entropy, so a plain keyed hash suffices where a
// password would need a slow one.

#ifndef MITRA_COMMON_SECURITY_API_KEY_H_
#define MITRA_COMMON_SECURITY_API_KEY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra {

// What is stored of a key.
struct KeyRecord {
  std::string id;
  std::string hash;   // hex
  std::string label;  // names the credential in records and logs
  std::vector<std::string> scopes;
  // The member that the key belongs to; empty for a platform's key.
  std::string member_id;
  absl::Time expire_time = absl::InfiniteFuture();
  bool revoked = false;
};

struct NewKey {
  std::string text;  // to be shown once
  KeyRecord record;
};

// Makes a key. INVALID_ARGUMENT for an empty or overlong label, a scope outside
// `[a-z]+:[a-z]+` (or "*", "members:all"), or a malformed member id.
absl::StatusOr<NewKey> MakeApiKey(const std::string& label,
                                  const std::vector<std::string>& scopes,
                                  const std::string& member_id,
                                  absl::Time expire_time);

// The keys of one file at one time. Immutable; safe for concurrent use.
class KeySet {
 public:
  // INVALID_ARGUMENT naming the line of anything that is not understood; an
  // empty text is an empty set.
  static absl::StatusOr<std::shared_ptr<const KeySet>> Parse(
      absl::string_view text);

  // The record of a presented key; null if it is unknown, wrong, revoked or
  // expired. Takes the same time whether or not the secret fits.
  const KeyRecord* Verify(absl::string_view presented, absl::Time now) const;

  const std::vector<KeyRecord>& records() const { return records_; }

 private:
  std::vector<KeyRecord> records_;
  absl::flat_hash_map<std::string, size_t> by_id_;
};

// Reads a key file (one JSON object a line).
absl::StatusOr<std::shared_ptr<const KeySet>> LoadKeyFile(
    const std::string& path);

// Adds a key to a file, made with mode 0600 if absent. On disk when it returns.
absl::Status AppendKeyRecord(const std::string& path, const KeyRecord& record);

// Marks a key as revoked; the file is replaced atomically. NOT_FOUND if there
// is no such key.
absl::Status RevokeKey(const std::string& path, const std::string& id);

}  // namespace mitra

#endif  // MITRA_COMMON_SECURITY_API_KEY_H_
