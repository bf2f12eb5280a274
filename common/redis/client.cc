#include "common/redis/client.h"

#include <openssl/evp.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace mitra::redis {
namespace {

constexpr size_t kRevisionBytes = 8;

// Replaces the value unless a newer revision is there. Revisions are compared
// byte by byte: Lua's numbers hold 53 bits, its string order is the locale's.
// KEYS[1]; ARGV: value with its revision in front, time to live in ms.
const Script& SetIfNewerScript() {
  static const Script& script = *new Script(R"lua(
local current = redis.pcall('GETRANGE', KEYS[1], 0, 7)
if type(current) == 'string' and #current == 8 then
  for i = 1, 8 do
    local old, new = current:byte(i), ARGV[1]:byte(i)
    if old > new then return 0 end
    if old < new then break end
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
)lua");
  return script;
}

std::string Milliseconds(absl::Duration d) {
  return absl::StrCat(absl::ToInt64Milliseconds(d));
}

absl::Status CheckTtl(absl::Duration ttl) {
  if (ttl >= absl::Milliseconds(1) && ttl < absl::InfiniteDuration()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "ttl: must be finite and at least 1 ms, is ", absl::FormatDuration(ttl)));
}

std::vector<std::string> EvalCommand(absl::string_view command,
                                     const std::string& script,
                                     const std::vector<std::string>& keys,
                                     const std::vector<std::string>& args) {
  std::vector<std::string> command_line = {std::string(command), script,
                                           absl::StrCat(keys.size())};
  command_line.insert(command_line.end(), keys.begin(), keys.end());
  command_line.insert(command_line.end(), args.begin(), args.end());
  return command_line;
}

absl::StatusOr<std::optional<std::string>> OptionalText(
    absl::string_view command, absl::StatusOr<Reply> reply) {
  if (!reply.ok()) return reply.status();
  if (absl::Status status = StatusOf(*reply); !status.ok()) return status;
  if (reply->is_nil()) return std::optional<std::string>();
  if (reply->type != Reply::Type::kString) {
    return UnexpectedReply(command, *reply);
  }
  return std::optional<std::string>(std::move(reply->text));
}

absl::StatusOr<int64_t> Integer(absl::string_view command,
                                const absl::StatusOr<Reply>& reply) {
  if (!reply.ok()) return reply.status();
  if (absl::Status status = StatusOf(*reply); !status.ok()) return status;
  if (reply->type != Reply::Type::kInteger) {
    return UnexpectedReply(command, *reply);
  }
  return reply->integer;
}

absl::StatusCode CodeOf(absl::string_view error) {
  using absl::StatusCode;
  static const auto& codes = *new absl::flat_hash_map<std::string, StatusCode>{
      {"OOM", StatusCode::kResourceExhausted},
      {"WRONGTYPE", StatusCode::kFailedPrecondition},
      {"NOSCRIPT", StatusCode::kNotFound},
      {"NOAUTH", StatusCode::kPermissionDenied},
      {"WRONGPASS", StatusCode::kPermissionDenied},
      {"NOPERM", StatusCode::kPermissionDenied},
      {"LOADING", StatusCode::kUnavailable},
      {"READONLY", StatusCode::kUnavailable},
      {"MASTERDOWN", StatusCode::kUnavailable},
      {"CLUSTERDOWN", StatusCode::kUnavailable},
      {"BUSY", StatusCode::kUnavailable},
      {"TRYAGAIN", StatusCode::kUnavailable}};
  const auto it = codes.find(error);
  return it == codes.end() ? StatusCode::kInternal : it->second;
}

absl::string_view NameOf(Reply::Type type) {
  switch (type) {
    case Reply::Type::kNil:
      return "nil";
    case Reply::Type::kInteger:
      return "integer";
    case Reply::Type::kString:
      return "string";
    case Reply::Type::kArray:
      return "array";
    case Reply::Type::kError:
      return "error";
  }
  return "unknown";
}

}  // namespace

absl::string_view Reply::error_code() const {
  if (!is_error()) return "";
  const absl::string_view all = text;
  return all.substr(0, all.find_first_of(" \r\n"));
}

absl::Status StatusOf(const Reply& reply) {
  if (!reply.is_error()) return absl::OkStatus();
  // A script's error text may begin with anything; quote only what looks like
  // a code.
  const absl::string_view code = reply.error_code();
  const bool plain = !code.empty() && code.size() <= 16 &&
                     std::all_of(code.begin(), code.end(),
                                 [](char c) { return c >= 'A' && c <= 'Z'; });
  return absl::Status(CodeOf(code),
                      absl::StrCat("redis: answered ", plain ? code : "ERR"));
}

absl::Status UnexpectedReply(absl::string_view command, const Reply& reply) {
  return absl::InternalError(
      absl::StrCat("redis: ", command, " answered ", NameOf(reply.type)));
}

Script::Script(std::string body) : body_(std::move(body)) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(body_.data(), body_.size(), digest, &size, EVP_sha1(), nullptr);
  sha1_ = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), size));
}

std::string EncodeVersioned(uint64_t revision, absl::string_view value) {
  std::string bytes;
  bytes.reserve(kRevisionBytes + value.size());
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(revision >> shift & 0xFF));
  }
  bytes.append(value.data(), value.size());
  return bytes;
}

std::optional<Versioned> DecodeVersioned(absl::string_view bytes) {
  if (bytes.size() < kRevisionBytes) return std::nullopt;
  Versioned versioned;
  for (size_t i = 0; i < kRevisionBytes; ++i) {
    versioned.revision =
        versioned.revision << 8 | static_cast<unsigned char>(bytes[i]);
  }
  versioned.value = std::string(bytes.substr(kRevisionBytes));
  return versioned;
}

absl::Duration Jittered(absl::Duration ttl) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const double share = std::uniform_real_distribution<>(0.9, 1.0)(random);
  return std::max(absl::Milliseconds(1),
                  absl::Floor(ttl * share, absl::Milliseconds(1)));
}

void Client::Get(std::string key, absl::Time deadline,
                 Done<absl::StatusOr<std::optional<std::string>>> done) {
  Execute({"GET", std::move(key)}, deadline,
          [done = std::move(done)](absl::StatusOr<Reply> reply) {
            done(OptionalText("GET", std::move(reply)));
          });
}

void Client::GetMany(
    std::vector<std::string> keys, absl::Time deadline,
    Done<absl::StatusOr<std::vector<std::optional<std::string>>>> done) {
  std::vector<std::optional<std::string>> values;
  if (keys.empty()) return done(std::move(values));
  const size_t count = keys.size();
  keys.insert(keys.begin(), "MGET");
  Execute(std::move(keys), deadline,
          [count, done = std::move(done)](absl::StatusOr<Reply> reply) {
            if (!reply.ok()) return done(reply.status());
            if (absl::Status s = StatusOf(*reply); !s.ok()) return done(s);
            if (reply->type != Reply::Type::kArray ||
                reply->elements.size() != count) {
              return done(UnexpectedReply("MGET", *reply));
            }
            std::vector<std::optional<std::string>> found;
            found.reserve(count);
            for (Reply& element : reply->elements) {
              auto value = OptionalText("MGET", std::move(element));
              if (!value.ok()) return done(value.status());
              found.push_back(*std::move(value));
            }
            done(std::move(found));
          });
}

void Client::SetWithTtl(std::string key, std::string value, absl::Duration ttl,
                        absl::Time deadline, Done<absl::Status> done) {
  if (absl::Status status = CheckTtl(ttl); !status.ok()) return done(status);
  Execute({"SET", std::move(key), std::move(value), "PX",
           Milliseconds(Jittered(ttl))},
          deadline, [done = std::move(done)](absl::StatusOr<Reply> reply) {
            if (!reply.ok()) return done(reply.status());
            if (absl::Status s = StatusOf(*reply); !s.ok()) return done(s);
            done(*reply == Reply::String("OK")
                     ? absl::OkStatus()
                     : UnexpectedReply("SET", *reply));
          });
}

void Client::SetIfNewer(std::string key, uint64_t revision, std::string value,
                        absl::Duration ttl, absl::Time deadline,
                        Done<absl::StatusOr<bool>> done) {
  if (absl::Status status = CheckTtl(ttl); !status.ok()) return done(status);
  Eval(SetIfNewerScript(), {std::move(key)},
       {EncodeVersioned(revision, value), Milliseconds(Jittered(ttl))},
       deadline, [done = std::move(done)](const absl::StatusOr<Reply>& reply) {
         const absl::StatusOr<int64_t> written = Integer("EVAL", reply);
         if (!written.ok()) return done(written.status());
         done(*written == 1);
       });
}

void Client::GetVersioned(std::string key, absl::Time deadline,
                          Done<absl::StatusOr<std::optional<Versioned>>> done) {
  Get(std::move(key), deadline,
      [done =
           std::move(done)](absl::StatusOr<std::optional<std::string>> bytes) {
        if (absl::IsFailedPrecondition(bytes.status())) {
          return done(std::optional<Versioned>());
        }
        if (!bytes.ok()) return done(bytes.status());
        done(bytes->has_value() ? DecodeVersioned(**bytes) : std::nullopt);
      });
}

void Client::Unlink(std::vector<std::string> keys, absl::Time deadline,
                    Done<absl::StatusOr<int64_t>> done) {
  if (keys.empty()) return done(0);
  keys.insert(keys.begin(), "UNLINK");
  Execute(std::move(keys), deadline,
          [done = std::move(done)](const absl::StatusOr<Reply>& reply) {
            done(Integer("UNLINK", reply));
          });
}

void Client::Eval(const Script& script, std::vector<std::string> keys,
                  std::vector<std::string> args, absl::Time deadline,
                  Done<absl::StatusOr<Reply>> done) {
  std::vector<std::string> by_digest =
      EvalCommand("EVALSHA", script.sha1(), keys, args);
  auto finish = [done = std::move(done)](absl::StatusOr<Reply> reply) {
    if (!reply.ok()) return done(std::move(reply));
    if (absl::Status status = StatusOf(*reply); !status.ok()) {
      return done(status);
    }
    done(std::move(reply));
  };
  Execute(std::move(by_digest), deadline,
          [this, &script, keys = std::move(keys), args = std::move(args),
           deadline, finish = std::move(finish)](absl::StatusOr<Reply> reply) {
            if (reply.ok() && reply->error_code() == "NOSCRIPT") {
              Execute(EvalCommand("EVAL", script.body(), keys, args), deadline,
                      finish);
              return;
            }
            finish(std::move(reply));
          });
}

}  // namespace mitra::redis
