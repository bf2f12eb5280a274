// The record as a program: what callers of the profile service see.

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "gmock/gmock.h"
#include "mitra/v1/change_feed_service.grpc.pb.h"
#include "mitra/v1/evidence_service.grpc.pb.h"
#include "mitra/v1/relations_service.grpc.pb.h"
#include "tests/integration/record_fixture.h"

namespace mitra {
namespace {

using ::testing::HasSubstr;

// 250 rows: the 137th is bad, one id stands in three of them.
std::vector<v1::Profile> AFile() {
  std::vector<v1::Profile> rows;
  for (int i = 1; i <= 250; ++i) rows.push_back(AShop(absl::StrCat("u", i)));
  rows[136].set_region_code("99.99");
  rows[39] = rows[9] = AShop("twice");
  rows[89] = AShop("twice", "berubah");
  return rows;
}
constexpr size_t kDistinct = 250 - 1 - 2;

TEST_F(RecordTest, EachRowOfAnImportHasItsOwnVerdict) {
  const auto results = Import(AFile());
  ASSERT_EQ(results.size(), 250u);
  std::map<v1::RowVerdict, int> verdicts;
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].row(), i + 1) << "in the order of the file";
    ++verdicts[results[i].verdict()];
  }
  EXPECT_EQ(results[136].verdict(), v1::ROW_VERDICT_REJECTED);
  EXPECT_EQ(results[136].id(), "u137");
  EXPECT_THAT(results[136].status().message(), HasSubstr("region_code"));
  EXPECT_EQ(verdicts[v1::ROW_VERDICT_REJECTED], 1) << "neighbours unaffected";
  EXPECT_EQ(results[9].verdict(), v1::ROW_VERDICT_CREATED);
  EXPECT_EQ(results[39].verdict(), v1::ROW_VERDICT_UNCHANGED);
  EXPECT_EQ(results[89].verdict(), v1::ROW_VERDICT_UPDATED);
  MITRA_ASSERT_OK_AND_ASSIGN(const auto twice, Get("twice"));
  EXPECT_EQ(twice.about(), "berubah") << "the last one holds";
  EXPECT_EQ(AllIds().size(), kDistinct);
}

TEST_F(RecordTest, ADryRunChangesNothing) {
  const uint64_t before = Revision();
  const auto results = Import(AFile(), /*dry_run=*/true);
  ASSERT_EQ(results.size(), 250u);
  EXPECT_EQ(results[136].verdict(), v1::ROW_VERDICT_REJECTED);
  EXPECT_EQ(Revision(), before);
  EXPECT_TRUE(AllIds().empty());
}

TEST_F(RecordTest, AnImportThatWasCutIsFinishedByRunningItAgain) {
  (void)Import(AFile(), /*dry_run=*/false, /*cut=*/150);
  const auto again = Import(AFile());
  ASSERT_EQ(again.size(), 250u);
  for (const auto& result : again) {
    EXPECT_EQ(result.verdict() == v1::ROW_VERDICT_REJECTED,
              result.row() == 137);
  }
  EXPECT_EQ(AllIds().size(), kDistinct);
  const uint64_t revision = Revision();
  const auto third = Import(std::vector<v1::Profile>(1, AShop("u1")));
  ASSERT_EQ(third.size(), 1u);
  EXPECT_EQ(third[0].verdict(), v1::ROW_VERDICT_UNCHANGED);
  EXPECT_EQ(Revision(), revision) << "what is so already is not written";
}

TEST_F(RecordTest, TwoImportsOfOneFileAtOnceMakeEachMemberOnce) {
  std::vector<std::vector<v1::RowResult>> results(2);
  std::vector<std::thread> clients;
  for (int c = 0; c < 2; ++c) {
    clients.emplace_back([&, c] { results[c] = Import(AFile()); });
  }
  for (auto& client : clients) client.join();
  std::map<std::string, int> created;
  for (const auto& mine : results) {
    ASSERT_EQ(mine.size(), 250u);
    for (const auto& result : mine) {
      created[result.id()] += result.verdict() == v1::ROW_VERDICT_CREATED;
    }
  }
  for (const auto& [id, times] : created) {
    EXPECT_EQ(times, id == "u137" ? 0 : 1) << id;
  }
  EXPECT_EQ(AllIds().size(), kDistinct);
}

TEST_F(RecordTest, ARepeatedRequestIsAnsweredAsTheFirst) {
  MITRA_ASSERT_OK_AND_ASSIGN(const auto first, Upsert(AShop("a"), "once"));
  MITRA_ASSERT_OK(Upsert(AShop("a", "later")).status());
  MITRA_ASSERT_OK_AND_ASSIGN(const auto again, Upsert(AShop("a"), "once"));
  EXPECT_EQ(again.etag(), first.etag());
  MITRA_ASSERT_OK_AND_ASSIGN(const auto stored, Get("a"));
  EXPECT_EQ(stored.about(), "later") << "the repeat did not act";
  EXPECT_THAT(Upsert(AShop("a", "other"), "once").status(),
              HasReason("REQUEST_ID_REUSED"));
}

TEST_F(RecordTest, AStaleEtagChangesNothing) {
  MITRA_ASSERT_OK_AND_ASSIGN(const auto first, Upsert(AShop("a")));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto second, Upsert(AShop("a", "two")));
  v1::Profile stale = AShop("a", "three");
  stale.set_etag(first.etag());
  EXPECT_THAT(Upsert(stale).status(), HasReason("ETAG_MISMATCH"));
  EXPECT_THAT(Delete("a", first.etag()), HasReason("ETAG_MISMATCH"));
  stale.set_etag("rubbish");
  EXPECT_THAT(Upsert(stale).status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto stored, Get("a"));
  EXPECT_EQ(stored.about(), "two");
  MITRA_EXPECT_OK(Delete("a", second.etag()));
}

TEST_F(RecordTest, AMaskChangesItsFieldsAndNoOthers) {
  MITRA_ASSERT_OK(Upsert(AShop("a")).status());
  v1::UpdateProfileRequest request;
  request.mutable_profile()->set_profile_id("a");
  request.mutable_profile()->set_about("baru");
  request.mutable_profile()->set_display_name("not in the mask");
  request.mutable_update_mask()->add_paths("about");
  v1::Profile updated;
  MITRA_ASSERT_OK(
      Call(*profiles_, &v1::Profiles::Stub::UpdateProfile, request, updated));
  EXPECT_EQ(updated.about(), "baru");
  EXPECT_EQ(updated.display_name(), "Warung a");
  request.mutable_update_mask()->add_paths("colour");
  EXPECT_THAT(
      Call(*profiles_, &v1::Profiles::Stub::UpdateProfile, request, updated),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RecordTest, PagesHoldWhatStaysWhileOthersComeAndGo) {
  for (int i = 0; i < 60; ++i) {
    MITRA_ASSERT_OK(Upsert(AShop(absl::StrCat("stays-", i))).status());
    MITRA_ASSERT_OK(Upsert(AShop(absl::StrCat("goes-", i))).status());
  }
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; i < 60 && !stop; ++i) {
      EXPECT_THAT(Delete(absl::StrCat("goes-", i)), IsOk());
      EXPECT_THAT(Upsert(AShop(absl::StrCat("new-", i))).status(), IsOk());
      // A change moves a member within the record.
      EXPECT_THAT(
          Upsert(AShop(absl::StrCat("stays-", i), absl::StrCat(i))).status(),
          IsOk());
    }
  });
  for (int round = 0; round < 10; ++round) {
    const std::set<std::string> ids = AllIds(5);
    for (int i = 0; i < 60; ++i) {
      EXPECT_EQ(ids.count(absl::StrCat("stays-", i)), 1u) << i;
    }
  }
  stop = true;
  writer.join();
}

TEST_F(RecordTest, RefusesBadPagesAndTokens) {
  v1::ListProfilesRequest request;
  v1::ListProfilesResponse page;
  request.set_page_size(-1);
  EXPECT_THAT(
      Call(*profiles_, &v1::Profiles::Stub::ListProfiles, request, page),
      NamesField("page_size"));
  request.set_page_size(1);
  request.set_page_token("made up");
  EXPECT_THAT(
      Call(*profiles_, &v1::Profiles::Stub::ListProfiles, request, page),
      NamesField("page_token"));
}

TEST_F(RecordTest, DeletingTakesEverythingAlongAndMayBeRepeated) {
  MITRA_ASSERT_OK(Upsert(AShop("a")).status());
  MITRA_ASSERT_OK(Upsert(AShop("b")).status());
  auto evidence = v1::EvidenceRecords::NewStub(channel_);
  v1::CreateEvidenceRequest create;
  create.mutable_evidence()->set_author_id("a");
  create.mutable_evidence()->set_about_id("b");
  create.mutable_evidence()->set_kind(v1::EVIDENCE_KIND_REFERENCE);
  create.mutable_evidence()->mutable_event_time()->set_seconds(1'780'000'000);
  create.mutable_evidence()->set_quality(1);
  v1::Evidence made;
  MITRA_ASSERT_OK(Call(*evidence, &v1::EvidenceRecords::Stub::CreateEvidence,
                       create, made));
  MITRA_ASSERT_OK(Delete("a"));
  EXPECT_THAT(Get("a").status(), HasReason("PROFILE_NOT_FOUND"));
  MITRA_EXPECT_OK(Delete("a")) << "again";
  EXPECT_THAT(Delete("never"), HasReason("PROFILE_NOT_FOUND"));
  v1::ListEvidenceRequest list;
  list.set_about_id("b");
  v1::ListEvidenceResponse left;
  MITRA_ASSERT_OK(
      Call(*evidence, &v1::EvidenceRecords::Stub::ListEvidence, list, left));
  EXPECT_EQ(left.evidence_size(), 0);
  create.mutable_evidence()->clear_evidence_id();
  EXPECT_THAT(
      Call(*evidence, &v1::EvidenceRecords::Stub::CreateEvidence, create, made),
      HasReason("PROFILE_NOT_FOUND"));
}

TEST_F(RecordTest, TheFeedTellsEveryChangeOnceAndNoIdOfTheDeleted) {
  MITRA_ASSERT_OK(Upsert(AShop("a")).status());
  MITRA_ASSERT_OK(Upsert(AShop("secret-id")).status());
  auto stub = v1::ChangeFeed::NewStub(channel_);
  v1::ReadSnapshotRequest snapshot;
  snapshot.mutable_selector()->set_profiles(true);
  v1::ReadSnapshotResponse page;
  std::set<std::string> known;
  uint64_t start = 0;
  uint64_t incarnation = 0;
  do {
    MITRA_ASSERT_OK(
        Call(*stub, &v1::ChangeFeed::Stub::ReadSnapshot, snapshot, page));
    for (const auto& change : page.changes()) {
      known.insert(change.profile().profile().profile_id());
    }
    start = page.start_revision();
    incarnation = page.header().record_incarnation();
    snapshot.set_page_token(page.next_page_token());
  } while (!snapshot.page_token().empty());
  EXPECT_EQ(known, (std::set<std::string>{"a", "secret-id"}));

  MITRA_ASSERT_OK(Delete("secret-id"));
  MITRA_ASSERT_OK(Upsert(AShop("b")).status());
  v1::WatchRequest watch;
  watch.mutable_selector()->set_profiles(true);
  watch.set_start_revision(start);
  watch.set_record_incarnation(incarnation);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(20));
  auto stream = stub->Watch(&context, watch);
  v1::WatchResponse response;
  uint64_t last = start - 1;
  int deletions = 0;
  bool saw_b = false;
  while (!saw_b && stream->Read(&response)) {
    EXPECT_EQ(response.SerializeAsString().find("secret-id"),
              std::string::npos);
    for (const auto& change : response.changes()) {
      EXPECT_GT(change.revision(), last) << "in order, each once";
      last = change.revision();
      deletions += change.has_profile_deletion();
      saw_b = change.has_profile() &&
              change.profile().profile().profile_id() == "b";
    }
  }
  EXPECT_TRUE(saw_b);
  EXPECT_EQ(deletions, 1);
  context.TryCancel();
  (void)stream->Finish();
}

}  // namespace
}  // namespace mitra
