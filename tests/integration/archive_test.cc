// What an operator takes out of the record, and what platforms follow.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/feed/follower.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/archive_service.grpc.pb.h"
#include "mitra/v1/events_service.grpc.pb.h"
#include "mitra/v1/evidence_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/relations_service.grpc.pb.h"
#include "tests/support/cluster.h"
#include "tests/support/grpc_status.h"

namespace mitra {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::ImportRequest ProfileRow(const std::string& id) {
  v1::ImportRequest row;
  v1::Profile& profile = *row.mutable_profile();
  profile.set_profile_id(id);
  profile.set_kind(v1::MEMBER_KIND_BUSINESS);
  profile.set_display_name("Warung " + id);
  profile.set_region_code("33.72.01");
  profile.add_sectors()->set_code("56102");
  profile.mutable_contact()->set_phone("+6281234567890");
  v1::ExternalId& external = *profile.add_external_ids();
  external.set_system("shop");
  external.set_value("shop-" + id);
  v1::Facet& facet = *profile.add_facets();
  facet.set_role(v1::ROLE_BUSINESS);
  facet.mutable_seats()->set_total(3);
  return row;
}

v1::ImportRequest EvidenceRow(const std::string& author,
                              const std::string& about) {
  v1::ImportRequest row;
  v1::Evidence& evidence = *row.mutable_evidence();
  evidence.set_author_id(author);
  evidence.set_about_id(about);
  evidence.set_kind(v1::EVIDENCE_KIND_TRANSACTION);
  evidence.mutable_event_time()->set_seconds(1'500'000'000);
  evidence.set_note("private words");
  return row;
}

v1::ImportRequest ConsentRow(const std::string& id) {
  v1::ImportRequest row;
  row.mutable_consent()->set_profile_id(id);
  row.mutable_consent()->set_purpose(v1::CONSENT_PURPOSE_PATH_NAMING);
  row.mutable_consent()->set_granted(true);
  row.mutable_consent()->set_receipt_id("form-1");
  return row;
}

v1::ImportRequest BlockRow(const std::string& blocker,
                           const std::string& blocked) {
  v1::ImportRequest row;
  row.mutable_block()->set_blocker_id(blocker);
  row.mutable_block()->set_blocked_id(blocked);
  return row;
}

// One record and calls to it.
class Record {
 public:
  Record() {
    auto started = testing::Cluster::StartProfileOnly();
    EXPECT_TRUE(started.ok()) << started.status();
    cluster_ = *std::move(started);
    channel = grpc::CreateChannel(cluster_->target("profile"),
                                  grpc::InsecureChannelCredentials());
    profiles = v1::Profiles::NewStub(channel);
    archive = v1::Archive::NewStub(channel);
  }

  template <typename Stub, typename Request, typename Response>
  static absl::Status Call(Stub& stub,
                           grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                        const Request&,
                                                        Response*),
                           const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
    return ToStatus((stub.*method)(&context, request, &response));
  }

  // All rows in one message; gives what was refused by its row.
  std::map<uint64_t, std::string> Import(std::vector<v1::ImportRequest> rows) {
    grpc::ClientContext context;
    auto stream = profiles->Import(&context);
    v1::ImportRequest message;
    uint64_t number = 0;
    for (v1::ImportRequest& row : rows) {
      row.set_row(++number);
      message.add_rows()->Swap(&row);
    }
    EXPECT_TRUE(stream->Write(message));
    stream->WritesDone();
    std::map<uint64_t, std::string> refused;
    uint64_t verdicts = 0;
    v1::ImportResponse response;
    while (stream->Read(&response)) {
      for (const v1::RowResult& result : response.results()) {
        EXPECT_EQ(result.row(), ++verdicts) << "in the order of the rows";
        if (result.verdict() == v1::ROW_VERDICT_REJECTED) {
          refused[result.row()] = result.status().message();
        }
      }
    }
    EXPECT_TRUE(stream->Finish().ok());
    EXPECT_EQ(verdicts, number);
    return refused;
  }

  std::vector<v1::ExportRow> Export(v1::ExportRequest request = {},
                                    std::string* half_token = nullptr) {
    std::vector<v1::ExportRow> rows;
    grpc::ClientContext context;
    auto stream = archive->Export(&context, request);
    v1::ExportResponse page;
    while (stream->Read(&page)) {
      rows.insert(rows.end(), page.rows().begin(), page.rows().end());
      if (half_token != nullptr) {
        *half_token = page.resume_token();
        context.TryCancel();
        break;
      }
    }
    const absl::Status status = ToStatus(stream->Finish());
    EXPECT_TRUE(status.ok() || half_token != nullptr) << status;
    return rows;
  }

  v1::MemberTrace Trace(const std::string& id) {
    v1::TraceMemberRequest request;
    request.set_profile_id(id);
    v1::MemberTrace trace;
    EXPECT_THAT(Call(*archive, &v1::Archive::Stub::TraceMember, request, trace),
                IsOk());
    return trace;
  }

  absl::StatusOr<v1::Profile> Get(const std::string& id) {
    v1::GetProfileRequest request;
    request.set_profile_id(id);
    v1::Profile profile;
    const absl::Status status =
        Call(*profiles, &v1::Profiles::Stub::GetProfile, request, profile);
    if (!status.ok()) return status;
    return profile;
  }
  absl::Status Delete(const std::string& id) {
    v1::DeleteProfileRequest request;
    request.set_profile_id(id);
    v1::DeleteProfileResponse response;
    return Call(*profiles, &v1::Profiles::Stub::DeleteProfile, request,
                response);
  }
  absl::Status Merge(const std::string& from, const std::string& into) {
    v1::MergeProfilesRequest request;
    request.set_from_profile_id(from);
    request.set_into_profile_id(into);
    v1::Profile profile;
    return Call(*profiles, &v1::Profiles::Stub::MergeProfiles, request,
                profile);
  }
  // Authors of evidence about a member.
  std::multiset<std::string> AuthorsAbout(const std::string& id) {
    auto stub = v1::EvidenceRecords::NewStub(channel);
    v1::ListEvidenceRequest request;
    request.set_about_id(id);
    v1::ListEvidenceResponse response;
    EXPECT_THAT(Call(*stub, &v1::EvidenceRecords::Stub::ListEvidence, request,
                     response),
                IsOk());
    std::multiset<std::string> authors;
    for (const auto& e : response.evidence()) authors.insert(e.author_id());
    return authors;
  }

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Profiles::Stub> profiles;
  std::unique_ptr<v1::Archive::Stub> archive;

 private:
  std::unique_ptr<testing::Cluster> cluster_;
};

// What a row says, without what only this record knows.
std::string Content(v1::ExportRow row) {
  if (row.has_profile()) {
    v1::Profile& p = *row.mutable_profile();
    p.clear_create_time();
    p.clear_update_time();
    p.clear_revision();
  } else if (row.has_evidence()) {
    row.mutable_evidence()->clear_create_time();
    row.mutable_evidence()->clear_revision();
  } else if (row.has_consent()) {
    row.mutable_consent()->clear_record_time();
    row.mutable_consent()->clear_revision();
  } else if (row.has_block()) {
    row.mutable_block()->clear_create_time();
    row.mutable_block()->clear_revision();
  } else if (row.has_engagement()) {
    row.mutable_engagement()->clear_revision();
  }
  return row.SerializeAsString();
}

TEST(ArchiveTest, WhatIsExportedMakesTheSameRecordAgain) {
  Record first;
  EXPECT_THAT(first.Import({ProfileRow("a"), ProfileRow("b"), ProfileRow("c"),
                            EvidenceRow("a", "b"), EvidenceRow("b", "c"),
                            ConsentRow("a"), BlockRow("c", "a")}),
              IsEmpty());
  v1::ExportRequest all;
  all.set_include_contacts(true);
  const std::vector<v1::ExportRow> rows = first.Export(all);
  ASSERT_EQ(rows.size(), 7u);

  Record second;
  std::vector<v1::ImportRequest> again(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].has_profile()) {
      *again[i].mutable_profile() = rows[i].profile();
    } else if (rows[i].has_evidence()) {
      *again[i].mutable_evidence() = rows[i].evidence();
    } else if (rows[i].has_consent()) {
      *again[i].mutable_consent() = rows[i].consent();
    } else {
      *again[i].mutable_block() = rows[i].block();
    }
  }
  EXPECT_THAT(second.Import(again), IsEmpty());
  const std::vector<v1::ExportRow> back = second.Export(all);
  ASSERT_EQ(back.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(Content(back[i]), Content(rows[i])) << rows[i].DebugString();
  }
}

// Reads events until `enough` says so.
template <typename Enough>
v1::WatchEventsResponse ReadEvents(Record& record,
                                   const v1::WatchEventsRequest& request,
                                   std::vector<v1::Event>& events,
                                   Enough enough) {
  auto stub = v1::Events::NewStub(record.channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(20));
  auto stream = stub->WatchEvents(&context, request);
  v1::WatchEventsResponse response;
  while (stream->Read(&response)) {
    events.insert(events.end(), response.events().begin(),
                  response.events().end());
    if (enough()) break;
  }
  context.TryCancel();
  (void)stream->Finish();
  return response;
}

v1::ImportRequest PastRow(const std::string& id, int64_t began,
                          v1::EngagementState state) {
  v1::ImportRequest row;
  v1::Engagement& engagement = *row.mutable_engagement();
  engagement.set_engagement_id(id);
  engagement.set_seeker_id("a");
  engagement.set_provider_id("b");
  engagement.set_provider_role(v1::ROLE_BUSINESS);
  engagement.set_state(state);
  engagement.mutable_create_time()->set_seconds(began);
  engagement.mutable_update_time()->set_seconds(began + 86'400);
  return row;
}

TEST(ArchiveTest, ThePastIsFilledInInAnyOrderAndNothingFollows) {
  constexpr int64_t kLongAgo = 1'600'000'000, kLater = 1'700'000'000;
  std::vector<v1::ImportRequest> past = {
      PastRow("e1", kLongAgo, v1::ENGAGEMENT_STATE_COMPLETED),
      PastRow("e2", kLater, v1::ENGAGEMENT_STATE_DECLINED),
      EvidenceRow("a", "b"), EvidenceRow("b", "a")};
  past[2].mutable_evidence()->mutable_event_time()->set_seconds(kLongAgo);
  past[3].mutable_evidence()->mutable_event_time()->set_seconds(kLater);
  const std::vector<v1::ImportRequest> backwards(past.rbegin(), past.rend());

  std::vector<std::string> kept;
  for (const auto& rows : {past, backwards}) {
    Record record;
    record.Import({ProfileRow("a"), ProfileRow("b")});
    EXPECT_THAT(record.Import(rows), IsEmpty());
    EXPECT_THAT(record.Import(rows), IsEmpty()) << "again";
    std::vector<std::string> content;
    for (const v1::ExportRow& row : record.Export(v1::ExportRequest())) {
      content.push_back(Content(row));
      if (!row.has_engagement()) continue;
      const int64_t began = row.engagement().create_time().seconds();
      EXPECT_EQ(began,
                row.engagement().engagement_id() == "e1" ? kLongAgo : kLater);
      EXPECT_EQ(row.engagement().update_time().seconds(), began + 86'400);
    }
    std::sort(content.begin(), content.end());
    if (kept.empty()) kept = content;
    EXPECT_EQ(content, kept);

    // No seat is taken, nothing is told but the two members.
    EXPECT_EQ(record.Get("b")->facets(0).seats().taken(), 0u);
    v1::ImportRequest last = ProfileRow("c");
    record.Import({last});
    std::vector<v1::Event> events;
    ReadEvents(record, v1::WatchEventsRequest(), events,
               [&] { return events.size() >= 3; });
    EXPECT_EQ(events.size(), 3u);
    for (const v1::Event& event : events) EXPECT_TRUE(event.has_member());
  }
}

TEST(ArchiveTest, APastThatIsNotOverIsRefusedByName) {
  Record record;
  record.Import({ProfileRow("a"), ProfileRow("b")});
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  const auto refused = [&](const std::function<void(v1::Engagement&)>& change) {
    v1::ImportRequest row =
        PastRow("e", 1'600'000'000, v1::ENGAGEMENT_STATE_COMPLETED);
    change(*row.mutable_engagement());
    const auto verdicts = record.Import({row});
    return verdicts.empty() ? std::string() : verdicts.begin()->second;
  };
  EXPECT_EQ(refused([](v1::Engagement&) {}), "");
  EXPECT_THAT(refused([](v1::Engagement& e) {
                e.set_state(v1::ENGAGEMENT_STATE_ACTIVE);
              }),
              HasSubstr("engagement.state"));
  EXPECT_THAT(refused([](v1::Engagement& e) { e.clear_engagement_id(); }),
              HasSubstr("engagement.engagement_id"));
  EXPECT_THAT(refused([](v1::Engagement& e) { e.clear_create_time(); }),
              HasSubstr("engagement.create_time"));
  EXPECT_THAT(refused([&](v1::Engagement& e) {
                e.mutable_update_time()->set_seconds(now + 9999);
              }),
              HasSubstr("engagement.update_time"));
  EXPECT_THAT(refused([](v1::Engagement& e) { e.set_provider_id("a"); }),
              HasSubstr("engagement.provider_id"));
  EXPECT_THAT(refused([](v1::Engagement& e) { e.add_alternate_ids("c"); }),
              HasSubstr("engagement.alternate_ids"));
  EXPECT_NE(refused([](v1::Engagement& e) { e.set_note("another"); }), "")
      << "the id is taken";
}

TEST(ArchiveTest, AnExportLeavesContactsOutAndGoesOnAfterACut) {
  Record record;
  std::vector<v1::ImportRequest> rows;
  for (int i = 0; i < 1500; ++i) rows.push_back(ProfileRow(absl::StrCat(i)));
  EXPECT_THAT(record.Import(std::move(rows)), IsEmpty());
  std::string token;
  const std::vector<v1::ExportRow> first = record.Export({}, &token);
  ASSERT_FALSE(token.empty());
  v1::ExportRequest rest;
  rest.set_resume_token(token);
  const std::vector<v1::ExportRow> second = record.Export(rest);
  std::set<std::string> ids;
  for (const auto* part : {&first, &second}) {
    for (const v1::ExportRow& row : *part) {
      EXPECT_FALSE(row.profile().has_contact());
      EXPECT_TRUE(ids.insert(row.profile().profile_id()).second);
    }
  }
  EXPECT_EQ(ids.size(), 1500u);

  rest.set_resume_token("made up");
  grpc::ClientContext context;
  auto stream = record.archive->Export(&context, rest);
  v1::ExportResponse page;
  EXPECT_FALSE(stream->Read(&page));
  EXPECT_THAT(ToStatus(stream->Finish()), NamesField("resume_token"));
}

TEST(ArchiveTest, RowsOfRowsAndEmptyRowsAreRefusedAndTheirNeighboursTaken) {
  Record record;
  v1::ImportRequest nested = ProfileRow("nested");
  *nested.add_rows() = ProfileRow("inside");
  const auto refused = record.Import({ProfileRow("a"), nested,
                                      v1::ImportRequest(), ConsentRow("nobody"),
                                      BlockRow("a", "a"), ProfileRow("b")});
  ASSERT_EQ(refused.size(), 4u);
  EXPECT_THAT(refused.at(2), HasSubstr("rows"));
  EXPECT_THAT(refused.at(3), HasSubstr("record"));
  EXPECT_THAT(refused.at(4), HasSubstr("consent.profile_id"));
  EXPECT_THAT(refused.at(5), HasSubstr("block.blocked_id"));
  MITRA_EXPECT_OK(record.Get("a").status());
  MITRA_EXPECT_OK(record.Get("b").status());
  EXPECT_FALSE(record.Get("inside").ok());
}

TEST(ArchiveTest, ATraceShowsWhereAMemberIsAndThatItIsGone) {
  Record record;
  record.Import({ProfileRow("a"), ProfileRow("b"), EvidenceRow("a", "b"),
                 EvidenceRow("b", "a"), ConsentRow("a"), BlockRow("b", "a")});
  v1::ImportRequest withdrawn = ConsentRow("a");
  withdrawn.mutable_consent()->set_granted(false);
  withdrawn.mutable_consent()->set_receipt_id("form-2");
  record.Import({withdrawn});

  const v1::MemberTrace living = record.Trace("a");
  EXPECT_EQ(living.presence(), v1::MEMBER_PRESENCE_PRESENT);
  std::map<int, uint64_t> holdings;
  for (const auto& h : living.holdings()) holdings[h.kind()] = h.count();
  EXPECT_EQ(holdings[v1::RECORD_KIND_EVIDENCE], 2u);
  EXPECT_EQ(holdings[v1::RECORD_KIND_BLOCK], 1u);
  EXPECT_EQ(holdings[v1::RECORD_KIND_CONSENT], 1u);
  EXPECT_EQ(living.external_ids(), 1u);
  ASSERT_EQ(living.consents_size(), 1);
  EXPECT_FALSE(living.consents(0).granted()) << "the withdrawal is proven";
  EXPECT_EQ(living.consents(0).receipt_id(), "form-2");
  EXPECT_GT(living.consents(0).record_time().seconds(), 0);

  MITRA_ASSERT_OK(record.Delete("a"));
  const v1::MemberTrace gone = record.Trace("a");
  EXPECT_EQ(gone.presence(), v1::MEMBER_PRESENCE_DELETED);
  EXPECT_EQ(gone.holdings_size(), 0);
  EXPECT_EQ(gone.consents_size(), 0);
  EXPECT_EQ(gone.external_ids(), 0u);
  ASSERT_EQ(gone.deletions_size(), 1);
  EXPECT_EQ(gone.deletions(0).incarnation(), living.incarnation());
  EXPECT_EQ(record.Trace("never").presence(), v1::MEMBER_PRESENCE_UNKNOWN);
}

TEST(ArchiveTest, MergedMembersAreOneUnderBothIds) {
  Record record;
  record.Import({ProfileRow("old"), ProfileRow("kept"), ProfileRow("other"),
                 EvidenceRow("old", "other"), EvidenceRow("other", "old"),
                 EvidenceRow("old", "kept"), ConsentRow("old"),
                 BlockRow("other", "old")});
  EXPECT_THAT(record.Merge("old", "old"), NamesField("from_profile_id"));
  EXPECT_THAT(record.Merge("nobody", "kept"), HasReason("PROFILE_NOT_FOUND"));
  MITRA_ASSERT_OK(record.Merge("old", "kept"));
  MITRA_EXPECT_OK(record.Merge("old", "kept")) << "a repeat";

  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Profile by_old, record.Get("old"));
  EXPECT_EQ(by_old.profile_id(), "kept");
  EXPECT_EQ(by_old.external_ids_size(), 2);
  EXPECT_THAT(record.AuthorsAbout("other"), ElementsAre("kept"));
  EXPECT_THAT(record.AuthorsAbout("kept"), ElementsAre("other"))
      << "what the two said of each other is gone";
  const v1::MemberTrace trace = record.Trace("kept");
  ASSERT_EQ(trace.consents_size(), 1);
  EXPECT_EQ(trace.consents(0).receipt_id(), "form-1");
  EXPECT_EQ(record.Trace("old").presence(), v1::MEMBER_PRESENCE_MERGED);
  EXPECT_EQ(record.Trace("old").merged_into_profile_id(), "kept");

  // Later news under the old id is news of the one that stays; the same news
  // again is no news.
  EXPECT_THAT(record.Import({EvidenceRow("old", "other")}), IsEmpty());
  EXPECT_THAT(record.AuthorsAbout("other"), ElementsAre("kept"));
  const auto refused = record.Import({ProfileRow("old")});
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_THAT(refused.begin()->second, HasSubstr("merged"));

  // A chain: the oldest id follows.
  record.Import({ProfileRow("newest")});
  MITRA_ASSERT_OK(record.Merge("kept", "newest"));
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Profile by_oldest, record.Get("old"));
  EXPECT_EQ(by_oldest.profile_id(), "newest");
  MITRA_ASSERT_OK(record.Delete("newest"));
  EXPECT_FALSE(record.Get("old").ok());
  EXPECT_THAT(record.Import({ProfileRow("old")}), IsEmpty())
      << "with the member the redirects went";
}

TEST(EventsTest, TellWhatHappenedAndGoOnFromARevision) {
  Record record;
  record.Import({ProfileRow("a"), ProfileRow("b"), EvidenceRow("a", "b")});
  std::vector<v1::Event> events;
  v1::WatchEventsRequest request;
  const auto seen =
      ReadEvents(record, request, events, [&] { return events.size() >= 2; });
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].member().profile_id(), "a");
  EXPECT_TRUE(events[0].member().created());
  ASSERT_EQ(events[0].member().seats_size(), 1);
  EXPECT_EQ(events[0].member().seats(0).free(), 3u);
  EXPECT_GE(seen.revision(), events[1].revision());

  MITRA_ASSERT_OK(record.Delete("a"));
  v1::ImportRequest changed = ProfileRow("b");
  changed.mutable_profile()->set_about("baru");
  record.Import({changed});
  std::vector<v1::Event> later;
  request.set_after_revision(seen.revision());
  request.set_record_incarnation(seen.record_incarnation());
  ReadEvents(record, request, later, [&] { return later.size() >= 2; });
  ASSERT_EQ(later.size(), 2u);
  EXPECT_EQ(later[0].deletion().profile_id_hash(),
            feed::IdHash(seen.id_hash_key(), "a"));
  EXPECT_EQ(later[1].member().profile_id(), "b");
  EXPECT_FALSE(later[1].member().created());

  std::vector<v1::Event> only;
  request.set_after_revision(0);
  request.add_kinds(v1::EVENT_KIND_DELETION);
  ReadEvents(record, request, only, [&] { return !only.empty(); });
  EXPECT_TRUE(only[0].has_deletion());
}

TEST(EventsTest, RefuseCursorsThatCannotBeGoneOnFrom) {
  Record record;
  auto stub = v1::Events::NewStub(record.channel);
  const auto status = [&](const v1::WatchEventsRequest& request) {
    grpc::ClientContext context;
    auto stream = stub->WatchEvents(&context, request);
    v1::WatchEventsResponse response;
    EXPECT_FALSE(stream->Read(&response));
    return ToStatus(stream->Finish());
  };
  v1::WatchEventsRequest ahead;
  ahead.set_after_revision(99);
  EXPECT_THAT(status(ahead), HasReason("REVISION_AHEAD"));
  v1::WatchEventsRequest other;
  other.set_record_incarnation(1);
  EXPECT_THAT(status(other), HasReason("RECORD_REPLACED"));
  v1::WatchEventsRequest both;
  both.set_after_revision(1);
  both.set_from_now(true);
  EXPECT_THAT(status(both), NamesField("after_revision"));
  v1::WatchEventsRequest kind;
  kind.add_kinds(static_cast<v1::EventKind>(77));
  EXPECT_THAT(status(kind), NamesField("kinds[0]"));
}

}  // namespace
}  // namespace mitra
