#include "services/matching/slates/slate_server.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/attribution_token.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"

namespace mitra::matching {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class SlateServerTest : public testing::Test {
 protected:
  SlateServerTest()
      : source_(world_),
        trust_({}),
        recommender_(source_, trust_, world_.clock),
        cache_(nullptr, nullptr, world_.clock, {}),
        server_([this] { return world_.view(); }, recommender_, cache_, epochs_,
                timer_) {
    world_.Add(AProfile("sari"));
    request_.kind = FindKind(v1::RECOMMENDATION_KIND_MENTOR);
    request_.profile = &RankingProfile::Default();
    request_.parameters = DefaultParameters();
  }

  absl::StatusOr<v1::Slate> Serve(const std::string& id = "sari") {
    rpc::CallContext call;
    SubjectName name;
    name.id = id;
    return rpc::SyncWait(server_.Serve(call, name, request_));
  }
  static std::vector<std::string> Ids(const absl::StatusOr<v1::Slate>& slate) {
    std::vector<std::string> ids;
    if (!slate.ok()) return {slate.status().ToString()};
    for (const auto& one : slate->recommendations()) {
      ids.push_back(one.profile_id());
    }
    return ids;
  }
  void AddMentors(int count) {
    for (int i = 0; i < count; ++i) {
      world_.AddMentor(absl::StrFormat("m%03d", i));
    }
  }

  World world_;
  FakeCandidateSource source_;
  TrustCache trust_;
  Recommender recommender_;
  SlateCache cache_;
  EpochBoard epochs_;
  Timer timer_;
  SlateServer server_;
  SlateRequest request_;
};

TEST_F(SlateServerTest, ComputesOnceAndServesFromTheCacheThen) {
  AddMentors(20);

  const auto first = Serve();
  const auto second = Serve();

  MITRA_ASSERT_OK(first);
  MITRA_ASSERT_OK(second);
  EXPECT_EQ(first->source(), v1::SLATE_SOURCE_COMPUTED);
  EXPECT_EQ(second->source(), v1::SLATE_SOURCE_CACHED);
  EXPECT_EQ(Ids(first), Ids(second));
  EXPECT_THAT(source_.asked, SizeIs(1));
  EXPECT_THAT(Ids(first), SizeIs(10));
  EXPECT_FALSE(first->has_eligible());
}

TEST_F(SlateServerTest, SaysHowManyAreEligibleWhenFewerThanAskedFor) {
  AddMentors(3);

  const auto slate = Serve();

  MITRA_ASSERT_OK(slate);
  EXPECT_EQ(slate->eligible(), 3u);
  EXPECT_TRUE(slate->next_page_token().empty());
}

TEST_F(SlateServerTest, WhoMayNotBeShownLeavesACachedSlateAtOnce) {
  AddMentors(30);
  const auto before = Ids(Serve());
  ASSERT_THAT(before, SizeIs(10));

  world_.Delete(before[0]);
  auto hidden = AProfile(before[1], v1::ROLE_MENTOR);
  hidden.set_hidden(true);
  world_.Add(hidden);
  auto full = AProfile(before[2], v1::ROLE_MENTOR);
  full.mutable_facets(0)->mutable_seats()->set_taken(3);
  world_.Add(full);
  const auto verified = Serve();
  EXPECT_EQ(verified->source(), v1::SLATE_SOURCE_CACHED);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Ids(verified), Not(Contains(before[i])));
  }

  world_.Block("sari", before[3]);
  world_.Block(before[4], "sari");
  const auto after = Serve();
  EXPECT_THAT(Ids(after), SizeIs(10));
  for (int i = 0; i < 5; ++i) EXPECT_THAT(Ids(after), Not(Contains(before[i])));
  world_.Block("sari", before[3], false);
  EXPECT_THAT(Ids(Serve()), Contains(before[3]));
}

TEST_F(SlateServerTest, AMemberCreatedAgainIsAnotherOne) {
  AddMentors(30);
  const auto before = Ids(Serve());
  world_.Delete(before[0]);
  world_.Add(AProfile(before[0], v1::ROLE_MENTOR), /*incarnation=*/2);

  EXPECT_THAT(Ids(Serve()), Not(Contains(before[0])));
}

TEST_F(SlateServerTest, IsToppedUpBeyondWhatWasCached) {
  AddMentors(200);
  const auto before = Ids(Serve());
  for (int i = 0; i < 195; ++i) world_.Delete(absl::StrFormat("m%03d", i));

  const auto after = Serve();

  EXPECT_THAT(Ids(after), ElementsAre("m195", "m196", "m197", "m198", "m199"));
  EXPECT_EQ(after->eligible(), 5u);
}

TEST_F(SlateServerTest, AChangedSubjectGetsANewSlate) {
  AddMentors(5);
  (void)Serve();
  world_.Add(AProfile("sari"));

  EXPECT_EQ(Serve()->source(), v1::SLATE_SOURCE_COMPUTED);
}

TEST_F(SlateServerTest, AnOldSlateIsNotServed) {
  AddMentors(5);
  (void)Serve();
  world_.clock.Advance(absl::Minutes(11));

  EXPECT_EQ(Serve()->source(), v1::SLATE_SOURCE_COMPUTED);
}

TEST_F(SlateServerTest, ALateRefillDoesNotBringBackWhoLeftMeanwhile) {
  AddMentors(20);
  bool once = true;
  source_.before_answer = [&] {
    if (!std::exchange(once, false)) return;
    world_.Delete("m000");
    world_.Block("sari", "m001");
  };

  // The one that was computing, and the one after it.
  EXPECT_THAT(Ids(Serve()),
              Not(testing::AnyOf(Contains("m000"), Contains("m001"))));
  EXPECT_THAT(Ids(Serve()),
              Not(testing::AnyOf(Contains("m000"), Contains("m001"))));
}

TEST_F(SlateServerTest, ALateRefillOfAnOldSubjectIsNotServed) {
  AddMentors(20);
  bool once = true;
  source_.before_answer = [&] {
    if (std::exchange(once, false)) world_.Add(AProfile("sari"));
  };
  (void)Serve();

  EXPECT_EQ(Serve()->source(), v1::SLATE_SOURCE_COMPUTED);
}

TEST_F(SlateServerTest, FiveHundredEqualScoresArePagedWithoutRepeatOrGap) {
  AddMentors(500);
  request_.page_size = 7;
  std::vector<std::string> seen;
  int pages = 0;
  do {
    const auto page = Serve();
    MITRA_ASSERT_OK(page);
    for (const std::string& id : Ids(page)) seen.push_back(id);
    request_.page_token = page->next_page_token();
    // One comes, one goes, while the pages are walked.
    if (++pages == 10) world_.AddMentor("zz-new");
    if (pages == 20) world_.Delete("m480");
    ASSERT_LT(pages, 100);
  } while (!request_.page_token.empty());

  const std::set<std::string> distinct(seen.begin(), seen.end());
  EXPECT_EQ(distinct.size(), seen.size()) << "an id came twice";
  for (int i = 0; i < 500; ++i) {
    if (i == 480) continue;
    EXPECT_TRUE(distinct.contains(absl::StrFormat("m%03d", i))) << i;
  }
}

TEST_F(SlateServerTest, PagesAreTheWholeListCut) {
  AddMentors(60);
  request_.page_size = 60;
  const auto whole = Ids(Serve());
  request_.page_size = 7;
  std::vector<std::string> joined;
  do {
    const auto page = Serve();
    MITRA_ASSERT_OK(page);
    for (const std::string& id : Ids(page)) joined.push_back(id);
    request_.page_token = page->next_page_token();
  } while (!request_.page_token.empty());

  EXPECT_EQ(joined, whole);
}

TEST_F(SlateServerTest, PageTwoHidesWhoLeftAfterPageOne) {
  AddMentors(40);
  const auto first = Serve();
  request_.page_token = first->next_page_token();
  const auto second = Ids(Serve());
  world_.Block("sari", second[0]);

  const auto again = Ids(Serve());

  EXPECT_THAT(again, SizeIs(10));
  EXPECT_THAT(again, Not(Contains(second[0])));
}

TEST_F(SlateServerTest, WhoBecomesAMentorLeavesCachedSlatesUntilItIsOver) {
  AddMentors(40);
  const auto before = Ids(Serve());
  world_.Engage("sari", before[2], v1::ROLE_MENTOR);

  const auto engaged = Ids(Serve());
  EXPECT_THAT(engaged, SizeIs(10)) << "topped up";
  EXPECT_THAT(engaged, Not(Contains(before[2])));
  request_.fresh = true;
  EXPECT_THAT(Ids(Serve()), Not(Contains(before[2])));
  request_.fresh = false;
  world_.Engage("sari", before[2], v1::ROLE_MENTOR, /*open=*/false);

  EXPECT_EQ(Ids(Serve()), before) << "in the very next slate";
}

TEST_F(SlateServerTest, PageTwoHidesWhoBecameAMentorAfterPageOne) {
  AddMentors(40);
  const auto first = Serve();
  request_.page_token = first->next_page_token();
  const auto second = Ids(Serve());
  world_.Engage("sari", second[0], v1::ROLE_MENTOR);

  EXPECT_THAT(Ids(Serve()), Not(Contains(second[0])));
}

TEST_F(SlateServerTest, TokensSayWhichRecommendationItWas) {
  AddMentors(20);
  request_.page_token = Serve()->next_page_token();
  const auto slate = Serve();
  MITRA_ASSERT_OK(slate);
  const v1::Recommendation& one = slate->recommendations(1);
  MITRA_ASSERT_OK_AND_ASSIGN(
      const Attribution about,
      DecodeAttribution(world_.view().tokens(), one.attribution_token(),
                        "attribution_token", world_.clock.Now()));
  EXPECT_EQ(about.subject_id, "sari");
  EXPECT_EQ(about.subject_incarnation, 1u);
  EXPECT_EQ(about.candidate_id, one.profile_id());
  EXPECT_EQ(about.candidate_incarnation, 1u);
  EXPECT_EQ(about.kind, v1::RECOMMENDATION_KIND_MENTOR);
  EXPECT_EQ(about.position, 11u);
  EXPECT_NE(about.slate_id, 0u);
  EXPECT_EQ(about.ranking_profile, request_.profile->id);
}

TEST_F(SlateServerTest, RefusesTokensOfOthersAndOldOnes) {
  AddMentors(40);
  world_.Add(AProfile("budi"));
  request_.page_token = Serve()->next_page_token();
  ASSERT_FALSE(request_.page_token.empty());

  EXPECT_THAT(Serve("budi"), HasReason("BAD_PAGE_TOKEN"));
  SlateRequest mine = request_;
  request_.kind = FindKind(v1::RECOMMENDATION_KIND_PARTNER);
  EXPECT_THAT(Serve(), HasReason("BAD_PAGE_TOKEN"));
  request_ = mine;
  request_.parameters ^= 1;
  EXPECT_THAT(Serve(), HasReason("BAD_PAGE_TOKEN"));
  request_ = mine;
  request_.page_token = "nonsense";
  EXPECT_THAT(Serve(), HasReason("BAD_PAGE_TOKEN"));
  request_ = mine;
  cache_.Clear();
  EXPECT_THAT(Serve(), HasReason("PAGE_TOKEN_EXPIRED"));
  world_.clock.Advance(absl::Hours(1));
  EXPECT_THAT(Serve(), HasReason("PAGE_TOKEN_EXPIRED"));
}

TEST_F(SlateServerTest, AnUnknownOrDeletedSubjectIsNotFound) {
  EXPECT_THAT(Serve("nobody"), StatusIs(absl::StatusCode::kNotFound));
  (void)Serve();
  world_.Delete("sari");
  EXPECT_THAT(Serve(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SlateServerTest, ADegradedSlateIsMarkedAndNotKept) {
  AddMentors(5);
  world_.Tie("sari", "m001");
  source_.failure = absl::UnavailableError("search is away");
  const auto degraded = Serve();
  MITRA_ASSERT_OK(degraded);
  EXPECT_THAT(degraded->degraded(),
              ElementsAre(v1::DEGRADED_REASON_SEARCH_UNAVAILABLE));
  EXPECT_THAT(Ids(degraded), ElementsAre("m001"));

  source_.failure = absl::OkStatus();
  const auto whole = Serve();

  EXPECT_EQ(whole->source(), v1::SLATE_SOURCE_COMPUTED);
  EXPECT_THAT(whole->degraded(), IsEmpty());
  EXPECT_THAT(Ids(whole), SizeIs(5));
}

TEST_F(SlateServerTest, ScoresAreProbabilitiesAndEveryoneHasAReason) {
  AddMentors(12);
  const auto slate = Serve();
  for (const auto& one : slate->recommendations()) {
    EXPECT_GT(one.score(), 0);
    EXPECT_LT(one.score(), 1);
    EXPECT_NEAR(one.score(), one.subject_wants() * one.candidate_accepts(),
                1e-6);
    EXPECT_GT(one.reasons_size(), 0);
    EXPECT_FALSE(one.path().text().empty());
    EXPECT_FALSE(one.attribution_token().empty());
    EXPECT_EQ(one.seats_free(), 3u);
    EXPECT_EQ(one.terms_size(), 0);
  }
}

TEST_F(SlateServerTest, NoExplanationIsMadeWhereNoneIsWanted) {
  AddMentors(2);
  request_.explanation = v1::EXPLANATION_LEVEL_NONE;
  EXPECT_EQ(Serve()->recommendations(0).reasons_size(), 0);
  request_.explanation = v1::EXPLANATION_LEVEL_FULL;
  EXPECT_GT(Serve()->recommendations(0).terms_size(), 20);
}

TEST_F(SlateServerTest, WhatASlateHasNotSeenIsComputedAnew) {
  AddMentors(5);
  (void)Serve();
  world_.AddMentor("zz");
  request_.min_revision = world_.revision();

  EXPECT_EQ(Serve()->source(), v1::SLATE_SOURCE_COMPUTED);
}

TEST_F(SlateServerTest, APublishedSlateIsServedUntilTheNextEpoch) {
  AddMentors(30);
  rpc::CallContext call;
  SubjectName name;
  name.id = "sari";
  const auto computed =
      rpc::SyncWait(server_.Compute(call, name, request_, 20));
  MITRA_ASSERT_OK(computed);
  auto published = std::make_shared<Slate>(**computed);
  published->published = true;
  cache_.Publish(server_.KeyOf(world_.view(), "sari", request_, 5), published,
                 [](bool) {});
  EXPECT_EQ(Serve()->source(), v1::SLATE_SOURCE_COMPUTED);

  epochs_.Set(v1::RECOMMENDATION_KIND_MENTOR, 5);
  world_.clock.Advance(absl::Hours(3));

  EXPECT_EQ(Serve()->source(), v1::SLATE_SOURCE_PUBLISHED);
  epochs_.Set(v1::RECOMMENDATION_KIND_MENTOR, 6);
  EXPECT_EQ(Serve()->source(), v1::SLATE_SOURCE_COMPUTED);
}

TEST_F(SlateServerTest, TheCacheKeepsWithinItsMemory) {
  SlateCache small(nullptr, nullptr, world_.clock, {.max_bytes = 20'000});
  for (int i = 0; i < 200; ++i) {
    auto slate = std::make_shared<Slate>();
    slate->slate_id = static_cast<uint64_t>(i);
    slate->entries.resize(10);
    small.Put(absl::StrCat("key", i), slate);
  }
  EXPECT_LE(small.stats().bytes, 20'000u);
  EXPECT_GT(small.stats().slates, 0u);
}

TEST_F(SlateServerTest, ANewerValueIsNotOverwrittenByALateOne) {
  auto older = std::make_shared<Slate>();
  older->slate_id = 1;
  older->revision = 10;
  older->compute_time = world_.clock.Now();
  auto newer = std::make_shared<Slate>(*older);
  newer->slate_id = 2;
  newer->revision = 11;

  cache_.Put("key", newer);
  cache_.Put("key", older);

  ASSERT_NE(cache_.Find("key", {}), nullptr);
  EXPECT_EQ(cache_.Find("key", {})->slate_id, 2u);
  EXPECT_EQ(cache_.stats().late, 1u);
}

}  // namespace
}  // namespace mitra::matching
