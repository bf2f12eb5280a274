#include "services/matching/slates/reply_cache.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace mitra::matching {
namespace {

size_t BytesOf(absl::string_view question, const Reply& reply) {
  return 2 * question.size() + reply.bytes.size() + sizeof(Reply) + 200 +
         reply.members.size() * sizeof(MemberIndex);
}

}  // namespace

void ReplyCache::OnCommit(const CommitSummary& summary) {
  const absl::Time now = absl::Now();
  absl::MutexLock lock(&mutex_);
  if (summary.reset || summary.supply_changed || !summary.distrusted.empty()) {
    ForgetAll();
    floor_ = summary.revision;
  }
  if (now - period_begin_ > options_.max_age) {
    older_changes_ = std::exchange(changes_, Changes());
    period_begin_ = now;
    DropOutdated(now);
  }
  if (changes_.size() + summary.changed.size() > kMaxChanges) {
    ForgetAll();
    changes_.clear();
    floor_ = summary.revision;
  } else {
    for (const MemberIndex member : summary.changed) {
      changes_[member] = summary.revision;
    }
  }
  known_revision_ = summary.revision;
}

bool ReplyCache::Unchanged(const Reply& reply, uint64_t view_revision) const {
  // A view can be out before the news of its commit are here.
  if (view_revision > known_revision_) return false;
  if (reply.revision == known_revision_) return true;
  return std::none_of(
      reply.members.begin(), reply.members.end(), [&](MemberIndex member) {
        for (const Changes* changes : {&changes_, &older_changes_}) {
          const auto at = changes->find(member);
          if (at != changes->end() && at->second > reply.revision) return true;
        }
        return false;
      });
}

std::shared_ptr<const Reply> ReplyCache::Find(absl::string_view question,
                                              uint64_t view_revision,
                                              uint64_t record_incarnation,
                                              absl::Time now) {
  absl::MutexLock lock(&mutex_);
  const auto at = entries_.find(question);
  if (at == entries_.end()) return nullptr;
  const Reply& reply = *at->second.reply;
  if (now > reply.until || reply.record_incarnation != record_incarnation ||
      !Unchanged(reply, view_revision)) {
    Remove(question);
    return nullptr;
  }
  ++hits_;
  recent_.splice(recent_.begin(), recent_, at->second.recent);
  return at->second.reply;
}

void ReplyCache::Put(std::string question, Reply reply, absl::Time now) {
  reply.until = std::min(reply.until, now + options_.max_age);
  absl::MutexLock lock(&mutex_);
  if (reply.revision < floor_ || reply.revision > known_revision_) return;
  Remove(question);
  bytes_ += BytesOf(question, reply);
  recent_.push_front(question);
  entries_[std::move(question)] = {
      std::make_shared<const Reply>(std::move(reply)), recent_.begin()};
  while (bytes_ > options_.max_bytes && recent_.size() > 1) {
    Remove(std::string(recent_.back()));
  }
}

void ReplyCache::Remove(absl::string_view question) {
  const auto at = entries_.find(question);
  if (at == entries_.end()) return;
  bytes_ -= BytesOf(question, *at->second.reply);
  recent_.erase(at->second.recent);
  entries_.erase(at);
}

void ReplyCache::DropOutdated(absl::Time now) {
  for (auto at = recent_.begin(); at != recent_.end();) {
    const std::string& question = *at++;
    if (entries_.at(question).reply->until < now) {
      Remove(std::string(question));
    }
  }
}

void ReplyCache::ForgetAll() {
  entries_.clear();
  recent_.clear();
  bytes_ = 0;
}

ReplyCache::Stats ReplyCache::stats() const {
  absl::MutexLock lock(&mutex_);
  return {.hits = hits_, .replies = entries_.size(), .bytes = bytes_};
}

}  // namespace mitra::matching
