#include "common/rpc/call_context.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/errors.h"

namespace mitra::rpc {
namespace {

bool IsPlain(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
         c == '_' || c == '-' || c == ':' || c == '*' || c == '@';
}

void PercentEncodeTo(absl::string_view text, std::string& out) {
  if (std::all_of(text.begin(), text.end(), IsPlain)) {
    out.append(text.data(), text.size());
    return;
  }
  for (char c : text) {
    if (IsPlain(c)) {
      out.push_back(c);
    } else {
      absl::StrAppend(
          &out, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
}

bool PercentDecode(absl::string_view text, std::string& out) {
  out.clear();
  if (std::all_of(text.begin(), text.end(), IsPlain)) {
    out.assign(text.data(), text.size());
    return true;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (!IsPlain(text[i])) return false;
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
        !absl::ascii_isxdigit(text[i + 2])) {
      return false;
    }
    out += absl::HexStringToBytes(text.substr(i + 1, 2));
    i += 2;
  }
  return true;
}

}  // namespace

bool Identity::HasScope(absl::string_view scope) const {
  return std::any_of(scopes.begin(), scopes.end(), [&](const auto& granted) {
    return granted == "*" || granted == scope;
  });
}

bool IsRequestId(absl::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '-';
         });
}

std::string EncodeIdentity(const Identity& identity) {
  std::string out;
  PercentEncodeTo(identity.credential, out);
  out += ';';
  PercentEncodeTo(identity.member_id, out);
  if (!identity.delegate_id.empty()) {
    out += '@';
    PercentEncodeTo(identity.delegate_id, out);
  }
  for (const std::string& scope : identity.scopes) {
    out += ';';
    PercentEncodeTo(scope, out);
  }
  return out;
}

Identity DecodeIdentity(absl::string_view value) {
  const std::vector<absl::string_view> parts = absl::StrSplit(value, ';');
  Identity identity;
  if (parts.size() < 2) return {};
  const std::pair<absl::string_view, absl::string_view> member =
      absl::StrSplit(parts[1], absl::MaxSplits('@', 1));
  if (!PercentDecode(parts[0], identity.credential) ||
      !PercentDecode(member.first, identity.member_id) ||
      !PercentDecode(member.second, identity.delegate_id)) {
    return {};
  }
  for (size_t i = 2; i < parts.size(); ++i) {
    std::string scope;
    if (!PercentDecode(parts[i], scope)) return {};
    identity.scopes.push_back(std::move(scope));
  }
  return identity;
}

absl::Status CallContext::CheckAlive() const {
  if (cancelled()) {
    return MakeError(absl::StatusCode::kCancelled, "CANCELLED",
                     "the caller has gone away");
  }
  if (expired()) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                     "the deadline has passed");
  }
  return absl::OkStatus();
}

void CallContext::Cancel() {
  std::vector<std::pair<uint64_t, std::function<void()>>> hooks;
  {
    absl::MutexLock lock(&hooks_mutex_);
    if (cancelled_.exchange(true, std::memory_order_acq_rel)) return;
    hooks.swap(hooks_);
    running_hooks_ = std::this_thread::get_id();
  }
  // Without the lock: a hook may resume a handler, which may use this object.
  for (auto& [id, hook] : hooks) hook();
  absl::MutexLock lock(&hooks_mutex_);
  running_hooks_ = std::thread::id();
}

uint64_t CallContext::AddCancelHook(std::function<void()> hook) {
  {
    absl::MutexLock lock(&hooks_mutex_);
    if (!cancelled()) {
      hooks_.emplace_back(next_hook_, std::move(hook));
      return next_hook_++;
    }
  }
  hook();
  return 0;
}

void CallContext::RemoveCancelHook(uint64_t id) {
  absl::MutexLock lock(&hooks_mutex_);
  const auto not_running = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return running_hooks_ == std::thread::id() ||
           running_hooks_ == std::this_thread::get_id();
  };
  // A condition is evaluated by other threads too; ours is checked first.
  if (!not_running()) {
    const auto idle = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return running_hooks_ == std::thread::id();
    };
    hooks_mutex_.Await(absl::Condition(&idle));
  }
  hooks_.erase(std::remove_if(hooks_.begin(), hooks_.end(),
                              [&](const auto& h) { return h.first == id; }),
               hooks_.end());
}

}  // namespace mitra::rpc
