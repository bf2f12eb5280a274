// The life of engagements on a real record.

#include "services/profile/ingest/engagement_records.h"

#include <atomic>
#include <functional>
#include <latch>
#include <limits>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/attribution_token.h"
#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/profile/feed/change_encoder.h"
#include "services/profile/ingest/evidence_records.h"
#include "services/profile/ingest/expiry_sweeper.h"
#include "services/profile/ingest/profile_state.h"
#include "services/profile/ingest/records_fixture.h"
#include "services/profile/ingest/relation_records.h"

namespace mitra::profile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class EngagementRecordsTest : public RecordsFixture {
 protected:
  EngagementRecordsTest() : RecordsFixture({.max_open_requests = 3}) {
    relations_.emplace(*store_, clock_, redirects_);
    engagements_.emplace(*store_, executor_, clock_, rules_);
    sweeper_.emplace(*store_, ingest_, clock_, rules_);
  }
  ~EngagementRecordsTest() override { sweeper_.reset(); }

  static void As(rpc::CallContext& call, absl::string_view who) {
    // "" is the platform that owns everybody, else a member.
    call.identity.credential = "koperasi";
    call.identity.member_id = std::string(who);
  }

  void AddMember(const std::string& id) {
    v1::UpsertProfileRequest request;
    *request.mutable_profile() = ABakery(id);
    Upsert(request);
  }
  void AddMentor(const std::string& id, uint32_t seats) {
    v1::UpsertProfileRequest request;
    *request.mutable_profile() = ABakery(id);
    v1::Facet& facet = *request.mutable_profile()->mutable_facets(0);
    facet.set_role(v1::ROLE_MENTOR);
    facet.mutable_seats()->set_total(seats);
    Upsert(request);
  }
  void Upsert(const v1::UpsertProfileRequest& request) {
    rpc::CallContext call;
    As(call, "");
    v1::Profile response;
    const absl::Status status =
        rpc::SyncWait(profiles_->Upsert(call, request, response));
    ASSERT_TRUE(status.ok()) << status;
  }

  static v1::RequestEngagementRequest Ask(
      const std::string& seeker, const std::string& provider,
      std::vector<std::string> alternates = {}) {
    v1::RequestEngagementRequest request;
    request.set_seeker_id(seeker);
    request.set_provider_id(provider);
    request.set_provider_role(v1::ROLE_MENTOR);
    for (std::string& id : alternates) {
      request.add_alternate_ids(std::move(id));
    }
    return request;
  }
  absl::StatusOr<v1::Engagement> Request(
      const v1::RequestEngagementRequest& request) {
    rpc::CallContext call;
    As(call, request.seeker_id());
    v1::Engagement response;
    const absl::Status status =
        rpc::SyncWait(engagements_->Request(call, request, response));
    if (!status.ok()) return status;
    return response;
  }

  static v1::ChangeEngagementRequest Move(const v1::Engagement& engagement,
                                          const std::string& actor,
                                          v1::EngagementState state) {
    v1::ChangeEngagementRequest request;
    request.set_engagement_id(engagement.engagement_id());
    request.set_actor_id(actor);
    request.set_state(state);
    return request;
  }
  absl::StatusOr<v1::Engagement> Change(
      const v1::ChangeEngagementRequest& request) {
    rpc::CallContext call;
    As(call, request.actor_id());
    v1::Engagement response;
    const absl::Status status =
        rpc::SyncWait(engagements_->Change(call, request, response));
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::Engagement> Change(const v1::Engagement& engagement,
                                        const std::string& actor,
                                        v1::EngagementState state) {
    return Change(Move(engagement, actor, state));
  }

  v1::ListEngagementsResponse List(const std::string& member,
                                   std::vector<v1::EngagementState> states = {},
                                   int page_size = 0,
                                   const std::string& token = "") {
    v1::ListEngagementsRequest request;
    request.set_profile_id(member);
    for (const auto state : states) request.add_states(state);
    request.set_page_size(page_size);
    request.set_page_token(token);
    rpc::CallContext call;
    As(call, member);
    v1::ListEngagementsResponse response;
    const absl::Status status =
        rpc::SyncWait(engagements_->List(call, request, response));
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  v1::EngagementState StateOf(const v1::Engagement& engagement) {
    auto entity =
        store_->Get(EntityType::kEngagement, engagement.engagement_id());
    if (!entity.ok() || !*entity) return v1::ENGAGEMENT_STATE_UNSPECIFIED;
    return StoredEngagement(**entity)->state();
  }

  v1::Standing StandingOf(const std::string& member) {
    v1::Standing standing;
    auto entity = store_->Get(EntityType::kProfile, member);
    if (entity.ok() && *entity) standing.ParseFromString((*entity)->tally);
    return standing;
  }
  // What followers see taken.
  uint32_t Taken(const std::string& member) {
    auto page = store_->ReadChanges(1, {100'000, 64 << 20});
    v1::Profile latest;
    for (const profile::Change& change : page->changes) {
      std::string bytes;
      AppendChange(change, {true, false, true}, 1, bytes);
      v1::WatchResponse response;
      EXPECT_TRUE(response.ParseFromString(bytes));
      for (const auto& one : response.changes()) {
        if (one.profile().profile().profile_id() == member) {
          latest = one.profile().profile();
        }
      }
    }
    return latest.facets_size() > 0 ? latest.facets(0).seats().taken() : 0;
  }

  void Block(const std::string& blocker, const std::string& blocked) {
    rpc::CallContext call;
    As(call, blocker);
    v1::CreateBlockRequest request;
    request.set_blocker_id(blocker);
    request.set_blocked_id(blocked);
    v1::Block response;
    EXPECT_THAT(rpc::SyncWait(relations_->CreateBlock(call, request, response)),
                IsOk());
  }
  void Delete(const std::string& member) {
    rpc::CallContext call;
    As(call, member);
    v1::DeleteProfileRequest request;
    request.set_profile_id(member);
    v1::DeleteProfileResponse response;
    EXPECT_THAT(rpc::SyncWait(profiles_->Delete(call, request, response)),
                IsOk());
  }
  std::vector<v1::Evidence> EvidenceAbout(const std::string& member) {
    std::vector<v1::Evidence> all;
    auto page = store_->ListLinked(member, Relation::kAbout, "", {});
    for (const Entity& entity : page->entities) {
      all.push_back(*EvidenceOf(entity, true));
    }
    return all;
  }

  std::optional<RelationRecords> relations_;
  std::optional<EngagementRecords> engagements_;
  std::optional<ExpirySweeper> sweeper_;
};

TEST_F(EngagementRecordsTest, OneLifeFromRequestToEvidence) {
  AddMember("umkm");
  AddMentor("mentor", 2);
  MITRA_ASSERT_OK_AND_ASSIGN(v1::Engagement e, Request(Ask("umkm", "mentor")));
  EXPECT_EQ(e.state(), v1::ENGAGEMENT_STATE_REQUESTED);
  EXPECT_EQ(e.hold_expire_time().seconds(), kTestNow + 72 * 3600);
  EXPECT_EQ(Taken("mentor"), 1) << "a hold takes a seat";

  const std::string first_etag = e.etag();
  MITRA_ASSERT_OK_AND_ASSIGN(
      e, Change(e, "mentor", v1::ENGAGEMENT_STATE_ACCEPTED));
  EXPECT_NE(e.etag(), first_etag);
  MITRA_ASSERT_OK_AND_ASSIGN(e, Change(e, "umkm", v1::ENGAGEMENT_STATE_ACTIVE));
  EXPECT_EQ(Taken("mentor"), 1);
  auto done = Move(e, "umkm", v1::ENGAGEMENT_STATE_COMPLETED);
  done.set_quality(.9);
  done.set_promise_kept(true);
  MITRA_ASSERT_OK_AND_ASSIGN(e, Change(done));
  EXPECT_EQ(e.quality(), .9);
  EXPECT_EQ(Taken("mentor"), 0);
  EXPECT_EQ(StandingOf("mentor").accepted(), 1);
  const auto about = EvidenceAbout("mentor");
  ASSERT_THAT(about, SizeIs(1));
  EXPECT_EQ(about[0].kind(), v1::EVIDENCE_KIND_MENTORING);
  EXPECT_EQ(about[0].author_id(), "umkm");
  EXPECT_EQ(about[0].quality(), .9);

  EXPECT_EQ(ReasonOf(Change(done).status()), "ILLEGAL_TRANSITION")
      << "one answer for each side";
  auto other = Move(e, "mentor", v1::ENGAGEMENT_STATE_COMPLETED);
  other.set_promise_kept(false);
  EXPECT_THAT(Change(other).status(), IsOk());
  ASSERT_THAT(EvidenceAbout("umkm"), SizeIs(1));
  EXPECT_LE(EvidenceAbout("umkm")[0].quality(), .25);
}

TEST_F(EngagementRecordsTest, RefusesWithReasons) {
  for (const char* id : {"a", "b", "c"}) AddMember(id);
  AddMentor("mentor", 5);
  EXPECT_TRUE(absl::IsInvalidArgument(Request(Ask("a", "a")).status()));
  EXPECT_EQ(ReasonOf(Request(Ask("a", "nobody")).status()),
            "PROFILE_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Request(Ask("a", "b")).status()), "NOT_AVAILABLE")
      << "no mentor";
  Block("mentor", "b");
  EXPECT_EQ(ReasonOf(Request(Ask("b", "mentor")).status()), "NOT_AVAILABLE");

  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement e,
                             Request(Ask("a", "mentor")));
  EXPECT_EQ(ReasonOf(Request(Ask("a", "mentor")).status()), "ALREADY_ENGAGED");
  const auto wrong_side = Change(e, "a", v1::ENGAGEMENT_STATE_ACCEPTED);
  EXPECT_TRUE(absl::IsPermissionDenied(wrong_side.status()));
  const auto third = Change(e, "c", v1::ENGAGEMENT_STATE_ACCEPTED);
  EXPECT_EQ(ReasonOf(third.status()), "ENGAGEMENT_NOT_FOUND");
  EXPECT_EQ(
      ReasonOf(Change(e, "mentor", v1::ENGAGEMENT_STATE_COMPLETED).status()),
      "ILLEGAL_TRANSITION");
  auto accept = Move(e, "mentor", v1::ENGAGEMENT_STATE_ACCEPTED);
  accept.set_etag(e.etag());
  EXPECT_THAT(Change(accept).status(), IsOk());
  EXPECT_EQ(ReasonOf(Change(accept).status()), "ETAG_MISMATCH");
  accept.clear_etag();
  EXPECT_EQ(ReasonOf(Change(accept).status()), "ILLEGAL_TRANSITION");
  auto reason = Move(e, "mentor", v1::ENGAGEMENT_STATE_CANCELLED);
  reason.set_reason_code("BECAUSE");
  EXPECT_TRUE(absl::IsInvalidArgument(Change(reason).status()));
}

TEST_F(EngagementRecordsTest, BadFieldsOfARequestAreNamed) {
  AddMember("a");
  AddMentor("mentor", 5);
  const std::string odd(65, 'x');
  using Request = v1::RequestEngagementRequest;
  const std::pair<const char*, std::function<void(Request&)>> cases[] = {
      {"seeker_id", [](Request& r) { r.clear_seeker_id(); }},
      {"seeker_id", [&](Request& r) { r.set_seeker_id(odd); }},
      {"seeker_id", [](Request& r) { r.set_seeker_id("a/b"); }},
      {"provider_id", [](Request& r) { r.clear_provider_id(); }},
      {"provider_id", [&](Request& r) { r.set_provider_id("\xff"); }},
      {"provider_id", [](Request& r) { r.set_provider_id("a"); }},
      {"provider_role", [](Request& r) { r.clear_provider_role(); }},
      {"provider_role", [](Request& r) { r.set_provider_role(v1::Role(99)); }},
      {"alternate_ids",
       [](Request& r) {
         for (const char* id : {"b", "c", "d", "e", "f", "g"}) {
           r.add_alternate_ids(id);
         }
       }},
      {"alternate_ids[0]", [](Request& r) { r.add_alternate_ids(""); }},
      {"alternate_ids[0]", [](Request& r) { r.add_alternate_ids("mentor"); }},
      {"alternate_ids[1]",
       [](Request& r) {
         r.add_alternate_ids("b");
         r.add_alternate_ids("b");
       }},
      {"note", [](Request& r) { r.set_note(std::string(2001, 'x')); }},
      {"note", [](Request& r) { r.set_note(std::string("a\0b", 3)); }},
      {"note", [](Request& r) { r.set_note("\xc3("); }},
      {"attribution_token",
       [](Request& r) { r.set_attribution_token("rubbish !"); }},
      {"attribution_token",
       [](Request& r) { r.set_attribution_token(std::string(513, 'x')); }},
      {"request_id",
       [](Request& r) { r.set_request_id(std::string(65, 'x')); }},
      {"request_id", [](Request& r) { r.set_request_id("a b"); }},
  };
  for (const auto& [field, spoil] : cases) {
    Request request = Ask("a", "mentor");
    spoil(request);
    EXPECT_THAT(this->Request(request).status(), NamesField(field));
  }
  EXPECT_THAT(List("a").engagements(), IsEmpty()) << "nothing was stored";
  EXPECT_EQ(Taken("mentor"), 0);
}

TEST_F(EngagementRecordsTest, BadFieldsOfAChangeAreNamed) {
  AddMember("a");
  AddMentor("mentor", 5);
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement e,
                             Request(Ask("a", "mentor")));
  using Change = v1::ChangeEngagementRequest;
  const auto completes = [](Change& c) {
    c.set_state(v1::ENGAGEMENT_STATE_COMPLETED);
  };
  const std::pair<const char*, std::function<void(Change&)>> cases[] = {
      {"engagement_id", [](Change& c) { c.clear_engagement_id(); }},
      {"engagement_id", [](Change& c) { c.set_engagement_id("no good"); }},
      {"actor_id", [](Change& c) { c.clear_actor_id(); }},
      {"actor_id", [](Change& c) { c.set_actor_id("-a"); }},
      {"state", [](Change& c) { c.clear_state(); }},
      {"state", [](Change& c) { c.set_state(v1::EngagementState(42)); }},
      {"note", [](Change& c) { c.set_note(std::string(2001, 'x')); }},
      {"note", [](Change& c) { c.set_note("\xff"); }},
      {"reason_code", [](Change& c) { c.set_reason_code("NO_TIME"); }},
      {"reason_code",
       [](Change& c) {
         c.set_state(v1::ENGAGEMENT_STATE_DECLINED);
         c.set_reason_code("BECAUSE");
       }},
      {"quality", [](Change& c) { c.set_quality(.5); }},
      {"quality",
       [&](Change& c) {
         completes(c);
         c.set_quality(1.5);
       }},
      {"quality",
       [&](Change& c) {
         completes(c);
         c.set_quality(std::numeric_limits<double>::quiet_NaN());
       }},
      {"promise_kept", [](Change& c) { c.set_promise_kept(true); }},
      {"etag", [](Change& c) { c.set_etag("not an etag"); }},
      {"request_id", [](Change& c) { c.set_request_id("a b"); }},
  };
  for (const auto& [field, spoil] : cases) {
    Change change = Move(e, "mentor", v1::ENGAGEMENT_STATE_ACCEPTED);
    spoil(change);
    EXPECT_THAT(this->Change(change).status(), NamesField(field));
  }
  EXPECT_EQ(StateOf(e), v1::ENGAGEMENT_STATE_REQUESTED);
}

TEST_F(EngagementRecordsTest, BadFieldsOfReadsAreNamed) {
  AddMember("a");
  rpc::CallContext call;
  As(call, "a");
  v1::GetEngagementRequest get;
  v1::Engagement one;
  EXPECT_THAT(engagements_->Get(call, get, one), NamesField("engagement_id"));
  get.set_engagement_id("g");
  get.set_actor_id("a b");
  EXPECT_THAT(engagements_->Get(call, get, one), NamesField("actor_id"));

  using List = v1::ListEngagementsRequest;
  const std::pair<const char*, std::function<void(List&)>> cases[] = {
      {"profile_id", [](List& l) { l.clear_profile_id(); }},
      {"states[1]",
       [](List& l) {
         l.add_states(v1::ENGAGEMENT_STATE_ACTIVE);
         l.add_states(v1::EngagementState(42));
       }},
      {"states[0]",
       [](List& l) { l.add_states(v1::ENGAGEMENT_STATE_UNSPECIFIED); }},
      {"page_size", [](List& l) { l.set_page_size(-1); }},
      {"page_token", [](List& l) { l.set_page_token("made up"); }},
  };
  for (const auto& [field, spoil] : cases) {
    List list;
    list.set_profile_id("a");
    spoil(list);
    v1::ListEngagementsResponse response;
    EXPECT_THAT(rpc::SyncWait(engagements_->List(call, list, response)),
                NamesField(field));
  }
}

TEST_F(EngagementRecordsTest, ATokenMustBeOfThisSeekerAndProvider) {
  AddMember("a");
  AddMentor("mentor", 5);
  AddMentor("other", 5);
  const auto token = [&](const std::string& subject,
                         const std::string& candidate) {
    Attribution about;
    about.subject_id = subject;
    about.candidate_id = candidate;
    about.kind = v1::RECOMMENDATION_KIND_MENTOR;
    about.slate_id = 77;
    about.position = 2;
    return EncodeAttribution(store_->info().token_key, about, clock_.Now());
  };
  for (const std::string& bad :
       {std::string("rubbish"), token("other", "mentor"), token("a", "other"),
        token("", "mentor")}) {
    v1::RequestEngagementRequest request = Ask("a", "mentor");
    request.set_attribution_token(bad);
    const absl::Status refused = Request(request).status();
    EXPECT_THAT(refused, HasReason("BAD_ATTRIBUTION_TOKEN"));
    EXPECT_THAT(refused, NamesField("attribution_token"));
  }
  EXPECT_EQ(Taken("mentor"), 0);

  v1::RequestEngagementRequest request = Ask("a", "mentor");
  request.set_attribution_token(token("a", "mentor"));
  clock_.Advance(absl::Hours(24 * 31));
  EXPECT_THAT(Request(request).status(),
              HasReason("ATTRIBUTION_TOKEN_EXPIRED"));
  request.set_attribution_token(token("a", "mentor"));
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement e, Request(request));
  EXPECT_EQ(e.attribution().slate_id(), 77u);
  EXPECT_EQ(e.attribution().position(), 2u);
  EXPECT_EQ(e.attribution().kind(), v1::RECOMMENDATION_KIND_MENTOR);
  EXPECT_EQ(e.attribution().subject_id(), "") << "the seeker says it";
  const auto stored = store_->Get(EntityType::kEngagement, e.engagement_id());
  EXPECT_THAT((*stored)->secret, Not(HasSubstr(request.attribution_token())));
}

TEST_F(EngagementRecordsTest, PausedHiddenAndCooledDownMembersAreNotAsked) {
  AddMember("a");
  AddMentor("mentor", 5);
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement e,
                             Request(Ask("a", "mentor")));
  auto decline = Move(e, "mentor", v1::ENGAGEMENT_STATE_DECLINED);
  decline.set_reason_code("NO_TIME");
  EXPECT_THAT(Change(decline).status(), IsOk());
  EXPECT_EQ(Taken("mentor"), 0);
  EXPECT_EQ(ReasonOf(Request(Ask("a", "mentor")).status()), "COOLING_DOWN");
  clock_.Advance(rules_.cool_down);
  EXPECT_THAT(Request(Ask("a", "mentor")).status(), IsOk());

  v1::UpsertProfileRequest paused;
  *paused.mutable_profile() = ABakery("paused");
  paused.mutable_profile()->mutable_facets(0)->set_role(v1::ROLE_MENTOR);
  paused.mutable_profile()->mutable_facets(0)->mutable_seats()->set_total(1);
  paused.mutable_profile()->mutable_facets(0)->set_paused(true);
  Upsert(paused);
  EXPECT_EQ(ReasonOf(Request(Ask("a", "paused")).status()), "NOT_AVAILABLE");
  paused.mutable_profile()->mutable_facets(0)->set_paused(false);
  paused.mutable_profile()->set_hidden(true);
  Upsert(paused);
  EXPECT_EQ(ReasonOf(Request(Ask("a", "paused")).status()), "NOT_AVAILABLE");
}

TEST_F(EngagementRecordsTest, ASeekerHasABoundedNumberOfOpenRequests) {
  AddMember("a");
  for (int i = 0; i < 4; ++i) AddMentor(absl::StrCat("m", i), 1);
  std::vector<v1::Engagement> asked;
  for (int i = 0; i < 3; ++i) {
    MITRA_ASSERT_OK_AND_ASSIGN(asked.emplace_back(),
                               Request(Ask("a", absl::StrCat("m", i))));
  }
  EXPECT_EQ(ReasonOf(Request(Ask("a", "m3")).status()), "TOO_MANY_OPEN");
  EXPECT_THAT(Change(asked[0], "a", v1::ENGAGEMENT_STATE_CANCELLED).status(),
              IsOk());
  EXPECT_THAT(Request(Ask("a", "m3")).status(), IsOk());
}

TEST_F(EngagementRecordsTest, RepeatsAreHarmless) {
  AddMember("a");
  AddMentor("mentor", 5);
  auto request = Ask("a", "mentor");
  request.set_request_id("r-1");
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement first, Request(request));
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement again, Request(request));
  EXPECT_EQ(again.engagement_id(), first.engagement_id());
  EXPECT_EQ(Taken("mentor"), 1);
  request.set_note("lain");
  EXPECT_EQ(ReasonOf(Request(request).status()), "REQUEST_ID_REUSED");

  auto accept = Move(first, "mentor", v1::ENGAGEMENT_STATE_ACCEPTED);
  accept.set_request_id("r-2");
  EXPECT_THAT(Change(accept).status(), IsOk());
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement twice, Change(accept));
  EXPECT_EQ(twice.state(), v1::ENGAGEMENT_STATE_ACCEPTED);
  EXPECT_EQ(StandingOf("mentor").accepted(), 1);
}

// Runs `one` for each of `count` on a thread of its own, all at once.
template <typename One>
int InParallel(int count, One one) {
  std::latch ready(count);
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      ready.arrive_and_wait();
      good += one(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return good;
}

TEST_F(EngagementRecordsTest, OfFiftyRequestsForOneSeatOneWins) {
  for (int i = 0; i < 50; ++i) AddMember(absl::StrCat("u", i));
  AddMentor("mentor", 1);
  std::atomic<int> refused = 0;
  EXPECT_EQ(InParallel(50,
                       [&](int i) {
                         const auto e =
                             Request(Ask(absl::StrCat("u", i), "mentor"));
                         refused += ReasonOf(e.status()) == "NO_SEAT";
                         return e.ok();
                       }),
            1);
  EXPECT_EQ(refused, 49);
  EXPECT_EQ(Taken("mentor"), 1);
}

TEST_F(EngagementRecordsTest, OfFiftyAcceptsOnOneSeatOneWins) {
  AddMentor("mentor", 50);
  std::vector<v1::Engagement> asked;
  for (int i = 0; i < 50; ++i) {
    AddMember(absl::StrCat("u", i));
    MITRA_ASSERT_OK_AND_ASSIGN(asked.emplace_back(),
                               Request(Ask(absl::StrCat("u", i), "mentor")));
  }
  AddMentor("mentor", 1);  // below what is held: allowed
  EXPECT_EQ(Taken("mentor"), 50);
  std::atomic<int> refused = 0;
  EXPECT_EQ(InParallel(50,
                       [&](int i) {
                         const auto e = Change(asked[i], "mentor",
                                               v1::ENGAGEMENT_STATE_ACCEPTED);
                         refused += ReasonOf(e.status()) == "NO_SEAT";
                         return e.ok();
                       }),
            1);
  EXPECT_EQ(refused, 49);
  AddMember("late");
  EXPECT_EQ(ReasonOf(Request(Ask("late", "mentor")).status()), "NO_SEAT")
      << "none until it falls under the capacity";
}

TEST_F(EngagementRecordsTest, SilenceExpiresAndGoesToTheNextChoice) {
  AddMember("a");
  AddMember("other");
  AddMentor("silent", 1);
  AddMentor("full", 1);
  AddMentor("blocked", 1);
  AddMentor("next", 1);
  AddMentor("last", 1);
  EXPECT_THAT(Request(Ask("other", "full")).status(), IsOk());
  Block("blocked", "a");
  MITRA_ASSERT_OK_AND_ASSIGN(
      const v1::Engagement e,
      Request(Ask("a", "silent", {"full", "blocked", "next", "last"})));
  const auto full = List("full").engagements(0);
  EXPECT_THAT(Change(full, "full", v1::ENGAGEMENT_STATE_ACCEPTED).status(),
              IsOk());
  clock_.Advance(rules_.hold - absl::Seconds(1));
  EXPECT_EQ(*sweeper_->Sweep(), 0);
  EXPECT_EQ(StateOf(e), v1::ENGAGEMENT_STATE_REQUESTED);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(
      ReasonOf(Change(e, "silent", v1::ENGAGEMENT_STATE_ACCEPTED).status()),
      "ILLEGAL_TRANSITION")
      << "too late, though nobody has swept yet";
  EXPECT_EQ(*sweeper_->Sweep(), 1);

  EXPECT_EQ(StateOf(e), v1::ENGAGEMENT_STATE_EXPIRED);
  EXPECT_EQ(Taken("silent"), 0);
  EXPECT_EQ(StandingOf("silent").unanswered(), 1);
  const auto waiting = List("a", {v1::ENGAGEMENT_STATE_REQUESTED});
  ASSERT_THAT(waiting.engagements(), SizeIs(1));
  const v1::Engagement& next = waiting.engagements(0);
  EXPECT_EQ(next.provider_id(), "next");
  EXPECT_THAT(next.alternate_ids(), ElementsAre("last"));
  EXPECT_EQ(List("silent").engagements(0).next_engagement_id(),
            next.engagement_id());
  EXPECT_EQ(Taken("next"), 1);
  EXPECT_EQ(*sweeper_->Sweep(), 0);

  EXPECT_THAT(Change(next, "next", v1::ENGAGEMENT_STATE_DECLINED).status(),
              IsOk());
  EXPECT_EQ(
      List("a", {v1::ENGAGEMENT_STATE_REQUESTED}).engagements(0).provider_id(),
      "last");
}

TEST_F(EngagementRecordsTest, ListsTheNewestFirstInPages) {
  AddMember("a");
  AddMentor("mentor", 100);
  std::vector<std::string> expected;
  for (int i = 0; i < 7; ++i) {
    AddMember(absl::StrCat("u", i));
    MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement e,
                               Request(Ask(absl::StrCat("u", i), "mentor")));
    expected.insert(expected.begin(), e.engagement_id());
    if (i % 2 == 0) {
      EXPECT_THAT(Change(e, "mentor", v1::ENGAGEMENT_STATE_ACCEPTED).status(),
                  IsOk());
    }
  }
  std::vector<std::string> ids;
  std::string token;
  do {
    const auto page = List("mentor", {}, 3, token);
    EXPECT_LE(page.engagements_size(), 3);
    for (const auto& e : page.engagements()) ids.push_back(e.engagement_id());
    token = page.next_page_token();
  } while (!token.empty());
  EXPECT_EQ(ids, expected);
  EXPECT_THAT(List("mentor", {v1::ENGAGEMENT_STATE_ACCEPTED}).engagements(),
              SizeIs(4));
}

TEST_F(EngagementRecordsTest, TheDeletedLeaveNothingBehind) {
  AddMember("a");
  AddMember("b");
  AddMentor("mentor", 2);
  AddMentor("spare", 2);
  AddMentor("gone", 2);
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement one,
                             Request(Ask("a", "mentor", {"gone"})));
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement two,
                             Request(Ask("b", "gone", {"spare"})));
  Delete("gone");

  EXPECT_EQ(StateOf(two), v1::ENGAGEMENT_STATE_UNSPECIFIED);
  EXPECT_THAT(List("a").engagements(0).alternate_ids(), IsEmpty());
  const auto next = List("b");
  ASSERT_THAT(next.engagements(), SizeIs(1)) << "on to the next choice";
  EXPECT_EQ(next.engagements(0).provider_id(), "spare");

  EXPECT_EQ(Taken("mentor"), 1);
  Delete("a");
  EXPECT_EQ(Taken("mentor"), 0) << "the seat is free again";
  EXPECT_EQ(StateOf(one), v1::ENGAGEMENT_STATE_UNSPECIFIED);
  EXPECT_THAT(List("mentor").engagements(), IsEmpty());
  auto page = store_->ReadChanges(1, {100'000, 64 << 20});
  for (const profile::Change& change : page->changes) {
    const Entity* entity = std::get_if<Entity>(&change);
    if (entity == nullptr) continue;
    for (const std::string* bytes :
         {&entity->key, &entity->body, &entity->secret, &entity->tally}) {
      EXPECT_EQ(bytes->find("gone"), std::string::npos) << entity->key;
    }
  }
}

TEST_F(EngagementRecordsTest, OthersSeeNothing) {
  for (const char* id : {"a", "c"}) AddMember(id);
  AddMentor("mentor", 1);
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement e,
                             Request(Ask("a", "mentor")));
  const auto get = [&](const std::string& who, const std::string& credential) {
    rpc::CallContext call;
    As(call, who);
    call.identity.credential = credential;
    v1::GetEngagementRequest request;
    request.set_engagement_id(e.engagement_id());
    request.set_actor_id(who);
    v1::Engagement response;
    return engagements_->Get(call, request, response);
  };
  EXPECT_THAT(get("a", "koperasi"), IsOk());
  EXPECT_THAT(get("mentor", "koperasi"), IsOk());
  EXPECT_THAT(get("", "koperasi"), IsOk());
  EXPECT_TRUE(absl::IsNotFound(get("c", "koperasi")));
  EXPECT_TRUE(absl::IsNotFound(get("", "lain")));
}

TEST_F(EngagementRecordsTest, CountsOfSeatsAreThoseOfTheEngagements) {
  constexpr int kMembers = 6, kMentors = 3;
  for (int i = 0; i < kMembers; ++i) AddMember(absl::StrCat("u", i));
  for (int i = 0; i < kMentors; ++i) AddMentor(absl::StrCat("m", i), 2);
  uint32_t random = 7;
  const auto next = [&](uint32_t n) {
    random = random * 1664525 + 1013904223;
    return (random >> 8) % n;
  };
  for (int step = 0; step < 400; ++step) {
    const std::string seeker = absl::StrCat("u", next(kMembers));
    const uint32_t m = next(kMentors);
    const std::string mentor = absl::StrCat("m", m);
    switch (next(8)) {
      case 0:
        Delete(seeker);
        AddMember(seeker);
        break;
      case 1:
        clock_.Advance(absl::Hours(next(100)));
        EXPECT_TRUE(sweeper_->Sweep().ok());
        break;
      case 2:
      case 3:
      case 4:
        (void)Request(
            Ask(seeker, mentor, {absl::StrCat("m", (m + 1) % kMentors)}));
        break;
      default: {
        const auto list = List(mentor);
        if (list.engagements_size() == 0) break;
        const auto& e =
            list.engagements(static_cast<int>(next(list.engagements_size())));
        (void)Change(e, next(2) == 0 ? mentor : e.seeker_id(),
                     static_cast<v1::EngagementState>(1 + next(7)));
      }
    }
    for (int i = 0; i < kMentors; ++i) {
      const std::string id = absl::StrCat("m", i);
      uint32_t open = 0;
      const auto list = List(id);
      for (const auto& e : list.engagements()) {
        open += IsOpenState(e.state()) && e.provider_id() == id;
      }
      uint32_t counted = 0;
      const v1::Standing standing = StandingOf(id);
      for (const auto& seats : standing.seats()) {
        counted += seats.held() + seats.engaged();
      }
      ASSERT_EQ(counted, open) << id << " after step " << step;
      ASSERT_LE(open, 2) << "no seat is given twice";
    }
  }
}

TEST_F(EngagementRecordsTest, PlacesOfAProgrammeAndOfAGroupAreSeats) {
  v1::UpsertProfileRequest programme;
  *programme.mutable_profile() = ABakery("magang");
  programme.mutable_profile()->set_kind(v1::MEMBER_KIND_PROGRAMME);
  v1::Facet& places = *programme.mutable_profile()->mutable_facets(0);
  places.set_role(v1::ROLE_EDUCATION);
  places.mutable_seats()->set_total(2);
  Upsert(programme);
  AddMentor("mentor", 3);  // one mentor, a group of three
  for (const char* id : {"a", "b", "c", "d"}) AddMember(id);

  const auto join = [&](const std::string& id) {
    v1::RequestEngagementRequest request = Ask(id, "magang");
    request.set_provider_role(v1::ROLE_EDUCATION);
    return Request(request);
  };
  MITRA_ASSERT_OK_AND_ASSIGN(v1::Engagement first, join("a"));
  MITRA_ASSERT_OK(join("b").status());
  EXPECT_EQ(ReasonOf(join("c").status()), "NO_SEAT");
  EXPECT_EQ(Taken("magang"), 2u);
  MITRA_ASSERT_OK(
      Change(first, "magang", v1::ENGAGEMENT_STATE_ACCEPTED).status());
  MITRA_ASSERT_OK(Change(first, "a", v1::ENGAGEMENT_STATE_COMPLETED).status());
  MITRA_ASSERT_OK(join("c").status());
  ASSERT_THAT(EvidenceAbout("magang"), SizeIs(1));
  EXPECT_EQ(EvidenceAbout("magang")[0].kind(), v1::EVIDENCE_KIND_COLLABORATION);

  for (const char* id : {"a", "b", "c"}) {
    MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement e,
                               Request(Ask(id, "mentor")));
    MITRA_ASSERT_OK(
        Change(e, "mentor", v1::ENGAGEMENT_STATE_ACCEPTED).status());
    MITRA_ASSERT_OK(Change(e, id, v1::ENGAGEMENT_STATE_ACTIVE).status());
  }
  EXPECT_EQ(Taken("mentor"), 3u);
  EXPECT_EQ(ReasonOf(Request(Ask("d", "mentor")).status()), "NO_SEAT");
}

TEST_F(EngagementRecordsTest, TheTwoReachEachOtherWhileTheyWorkTogether) {
  for (const char* id : {"siti", "tono"}) {
    v1::UpsertProfileRequest request;
    *request.mutable_profile() = ABakery(id);
    request.mutable_profile()->mutable_contact()->set_phone("+628123456789");
    Upsert(request);
  }
  v1::UpsertProfileRequest mentor;
  *mentor.mutable_profile() = ABakery("budi");
  mentor.mutable_profile()->mutable_contact()->set_phone("+628111111111");
  v1::Facet& facet = *mentor.mutable_profile()->mutable_facets(0);
  facet.set_role(v1::ROLE_MENTOR);
  facet.mutable_seats()->set_total(3);
  Upsert(mentor);
  const auto phone = [&](const std::string& actor, const std::string& of,
                         v1::ProfileView view = v1::PROFILE_VIEW_UNSPECIFIED) {
    rpc::CallContext call;
    As(call, actor);
    v1::GetProfileRequest request;
    request.set_profile_id(of);
    request.set_actor_id(actor);
    request.set_view(view);
    v1::Profile profile;
    EXPECT_THAT(profiles_->Get(call, request, profile), IsOk());
    return profile.contact().phone();
  };
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Engagement asked,
                             Request(Ask("siti", "budi")));
  EXPECT_EQ(phone("siti", "budi"), "") << "only asked";
  MITRA_ASSERT_OK(Change(asked, "budi", v1::ENGAGEMENT_STATE_ACCEPTED));
  MITRA_ASSERT_OK(Change(asked, "budi", v1::ENGAGEMENT_STATE_ACTIVE));
  EXPECT_EQ(phone("siti", "budi"), "+628111111111");
  EXPECT_EQ(phone("budi", "siti"), "+628123456789");
  EXPECT_EQ(phone("siti", "budi", v1::PROFILE_VIEW_PUBLIC), "");
  EXPECT_EQ(phone("tono", "budi"), "") << "a stranger";
  MITRA_ASSERT_OK(Change(asked, "siti", v1::ENGAGEMENT_STATE_CANCELLED));
  EXPECT_EQ(phone("siti", "budi"), "") << "over";
}

TEST_F(EngagementRecordsTest, AMentorIsAskedSoOftenAWeek) {
  AddMentor("budi", 100);
  for (int i = 0; i <= rules_.weekly_requests; ++i) {
    AddMember(absl::StrCat("usaha-", i));
  }
  for (int i = 0; i < rules_.weekly_requests; ++i) {
    MITRA_ASSERT_OK(Request(Ask(absl::StrCat("usaha-", i), "budi")));
  }
  const auto last = Ask(absl::StrCat("usaha-", rules_.weekly_requests), "budi");
  EXPECT_EQ(ReasonOf(Request(last).status()), "WEEKLY_CAP");
  clock_.Advance(absl::Hours(7 * 24) + absl::Seconds(1));
  MITRA_EXPECT_OK(Request(last));
}

}  // namespace
}  // namespace mitra::profile
