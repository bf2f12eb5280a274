#include "services/gateway/proxy/last_writes.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/redis/keys.h"
#include "common/redis/tasks.h"

namespace mitra::gateway {

std::optional<RecordRevision> ParseRevision(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '-');
  RecordRevision parsed;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &parsed.incarnation) ||
      !absl::SimpleAtoi(parts[1], &parsed.revision)) {
    return std::nullopt;
  }
  return parsed;
}

std::string WriterOf(const rpc::Identity& identity) {
  // Neither part can hold a newline.
  return absl::StrCat(identity.credential, "\n", identity.member_id);
}

rpc::Task<> LocalLastWrites::Remember(std::string writer,
                                      RecordRevision revision) {
  RememberAt(writer, revision, absl::Now());
  co_return;
}

rpc::Task<uint64_t> LocalLastWrites::Recall(std::string writer) {
  co_return RecallAt(writer, absl::Now());
}

void LocalLastWrites::RememberAt(absl::string_view writer,
                                 RecordRevision revision, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (now >= next_sweep_) {
    absl::erase_if(
        entries_, [&](const auto& item) { return item.second.expires <= now; });
    next_sweep_ = now + kTtl / 4;
  }
  auto it = entries_.find(writer);
  if (it == entries_.end()) {
    if (entries_.size() >= kMaxWriters) return;
    it = entries_.emplace(writer, Entry()).first;
  }
  Entry& entry = it->second;
  if (entry.revision.incarnation == revision.incarnation) {
    revision.revision = std::max(revision.revision, entry.revision.revision);
  }
  entry = {revision, now + kTtl};
}

uint64_t LocalLastWrites::RecallAt(absl::string_view writer, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  const auto it = entries_.find(writer);
  if (it == entries_.end() || it->second.expires <= now) return 0;
  return it->second.revision.revision;
}

rpc::Task<> SharedLastWrites::Remember(std::string writer,
                                       RecordRevision revision) {
  const absl::Time now = absl::Now();
  local_.RememberAt(writer, revision, now);
  incarnation_.store(revision.incarnation, std::memory_order_relaxed);
  // Waited for: the member's next call may reach another gateway.
  (void)co_await redis::SetIfNewer(redis_, redis::RevisionKey(writer),
                                   revision.revision,
                                   absl::StrCat(revision.incarnation),
                                   redis::kRevisions.ttl, now + patience_);
}

rpc::Task<uint64_t> SharedLastWrites::Recall(std::string writer) {
  const absl::Time now = absl::Now();
  const uint64_t own = local_.RecallAt(writer, now);
  const auto shared = co_await redis::GetVersioned(
      redis_, redis::RevisionKey(writer), now + patience_);
  if (!shared.ok() || !shared->has_value()) co_return own;
  const uint64_t here = incarnation_.load(std::memory_order_relaxed);
  if (here != 0 && (*shared)->value != absl::StrCat(here)) co_return own;
  co_return std::max(own, (*shared)->revision);
}

}  // namespace mitra::gateway
