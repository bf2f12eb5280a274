#include "common/rpc/hop_memory.h"

#include <algorithm>
#include <utility>

namespace mitra::rpc::internal {

void SentAnswers::SetCapacity(uint32_t numbers) {
  // Numbers are given once; a caller that changes its mind starts afresh.
  recent_.clear();
  by_identity_.clear();
  capacity_ = std::min(numbers, kMostKept);
}

SentAnswers::Place SentAnswers::Of(uint64_t identity, size_t bytes,
                                   absl::Time now) {
  if (identity == 0 || capacity_ == 0 || bytes < kSmallestKept ||
      bytes > kLargestKept) {
    return {};
  }
  const auto known = by_identity_.find(identity);
  if (known != by_identity_.end()) {
    const auto entry = known->second;
    recent_.splice(recent_.begin(), recent_, entry);
    const bool there = now - entry->sent <= kMaxAge;
    if (!there) entry->sent = now;
    return {entry->number, there};
  }
  if (recent_.size() < capacity_) {
    const auto number = static_cast<uint32_t>(recent_.size() + 1);
    recent_.push_front({identity, number, now});
  } else {
    recent_.splice(recent_.begin(), recent_, std::prev(recent_.end()));
    by_identity_.erase(recent_.front().identity);
    recent_.front().identity = identity;
    recent_.front().sent = now;
  }
  by_identity_[identity] = recent_.begin();
  return {recent_.front().number, false};
}

bool KeptAnswers::Keep(uint32_t number, RawMessage& answer, absl::Time now) {
  if (number == 0 || number > kMostKept || answer.size() > kLargestKept) {
    return false;
  }
  DropOld(now);
  if (kept_.size() < number) kept_.resize(number);
  Kept& kept = kept_[number - 1];
  // A copy: the answer is a part of its batch, and would keep all of it.
  kept.answer = RawMessage(answer.ToString());
  kept.answer.set_identity(RawMessage::NewIdentity());
  kept.since = now;
  answer = kept.answer.Clone();
  return true;
}

bool KeptAnswers::Find(uint32_t number, RawMessage& answer) const {
  if (number == 0 || number > kept_.size()) return false;
  const RawMessage& kept = kept_[number - 1].answer;
  if (kept.identity() == 0) return false;
  answer = kept.Clone();
  return true;
}

void KeptAnswers::DropOld(absl::Time now) {
  if (now - swept_ < SentAnswers::kMaxAge) return;
  swept_ = now;
  for (Kept& kept : kept_) {
    // Twice: the server's clock began when it sent, and batches wait.
    if (now - kept.since > 2 * SentAnswers::kMaxAge) kept.answer = RawMessage();
  }
}

}  // namespace mitra::rpc::internal
