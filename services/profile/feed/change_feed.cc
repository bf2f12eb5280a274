#include "services/profile/feed/change_feed.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::profile {
namespace {

constexpr EntityType kSnapshotTypes[] = {
    EntityType::kProfile, EntityType::kEvidence,   EntityType::kBlock,
    EntityType::kConsent, EntityType::kEngagement, EntityType::kRedirect};
constexpr size_t kMaxEntries = 4000;

void CountDamaged(const Change& change) {
  static Counter& damaged = Metrics().GetCounter(
      "mitra_feed_damaged_total", "Records left out of the feed as damaged.");
  static LogLimiter& limiter = *new LogLimiter(absl::Seconds(10));
  damaged.Increment();
  if (limiter.Allow()) {
    LogError("feed: damaged record left out",
             {{"revision", RevisionOf(change)}});
  }
}

}  // namespace

ChangeFeed::ChangeFeed(RecordStore& store, rpc::Executor& executor,
                       const Clock& clock, size_t dimension, Options options)
    : store_(store),
      executor_(executor),
      dimension_(dimension),
      options_(options),
      tokens_(store.info().id_hash_key, clock),
      ring_(options.ring_bytes, options.batch_bytes, store.info().incarnation),
      published_(store.head()) {
  store_.SetCommitListener(
      [this](const CommittedChanges& changes) { OnCommit(changes); });
  ticker_ = std::thread([this] { WakeLate(); });
}

ChangeFeed::~ChangeFeed() {
  Stop();
  ticker_.join();
}

v1::FeedHeader ChangeFeed::Header(Selection selection) const {
  v1::FeedHeader header;
  header.set_record_incarnation(store_.info().incarnation);
  header.set_head_revision(store_.head());
  header.set_space(store_.info().space);
  header.set_dimension(static_cast<uint32_t>(dimension_));
  header.set_id_hash_key(store_.info().id_hash_key);
  if (selection.token_key) header.set_token_key(store_.info().token_key);
  return header;
}

std::string ChangeFeed::WithHeader(Selection selection, std::string changes,
                                   uint64_t watermark) const {
  // Fields may come in any order, so the changes need not be moved.
  v1::WatchResponse rest;
  *rest.mutable_header() = Header(selection);
  rest.set_watermark(watermark);
  rest.AppendToString(&changes);
  return changes;
}

rpc::Task<absl::StatusOr<std::string>> ChangeFeed::ReadSnapshot(
    const v1::ReadSnapshotRequest& request) {
  // A full pool: this thread reads, which slows the follower.
  (void)co_await executor_.Enter();
  co_return ReadPage(request);
}

absl::StatusOr<std::string> ChangeFeed::ReadPage(
    const v1::ReadSnapshotRequest& request) {
  const Selection selection = Selection::From(request.selector());
  const std::string query = absl::StrCat("snapshot/", selection.index());
  MITRA_ASSIGN_OR_RETURN(const std::string place,
                         tokens_.Decode(query, request.page_token()));
  // The place is the number of the type and the last key that was read.
  size_t type = place.empty() ? 0 : static_cast<size_t>(place[0] - '0');
  const std::string after = place.empty() ? "" : place.substr(1);
  while (type < std::size(kSnapshotTypes) &&
         !selection.Wants(kSnapshotTypes[type])) {
    ++type;
  }
  v1::ReadSnapshotResponse rest;
  *rest.mutable_header() = Header(selection);
  rest.set_start_revision(store_.head() + 1);
  std::string bytes;
  if (type < std::size(kSnapshotTypes)) {
    MITRA_ASSIGN_OR_RETURN(const EntityPage page,
                           store_.List(kSnapshotTypes[type], after,
                                       {kMaxEntries, options_.batch_bytes}));
    for (const Entity& entity : page.entities) {
      const Change change(std::in_place_type<Entity>, entity);
      if (!AppendChange(change, selection, store_.info().incarnation, bytes)) {
        CountDamaged(change);
      }
    }
    std::string next;
    if (page.more && !page.entities.empty()) {
      next = absl::StrCat(type, page.entities.back().key);
    } else if (type + 1 < std::size(kSnapshotTypes)) {
      next = absl::StrCat(type + 1);
    }
    if (!next.empty()) rest.set_next_page_token(tokens_.Encode(query, next));
  }
  rest.AppendToString(&bytes);
  return bytes;
}

std::string ChangeFeed::CheckStart(const v1::WatchRequest& request) const {
  const bool other_record =
      request.record_incarnation() != 0 &&
      request.record_incarnation() != store_.info().incarnation;
  if (!other_record && request.start_revision() <= store_.head() + 1) return "";
  v1::WatchResponse response;
  *response.mutable_header() = Header(Selection());
  response.set_compacted(true);
  return response.SerializeAsString();
}

rpc::Task<absl::Status> ChangeFeed::WaitFor(uint64_t from) {
  const auto wait = [this, from](std::function<void(bool)> wake) {
    {
      absl::MutexLock lock(&mutex_);
      if (!HasFrom(from) && !stopped_) {
        waiters_.push_back(
            {std::move(wake), absl::Now() + options_.progress_period});
        return;
      }
    }
    wake(true);
  };
  (void)co_await rpc::Callback<bool>(wait);
  bool stopped = false;
  {
    absl::MutexLock lock(&mutex_);
    stopped = stopped_;
  }
  if (!stopped) co_return absl::OkStatus();
  co_return MakeError(absl::StatusCode::kUnavailable, "DRAINING",
                      "the feed is being closed");
}

rpc::Task<absl::StatusOr<ChangeFeed::Message>> ChangeFeed::Next(
    Selection selection, uint64_t from, bool at_once) {
  from = std::max<uint64_t>(from, 1);
  if (!at_once) {
    const absl::Status waited = co_await WaitFor(from);
    if (!waited.ok()) co_return waited;
  }
  bool there = false;
  {
    absl::MutexLock lock(&mutex_);
    there = HasFrom(from);
  }
  if (!there) {
    co_return Message{WithHeader(selection, "", from - 1), from - 1};
  }
  if (std::optional<ChangeRing::Encoded> ready = ring_.Read(from, selection)) {
    co_return Message{
        WithHeader(selection, std::move(ready->changes), ready->watermark),
        ready->watermark};
  }
  (void)co_await executor_.Enter();
  co_return ReadBehind(selection, from);
}

absl::StatusOr<ChangeFeed::Message> ChangeFeed::ReadBehind(Selection selection,
                                                           uint64_t from) {
  MITRA_ASSIGN_OR_RETURN(
      const ChangePage page,
      store_.ReadChanges(from, {kMaxEntries, options_.batch_bytes}));
  std::string bytes;
  for (const Change& change : page.changes) {
    if (!AppendChange(change, selection, store_.info().incarnation, bytes)) {
      CountDamaged(change);
    }
  }
  return Message{WithHeader(selection, std::move(bytes), page.watermark),
                 page.watermark};
}

void ChangeFeed::OnCommit(const CommittedChanges& changes) {
  if (options_.on_commit) options_.on_commit(changes);
  ring_.Add(changes);
  std::vector<Waiter> woken;
  {
    absl::MutexLock lock(&mutex_);
    published_ = std::max(published_, RevisionOf(changes->back()));
    woken.swap(waiters_);
  }
  for (Waiter& waiter : woken) waiter.wake(true);
}

void ChangeFeed::Stop() {
  std::vector<Waiter> woken;
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    woken.swap(waiters_);
  }
  for (Waiter& waiter : woken) waiter.wake(false);
}

void ChangeFeed::WakeLate() {
  const absl::Duration tick = options_.progress_period / 10;
  for (;;) {
    std::vector<Waiter> woken;
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopped_), tick)) return;
      const absl::Time now = absl::Now();
      const auto late = std::partition(
          waiters_.begin(), waiters_.end(),
          [now](const Waiter& waiter) { return waiter.deadline > now; });
      woken.assign(std::make_move_iterator(late),
                   std::make_move_iterator(waiters_.end()));
      waiters_.erase(late, waiters_.end());
    }
    for (Waiter& waiter : woken) waiter.wake(false);
  }
}

}  // namespace mitra::profile
