#include "common/security/api_key.h"

#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/ids.h"
#include "common/base/utf8.h"
#include "common/security/private_file.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra {
namespace {

using Json = nlohmann::json;

constexpr size_t kIdLength = 8;
constexpr char kIdLetters[] = "abcdefghjkmnpqrstvwxyz0123456789";

std::string HashOf(absl::string_view secret) {
  unsigned char hash[32];
  crypto_generichash(hash, sizeof hash,
                     reinterpret_cast<const unsigned char*>(secret.data()),
                     secret.size(), nullptr, 0);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(hash), sizeof hash));
}

absl::Status Check(const KeyRecord& record) {
  if (record.label.empty()) return InvalidField("label", "must not be empty");
  MITRA_RETURN_IF_ERROR(ValidateText("label", record.label, 64));
  // Names of other kinds of identities begin so.
  if (absl::StartsWithIgnoreCase(record.label, "jwt:") ||
      absl::StartsWithIgnoreCase(record.label, "key:")) {
    return InvalidField("label", "must not begin with jwt: or key:");
  }
  if (!record.identity.empty()) {
    MITRA_RETURN_IF_ERROR(ValidateText("identity", record.identity, 64));
    if (absl::StartsWithIgnoreCase(record.identity, "jwt:")) {
      return InvalidField("identity", "must not begin with jwt:");
    }
  }
  const auto is_amount = [](double units) {
    return units >= 0 && units <= 1e9;
  };
  if (!is_amount(record.units_per_second)) {
    return InvalidField("units_per_second", "must be from 0 to 1e9");
  }
  if (!is_amount(record.burst_units) ||
      (record.burst_units > 0 &&
       record.burst_units < record.units_per_second)) {
    return InvalidField(
        "burst_units",
        "must be 0, or from units_per_second to 1e9: what flows in during a "
        "second must fit");
  }
  for (const std::string& scope : record.scopes) {
    if (!IsScope(scope)) {
      return InvalidField("scopes",
                          "must be like profiles:read, or * for everything");
    }
  }
  if (!record.member_id.empty()) {
    MITRA_RETURN_IF_ERROR(ValidateId("member_id", record.member_id));
  }
  if (!record.delegate_id.empty()) {
    MITRA_RETURN_IF_ERROR(ValidateId("delegate_id", record.delegate_id));
    if (record.member_id.empty() || record.delegate_id == record.member_id) {
      return InvalidField("delegate_id", "must be another than the member");
    }
    if (record.expire_time == absl::InfiniteFuture()) {
      return InvalidField("expire_time", "a delegate's key must expire");
    }
  }
  return absl::OkStatus();
}

std::string ToLine(const KeyRecord& record) {
  Json json = {{"id", record.id},
               {"hash", record.hash},
               {"label", record.label},
               {"scopes", record.scopes}};
  if (!record.identity.empty()) json["identity"] = record.identity;
  if (!record.member_id.empty()) json["member_id"] = record.member_id;
  if (!record.delegate_id.empty()) json["delegate_id"] = record.delegate_id;
  if (record.units_per_second > 0) {
    json["units_per_second"] = record.units_per_second;
  }
  if (record.burst_units > 0) json["burst_units"] = record.burst_units;
  if (record.expire_time != absl::InfiniteFuture()) {
    json["expire_time"] = absl::FormatTime(
        absl::RFC3339_sec, record.expire_time, absl::UTCTimeZone());
  }
  if (record.revoked) json["revoked"] = true;
  return json.dump() + "\n";
}

absl::StatusOr<KeyRecord> FromLine(absl::string_view line,
                                   const std::string& where) {
  const Json json = Json::parse(line.begin(), line.end(), nullptr, false);
  if (!json.is_object()) return InvalidField(where, "is not a JSON object");
  KeyRecord record;
  for (const auto& [name, value] : json.items()) {
    const std::string field = absl::StrCat(where, ".", CutUtf8(name, 40));
    if (name == "revoked" && value.is_boolean()) {
      record.revoked = value.get<bool>();
    } else if (name == "scopes" && value.is_array()) {
      for (const Json& scope : value) {
        if (!scope.is_string()) return InvalidField(field, "must hold strings");
        record.scopes.push_back(scope.get<std::string>());
      }
    } else if (name == "expire_time" && value.is_string()) {
      std::string error;
      if (!absl::ParseTime(absl::RFC3339_full, value.get<std::string>(),
                           &record.expire_time, &error)) {
        return InvalidField(field,
                            "must be a time such as 2027-01-31T00:00:00Z");
      }
    } else if (name == "units_per_second" && value.is_number()) {
      record.units_per_second = value.get<double>();
    } else if (name == "burst_units" && value.is_number()) {
      record.burst_units = value.get<double>();
    } else if (std::string* text = name == "id"            ? &record.id
                                   : name == "hash"        ? &record.hash
                                   : name == "label"       ? &record.label
                                   : name == "identity"    ? &record.identity
                                   : name == "member_id"   ? &record.member_id
                                   : name == "delegate_id" ? &record.delegate_id
                                                           : nullptr;
               text != nullptr && value.is_string()) {
      *text = value.get<std::string>();
    } else {
      return InvalidField(field, "is unknown or of the wrong type");
    }
  }
  if (record.id.size() != kIdLength ||
      record.id.find_first_not_of(kIdLetters) != std::string::npos) {
    return InvalidField(absl::StrCat(where, ".id"), "is not the id of a key");
  }
  if (record.hash.size() != 64 ||
      record.hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return InvalidField(absl::StrCat(where, ".hash"),
                        "must be 64 lower-case hexadecimal digits");
  }
  if (absl::Status checked = Check(record); !checked.ok()) {
    return InvalidField(where, checked.message());
  }
  return record;
}

}  // namespace

bool IsScope(absl::string_view scope) {
  if (scope == "*") return true;
  const std::vector<absl::string_view> parts = absl::StrSplit(scope, ':');
  return parts.size() == 2 &&
         std::all_of(parts.begin(), parts.end(), [](absl::string_view part) {
           return !part.empty() &&
                  std::all_of(part.begin(), part.end(), [](unsigned char c) {
                    return absl::ascii_islower(c) || c == '_';
                  });
         });
}

absl::StatusOr<NewKey> MakeApiKey(const std::string& label,
                                  const std::vector<std::string>& scopes,
                                  const std::string& member_id,
                                  absl::Time expire_time) {
  NewKey key;
  for (size_t i = 0; i < kIdLength; ++i) {
    key.record.id.push_back(
        kIdLetters[randombytes_uniform(sizeof kIdLetters - 1)]);
  }
  std::string bytes(32, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  std::string secret;
  absl::WebSafeBase64Escape(bytes, &secret);
  key.text = absl::StrCat("mk_", key.record.id, "_", secret);
  key.record.hash = HashOf(secret);
  key.record.label = label;
  key.record.identity = absl::StrCat("key:", key.record.id);
  key.record.scopes = scopes;
  key.record.member_id = member_id;
  key.record.expire_time = expire_time;
  MITRA_RETURN_IF_ERROR(Check(key.record));
  return key;
}

absl::Status SetKeyDelegate(const std::string& delegate_id, KeyRecord& record) {
  record.delegate_id = delegate_id;
  return Check(record);
}

absl::Status SetKeyQuota(double units_per_second, double burst_units,
                         KeyRecord& record) {
  record.units_per_second = units_per_second;
  record.burst_units = burst_units;
  return Check(record);
}

absl::Status TakeOverIdentity(const KeySet& keys, absl::string_view id,
                              KeyRecord& record) {
  for (const KeyRecord& former : keys.records()) {
    if (former.id != id) continue;
    if (former.member_id != record.member_id) {
      return InvalidField("member_id",
                          "must be the one of the key that is replaced");
    }
    record.identity = former.Identity();
    return absl::OkStatus();
  }
  return MakeError(absl::StatusCode::kNotFound, "KEY_NOT_FOUND",
                   "no key with this id");
}

absl::StatusOr<std::shared_ptr<const KeySet>> KeySet::Parse(
    absl::string_view text) {
  auto set = std::make_shared<KeySet>();
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    MITRA_ASSIGN_OR_RETURN(KeyRecord record,
                           FromLine(line, absl::StrCat("line ", number)));
    if (!set->by_id_.emplace(record.id, set->records_.size()).second) {
      return InvalidField(absl::StrCat("line ", number), "repeats an id");
    }
    set->records_.push_back(std::move(record));
  }
  randombytes_buf(set->tag_key_.data(), set->tag_key_.size());
  set->proofs_ = std::vector<Proof>(set->records_.size());
  return std::shared_ptr<const KeySet>(std::move(set));
}

bool KeySet::Fits(size_t index, absl::string_view secret) const {
  std::array<unsigned char, 16> tag;
  crypto_shorthash_siphashx24(
      tag.data(), reinterpret_cast<const unsigned char*>(secret.data()),
      secret.size(), tag_key_.data());
  Proof& proof = proofs_[index];
  if (proof.known.load(std::memory_order_acquire) &&
      sodium_memcmp(tag.data(), proof.tag.data(), tag.size()) == 0) {
    return true;
  }
  const std::string hash = HashOf(secret);
  if (sodium_memcmp(hash.data(), records_[index].hash.data(), 64) != 0) {
    return false;
  }
  absl::MutexLock lock(&mutex_);
  if (!proof.known.load(std::memory_order_relaxed)) {
    proof.tag = tag;
    proof.known.store(true, std::memory_order_release);
  }
  return true;
}

const KeyRecord* KeySet::Verify(absl::string_view presented,
                                absl::Time now) const {
  if (!absl::ConsumePrefix(&presented, "mk_") ||
      presented.size() < kIdLength + 2 || presented.size() > 200 ||
      presented[kIdLength] != '_') {
    return nullptr;
  }
  const auto it = by_id_.find(presented.substr(0, kIdLength));
  const absl::string_view secret = presented.substr(kIdLength + 1);
  if (it == by_id_.end()) {
    (void)HashOf(secret);  // as long as a key that is there
    return nullptr;
  }
  const KeyRecord* record = &records_[it->second];
  if (!Fits(it->second, secret) || record->revoked ||
      now >= record->expire_time) {
    return nullptr;
  }
  return record;
}

absl::StatusOr<std::shared_ptr<const KeySet>> LoadKeyFile(
    const std::string& path) {
  absl::StatusOr<std::string> text = ReadWholeFile(path);
  if (!text.ok()) {
    return MakeError(absl::StatusCode::kNotFound, "KEY_FILE_UNREADABLE",
                     text.status().message());
  }
  return KeySet::Parse(*text);
}

absl::Status AppendKeyRecord(const std::string& path, const KeyRecord& record) {
  MITRA_ASSIGN_OR_RETURN(const FileLock lock, FileLock::Acquire(path));
  std::string text;
  if (access(path.c_str(), F_OK) == 0) {
    MITRA_ASSIGN_OR_RETURN(text, ReadWholeFile(path));
  }
  // A file edited by hand may lack the last line's end.
  if (!text.empty() && text.back() != '\n') text += '\n';
  return ReplacePrivateFile(path, absl::StrCat(text, ToLine(record)));
}

absl::Status RevokeKey(const std::string& path, const std::string& id) {
  MITRA_ASSIGN_OR_RETURN(const FileLock lock, FileLock::Acquire(path));
  MITRA_ASSIGN_OR_RETURN(const auto set, LoadKeyFile(path));
  std::string text;
  bool found = false;
  for (KeyRecord record : set->records()) {
    if (record.id == id) found = record.revoked = true;
    text += ToLine(record);
  }
  if (!found) {
    return MakeError(absl::StatusCode::kNotFound, "KEY_NOT_FOUND",
                     "no key with this id");
  }
  return ReplacePrivateFile(path, text);
}

}  // namespace mitra
