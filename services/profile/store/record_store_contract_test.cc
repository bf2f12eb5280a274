// What every adapter of RecordStore must keep. Runs on each of them.

#include <sodium.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/profile/store/sqlite_record_store.h"
#include "services/profile/store/store_testing.h"

namespace mitra::profile {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Opens one record again and again; the record is gone with the object.
class StoreFactory {
 public:
  virtual ~StoreFactory() = default;
  virtual absl::StatusOr<std::unique_ptr<RecordStore>> Open() = 0;
};

class SqliteFactory : public StoreFactory {
 public:
  SqliteFactory()
      : directory_(absl::StrCat(::testing::TempDir(), "/record-",
                                randombytes_random())) {}
  ~SqliteFactory() override { std::filesystem::remove_all(directory_); }
  absl::StatusOr<std::unique_ptr<RecordStore>> Open() override {
    SqliteRecordStore::Options options;
    options.directory = directory_;
    options.space = "test/2/1";
    options.fold_log_bytes = 1 << 20;
    return SqliteRecordStore::Open(options);
  }

 private:
  std::string directory_;
};

using MakeFactory = std::unique_ptr<StoreFactory> (*)();

class RecordStoreContractTest : public ::testing::TestWithParam<MakeFactory> {
 protected:
  void SetUp() override {
    factory_ = GetParam()();
    Reopen();
  }

  void Reopen() {
    store_.reset();
    auto opened = factory_->Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  OperationResult Do(Operation operation) {
    return profile::Do(*store_, std::move(operation));
  }

  // The stored body, or "nothing".
  std::string Body(EntityType type, absl::string_view key) {
    auto entity = store_->Get(type, key);
    if (!entity.ok()) return entity.status().ToString();
    return *entity ? (*entity)->body : "nothing";
  }

  std::vector<Change> ChangesFrom(uint64_t revision, PageLimit limit = {}) {
    auto page = store_->ReadChanges(revision, limit);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? page->changes : std::vector<Change>();
  }

  std::unique_ptr<StoreFactory> factory_;
  std::unique_ptr<RecordStore> store_;
};

std::vector<std::string> KeysOf(const std::vector<Entity>& entities) {
  std::vector<std::string> keys;
  for (const Entity& entity : entities) keys.push_back(entity.key);
  return keys;
}

TEST_P(RecordStoreContractTest, GivesBackWhatWasWritten) {
  const OperationResult written = Do(ProfilePut("ani", "v1"));

  MITRA_ASSERT_OK_AND_ASSIGN(const std::optional<Entity> read,
                             store_->Get(EntityType::kProfile, "ani"));
  ASSERT_TRUE(read);
  EXPECT_EQ(written.outcome, Outcome::kCreated);
  EXPECT_EQ(read->revision, written.revision);
  EXPECT_EQ(read->incarnation, written.revision);
  EXPECT_EQ(read->body, "body of v1");
  EXPECT_EQ(read->secret, "secret of v1");
  EXPECT_EQ(read->vectors, "vectors of v1");
  EXPECT_EQ(read->owner, "tester");
  EXPECT_EQ(read->create_time, absl::FromUnixSeconds(1'790'000'000));
  EXPECT_EQ(Body(EntityType::kProfile, "Ani"), "nothing");
  EXPECT_EQ(Body(EntityType::kEvidence, "ani"), "nothing");
}

TEST_P(RecordStoreContractTest, TheSameContentChangesNothing) {
  const uint64_t first = Do(ProfilePut("ani", "v1")).revision;

  const OperationResult again = Do(ProfilePut("ani", "v1"));

  EXPECT_EQ(again.outcome, Outcome::kUnchanged);
  EXPECT_EQ(again.revision, first);
  EXPECT_EQ(store_->head(), first);
}

TEST_P(RecordStoreContractTest, ADerivedStateIsWrittenThoughTheContentIsSame) {
  Do(ProfilePut("ani", "v1"));
  Put put = ProfilePut("ani", "v1");
  put.derived = true;
  put.content_hash.clear();
  put.body = "with a need that expired";

  EXPECT_EQ(Do(std::move(put)).outcome, Outcome::kUpdated);
  EXPECT_EQ(Body(EntityType::kProfile, "ani"), "with a need that expired");
  EXPECT_EQ(Do(ProfilePut("ani", "v1")).outcome, Outcome::kUnchanged);
}

TEST_P(RecordStoreContractTest, EachChangeGetsTheNextRevision) {
  EXPECT_EQ(Do(ProfilePut("ani", "v1")).revision, 1u);
  EXPECT_EQ(Do(ProfilePut("budi", "v1")).revision, 2u);
  EXPECT_EQ(Do(ProfilePut("ani", "v2")).revision, 3u);
  EXPECT_EQ(Do(Deletion("budi")).revision, 4u);
  EXPECT_EQ(store_->head(), 4u);
}

TEST_P(RecordStoreContractTest, ReplacingKeepsLifeOwnerAndVerification) {
  Put first = ProfilePut("ani", "v1");
  first.verified_by = "dinas";
  Do(std::move(first));
  WriteBatch batch = BatchOf({ProfilePut("ani", "v2")});
  batch.authority.credential = "somebody else";
  MITRA_ASSERT_OK(CommitNow(*store_, std::move(batch)));

  MITRA_ASSERT_OK_AND_ASSIGN(const std::optional<Entity> read,
                             store_->Get(EntityType::kProfile, "ani"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->incarnation, 1u);
  EXPECT_EQ(read->revision, 2u);
  EXPECT_EQ(read->owner, "tester");
  EXPECT_EQ(read->verified_by, "dinas");
}

TEST_P(RecordStoreContractTest, RefusesAStaleExpectation) {
  Do(ProfilePut("ani", "v1"));
  Put stale = ProfilePut("ani", "v2");
  stale.expected_revision = 7;
  Put fresh = ProfilePut("ani", "v2");
  fresh.expected_revision = 1;
  Put fresh_only = ProfilePut("ani", "v3");
  fresh_only.expected_revision = 0;

  EXPECT_THAT(Do(stale).status, HasReason("ETAG_MISMATCH"));
  EXPECT_EQ(Do(fresh).outcome, Outcome::kUpdated);
  EXPECT_THAT(Do(fresh_only).status, HasReason("ETAG_MISMATCH"));
}

TEST_P(RecordStoreContractTest, ARefusedOperationDoesNotTouchItsNeighbours) {
  MITRA_ASSERT_OK_AND_ASSIGN(
      const CommitResult result,
      CommitNow(*store_, BatchOf({ProfilePut("budi", "v1"),
                                  EvidencePut("e1", "budi", "nobody", "x"),
                                  ProfilePut("ani", "v1"),
                                  EvidencePut("e2", "budi", "ani", "x")})));

  EXPECT_EQ(result.results[0].outcome, Outcome::kCreated);
  EXPECT_THAT(result.results[1].status, StatusIs(absl::StatusCode::kNotFound,
                                                 "about_id: no such profile"));
  EXPECT_EQ(result.results[2].outcome, Outcome::kCreated);
  EXPECT_EQ(result.results[3].outcome, Outcome::kCreated);
  EXPECT_EQ(Body(EntityType::kEvidence, "e1"), "nothing");
  EXPECT_EQ(store_->head(), 3u);
}

TEST_P(RecordStoreContractTest, OnlyTheOwnerWritesUnlessAllMembersAreAllowed) {
  Do(ProfilePut("ani", "v1"));
  const auto as_other = [&](Operation operation) {
    std::vector<Operation> operations;
    operations.push_back(std::move(operation));
    WriteBatch batch = BatchOf(std::move(operations));
    batch.authority = {"other", false};
    return CommitNow(*store_, std::move(batch))->results[0].status;
  };
  Put update = ProfilePut("ani", "v2");
  update.mode = Put::Mode::kUpdate;
  Put evidence = EvidencePut("e", "ani", "budi", "x");
  evidence.links[0].must_own = true;
  Do(ProfilePut("budi", "v1"));

  EXPECT_THAT(as_other(ProfilePut("ani", "v2")), HasReason("NOT_OWNER"));
  EXPECT_THAT(as_other(update), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(as_other(Deletion("ani")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(as_other(evidence), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(Body(EntityType::kProfile, "ani"), "body of v1");
}

TEST_P(RecordStoreContractTest, AnIdTakenByOtherContentIsRefusedOnCreation) {
  Do(ProfilePut("ani", "v1"));
  Do(ProfilePut("budi", "v1"));

  EXPECT_EQ(Do(EvidencePut("e", "ani", "budi", "x")).outcome,
            Outcome::kCreated);
  EXPECT_EQ(Do(EvidencePut("e", "ani", "budi", "x")).outcome,
            Outcome::kUnchanged);
  EXPECT_THAT(Do(EvidencePut("e", "ani", "budi", "y")).status,
              HasReason("EVIDENCE_ID_TAKEN"));
}

TEST_P(RecordStoreContractTest, ExternalIdsAreUniqueAndFollowTheirMember) {
  const auto with_id = [](absl::string_view id, absl::string_view content,
                          std::vector<std::string> values) {
    Put put = ProfilePut(id, content);
    for (std::string& value : values) {
      put.external_ids.emplace_back("nib", std::move(value));
    }
    return put;
  };
  Do(with_id("ani", "v1", {"111", "222"}));

  EXPECT_THAT(Do(with_id("budi", "v1", {"222"})).status,
              HasReason("EXTERNAL_ID_TAKEN"));
  EXPECT_EQ(Do(with_id("ani", "v2", {"111"})).outcome, Outcome::kUpdated);
  EXPECT_EQ(Do(with_id("budi", "v1", {"222"})).outcome, Outcome::kCreated);
  Do(Deletion("ani"));
  EXPECT_EQ(Do(with_id("citra", "v1", {"111"})).outcome, Outcome::kCreated);
}

TEST_P(RecordStoreContractTest, DeletingAMemberTakesAllThatHangsOnIt) {
  for (const char* id : {"ani", "budi", "citra"}) Do(ProfilePut(id, "v1"));
  Do(EvidencePut("by-ani", "ani", "budi", "x"));
  Do(EvidencePut("about-ani", "budi", "ani", "x"));
  Do(EvidencePut("others", "budi", "citra", "x"));

  const uint64_t revision = Do(Deletion("ani")).revision;

  EXPECT_EQ(Body(EntityType::kProfile, "ani"), "nothing");
  EXPECT_EQ(Body(EntityType::kEvidence, "by-ani"), "nothing");
  EXPECT_EQ(Body(EntityType::kEvidence, "about-ani"), "nothing");
  EXPECT_EQ(Body(EntityType::kEvidence, "others"), "body of x");
  MITRA_ASSERT_OK_AND_ASSIGN(
      const EntityPage by_budi,
      store_->ListLinked("budi", Relation::kAuthor, "", {}));
  EXPECT_THAT(KeysOf(by_budi.entities), ElementsAre("others"));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const EntityPage about_budi,
      store_->ListLinked("budi", Relation::kAbout, "", {}));
  EXPECT_THAT(about_budi.entities, IsEmpty());
  const std::vector<Change> changes = ChangesFrom(revision);
  ASSERT_THAT(changes, SizeIs(1));
  const Tombstone& left = std::get<Tombstone>(changes[0]);
  EXPECT_EQ(left.id_hash, HashFor("hash of ani"));
  EXPECT_EQ(left.incarnation, 1u);
}

TEST_P(RecordStoreContractTest, DeletingAgainIsTheFirstDeletion) {
  Do(ProfilePut("ani", "v1"));
  const uint64_t revision = Do(Deletion("ani")).revision;

  const OperationResult again = Do(Deletion("ani"));

  MITRA_EXPECT_OK(again.status);
  EXPECT_EQ(again.revision, revision);
  EXPECT_THAT(Do(Deletion("never")).status,
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(RecordStoreContractTest, AMemberCreatedAgainHasAnotherLife) {
  Do(ProfilePut("ani", "v1"));
  Do(ProfilePut("budi", "v1"));
  Do(EvidencePut("e", "ani", "budi", "x"));
  Do(Deletion("ani"));

  const OperationResult again = Do(ProfilePut("ani", "v1"));

  EXPECT_EQ(again.outcome, Outcome::kCreated);
  MITRA_ASSERT_OK_AND_ASSIGN(const std::optional<Entity> read,
                             store_->Get(EntityType::kProfile, "ani"));
  EXPECT_EQ(read->incarnation, again.revision);
  EXPECT_EQ(Body(EntityType::kEvidence, "e"), "nothing");
}

TEST_P(RecordStoreContractTest, WithdrawnEntitiesAreOnlySeenByTheFeed) {
  Do(ProfilePut("ani", "v1"));
  Do(ProfilePut("budi", "v1"));
  Do(EvidencePut("e", "ani", "budi", "x"));

  const uint64_t revision = Do(Withdrawal("e")).revision;

  EXPECT_EQ(Body(EntityType::kEvidence, "e"), "nothing");
  MITRA_ASSERT_OK_AND_ASSIGN(const EntityPage page,
                             store_->List(EntityType::kEvidence, "", {}));
  EXPECT_THAT(page.entities, IsEmpty());
  const std::vector<Change> changes = ChangesFrom(revision);
  ASSERT_THAT(changes, SizeIs(1));
  const Entity& entity = std::get<Entity>(changes[0]);
  EXPECT_TRUE(entity.removed);
  EXPECT_EQ(entity.body, "ids only");
  EXPECT_EQ(entity.incarnation, 1u);
  EXPECT_EQ(entity.second_incarnation, 2u);
  EXPECT_EQ(Do(Withdrawal("e")).revision, revision) << "again: nothing new";
  EXPECT_THAT(Do(EvidencePut("e", "ani", "budi", "y")).status,
              HasReason("EVIDENCE_ID_TAKEN"));
  EXPECT_EQ(Do(EvidencePut("e", "ani", "budi", "x")).outcome,
            Outcome::kCreated);
  Do(Deletion("budi"));
  EXPECT_EQ(Body(EntityType::kEvidence, "e"), "nothing");
}

TEST_P(RecordStoreContractTest, ListsByKeyInPagesThatMakeTheWhole) {
  std::vector<Operation> operations;
  std::vector<std::string> expected;
  for (int i = 0; i < 57; ++i) {
    const std::string id = absl::StrCat("m", (i * 37) % 57);
    operations.push_back(ProfilePut(id, "v1"));
    expected.push_back(id);
  }
  MITRA_ASSERT_OK(CommitNow(*store_, BatchOf(std::move(operations))));
  std::sort(expected.begin(), expected.end());

  std::vector<std::string> listed;
  for (;;) {
    MITRA_ASSERT_OK_AND_ASSIGN(
        const EntityPage page,
        store_->List(EntityType::kProfile, listed.empty() ? "" : listed.back(),
                     {10, 1 << 20}));
    EXPECT_LE(page.entities.size(), 10u);
    for (const std::string& key : KeysOf(page.entities)) listed.push_back(key);
    if (!page.more) break;
  }
  EXPECT_EQ(listed, expected);
}

TEST_P(RecordStoreContractTest, PagesAreBoundedInBytesButNeverEmpty) {
  for (const char* id : {"a", "b", "c"}) {
    Put put = ProfilePut(id, "v1");
    put.body = std::string(1000, 'x');
    Do(std::move(put));
  }

  MITRA_ASSERT_OK_AND_ASSIGN(
      EntityPage page, store_->List(EntityType::kProfile, "", {100, 2500}));
  EXPECT_THAT(KeysOf(page.entities), ElementsAre("a", "b"));
  EXPECT_TRUE(page.more);
  MITRA_ASSERT_OK_AND_ASSIGN(page,
                             store_->List(EntityType::kProfile, "", {100, 1}));
  EXPECT_THAT(KeysOf(page.entities), ElementsAre("a"));
  EXPECT_THAT(ChangesFrom(1, {100, 2500}), SizeIs(2));
  EXPECT_THAT(ChangesFrom(1, {100, 1}), SizeIs(1));
}

TEST_P(RecordStoreContractTest, ChangesComeOncePerEntityInOrderOfRevisions) {
  Do(ProfilePut("ani", "v1"));
  Do(ProfilePut("budi", "v1"));
  Do(ProfilePut("ani", "v2"));
  Do(ProfilePut("citra", "v1"));
  Do(Deletion("budi"));

  std::vector<uint64_t> revisions;
  uint64_t from = 1;
  while (from <= store_->head()) {
    MITRA_ASSERT_OK_AND_ASSIGN(const ChangePage page,
                               store_->ReadChanges(from, {1, 1 << 20}));
    for (const Change& change : page.changes) {
      revisions.push_back(RevisionOf(change));
    }
    ASSERT_GE(page.watermark, from);
    from = page.watermark + 1;
  }
  EXPECT_THAT(revisions, ElementsAre(3, 4, 5));
  EXPECT_THAT(ChangesFrom(6), IsEmpty());
}

TEST_P(RecordStoreContractTest, ARepeatedRequestGetsTheFirstAnswer) {
  const auto request = [](absl::string_view content, absl::string_view hash,
                          absl::string_view credential) {
    WriteBatch batch = BatchOf(
        {ProfilePut("ani", content), EvidencePut("e", "ani", "nobody", "x")});
    batch.request =
        RequestKey{std::string(credential), "Upsert", "r-1", std::string(hash)};
    return batch;
  };
  MITRA_ASSERT_OK_AND_ASSIGN(const CommitResult first,
                             CommitNow(*store_, request("v1", "h1", "c")));
  Do(ProfilePut("ani", "v2"));
  Reopen();

  MITRA_ASSERT_OK_AND_ASSIGN(const CommitResult again,
                             CommitNow(*store_, request("v1", "h1", "c")));

  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.results[0].outcome, Outcome::kCreated);
  EXPECT_EQ(again.results[0].revision, first.results[0].revision);
  EXPECT_THAT(again.results[1].status, HasReason("PROFILE_NOT_FOUND"));
  EXPECT_EQ(Body(EntityType::kProfile, "ani"), "body of v2");
  EXPECT_THAT(CommitNow(*store_, request("v3", "h3", "c")),
              HasReason("REQUEST_ID_REUSED"));
  EXPECT_EQ(Body(EntityType::kProfile, "ani"), "body of v2");
  MITRA_ASSERT_OK_AND_ASSIGN(const CommitResult other,
                             CommitNow(*store_, request("v3", "h3", "d")));
  EXPECT_FALSE(other.repeated) << "ids of two credentials are apart";
}

TEST_P(RecordStoreContractTest, ARequestIdIsForgottenAfterADay) {
  WriteBatch batch = BatchOf({ProfilePut("ani", "v1")});
  batch.request = RequestKey{"c", "Upsert", "r-1", "h1"};
  MITRA_ASSERT_OK(CommitNow(*store_, batch));
  batch.request->body_hash = "h2";
  batch.time += absl::Hours(24) + absl::Seconds(1);

  MITRA_EXPECT_OK(CommitNow(*store_, batch));
}

TEST_P(RecordStoreContractTest, ARequestThatStoredNothingMayBeTriedAgain) {
  WriteBatch batch = BatchOf({EvidencePut("e", "ani", "budi", "x")});
  batch.request = RequestKey{"c", "Create", "r-1", "h1"};
  MITRA_ASSERT_OK(CommitNow(*store_, batch));
  Do(ProfilePut("ani", "v1"));
  Do(ProfilePut("budi", "v1"));

  MITRA_ASSERT_OK_AND_ASSIGN(const CommitResult result,
                             CommitNow(*store_, batch));

  EXPECT_EQ(result.results[0].outcome, Outcome::kCreated);
}

TEST_P(RecordStoreContractTest, WorkWhoseDeadlineHasPassedIsNotBegun) {
  WriteBatch batch = BatchOf({ProfilePut("ani", "v1")});
  batch.deadline = absl::Now() - absl::Seconds(1);

  EXPECT_THAT(CommitNow(*store_, batch),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(Body(EntityType::kProfile, "ani"), "nothing");
}

TEST_P(RecordStoreContractTest, FindsWhatExpiresEarliestFirst) {
  const auto expiring = [](absl::string_view id, int64_t seconds) {
    Put put = ProfilePut(id, "v1");
    put.next_expiry = absl::FromUnixSeconds(seconds);
    return put;
  };
  Do(expiring("late", 300));
  Do(expiring("first", 100));
  Do(expiring("second", 200));
  Do(ProfilePut("never", "v1"));

  MITRA_ASSERT_OK_AND_ASSIGN(
      const std::vector<Entity> expired,
      store_->ReadExpired(absl::FromUnixSeconds(200), 10));

  EXPECT_THAT(KeysOf(expired), ElementsAre("first", "second"));
}

TEST_P(RecordStoreContractTest, EverythingIsThereAfterOpeningAgain) {
  Do(ProfilePut("ani", "v1"));
  Do(ProfilePut("budi", "v1"));
  Do(Deletion("budi"));
  const RecordInfo info = store_->info();

  Reopen();

  EXPECT_EQ(store_->info().incarnation, info.incarnation);
  EXPECT_EQ(store_->info().id_hash_key, info.id_hash_key);
  EXPECT_THAT(info.id_hash_key, SizeIs(16));
  EXPECT_NE(info.incarnation, 0u);
  EXPECT_EQ(store_->head(), 3u);
  EXPECT_EQ(Body(EntityType::kProfile, "ani"), "body of v1");
  EXPECT_EQ(Do(ProfilePut("citra", "v1")).revision, 4u);
}

TEST_P(RecordStoreContractTest, ListenersHearEachChangeOnceAndInOrder) {
  std::vector<uint64_t> heard;
  store_->SetCommitListener([&](const CommittedChanges& changes) {
    for (const Change& change : *changes) heard.push_back(RevisionOf(change));
  });
  constexpr int kWriters = 4;
  constexpr int kWrites = 200;
  absl::BlockingCounter answered(kWriters * kWrites);
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kWrites; ++i) {
        store_->Commit(BatchOf({ProfilePut(absl::StrCat("m", w, "-", i), "v")}),
                       [&](absl::StatusOr<CommitResult> result) {
                         EXPECT_TRUE(result.ok());
                         answered.DecrementCount();
                       });
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  answered.Wait();

  ASSERT_THAT(heard, SizeIs(kWriters * kWrites));
  for (size_t i = 0; i < heard.size(); ++i) ASSERT_EQ(heard[i], i + 1);
}

TEST_P(RecordStoreContractTest, ReadersAndWritersGoOnTogether) {
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 6; ++r) {
    readers.emplace_back([&] {
      while (!stop) {
        uint64_t last = 0;
        auto page = store_->ReadChanges(1, {});
        ASSERT_TRUE(page.ok()) << page.status();
        for (const Change& change : page->changes) {
          ASSERT_LT(last, RevisionOf(change));
          last = RevisionOf(change);
        }
        ASSERT_LE(last, page->watermark);
        ++reads;
      }
    });
  }
  for (int i = 0; i < 300; ++i) {
    const OperationResult result =
        Do(ProfilePut(absl::StrCat("m", i % 20), absl::StrCat("v", i)));
    ASSERT_TRUE(result.status.ok()) << result.status;
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(reads, 0);
}

TEST_P(RecordStoreContractTest, WhatBelongsToAMemberIsWrittenByItsOwner) {
  const auto write = [&](const std::string& credential, Put put) {
    WriteBatch batch = BatchOf({});
    batch.authority = {credential, /*all_members=*/false};
    batch.operations.emplace_back(std::in_place_type<Put>, std::move(put));
    auto result = CommitNow(*store_, std::move(batch));
    return result.ok() ? result->results.at(0).status : result.status();
  };
  const auto consent = [](const std::string& content) {
    Put put = ProfilePut("ani/1", content);
    put.type = EntityType::kConsent;
    put.by_member = true;
    put.links = {{"ani", Relation::kConsenting, "profile_id", true}};
    return put;
  };
  MITRA_ASSERT_OK(write("hers", ProfilePut("ani", "v1")));
  Do(consent("brought by all"));

  EXPECT_THAT(write("other", consent("brought by all")),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(write("other", consent("changed")),
              StatusIs(absl::StatusCode::kNotFound));
  MITRA_EXPECT_OK(write("hers", consent("changed by her")));
  EXPECT_EQ(Body(EntityType::kConsent, "ani/1"), "body of changed by her");
}

TEST_P(RecordStoreContractTest, TracesWhatIsLeftOfAMember) {
  Put ani = ProfilePut("ani", "v1");
  ani.external_ids = {{"nib", "1"}, {"shop", "2"}};
  Do(ani);
  Do(ProfilePut("budi", "v1"));
  Do(EvidencePut("e1", "ani", "budi", "c1"));
  Do(EvidencePut("e2", "budi", "ani", "c2"));
  Do(EvidencePut("e3", "budi", "ani", "c3"));

  const std::string hash = Deletion("ani").id_hash;
  MITRA_ASSERT_OK_AND_ASSIGN(Footprint living, store_->Trace("ani", hash));
  using Link = std::pair<Relation, uint64_t>;
  EXPECT_THAT(living.links,
              ::testing::UnorderedElementsAre(Link(Relation::kAuthor, 1),
                                              Link(Relation::kAbout, 2)));
  EXPECT_EQ(living.external_ids, 2u);
  EXPECT_THAT(living.deletions, IsEmpty());

  const uint64_t first = Do(Deletion("ani")).revision;
  Do(ProfilePut("ani", "again"));
  const uint64_t second = Do(Deletion("ani")).revision;
  MITRA_ASSERT_OK_AND_ASSIGN(Footprint gone, store_->Trace("ani", hash));
  EXPECT_THAT(gone.links, IsEmpty());
  EXPECT_EQ(gone.external_ids, 0u);
  ASSERT_THAT(gone.deletions, SizeIs(2));
  EXPECT_EQ(gone.deletions[0].revision, second);
  EXPECT_EQ(gone.deletions[1].revision, first);
}

// A decision that adds one to a counter in a member's tally, up to `limit`.
Decide Count(std::string member, int limit) {
  Decide decision;
  decision.key = member;
  decision.decide =
      [member,
       limit](TransactionView& view) -> absl::StatusOr<std::vector<Step>> {
    auto entity = view.Get(EntityType::kProfile, member);
    if (!entity.ok()) return entity.status();
    if (!*entity) return absl::NotFoundError("gone");
    const size_t taken = (*entity)->tally.size();
    if (taken >= static_cast<size_t>(limit)) {
      return absl::FailedPreconditionError("full");
    }
    std::vector<Step> steps;
    steps.emplace_back(SetTally{member, std::string(taken + 1, '+')});
    return steps;
  };
  return decision;
}

std::string TallyOf(RecordStore& store, absl::string_view member) {
  auto entity = store.Get(EntityType::kProfile, member);
  return entity.ok() && *entity ? (*entity)->tally : "nothing";
}

TEST_P(RecordStoreContractTest, TalliesOutliveWhatIsWrittenOverThem) {
  Put ani = ProfilePut("ani", "v1");
  ani.external_ids = {{"nib", "1"}};
  ani.next_expiry = absl::FromUnixSeconds(1'800'000'000);
  Do(ani);
  const OperationResult counted = Do(SetTally{"ani", "++"});

  EXPECT_EQ(counted.outcome, Outcome::kUpdated);
  EXPECT_EQ(TallyOf(*store_, "ani"), "++");
  EXPECT_EQ(Do(SetTally{"ani", "++"}).outcome, Outcome::kUnchanged);
  EXPECT_EQ(Body(EntityType::kProfile, "ani"), "body of v1");
  MITRA_ASSERT_OK_AND_ASSIGN(
      const std::vector<Entity> due,
      store_->ReadExpired(absl::FromUnixSeconds(1'800'000'001), 10));
  EXPECT_THAT(KeysOf(due), ElementsAre("ani"));
  const std::vector<Change> changes = ChangesFrom(counted.revision);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(std::get<Entity>(changes[0]).tally, "++");

  const OperationResult written = Do(ProfilePut("ani", "v2"));
  EXPECT_EQ(written.tally, "++");
  Reopen();
  EXPECT_EQ(TallyOf(*store_, "ani"), "++");
  EXPECT_EQ(Body(EntityType::kProfile, "ani"), "body of v2");
  Do(Deletion("ani"));
  Do(ProfilePut("ani", "v3"));
  EXPECT_EQ(TallyOf(*store_, "ani"), "");
}

TEST_P(RecordStoreContractTest, DecisionsSeeOneAnother) {
  Do(ProfilePut("ani", "v1"));
  constexpr int kThreads = 8, kEach = 25, kLimit = 50;
  std::atomic<int> won = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i)
        won += Do(Count("ani", kLimit)).status.ok();
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(won, kLimit);
  EXPECT_THAT(TallyOf(*store_, "ani"), SizeIs(kLimit));
}

TEST_P(RecordStoreContractTest, DecisionsAreDoneAllOrNotAtAll) {
  Do(ProfilePut("ani", "v1"));
  const uint64_t before = store_->head();
  Decide decision;
  decision.decide = [](TransactionView&) -> absl::StatusOr<std::vector<Step>> {
    std::vector<Step> steps;
    steps.emplace_back(ProfilePut("budi", "v1"));
    steps.emplace_back(SetTally{"ani", "+"});
    steps.emplace_back(EvidencePut("e1", "budi", "nobody", "v1"));
    return steps;
  };
  MITRA_ASSERT_OK_AND_ASSIGN(
      const CommitResult result,
      CommitNow(*store_, BatchOf({ProfilePut("citra", "v1"), decision})));

  EXPECT_THAT(result.results[0].status, IsOk());
  EXPECT_EQ(result.results[1].outcome, Outcome::kRefused);
  EXPECT_TRUE(absl::IsNotFound(result.results[1].status));
  EXPECT_EQ(Body(EntityType::kProfile, "budi"), "nothing");
  EXPECT_EQ(Body(EntityType::kProfile, "citra"), "body of v1");
  EXPECT_EQ(TallyOf(*store_, "ani"), "");
  EXPECT_EQ(store_->head(), before + 1) << "no revision is lost";
  EXPECT_THAT(ChangesFrom(before + 1), SizeIs(1));
}

TEST_P(RecordStoreContractTest, AlternatesKeepTheirEntityAndListingGoesDown) {
  for (const char* id : {"ani", "budi", "citra"}) Do(ProfilePut(id, "v1"));
  for (const char* key : {"e1", "e2", "e3"}) {
    Put put = ProfilePut(key, key);
    put.type = EntityType::kEngagement;
    put.links = {{"ani", Relation::kSeeker, "seeker_id", false},
                 {"budi", Relation::kProvider, "provider_id", false},
                 {"citra", Relation::kAlternate, "alternate_ids", false}};
    EXPECT_THAT(Do(put).status, IsOk());
  }
  MITRA_ASSERT_OK_AND_ASSIGN(
      const EntityPage page,
      store_->ListLinkedDown("budi", Relation::kProvider, "", {2, 1 << 20}));
  EXPECT_THAT(KeysOf(page.entities), ElementsAre("e3", "e2"));
  EXPECT_TRUE(page.more);
  MITRA_ASSERT_OK_AND_ASSIGN(
      const EntityPage rest,
      store_->ListLinkedDown("budi", Relation::kProvider, "e2", {}));
  EXPECT_THAT(KeysOf(rest.entities), ElementsAre("e1"));

  Do(Deletion("citra"));
  EXPECT_EQ(Body(EntityType::kEngagement, "e2"), "body of e2");
  Do(Deletion("budi"));
  EXPECT_EQ(Body(EntityType::kEngagement, "e2"), "nothing");
  MITRA_ASSERT_OK_AND_ASSIGN(
      const EntityPage none,
      store_->ListLinked("ani", Relation::kSeeker, "", {}));
  EXPECT_THAT(none.entities, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Sqlite, RecordStoreContractTest,
    ::testing::Values(+[]() -> std::unique_ptr<StoreFactory> {
      return std::make_unique<SqliteFactory>();
    }));

}  // namespace
}  // namespace mitra::profile
