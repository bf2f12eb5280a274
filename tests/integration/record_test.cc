// The record as a program: what callers of the profile service see.

#include <grpcpp/grpcpp.h>

#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "mitra/v1/change_feed_service.grpc.pb.h"
#include "mitra/v1/evidence_service.grpc.pb.h"
#include "mitra/v1/operations_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/relations_service.grpc.pb.h"
#include "tests/support/cluster.h"

namespace mitra {
namespace {

using ::testing::HasSubstr;

absl::Status ToStatus(const grpc::Status& status) {
  google::rpc::Status proto;
  if (!status.ok() && proto.ParseFromString(status.error_details())) {
    return FromRpcStatus(proto);
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

v1::Profile AShop(const std::string& id, const std::string& about = "warung") {
  v1::Profile profile;
  profile.set_profile_id(id);
  profile.set_kind(v1::MEMBER_KIND_BUSINESS);
  profile.set_display_name("Warung " + id);
  profile.set_about(about);
  profile.set_region_code("33.72.01");
  profile.add_sectors()->set_code("56102");
  v1::Facet& facet = *profile.add_facets();
  facet.set_role(v1::ROLE_BUSINESS);
  v1::Need& need = *facet.add_needs();
  need.set_resource(v1::RESOURCE_KNOWLEDGE);
  need.set_text("pembukuan");
  return profile;
}

class RecordTest : public ::testing::Test {
 protected:
  RecordTest() {
    auto started = testing::Cluster::StartProfileOnly();
    EXPECT_TRUE(started.ok()) << started.status();
    cluster_ = *std::move(started);
    channel_ = grpc::CreateChannel(cluster_->target("profile"),
                                   grpc::InsecureChannelCredentials());
    profiles_ = v1::Profiles::NewStub(channel_);
  }

  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                 const Request&, Response*),
                    const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
    return ToStatus((stub.*method)(&context, request, &response));
  }

  absl::StatusOr<v1::Profile> Upsert(const v1::Profile& profile,
                                     const std::string& request_id = "") {
    v1::UpsertProfileRequest request;
    *request.mutable_profile() = profile;
    request.set_request_id(request_id);
    v1::Profile stored;
    const absl::Status status =
        Call(*profiles_, &v1::Profiles::Stub::UpsertProfile, request, stored);
    if (!status.ok()) return status;
    return stored;
  }
  absl::StatusOr<v1::Profile> Get(const std::string& id) {
    v1::GetProfileRequest request;
    request.set_profile_id(id);
    v1::Profile stored;
    const absl::Status status =
        Call(*profiles_, &v1::Profiles::Stub::GetProfile, request, stored);
    if (!status.ok()) return status;
    return stored;
  }
  absl::Status Delete(const std::string& id, const std::string& etag = "") {
    v1::DeleteProfileRequest request;
    request.set_profile_id(id);
    request.set_etag(etag);
    v1::DeleteProfileResponse response;
    return Call(*profiles_, &v1::Profiles::Stub::DeleteProfile, request,
                response);
  }
  uint64_t Revision() {
    auto stub = v1::ProfileOperations::NewStub(channel_);
    v1::ServiceStatus status;
    EXPECT_THAT(Call(*stub, &v1::ProfileOperations::Stub::GetProfileStatus,
                     v1::GetStatusRequest(), status),
                IsOk());
    return status.revision();
  }

  // All ids of the record, by pages; each must come once.
  std::set<std::string> AllIds(int page_size = 7) {
    std::set<std::string> ids;
    v1::ListProfilesRequest request;
    request.set_page_size(page_size);
    do {
      v1::ListProfilesResponse page;
      EXPECT_THAT(
          Call(*profiles_, &v1::Profiles::Stub::ListProfiles, request, page),
          IsOk());
      EXPECT_LE(page.profiles_size(), page_size);
      for (const auto& profile : page.profiles()) {
        EXPECT_TRUE(ids.insert(profile.profile_id()).second)
            << profile.profile_id() << " came twice";
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }

  // Sends the rows in one stream; ends it without a word after `cut` rows.
  std::vector<v1::RowResult> Import(const std::vector<v1::Profile>& rows,
                                    bool dry_run = false,
                                    size_t cut = SIZE_MAX) {
    auto stub = v1::Profiles::NewStub(channel_);
    grpc::ClientContext context;
    auto stream = stub->Import(&context);
    std::vector<v1::RowResult> results;
    std::thread reader([&] {
      v1::ImportResponse response;
      while (stream->Read(&response)) {
        for (const auto& result : response.results()) {
          results.push_back(result);
        }
      }
    });
    uint64_t row = 0;
    for (const auto& profile : rows) {
      if (row == cut) {
        context.TryCancel();
        break;
      }
      v1::ImportRequest request;
      request.set_row(++row);
      *request.mutable_profile() = profile;
      request.set_validate_only(dry_run);
      EXPECT_TRUE(stream->Write(request) || cut != SIZE_MAX);
    }
    if (cut == SIZE_MAX) stream->WritesDone();
    reader.join();
    EXPECT_EQ(stream->Finish().ok(), cut == SIZE_MAX);
    return results;
  }

  std::unique_ptr<testing::Cluster> cluster_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Profiles::Stub> profiles_;
};

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
