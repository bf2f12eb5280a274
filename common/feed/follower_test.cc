#include "common/feed/follower.h"

#include <deque>

#include "absl/synchronization/mutex.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra::feed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::FeedHeader Header(uint64_t incarnation, uint64_t head) {
  v1::FeedHeader header;
  header.set_record_incarnation(incarnation);
  header.set_head_revision(head);
  return header;
}

v1::Change ConsentChange(uint64_t revision) {
  v1::Change change;
  change.set_revision(revision);
  change.mutable_consent()->set_profile_id(absl::StrCat("m", revision));
  return change;
}

// A record in memory: a list of changes, with scripted failures.
class FakeSource : public FeedSource {
 public:
  absl::StatusOr<v1::ReadSnapshotResponse> ReadSnapshot(
      const v1::ReadSnapshotRequest& request) override {
    absl::MutexLock lock(&mutex_);
    if (failures_ > 0) {
      --failures_;
      return absl::UnavailableError("not now");
    }
    // Two pages: the first half, the second half.
    v1::ReadSnapshotResponse page;
    *page.mutable_header() = Header(incarnation_, head_);
    page.set_start_revision(head_ + 1);
    const bool first = request.page_token().empty();
    for (uint64_t r = 1; r <= head_; ++r) {
      if ((r <= head_ / 2) == first) *page.add_changes() = ConsentChange(r);
    }
    if (first) page.set_next_page_token("2");
    return page;
  }

  absl::Status Watch(
      const v1::WatchRequest& request,
      const std::function<bool(v1::WatchResponse&)>& next) override {
    uint64_t at = request.start_revision();
    for (;;) {
      v1::WatchResponse response;
      {
        absl::MutexLock lock(&mutex_);
        if (request.record_incarnation() != incarnation_ || at > head_ + 1) {
          response.set_compacted(true);
        } else {
          mutex_.Await(absl::Condition(
              +[](FakeSource* s) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                return s->stopped_ || s->cut_ || s->head_ > s->sent_;
              },
              this));
          if (stopped_) return absl::CancelledError("stopped");
          if (cut_) {
            cut_ = false;
            return absl::UnavailableError("cut");
          }
          for (; at <= head_; ++at) {
            *response.add_changes() = ConsentChange(at);
            if (request.selector().impressions()) {
              response.add_shown(absl::StrCat("shown-", at));
            }
          }
          sent_ = head_;
          response.set_watermark(head_);
        }
        *response.mutable_header() = Header(incarnation_, head_);
      }
      if (!next(response)) return absl::OkStatus();
    }
  }

  void Stop() override {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }

  void Grow(uint64_t head) {
    absl::MutexLock lock(&mutex_);
    head_ = head;
  }
  void Replace(uint64_t incarnation, uint64_t head) {
    absl::MutexLock lock(&mutex_);
    incarnation_ = incarnation;
    head_ = head;
    sent_ = 0;
    cut_ = true;
  }
  uint64_t sent() {
    absl::MutexLock lock(&mutex_);
    return sent_;
  }
  void FailNext(int n) {
    absl::MutexLock lock(&mutex_);
    failures_ = n;
  }
  void Cut() {
    absl::MutexLock lock(&mutex_);
    cut_ = true;
  }

 private:
  absl::Mutex mutex_;
  uint64_t incarnation_ = 5;
  uint64_t head_ = 0;
  uint64_t sent_ = 0;
  int failures_ = 0;
  bool cut_ = false;
  bool stopped_ = false;
};

class RecordingSink : public FeedSink {
 public:
  absl::Status Reset(const v1::FeedHeader&) override {
    absl::MutexLock lock(&mutex_);
    applied_.clear();
    ++resets_;
    return absl::OkStatus();
  }
  absl::Status SetHeader(const v1::FeedHeader&) override {
    return absl::OkStatus();
  }
  absl::Status Apply(const v1::Change& change) override {
    absl::MutexLock lock(&mutex_);
    if (change.revision() == refused_) return absl::InternalError("bad change");
    applied_.push_back(change.revision());
    return absl::OkStatus();
  }
  absl::Status Commit(uint64_t) override {
    absl::MutexLock lock(&mutex_);
    ++commits_;
    return absl::OkStatus();
  }
  void Shown(
      const google::protobuf::RepeatedPtrField<std::string>& tokens) override {
    absl::MutexLock lock(&mutex_);
    shown_.insert(shown_.end(), tokens.begin(), tokens.end());
  }
  std::vector<std::string> shown() {
    absl::MutexLock lock(&mutex_);
    return shown_;
  }
  int commits() {
    absl::MutexLock lock(&mutex_);
    return commits_;
  }

  std::vector<uint64_t> applied() {
    absl::MutexLock lock(&mutex_);
    return applied_;
  }
  int resets() {
    absl::MutexLock lock(&mutex_);
    return resets_;
  }
  void Refuse(uint64_t revision) {
    absl::MutexLock lock(&mutex_);
    refused_ = revision;
  }

 private:
  absl::Mutex mutex_;
  std::vector<uint64_t> applied_;
  std::vector<std::string> shown_;
  int resets_ = 0;
  int commits_ = 0;
  uint64_t refused_ = 0;
};

class FollowerTest : public ::testing::Test {
 protected:
  FollowerTest() {
    auto source = std::make_unique<FakeSource>();
    source_ = source.get();
    owned_ = std::move(source);
    options_.min_backoff = absl::Milliseconds(1);
    options_.max_backoff = absl::Milliseconds(5);
  }
  void Start() {
    follower_ = std::make_unique<Follower>(std::move(owned_), sink_, options_);
    follower_->Start();
  }
  bool Reaches(uint64_t revision) {
    return follower_->WaitFor(revision, absl::Now() + absl::Seconds(20));
  }

  FakeSource* source_;
  std::unique_ptr<FakeSource> owned_;
  RecordingSink sink_;
  Follower::Options options_;
  std::unique_ptr<Follower> follower_;
};

TEST_F(FollowerTest, ReadsTheSnapshotThenTheTail) {
  source_->Grow(4);
  Start();
  ASSERT_TRUE(Reaches(4));
  source_->Grow(6);
  ASSERT_TRUE(Reaches(6));

  EXPECT_THAT(sink_.applied(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_TRUE(follower_->ready());
  EXPECT_EQ(follower_->head(), 6u);
}

TEST_F(FollowerTest, TellsWhatWasShownToWhoAsksForIt) {
  options_.selector.set_impressions(true);
  source_->Grow(2);
  Start();
  ASSERT_TRUE(Reaches(2));
  source_->Grow(3);
  ASSERT_TRUE(Reaches(3));
  EXPECT_THAT(sink_.shown(), ElementsAre("shown-3"));
}

TEST_F(FollowerTest, GoesOnAfterFailuresAndCutsWithoutRepeating) {
  source_->Grow(4);
  source_->FailNext(3);
  Start();
  ASSERT_TRUE(Reaches(4));
  source_->Cut();
  source_->Grow(5);
  ASSERT_TRUE(Reaches(5));

  EXPECT_THAT(sink_.applied(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(sink_.resets(), 1);
}

TEST_F(FollowerTest, ResumesFromItsOwnSnapshot) {
  source_->Grow(4);
  options_.start = {.record_incarnation = 5, .watermark = 2};
  Start();
  ASSERT_TRUE(Reaches(4));

  EXPECT_THAT(sink_.applied(), ElementsAre(3, 4));
  EXPECT_EQ(sink_.resets(), 0);
}

TEST_F(FollowerTest, StartsAfreshWhenTheRecordWasReplaced) {
  source_->Grow(4);
  Start();
  ASSERT_TRUE(Reaches(4));
  source_->Replace(6, 2);

  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (follower_->position().record_incarnation != 6 &&
         absl::Now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(follower_->position().watermark, 2u);
  EXPECT_THAT(sink_.applied(), ElementsAre(1, 2));
}

TEST_F(FollowerTest, ASnapshotFromTheFutureIsDiscarded) {
  source_->Grow(2);
  options_.start = {.record_incarnation = 5, .watermark = 100};
  Start();
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (sink_.resets() == 0 && absl::Now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(sink_.resets(), 1);
}

TEST_F(FollowerTest, StopsForGoodWhenTheSinkRefusesAChange) {
  absl::Mutex mutex;
  bool failed = false;
  options_.on_failure = [&](const absl::Status&) {
    absl::MutexLock lock(&mutex);
    failed = true;
  };
  sink_.Refuse(3);
  source_->Grow(4);
  Start();
  mutex.LockWhen(absl::Condition(&failed));
  mutex.Unlock();

  EXPECT_THAT(follower_->status(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("bad change")));
  EXPECT_FALSE(follower_->ready());
}

TEST_F(FollowerTest, StopsForGoodWhenTheSinkRefusesAChangeOfTheTail) {
  absl::Mutex mutex;
  bool failed = false;
  options_.on_failure = [&](const absl::Status&) {
    absl::MutexLock lock(&mutex);
    failed = true;
  };
  sink_.Refuse(6);
  source_->Grow(4);
  Start();
  ASSERT_TRUE(Reaches(4));
  source_->Grow(6);
  mutex.LockWhen(absl::Condition(&failed));
  mutex.Unlock();

  EXPECT_FALSE(follower_->status().ok());
  EXPECT_THAT(sink_.applied(), ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(FollowerTest, CommitsWhatComesInQuickSuccessionTogether) {
  source_->Grow(1);
  options_.commit_period = absl::Milliseconds(300);
  Start();
  ASSERT_TRUE(Reaches(1));
  const int before = sink_.commits();
  for (uint64_t head = 2; head <= 40; ++head) {
    source_->Grow(head);
    while (source_->sent() < head) std::this_thread::yield();
  }
  ASSERT_TRUE(Reaches(40));
  EXPECT_LT(sink_.commits() - before, 20) << "not one for each of 39";
  EXPECT_EQ(sink_.applied().size(), 40u);
}

TEST_F(FollowerTest, NotifiesWhenARevisionIsReachedOrTheDeadlinePasses) {
  source_->Grow(1);
  Start();
  ASSERT_TRUE(Reaches(1));
  absl::Mutex mutex;
  std::vector<bool> answers;
  const auto note = [&](bool reached) {
    absl::MutexLock lock(&mutex);
    answers.push_back(reached);
  };
  const auto count = [&](size_t n) {
    absl::MutexLock lock(&mutex);
    const auto enough = [&] { return answers.size() >= n; };
    mutex.Await(absl::Condition(&enough));
  };

  follower_->NotifyWhen(1, absl::Now(), note);
  count(1);
  follower_->NotifyWhen(50, absl::Now() + absl::Milliseconds(20), note);
  count(2);
  follower_->NotifyWhen(2, absl::InfiniteFuture(), note);
  source_->Grow(2);
  count(3);
  follower_->NotifyWhen(99, absl::InfiniteFuture(), note);
  follower_->Stop();
  count(4);

  EXPECT_THAT(answers, ElementsAre(true, false, true, false));
}

TEST(IdHashTest, DependsOnKeyAndIdOnly) {
  const std::string key(16, 'k');
  EXPECT_EQ(IdHash(key, "budi"), IdHash(key, "budi"));
  EXPECT_NE(IdHash(key, "budi"), IdHash(key, "Budi"));
  EXPECT_NE(IdHash(key, "budi"), IdHash(std::string(16, 'x'), "budi"));
  EXPECT_EQ(IdHash(key, "budi").size(), 16u);
}

}  // namespace
}  // namespace mitra::feed
