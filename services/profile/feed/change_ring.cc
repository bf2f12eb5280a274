#include "services/profile/feed/change_ring.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace mitra::profile {
namespace {

size_t SizeOf(const Change& change) {
  const Entity* entity = std::get_if<Entity>(&change);
  return entity == nullptr
             ? 64
             : entity->key.size() + entity->body.size() +
                   entity->secret.size() + entity->vectors.size() + 300;
}

}  // namespace

ChangeRing::ChangeRing(size_t max_bytes, size_t batch_bytes,
                       uint64_t record_incarnation)
    : max_bytes_(max_bytes),
      batch_bytes_(batch_bytes),
      record_incarnation_(record_incarnation) {}

void ChangeRing::Add(const CommittedChanges& changes) {
  absl::MutexLock lock(&mutex_);
  size_t begin = 0;
  size_t bytes = 0;
  for (size_t i = 0; i < changes->size(); ++i) {
    const size_t size = SizeOf((*changes)[i]);
    if (i > begin && bytes + size > batch_bytes_) {
      Push(changes, begin, i, bytes);
      begin = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (begin < changes->size()) Push(changes, begin, changes->size(), bytes);
  while (bytes_ > max_bytes_ && batches_.size() > 1) {
    bytes_ -= batches_.front()->bytes;
    batches_.pop_front();
  }
}

void ChangeRing::Push(const CommittedChanges& changes, size_t begin, size_t end,
                      size_t bytes) {
  auto batch = std::make_shared<Batch>();
  batch->changes = changes;
  batch->begin = begin;
  batch->end = end;
  batch->bytes = bytes;
  batch->first = RevisionOf((*changes)[begin]);
  batch->last = RevisionOf((*changes)[end - 1]);
  bytes_ += bytes;
  batches_.push_back(std::move(batch));
}

std::shared_ptr<const std::string> ChangeRing::Encode(
    Batch& batch, Selection selection) const {
  absl::MutexLock lock(&batch.mutex);
  std::shared_ptr<const std::string>& cached = batch.encoded[selection.index()];
  if (!cached) {
    auto bytes = std::make_shared<std::string>();
    for (size_t i = batch.begin; i < batch.end; ++i) {
      // What has just been written is not damaged.
      (void)AppendChange((*batch.changes)[i], selection, record_incarnation_,
                         *bytes);
    }
    cached = std::move(bytes);
  }
  return cached;
}

std::optional<ChangeRing::Encoded> ChangeRing::Read(uint64_t from,
                                                    Selection selection) const {
  std::vector<std::shared_ptr<Batch>> wanted;
  {
    absl::MutexLock lock(&mutex_);
    auto at = std::lower_bound(
        batches_.begin(), batches_.end(), from,
        [](const std::shared_ptr<Batch>& batch, uint64_t revision) {
          return batch->last < revision;
        });
    if (at == batches_.end() || (*at)->first > from) return std::nullopt;
    for (size_t bytes = 0; at != batches_.end(); ++at) {
      bytes += (*at)->bytes;
      if (!wanted.empty() && bytes > batch_bytes_) break;
      wanted.push_back(*at);
    }
  }
  // A follower that stops inside a batch gets the batch again from its
  // beginning: what it has already changes nothing.
  Encoded result;
  for (const std::shared_ptr<Batch>& batch : wanted) {
    result.changes += *Encode(*batch, selection);
    result.watermark = batch->last;
  }
  return result;
}

}  // namespace mitra::profile
