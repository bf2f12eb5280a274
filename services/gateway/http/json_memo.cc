#include "services/gateway/http/json_memo.h"

#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mitra::gateway {
namespace {

using google::protobuf::Descriptor;

uint64_t HashOf(const Descriptor* type, absl::string_view bytes) {
  // Types live as long as the process.
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(),
                              reinterpret_cast<uintptr_t>(type));
}

size_t BytesOf(absl::string_view bytes, const JsonText& text) {
  return bytes.size() + text.body.size() + text.etag.size() + 200;
}

}  // namespace

std::shared_ptr<const JsonText> JsonMemo::Find(const Descriptor* type,
                                               absl::string_view bytes) {
  const uint64_t hash = HashOf(type, bytes);
  absl::MutexLock lock(&mutex_);
  ForgetOld();
  const auto at = entries_.find(hash);
  if (at == entries_.end() || at->second.type != type ||
      at->second.bytes != bytes) {
    return nullptr;
  }
  recent_.splice(recent_.begin(), recent_, at->second.recent);
  return at->second.text;
}

void JsonMemo::Put(const Descriptor* type, std::string bytes,
                   std::shared_ptr<const JsonText> text) {
  if (bytes.size() > kMaxMessage) return;
  const uint64_t hash = HashOf(type, bytes);
  absl::MutexLock lock(&mutex_);
  ForgetOld();
  if (entries_.contains(hash)) return;
  bytes_ += BytesOf(bytes, *text);
  recent_.push_front(hash);
  entries_[hash] = {type, std::move(bytes), std::move(text), recent_.begin()};
  while (bytes_ > max_bytes_ && recent_.size() > 1) {
    const auto oldest = entries_.find(recent_.back());
    bytes_ -= BytesOf(oldest->second.bytes, *oldest->second.text);
    entries_.erase(oldest);
    recent_.pop_back();
  }
}

std::shared_ptr<const JsonText> JsonMemo::FindSame(const Descriptor* type,
                                                   uint64_t identity) {
  if (identity == 0) return nullptr;
  absl::MutexLock lock(&mutex_);
  ForgetOld();
  const auto at = same_.find(identity);
  if (at == same_.end() || at->second.type != type) return nullptr;
  return at->second.text;
}

void JsonMemo::PutSame(const Descriptor* type, uint64_t identity,
                       std::shared_ptr<const JsonText> text) {
  if (identity == 0 || text->body.size() > kMaxMessage) return;
  absl::MutexLock lock(&mutex_);
  // Identities come and do not come back; what is in use returns at once.
  if (same_.size() >= kMaxSame) same_.clear();
  same_[identity] = {type, std::move(text)};
}

void JsonMemo::ForgetOld() {
  const absl::Time now = absl::Now();
  if (now - begin_ < kPeriod) return;
  begin_ = now;
  entries_.clear();
  same_.clear();
  recent_.clear();
  bytes_ = 0;
}

}  // namespace mitra::gateway
