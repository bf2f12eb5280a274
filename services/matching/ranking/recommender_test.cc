#include "services/matching/ranking/recommender.h"

#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"

namespace mitra::matching {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class RecommenderTest : public testing::Test {
 protected:
  RecommenderTest()
      : source_(world_),
        trust_({}),
        recommender_(source_, trust_, world_.clock) {
    query_.kind = FindKind(v1::RECOMMENDATION_KIND_MENTOR);
    profile_ = RankingProfile::Default();
    profile_.newcomer_share = 0;
    profile_.bridging_share = 0;
    profile_.group_cap = 0;
    query_.profile = &profile_;
    world_.Add(AProfile("sari"));
  }

  absl::StatusOr<Ranking> Rank(const std::string& id = "sari") {
    view_ = world_.view();
    subject_ = world_.SubjectOf(view_, id);
    rpc::CallContext call;
    return rpc::SyncWait(recommender_.Rank(call, view_, subject_, query_));
  }
  std::vector<std::string> Ids(const absl::StatusOr<Ranking>& ranking) {
    std::vector<std::string> ids;
    if (!ranking.ok()) return ids;
    for (const Ranked& ranked : ranking->items) {
      ids.emplace_back(view_.members.at(ranked.member).id.view());
    }
    return ids;
  }

  World world_;
  FakeCandidateSource source_;
  TrustCache trust_;
  Recommender recommender_;
  RankingProfile profile_;
  RankQuery query_;
  MatchingView view_;
  Subject subject_;
};

TEST_F(RecommenderTest, MutualInterestStandsAboveOneSidedInterest) {
  world_.AddMentor("idol");
  world_.AddMentor("peer");
  // Alike in everything but what each wants of the other.
  query_.kind = FindKind(v1::RECOMMENDATION_KIND_INVESTOR);
  auto idol = AProfile("idol2", v1::ROLE_INVESTOR);
  auto peer = AProfile("peer2", v1::ROLE_INVESTOR);
  world_.Add(idol);
  world_.Add(peer);
  source_.similarity["idol2"] = {.9f, -.9f};
  source_.similarity["peer2"] = {.4f, .4f};

  EXPECT_THAT(Ids(Rank()), ElementsAre("peer2", "idol2"));
}

TEST_F(RecommenderTest, EqualScoresStandInTheOrderOfTheirIds) {
  for (const char* id : {"m3", "m1", "m4", "m2"}) world_.AddMentor(id);

  EXPECT_THAT(Ids(Rank()), ElementsAre("m1", "m2", "m3", "m4"));
}

TEST_F(RecommenderTest, NeverShowsWhoIsNotEligible) {
  world_.AddMentor("ok");
  world_.AddMentor("blocked");
  world_.AddMentor("blocks");
  world_.AddMentor("gone");
  auto hidden = AProfile("hidden", v1::ROLE_MENTOR);
  hidden.set_hidden(true);
  world_.Add(hidden);
  auto full = AProfile("full", v1::ROLE_MENTOR);
  full.mutable_facets(0)->mutable_seats()->set_taken(3);
  world_.Add(full);
  auto paused = AProfile("paused", v1::ROLE_MENTOR);
  paused.mutable_facets(0)->set_paused(true);
  world_.Add(paused);
  auto picky = AProfile("picky", v1::ROLE_MENTOR);
  picky.mutable_facets(0)->mutable_acceptance()->add_region_codes("31");
  world_.Add(picky);
  world_.Block("sari", "blocked");
  world_.Block("blocks", "sari");
  world_.Delete("gone");

  EXPECT_THAT(Ids(Rank()), ElementsAre("ok"));
  // In degraded mode too.
  world_.Tie("sari", "blocked");
  world_.Tie("sari", "full");
  world_.Tie("sari", "ok");
  source_.failure = absl::UnavailableError("search is away");
  const auto degraded = Rank();
  EXPECT_THAT(Ids(degraded), ElementsAre("ok"));
}

TEST_F(RecommenderTest, IsNeverItsOwnCandidate) {
  auto both = AProfile("both", v1::ROLE_MENTOR);
  both.add_facets()->set_role(v1::ROLE_BUSINESS);
  world_.Add(both);
  world_.AddMentor("other");

  EXPECT_THAT(Ids(Rank("both")), ElementsAre("other"));
}

TEST_F(RecommenderTest, GoesDeeperUntilEnoughAreLeft) {
  for (int i = 0; i < 900; ++i) {
    auto profile = AProfile(absl::StrFormat("m%03d", i), v1::ROLE_MENTOR);
    // What search finds first cannot be shown.
    if (i < 800) profile.mutable_facets(0)->set_paused(true);
    world_.Add(profile);
  }
  query_.wanted = 10;

  const auto ranking = Rank();

  MITRA_ASSERT_OK(ranking);
  EXPECT_GE(ranking->items.size(), 10u);
  EXPECT_GT(source_.asked.size(), 1u);
  EXPECT_THAT(Ids(ranking), Contains("m800"));
}

TEST_F(RecommenderTest, FindsTheLastEligibleBehindEverythingThatSearchGives) {
  for (int i = 0; i < 2100; ++i) {
    auto profile = AProfile(absl::StrFormat("m%04d", i), v1::ROLE_MENTOR);
    if (i < 2099) profile.mutable_facets(0)->set_paused(true);
    world_.Add(profile);
  }

  const auto ranking = Rank();

  EXPECT_THAT(Ids(ranking), ElementsAre("m2099"));
  EXPECT_TRUE(ranking->exhausted);
}

TEST_F(RecommenderTest, WithoutSearchTheWalkGivesCandidatesAndTheAnswerSaysSo) {
  world_.AddMentor("known");
  world_.AddMentor("stranger");
  world_.Tie("sari", "known");
  source_.failure = absl::UnavailableError("search is away");

  const auto ranking = Rank();

  EXPECT_THAT(Ids(ranking), ElementsAre("known"));
  EXPECT_EQ(ranking->degraded,
            DegradedBit(v1::DEGRADED_REASON_SEARCH_UNAVAILABLE));
}

TEST_F(RecommenderTest, ErrorsThatAreNoAbsenceAreErrors) {
  source_.failure = absl::InvalidArgumentError("wrong");

  EXPECT_THAT(Rank(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RecommenderTest, MissingSignalsAreNeutralAndReported) {
  v1::Profile bare;
  bare.set_profile_id("bare");
  bare.set_kind(v1::MEMBER_KIND_BUSINESS);
  bare.set_display_name("Bare");
  bare.add_facets()->set_role(v1::ROLE_BUSINESS);
  world_.Add(bare);
  world_.AddMentor("m1");
  v1::Profile silent;
  silent.set_profile_id("silent");
  silent.set_kind(v1::MEMBER_KIND_PERSON);
  silent.set_display_name("Silent");
  silent.add_facets()->set_role(v1::ROLE_MENTOR);
  silent.mutable_facets(0)->mutable_seats()->set_total(3);
  world_.Add(silent);
  source_.need_missing = true;
  source_.offer_missing = true;

  const auto ranking = Rank("bare");

  MITRA_ASSERT_OK(ranking);
  ASSERT_THAT(ranking->items, SizeIs(2));
  EXPECT_EQ(ranking->missing,
            kMissingVectors | kMissingTies | kMissingRegion | kMissingSectors);
  // Nothing is known of the pair that would set one apart.
  EXPECT_FLOAT_EQ(ranking->items[0].score.key, ranking->items[1].score.key);
  for (const Ranked& ranked : ranking->items) {
    EXPECT_TRUE(std::isfinite(ranked.score.key));
    EXPECT_GT(ranked.score.match, 0);
    EXPECT_LT(ranked.score.match, 1);
  }
}

TEST_F(RecommenderTest, TrustLiftsWhomFriendsTrust) {
  world_.AddMentor("a-stranger");
  world_.AddMentor("z-trusted");
  world_.Add(AProfile("friend"));
  world_.Tie("sari", "friend", v1::EVIDENCE_KIND_COLLABORATION, 3);
  world_.Tie("friend", "z-trusted", v1::EVIDENCE_KIND_MENTORING, 3);

  const auto ranking = Rank();

  EXPECT_THAT(Ids(ranking), ElementsAre("z-trusted", "a-stranger"));
  EXPECT_GT(ranking->items[0].trust, 0);
  EXPECT_NE(ranking->items[0].sources & kFromTrust, 0);
  EXPECT_EQ(ranking->items[1].trust, 0);
}

TEST_F(RecommenderTest, NearAndOfTheSameTradeStandsBeforeFarAndOther) {
  world_.AddMentor("z-near-food");
  auto far = AProfile("a-far-food", v1::ROLE_MENTOR);
  far.set_region_code("73.71");
  world_.Add(far);
  auto other = AProfile("b-near-metal", v1::ROLE_MENTOR);
  other.mutable_sectors(0)->set_code("25111");
  world_.Add(other);

  const auto ids = Ids(Rank());

  ASSERT_THAT(ids, SizeIs(3));
  EXPECT_EQ(ids[0], "z-near-food");
}

TEST_F(RecommenderTest, OffersThatMeetNeedsLift) {
  auto seeker = AProfile("seeker");
  auto* need = seeker.mutable_facets(0)->add_needs();
  need->set_need_id("n1");
  need->set_resource(v1::RESOURCE_MENTORING);
  world_.Add(seeker);
  auto gives = AProfile("z-gives", v1::ROLE_MENTOR);
  auto* offer = gives.mutable_facets(0)->add_offers();
  offer->set_offer_id("o1");
  offer->set_resource(v1::RESOURCE_MENTORING);
  world_.Add(gives);
  auto trains = AProfile("a-trains", v1::ROLE_MENTOR);
  offer = trains.mutable_facets(0)->add_offers();
  offer->set_offer_id("o1");
  offer->set_resource(v1::RESOURCE_TRAINING);
  world_.Add(trains);

  EXPECT_THAT(Ids(Rank("seeker")), ElementsAre("z-gives", "a-trains"));
}

TEST_F(RecommenderTest, TopSlatesHoldNewcomersWhereThereAreSome) {
  profile_.newcomer_share = .1;
  for (int i = 0; i < 30; ++i) {
    world_.AddMentor(absl::StrFormat("old%02d", i));
    world_.Add(AProfile(absl::StrFormat("fan%02d", i)));
  }
  for (int i = 0; i < 30; ++i) {
    for (int j = 0; j < 3; ++j) {
      world_.Tie(absl::StrFormat("fan%02d", (i + j) % 30),
                 absl::StrFormat("old%02d", i));
    }
  }
  world_.AddMentor("new1");
  world_.AddMentor("new2");
  source_.similarity["new1"] = {.1f, .1f};
  source_.similarity["new2"] = {.1f, .1f};

  const auto ids = Ids(Rank());

  int newcomers = 0;
  for (size_t i = 0; i < 10; ++i) newcomers += ids[i].substr(0, 3) == "new";
  EXPECT_GE(newcomers, 1);
}

TEST_F(RecommenderTest, ASubjectOnlyInTheRequestIsRankedAndNothingIsStored) {
  world_.AddMentor("m1");
  Subject subject;
  const OwnedMember made = MakeMember(AProfile("made-up"), {});
  subject.member = made.get();
  subject.voice = std::make_shared<const TransientVoice>();
  const MatchingView view = world_.view();
  rpc::CallContext call;

  const auto ranking =
      rpc::SyncWait(recommender_.Rank(call, view, subject, query_));

  MITRA_ASSERT_OK(ranking);
  EXPECT_THAT(ranking->items, SizeIs(1));
  EXPECT_EQ(world_.view().members.live(), 2u);
}

TEST_F(RecommenderTest, WorkWhoseDeadlineHasPassedIsNotStarted) {
  world_.AddMentor("m1");
  view_ = world_.view();
  subject_ = world_.SubjectOf(view_, "sari");
  rpc::CallContext call;
  call.deadline = absl::Now() - absl::Seconds(1);

  EXPECT_THAT(rpc::SyncWait(recommender_.Rank(call, view_, subject_, query_)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(source_.asked, IsEmpty());
}

TEST_F(RecommenderTest, SearchGetsOnlyAShareOfTheBudgetAndTheCallKeepsIts) {
  world_.AddMentor("m1");
  view_ = world_.view();
  subject_ = world_.SubjectOf(view_, "sari");
  rpc::CallContext call;
  const absl::Time deadline = absl::Now() + absl::Seconds(1);
  call.deadline = deadline;
  absl::Time seen;
  source_.before_answer = [&] { seen = call.deadline; };

  MITRA_ASSERT_OK(
      rpc::SyncWait(recommender_.Rank(call, view_, subject_, query_)));

  EXPECT_LT(seen, deadline - absl::Milliseconds(100));
  EXPECT_EQ(call.deadline, deadline);
}

// The cache has the heaviest at hand; without them they are sought.
TEST_F(RecommenderTest, TheWalkGivesTheSameCandidatesWithAndWithoutItsCache) {
  for (int i = 0; i < 200; ++i) {
    const std::string id = absl::StrFormat("m%03d", i);
    world_.Add(AProfile(id, i % 3 == 0 ? v1::ROLE_BUSINESS : v1::ROLE_MENTOR));
    world_.Tie(i % 5 == 0 ? "sari" : absl::StrFormat("m%03d", i / 5 * 5), id,
               v1::EVIDENCE_KIND_COLLABORATION, 1 + i % 4);
  }
  view_ = world_.view();
  subject_ = world_.SubjectOf(view_, "sari");
  const auto cached = recommender_.TrustOf(view_, subject_);
  ASSERT_FALSE(cached->heaviest.empty());
  const auto plain = [&] {
    auto copy = std::make_shared<TrustVector>(*cached);
    copy->heaviest.clear();
    return copy;
  }();
  for (const size_t wanted : {1u, 10u, 64u, 1000u}) {
    const MarketDepth depth = {.retrieved = 10, .trust_candidates = wanted};
    const auto ids = [&](std::shared_ptr<const TrustVector> trust) {
      return recommender_
          .AskForMarket(view_, subject_, query_, std::move(trust), depth)
          .retrieval.also_score_ids;
    };
    EXPECT_FALSE(ids(plain).empty());
    EXPECT_EQ(ids(cached), ids(plain)) << wanted;
  }
  EXPECT_EQ(TrustScale(cached.get()).Of(view_.members.Find("m000")),
            TrustScale(plain.get()).Of(view_.members.Find("m000")));
}

TEST_F(RecommenderTest, WhoWasShownOftenGoesDownAndIsNotDropped) {
  for (const char* id : {"m1", "m2", "m3"}) world_.AddMentor(id);
  source_.similarity = {{"m1", {.50f, .3f}}, {"m2", {.49f, .3f}}};
  ImpressionBook book;
  Recommender tiring(source_, trust_, world_.clock, nullptr,
                     {.impressions = &book});
  profile_.fatigue = .3;
  const auto rank = [&] {
    view_ = world_.view();
    subject_ = world_.SubjectOf(view_, "sari");
    rpc::CallContext call;
    return Ids(rpc::SyncWait(tiring.Rank(call, view_, subject_, query_)));
  };
  EXPECT_THAT(rank(), ElementsAre("m1", "m2", "m3"));
  const MatchingView view = world_.view();
  for (int day = 0; day < 12; ++day) {
    book.Note({view.members.Find("sari"), 1}, {view.members.Find("m1"), 1},
              absl::ToUnixSeconds(world_.clock.Now()) - day * 86'400);
  }
  EXPECT_THAT(rank(), ElementsAre("m2", Not("m1"), "m1"));
  profile_.fatigue = 0;
  EXPECT_THAT(rank(), ElementsAre("m1", "m2", "m3"));
  profile_.fatigue = .3;
  world_.clock.Advance(absl::Hours(24 * 60));
  EXPECT_THAT(rank(), ElementsAre("m1", "m2", "m3"));
}

TEST_F(RecommenderTest, SomebodyOfAnotherCircleStandsInEveryTopTen) {
  auto group = AProfile("koperasi-a", v1::ROLE_COMMUNITY);
  group.set_kind(v1::MEMBER_KIND_GROUP);
  world_.Add(group);
  group.set_profile_id("koperasi-b");
  world_.Add(group);
  world_.Tie("sari", "koperasi-a", v1::EVIDENCE_KIND_MEMBERSHIP);
  for (int i = 0; i < 20; ++i) {
    const std::string id = absl::StrCat("own", i);
    world_.AddMentor(id);
    world_.Tie(id, "koperasi-a", v1::EVIDENCE_KIND_MEMBERSHIP);
    source_.similarity[id] = {.9f, .9f};
  }
  world_.AddMentor("other");
  world_.Tie("other", "koperasi-b", v1::EVIDENCE_KIND_MEMBERSHIP);
  source_.similarity["other"] = {.1f, .1f};
  query_.wanted = 10;
  EXPECT_EQ(Ids(Rank()).back(), "other");
  profile_.bridging_share = .1;
  const std::vector<std::string> ids = Ids(Rank());
  EXPECT_THAT(std::vector<std::string>(ids.begin(), ids.begin() + 10),
              Contains("other"));
}

TEST_F(RecommenderTest, ATraceTellsEachStageInNumbers) {
  for (const char* id : {"m1", "m2", "m3"}) world_.AddMentor(id);
  auto full = AProfile("full", v1::ROLE_MENTOR);
  full.mutable_facets(0)->mutable_seats()->set_total(1);
  full.mutable_facets(0)->mutable_seats()->set_taken(1);
  world_.Add(full);
  world_.Tie("sari", "m1");
  RankTrace trace;
  query_.trace = &trace;
  const auto ids = Ids(Rank());
  EXPECT_THAT(ids, SizeIs(3));
  std::vector<std::string> stages;
  const auto figure = [&](const std::string& stage, const std::string& name) {
    for (const RankTrace::Stage& one : trace.stages()) {
      if (one.name != stage) continue;
      for (const auto& [key, value] : one.figures) {
        if (key == name) return value;
      }
    }
    return -1.;
  };
  for (const RankTrace::Stage& one : trace.stages()) stages.push_back(one.name);
  EXPECT_THAT(stages, ElementsAre("walk", "retrieval", "score", "eligibility",
                                  "rerank", "slate"));
  EXPECT_GT(figure("walk", "edges"), 0);
  EXPECT_EQ(figure("retrieval", "found"), 4);
  EXPECT_EQ(figure("eligibility", "full"), 1);
  EXPECT_EQ(figure("rerank", "scored"), 3);
  EXPECT_EQ(figure("slate", "from_trust"), 1);
  for (const RankTrace::Stage& one : trace.stages()) {
    EXPECT_GE(figure(one.name, "micros"), 0) << one.name;
  }
}

}  // namespace
}  // namespace mitra::matching
