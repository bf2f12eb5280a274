// The feed as followers see it: the ring, the record behind it, and waiting.

#include "services/profile/feed/change_feed.h"

#include <sodium.h>

#include <filesystem>
#include <future>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/engagement.pb.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/profile.pb.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/profile/store/sqlite_record_store.h"
#include "services/profile/store/store_testing.h"

namespace mitra::profile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Selection kAll = {
    .profiles = true, .vectors = true, .relations = true};
constexpr Selection kOnlyProfiles = {.profiles = true};

Entity Member(const std::string& id, uint64_t revision) {
  v1::Profile profile;
  profile.set_profile_id(id);
  Entity entity;
  entity.key = id;
  entity.revision = entity.incarnation = revision;
  entity.body = profile.SerializeAsString();
  entity.secret = "secret words";
  return entity;
}

CommittedChanges Committed(std::vector<Change> changes) {
  return std::make_shared<const std::vector<Change>>(std::move(changes));
}

std::vector<uint64_t> RevisionsIn(const std::string& bytes) {
  v1::WatchResponse response;
  EXPECT_TRUE(response.ParseFromString(bytes));
  std::vector<uint64_t> revisions;
  for (const v1::Change& change : response.changes()) {
    revisions.push_back(change.revision());
  }
  return revisions;
}

TEST(ChangeRingTest, GivesWhatItHoldsFromARevisionOn) {
  ChangeRing ring(1 << 20, 1 << 20, 7);
  ring.Add(Committed({Member("a", 5), Member("b", 6)}));
  ring.Add(Committed({Member("c", 7)}));

  const auto all = ring.Read(5, kAll);
  ASSERT_TRUE(all.has_value());
  EXPECT_THAT(RevisionsIn(all->changes), ElementsAre(5, 6, 7));
  EXPECT_EQ(all->watermark, 7u);
  EXPECT_FALSE(ring.Read(4, kAll).has_value()) << "older than the ring";
  EXPECT_FALSE(ring.Read(8, kAll).has_value()) << "still to come";
}

TEST(ChangeRingTest, ForgetsTheOldestWhenItIsFull) {
  ChangeRing ring(2000, 400, 7);
  for (uint64_t r = 1; r <= 20; ++r) ring.Add(Committed({Member("m", r)}));
  EXPECT_FALSE(ring.Read(1, kAll).has_value());
  const auto last = ring.Read(20, kAll);
  ASSERT_TRUE(last.has_value());
  EXPECT_THAT(RevisionsIn(last->changes), ElementsAre(20));
}

TEST(ChangeRingTest, CutsACommitIntoBatches) {
  ChangeRing ring(1 << 20, 1000, 7);
  std::vector<Change> changes;
  for (uint64_t r = 1; r <= 30; ++r) changes.push_back(Member("m", r));
  ring.Add(Committed(std::move(changes)));
  const auto first = ring.Read(1, kAll);
  ASSERT_TRUE(first.has_value());
  EXPECT_LT(first->watermark, 30u);
  const auto next = ring.Read(first->watermark + 1, kAll);
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(RevisionsIn(next->changes).front(), first->watermark + 1);
}

TEST(ChangeEncoderTest, TellsNothingPrivateAndOnlyWhatIsWanted) {
  v1::Evidence evidence;
  evidence.set_evidence_id("e");
  Entity piece;
  piece.type = EntityType::kEvidence;
  piece.key = "e";
  piece.revision = 9;
  piece.body = evidence.SerializeAsString();
  piece.secret = "secret words";
  std::string bytes;
  EXPECT_TRUE(AppendChange(Member("a", 8), kAll, 7, bytes));
  EXPECT_TRUE(AppendChange(piece, kAll, 7, bytes));
  EXPECT_THAT(RevisionsIn(bytes), ElementsAre(8, 9));
  EXPECT_THAT(bytes, Not(HasSubstr("secret words")));

  std::string some;
  EXPECT_TRUE(AppendChange(piece, kOnlyProfiles, 7, some));
  EXPECT_TRUE(some.empty());
  const Tombstone deletion = {10, std::string(16, 'h'), 8};
  EXPECT_TRUE(AppendChange(deletion, {}, 7, some));
  EXPECT_THAT(RevisionsIn(some), ElementsAre(10)) << "deletions always";

  Entity damaged = Member("b", 11);
  damaged.damaged = true;
  std::string none;
  EXPECT_FALSE(AppendChange(damaged, kAll, 7, none));
  EXPECT_TRUE(none.empty());
}

TEST(ChangeEncoderTest, TellsOfMergedIdsOnlyToWhoAsksForThem) {
  v1::MergeProfilesRequest merged;
  merged.set_from_profile_id("old");
  merged.set_into_profile_id("kept");
  Entity entity;
  entity.type = EntityType::kRedirect;
  entity.key = "old";
  entity.revision = 9;
  entity.body = merged.SerializeAsString();
  std::string bytes;
  EXPECT_TRUE(AppendChange(entity, kAll, 7, bytes));
  EXPECT_TRUE(bytes.empty());
  Selection selection = kAll;
  selection.redirects = true;
  EXPECT_NE(selection.index(), kAll.index());
  EXPECT_TRUE(AppendChange(entity, selection, 7, bytes));
  v1::WatchResponse response;
  ASSERT_TRUE(response.ParseFromString(bytes));
  ASSERT_EQ(response.changes_size(), 1);
  EXPECT_EQ(response.changes(0).revision(), 9u);
  EXPECT_EQ(response.changes(0).redirect().from_profile_id(), "old");
  EXPECT_EQ(response.changes(0).redirect().into_profile_id(), "kept");
  // Epochs are no affair of followers.
  entity.type = EntityType::kEpoch;
  bytes.clear();
  EXPECT_TRUE(AppendChange(entity, selection, 7, bytes));
  EXPECT_TRUE(bytes.empty());
}

TEST(ChangeEncoderTest, OfEngagementsTellsOnlyWhoIsEngagedWithWhom) {
  v1::Engagement engagement;
  engagement.set_seeker_id("sari");
  engagement.set_provider_id("budi");
  engagement.set_provider_role(v1::ROLE_MENTOR);
  engagement.set_state(v1::ENGAGEMENT_STATE_ACTIVE);
  engagement.set_note("secret words");
  Entity entity;
  entity.type = EntityType::kEngagement;
  entity.key = "g1";
  entity.revision = 12;
  entity.incarnation = 3;
  entity.second_incarnation = 4;
  entity.secret = engagement.SerializeAsString();
  const auto encoded = [&](Selection selection) {
    std::string bytes;
    EXPECT_TRUE(AppendChange(entity, selection, 7, bytes));
    EXPECT_THAT(bytes, Not(HasSubstr("secret")));
    v1::WatchResponse response;
    EXPECT_TRUE(response.ParseFromString(bytes));
    return response;
  };
  const v1::WatchResponse open = encoded(kAll);
  ASSERT_EQ(open.changes_size(), 1);
  const v1::EngagementChange& change = open.changes(0).engagement();
  EXPECT_EQ(change.engagement_id(), "g1");
  EXPECT_EQ(change.seeker_id(), "sari");
  EXPECT_EQ(change.provider_id(), "budi");
  EXPECT_EQ(change.provider_role(), v1::ROLE_MENTOR);
  EXPECT_TRUE(change.open());
  EXPECT_EQ(change.seeker_incarnation(), 3u);
  EXPECT_EQ(change.provider_incarnation(), 4u);
  EXPECT_EQ(encoded(kOnlyProfiles).changes_size(), 0);

  engagement.set_state(v1::ENGAGEMENT_STATE_COMPLETED);
  entity.secret = engagement.SerializeAsString();
  EXPECT_FALSE(encoded(kAll).changes(0).engagement().open());
}

class ChangeFeedTest : public ::testing::Test {
 protected:
  ChangeFeedTest()
      : directory_(absl::StrCat(::testing::TempDir(), "/feed-",
                                randombytes_random())) {
    SqliteRecordStore::Options options;
    options.directory = directory_;
    options.space = "test/2/1";
    store_ = *SqliteRecordStore::Open(options);
    feed_.emplace(
        *store_, executor_, clock_, 2,
        ChangeFeed::Options{.ring_bytes = 4000,
                            .batch_bytes = 2000,
                            .progress_period = absl::Milliseconds(20)});
  }
  ~ChangeFeedTest() override {
    store_.reset();
    feed_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Write(int first, int last) {
    for (int i = first; i <= last; ++i) {
      const std::string id = absl::StrCat("m", i);
      v1::Profile profile;
      profile.set_profile_id(id);
      Put put = ProfilePut(id, absl::StrCat("v", i));
      put.body = profile.SerializeAsString();
      put.vectors.clear();
      ASSERT_TRUE(Do(*store_, std::move(put)).status.ok());
    }
  }
  absl::StatusOr<ChangeFeed::Message> Next(uint64_t from, bool at_once) {
    std::promise<absl::StatusOr<ChangeFeed::Message>> answer;
    rpc::Spawn([](ChangeFeed& feed, uint64_t start, bool now,
                  std::promise<absl::StatusOr<ChangeFeed::Message>>& out)
                   -> rpc::Task<> {
      out.set_value(co_await feed.Next(kAll, start, now));
    }(*feed_, from, at_once, answer));
    return answer.get_future().get();
  }
  absl::StatusOr<v1::ReadSnapshotResponse> Page(const std::string& token) {
    v1::ReadSnapshotRequest request;
    request.mutable_selector()->set_profiles(true);
    request.set_page_token(token);
    std::promise<absl::StatusOr<std::string>> answer;
    rpc::Spawn(
        [](ChangeFeed& feed, const v1::ReadSnapshotRequest& asked,
           std::promise<absl::StatusOr<std::string>>& out) -> rpc::Task<> {
          out.set_value(co_await feed.ReadSnapshot(asked));
        }(*feed_, request, answer));
    absl::StatusOr<std::string> bytes = answer.get_future().get();
    if (!bytes.ok()) return bytes.status();
    v1::ReadSnapshotResponse page;
    EXPECT_TRUE(page.ParseFromString(*bytes));
    return page;
  }

  const std::string directory_;
  SystemClock clock_;
  rpc::Executor executor_{{.threads = 2, .max_queue = 100}};
  std::unique_ptr<SqliteRecordStore> store_;
  std::optional<ChangeFeed> feed_;
};

TEST_F(ChangeFeedTest, EveryRevisionComesOnceFromWhereverItIsRead) {
  // More than the ring holds: the beginning comes from the record.
  Write(1, 60);
  std::vector<uint64_t> revisions;
  for (uint64_t from = 1; from <= 60;) {
    MITRA_ASSERT_OK_AND_ASSIGN(const auto message, Next(from, false));
    for (const uint64_t r : RevisionsIn(message.bytes)) {
      if (r >= from) revisions.push_back(r);
    }
    ASSERT_GE(message.watermark, from);
    from = message.watermark + 1;
  }
  ASSERT_EQ(revisions.size(), 60u);
  for (size_t i = 0; i < revisions.size(); ++i) EXPECT_EQ(revisions[i], i + 1);
}

TEST_F(ChangeFeedTest, AFollowerWithNothingNewHearsWhereItStands) {
  Write(1, 2);
  for (const bool at_once : {true, false}) {
    MITRA_ASSERT_OK_AND_ASSIGN(const auto mark, Next(3, at_once));
    EXPECT_EQ(mark.watermark, 2u);
    EXPECT_TRUE(RevisionsIn(mark.bytes).empty());
  }
}

TEST_F(ChangeFeedTest, PagesOfASnapshotMakeTheWholeAndSayWhereTheTailBegins) {
  Write(1, 40);
  std::vector<std::string> ids;
  std::string token;
  uint64_t start = 0;
  do {
    MITRA_ASSERT_OK_AND_ASSIGN(const auto page, Page(token));
    if (token.empty()) start = page.start_revision();
    for (const v1::Change& change : page.changes()) {
      ids.push_back(change.profile().profile().profile_id());
    }
    token = page.next_page_token();
  } while (!token.empty());
  EXPECT_EQ(ids.size(), 40u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(start, 41u);
  EXPECT_THAT(Page("made up").status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ChangeFeedTest, OnlyWhoAsksForItGetsTheKeyOfTokens) {
  Write(1, 2);
  const std::string key = store_->info().token_key;
  ASSERT_EQ(key.size(), 32u);
  MITRA_ASSERT_OK_AND_ASSIGN(const auto without, Next(1, true));
  EXPECT_THAT(without.bytes, Not(HasSubstr(key)));
  Selection selection = kAll;
  selection.token_key = true;
  EXPECT_EQ(selection.index(), kAll.index()) << "the changes are the same";
  MITRA_ASSERT_OK_AND_ASSIGN(const auto with,
                             rpc::SyncWait(feed_->Next(selection, 1, true)));
  v1::WatchResponse response;
  ASSERT_TRUE(response.ParseFromString(with.bytes));
  EXPECT_EQ(response.header().token_key(), key);
  EXPECT_EQ(response.changes_size(), 2);
}

TEST_F(ChangeFeedTest, WhoKnowsAnotherRecordOrTheFutureStartsAfresh) {
  Write(1, 2);
  v1::WatchRequest request;
  request.set_start_revision(3);
  EXPECT_EQ(feed_->CheckStart(request), "");
  request.set_start_revision(4);
  v1::WatchResponse response;
  response.ParseFromString(feed_->CheckStart(request));
  EXPECT_TRUE(response.compacted());
  request.set_start_revision(1);
  request.set_record_incarnation(store_->info().incarnation + 1);
  EXPECT_NE(feed_->CheckStart(request), "");
}

TEST_F(ChangeFeedTest, StoppingEndsAllWaiting) {
  auto waiting =
      std::async(std::launch::async, [this] { return Next(1, false); });
  feed_->Stop();
  // Either it had waited its period, or it is told.
  const auto first = waiting.get();
  EXPECT_TRUE(first.ok() || absl::IsUnavailable(first.status()));
  EXPECT_THAT(Next(1, false).status(),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace mitra::profile
