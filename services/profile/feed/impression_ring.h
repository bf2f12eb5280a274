// What was reported shown lately, for followers that want it. Impressions are
// many and cheap to lose: they never enter the record, and the oldest are gone
// when more come than followers take.

#ifndef MITRA_SERVICES_PROFILE_FEED_IMPRESSION_RING_H_
#define MITRA_SERVICES_PROFILE_FEED_IMPRESSION_RING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "services/profile/feed/change_encoder.h"

namespace mitra::profile {

// Thread-safe.
class ImpressionRing {
 public:
  explicit ImpressionRing(size_t max_tokens = 8192) : max_tokens_(max_tokens) {}

  // An attribution token, as it came.
  void Add(absl::string_view token) {
    absl::MutexLock lock(&mutex_);
    tokens_.emplace_back(token);
    if (tokens_.size() > max_tokens_) {
      tokens_.pop_front();
      ++first_;
    }
  }

  // The number that the next token will have.
  uint64_t head() const {
    absl::MutexLock lock(&mutex_);
    return first_ + tokens_.size();
  }

  // Appends tokens from number `from` on, or from the oldest that is there, at
  // most about `max_bytes` of them, to a serialised WatchResponse. Returns the
  // number to go on from.
  uint64_t AppendSince(uint64_t from, size_t max_bytes,
                       std::string& out) const {
    constexpr int kShownField = 5;
    absl::MutexLock lock(&mutex_);
    size_t at = from > first_ ? static_cast<size_t>(from - first_) : 0;
    const size_t limit = out.size() + max_bytes;
    for (; at < tokens_.size() && out.size() < limit; ++at) {
      AppendBytesField(kShownField, tokens_[at], out);
    }
    return first_ + std::min(at, tokens_.size());
  }

 private:
  const size_t max_tokens_;
  mutable absl::Mutex mutex_;
  std::deque<std::string> tokens_ ABSL_GUARDED_BY(mutex_);
  uint64_t first_ ABSL_GUARDED_BY(mutex_) = 0;  // number of the oldest
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_FEED_IMPRESSION_RING_H_
