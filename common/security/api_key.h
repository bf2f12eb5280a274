// API keys: shown once, stored as hashes, with scopes and an expiry.
//
// A key reads mk_<id>_<secret>: 8 characters that name it, 43 that prove it.
// The secret has 256 bits of entropy, so a plain keyed hash suffices where a
// password would need a slow one.

#ifndef MITRA_COMMON_SECURITY_API_KEY_H_
#define MITRA_COMMON_SECURITY_API_KEY_H_

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace mitra {

// What is stored of a key.
struct KeyRecord {
  std::string id;
  std::string hash;   // hex
  std::string label;  // tells people what the key is for
  // Under which name the key's records are kept and its calls are counted:
  // "key:<id>", or that of the key that it replaces. Empty in files of former
  // versions, whose keys go by their label.
  std::string identity;
  std::vector<std::string> scopes;
  // The member that the key belongs to; empty for a platform's key.
  std::string member_id;
  // The member that acts for `member_id` by this key, with its consent; empty
  // if the key is the member's own.
  std::string delegate_id;
  absl::Time expire_time = absl::InfiniteFuture();
  bool revoked = false;
  // The key's own quota, in units of the methods' cost; 0 for that of the
  // gateway's configuration.
  double units_per_second = 0;
  double burst_units = 0;

  const std::string& Identity() const {
    return identity.empty() ? label : identity;
  }
};

struct NewKey {
  std::string text;  // to be shown once
  KeyRecord record;
};

// Makes a key. INVALID_ARGUMENT for an empty or overlong label or one that
// begins with "jwt:" or "key:", a scope outside `[a-z_]+:[a-z_]+` (or "*"), or
// a malformed member id.
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
  // expired. Hashes a secret until it has fitted once; takes the same time for
  // all that do not fit.
  const KeyRecord* Verify(absl::string_view presented, absl::Time now) const;

  const std::vector<KeyRecord>& records() const { return records_; }

 private:
  // A secret that fitted, as a tag under a key of this set alone: neither the
  // secret nor what its record stores follows from it, and it costs a tenth of
  // the record's hash. Written once; gone with the set when the file changes.
  struct Proof {
    std::atomic<bool> known{false};
    std::array<unsigned char, 16> tag{};
  };
  bool Fits(size_t index, absl::string_view secret) const;

  std::vector<KeyRecord> records_;
  std::array<unsigned char, 16> tag_key_{};
  mutable absl::Mutex mutex_;
  mutable std::vector<Proof> proofs_;  // one for each record
  absl::flat_hash_map<std::string, size_t> by_id_;
};

// Reads a key file (one JSON object a line).
absl::StatusOr<std::shared_ptr<const KeySet>> LoadKeyFile(
    const std::string& path);

// Makes a member's key one by which another member acts for it.
// INVALID_ARGUMENT unless the key is a member's, the delegate is another
// member, and the key expires.
absl::Status SetKeyDelegate(const std::string& delegate_id, KeyRecord& record);

// Gives a key its own quota. INVALID_ARGUMENT unless both are from 0 to 1e9 and
// the burst is 0 or no less than what flows in during a second.
absl::Status SetKeyQuota(double units_per_second, double burst_units,
                         KeyRecord& record);

// Lets a new key go by the identity of the key `id` of `keys`, so that the
// records of that one are its own: how a key is changed for another. NOT_FOUND
// if there is no such key, INVALID_ARGUMENT if it is another member's.
absl::Status TakeOverIdentity(const KeySet& keys, absl::string_view id,
                              KeyRecord& record);

// Whether `scope` is "*" or like "profiles:read".
bool IsScope(absl::string_view scope);

// Both take a lock beside the file (`path`.lock), so that any number of writers
// lose nothing, and replace the file as ReplacePrivateFile() does.

// Adds a key to a file, made with mode 0600 if absent. On disk when it returns.
absl::Status AppendKeyRecord(const std::string& path, const KeyRecord& record);

// Marks a key as revoked. NOT_FOUND if there is no such key.
absl::Status RevokeKey(const std::string& path, const std::string& id);

}  // namespace mitra

#endif  // MITRA_COMMON_SECURITY_API_KEY_H_
