#include "services/search/retrieval/retriever.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/filter.pb.h"
#include "services/search/index/id_hash.h"
#include "services/search/testing/feed_builder.h"
#include "services/search/testing/sample_index.h"

namespace mitra::search {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t kDimension = 16;

class RetrieverTest : public testing::Test {
 protected:
  explicit RetrieverTest(RolePolicy roles = {})
      : state_({.roles = roles}), vectors_(kDimension, 5) {
    MITRA_EXPECT_OK(state_.Reset(HeaderFor(kDimension)));
    Commit();
  }
  void Apply(const v1::Change& change) {
    MITRA_ASSERT_OK(state_.Apply(change));
    revision_ = std::max(revision_, change.revision());
  }
  void Commit() { MITRA_ASSERT_OK(state_.Commit(revision_)); }
  uint64_t Next() { return ++revision_; }

  Retrieved Run(const Retrieval& retrieval, const SearchPlan& plan = {}) {
    const auto view = state_.Read();
    auto retrieved = Retrieve(*view, retrieval, plan);
    EXPECT_TRUE(retrieved.ok()) << retrieved.status();
    return retrieved.ok() ? *std::move(retrieved) : Retrieved();
  }
  std::vector<std::string> Ids(const Retrieved& retrieved,
                               bool also_scored = false) {
    const auto view = state_.Read();
    std::vector<std::string> ids;
    for (const Candidate& c : retrieved.candidates) {
      if (c.also_scored == also_scored)
        ids.emplace_back(view->member(c.member).id());
    }
    return ids;
  }
  Retrieval For(const std::string& subject, size_t k,
                std::vector<int> roles = {v1::ROLE_MENTOR}) {
    Retrieval retrieval;
    retrieval.subject_id = subject;
    retrieval.k = k;
    retrieval.roles = std::move(roles);
    return retrieval;
  }
  // `n` mentors m0000…, with random vectors, and one business "me".
  void AddMentors(size_t n) {
    for (size_t i = 0; i < n; ++i) {
      Apply(ChangeBuilder(absl::StrCat("m", absl::Dec(i, absl::kZeroPad4)),
                          Next())
                .Facet(v1::ROLE_MENTOR, vectors_.Next(), vectors_.Next())
                .change());
    }
    Apply(ChangeBuilder("me", Next())
              .Facet(v1::ROLE_BUSINESS, vectors_.Next(), vectors_.Next())
              .change());
    Commit();
  }

  IndexState state_;
  UnitVectors vectors_;
  uint64_t revision_ = 0;
};

TEST_F(RetrieverTest, EmptyIndexGivesAnEmptyAnswer) {
  Retrieval retrieval = For("", 10);
  retrieval.need = vectors_.Next();

  const Retrieved retrieved = Run(retrieval);

  EXPECT_THAT(retrieved.candidates, IsEmpty());
  EXPECT_EQ(retrieved.eligible, 0U);
  EXPECT_TRUE(retrieved.offer_missing);
}

TEST_F(RetrieverTest, TinySizesGiveExactlyWhatIsThere) {
  for (size_t n : {1, 3, 9, 40}) {
    AddMentors(n);
    Settle(state_);
    const Retrieved retrieved = Run(For("me", 10));
    EXPECT_EQ(retrieved.candidates.size(), std::min<size_t>(n, 10));
    EXPECT_EQ(retrieved.eligible, n);
    for (const Candidate& c : retrieved.candidates) {
      EXPECT_TRUE(c.score >= -1 && c.score <= 1);
    }
  }
}

TEST_F(RetrieverTest, UnknownSubjectAndMissingFacetAreNotFound) {
  AddMentors(3);
  const auto view = state_.Read();

  EXPECT_THAT(Retrieve(*view, For("nobody", 5), {}),
              StatusIs(absl::StatusCode::kNotFound));
  Retrieval retrieval = For("me", 5);
  retrieval.subject_role = v1::ROLE_MENTOR;
  EXPECT_THAT(Retrieve(*view, retrieval, {}), HasReason("FACET_NOT_FOUND"));
}

TEST_F(RetrieverTest, MembersWithSeveralRolesComeOnceAndNeverAsThemselves) {
  const auto near = vectors_.Next();
  const auto far = vectors_.Next();
  Apply(ChangeBuilder("me", Next())
            .Facet(v1::ROLE_BUSINESS, near, near)
            .Facet(v1::ROLE_MENTOR, near, near)
            .change());
  Apply(ChangeBuilder("both", Next())
            .Facet(v1::ROLE_BUSINESS, far, far)
            .Facet(v1::ROLE_MENTOR, near, near)
            .change());
  Apply(
      ChangeBuilder("one", Next()).Facet(v1::ROLE_BUSINESS, far, far).change());
  Commit();

  const Retrieved retrieved =
      Run(For("me", 10, {v1::ROLE_BUSINESS, v1::ROLE_MENTOR}));

  EXPECT_THAT(Ids(retrieved), ElementsAre("both", "one"));
  EXPECT_EQ(retrieved.candidates[0].role, v1::ROLE_MENTOR);
  EXPECT_NEAR(retrieved.candidates[0].score, 1, 6e-4);
  EXPECT_EQ(retrieved.eligible, 3U);
}

TEST_F(RetrieverTest, SmallRolesAreSearchedForWhatBeatsTheLargest) {
  AddMentors(300);
  for (int i = 0; i < 40; ++i) {
    Apply(ChangeBuilder(absl::StrCat("s", i), Next())
              .Facet(v1::ROLE_SUPPLIER, vectors_.Next(), vectors_.Next())
              .Facet(v1::ROLE_MENTOR, vectors_.Next(), vectors_.Next())
              .change());
  }
  Commit();
  for (const size_t k : {1, 5, 30, 400}) {
    Retrieval both = For("me", k, {v1::ROLE_SUPPLIER, v1::ROLE_MENTOR});
    Retrieval all = both;
    all.k = 1000;
    std::vector<std::string> want = Ids(Run(all));
    ASSERT_EQ(want.size(), 340U);
    want.resize(std::min(k, want.size()));
    EXPECT_EQ(Ids(Run(both)), want) << k;
  }
}

TEST_F(RetrieverTest, MembersAreFoundByTheirIdsInTheOrderAskedFor) {
  AddMentors(50);
  Apply(DeletionOf("m0007", Next(), 1));
  Commit();
  const auto view = state_.Read();

  const std::vector<std::string> ids = {"m0030", "nobody", "m0007", "me",
                                        "m0001"};
  std::vector<std::string> found;
  for (const uint32_t member : view->FindMembers(ids)) {
    found.emplace_back(view->member(member).id());
  }

  EXPECT_THAT(found, ElementsAre("m0030", "me", "m0001"));
  EXPECT_EQ(IdHash64(view->id_hash_key, "m0030"),
            FirstBits(feed::IdHash(view->id_hash_key, "m0030")));
}

TEST(RetrieveAllTest, ManyQuestionsAreAnsweredAsEachByItself) {
  IndexState state(SampleOptions());
  SampleIndex sample(7);
  sample.Fill(state, 900);
  const auto view = state.Read();
  ASSERT_NE(view->roles[v1::ROLE_MENTOR].graph, nullptr);
  v1::MemberFilter few;
  few.mutable_offer_amounts()->Add()->set_min(700'000);
  few.mutable_offer_amounts(0)->set_resource(v1::RESOURCE_CAPITAL);
  few.mutable_offer_amounts(0)->set_currency_code("IDR");
  v1::MemberFilter most;
  most.add_languages("id");
  UnitVectors vectors(SampleIndex::kDimension, 3);
  std::vector<Retrieval> asked(70);  // more than one tile
  for (size_t i = 0; i < asked.size(); ++i) {
    Retrieval& one = asked[i];
    if (i % 3 == 0) {
      one.subject_id = i == 30 ? "nobody" : absl::StrCat("p", 5 * i + 1);
    } else {
      one.need = vectors.Next();
      if (i % 3 == 1) one.offer = vectors.Next();
    }
    one.roles = {v1::ROLE_MENTOR};
    if (i % 2 == 0) one.roles.insert(one.roles.begin(), v1::ROLE_BUSINESS);
    one.k = 5 + i;
    one.weight = .3 + .01 * static_cast<double>(i % 7);
    if (i % 5 == 1) one.filter = *MemberFilter::FromProto(few, "filter");
    if (i % 5 == 2) one.filter = *MemberFilter::FromProto(most, "filter");
    if (i % 5 == 3) one.min_score = .1F;
    one.also_score_ids = {"p17", absl::StrCat("p", i)};
  }
  for (const SearchPlan& plan : {SearchPlan(), SearchPlan{0, 0, 0}}) {
    const auto together = RetrieveAll(*view, asked, plan);
    ASSERT_EQ(together.size(), asked.size());
    for (size_t i = 0; i < asked.size(); ++i) {
      const auto alone = Retrieve(*view, asked[i], plan);
      ASSERT_EQ(together[i].status(), alone.status()) << i;
      EXPECT_TRUE(i != 30 || !alone.ok()) << "nobody's question";
      if (!alone.ok()) continue;
      EXPECT_EQ(together[i]->eligible, alone->eligible);
      EXPECT_EQ(together[i]->offer_missing, alone->offer_missing);
      ASSERT_EQ(together[i]->candidates.size(), alone->candidates.size()) << i;
      for (size_t c = 0; c < alone->candidates.size(); ++c) {
        const Candidate& a = together[i]->candidates[c];
        const Candidate& b = alone->candidates[c];
        EXPECT_TRUE(a.member == b.member && a.role == b.role &&
                    a.score == b.score && a.also_scored == b.also_scored)
            << "question " << i << ", place " << c;
      }
    }
  }
}

TEST_F(RetrieverTest, EqualScoresComeInOrderOfIds) {
  const auto same = vectors_.Next();
  for (int i = 99; i >= 0; --i) {
    Apply(
        ChangeBuilder(absl::StrCat("x", absl::Dec(i, absl::kZeroPad3)), Next())
            .Facet(v1::ROLE_MENTOR, same, same)
            .change());
  }
  Commit();
  Retrieval retrieval = For("", 7);
  retrieval.need = same;

  EXPECT_THAT(Ids(Run(retrieval)), ElementsAre("x000", "x001", "x002", "x003",
                                               "x004", "x005", "x006"));
}

TEST_F(RetrieverTest, AlsoScoredMembersFollowOnceAndOnlyIfEligible) {
  AddMentors(30);
  ChangeBuilder hidden("m0029", Next(), 1);
  hidden.Facet(v1::ROLE_MENTOR, vectors_.Next(), vectors_.Next());
  hidden.profile().set_hidden(true);
  Apply(hidden.change());
  Commit();
  Retrieval retrieval = For("me", 3);
  const std::vector<std::string> best = Ids(Run(retrieval));
  retrieval.also_score_ids = {"m0029", "nobody", "me", best[0]};
  std::string other;
  for (int i = 0; i < 29 && other.empty(); ++i) {
    const std::string id = absl::StrCat("m", absl::Dec(i, absl::kZeroPad4));
    if (std::find(best.begin(), best.end(), id) == best.end()) other = id;
  }
  retrieval.also_score_ids.push_back(other);
  retrieval.also_score_ids.push_back(other);

  const Retrieved retrieved = Run(retrieval);

  EXPECT_EQ(Ids(retrieved), best);
  EXPECT_THAT(Ids(retrieved, true), ElementsAre(other));
}

TEST_F(RetrieverTest, MissingVectorsAreNeutralAndMarked) {
  AddMentors(5);
  Apply(ChangeBuilder("mute", Next())
            .Facet(v1::ROLE_BUSINESS, {}, {})
            .Facet(v1::ROLE_MENTOR, {}, {})
            .change());
  Commit();

  const Retrieved retrieved = Run(For("mute", 10));

  EXPECT_TRUE(retrieved.need_missing);
  EXPECT_TRUE(retrieved.offer_missing);
  EXPECT_THAT(Ids(retrieved),
              ElementsAre("m0000", "m0001", "m0002", "m0003", "m0004"));
  EXPECT_EQ(Run(For("me", 10)).candidates.size(), 6U);
}

TEST_F(RetrieverTest, HiddenPausedAndExcludedNeverComeAndComeBack) {
  AddMentors(10);
  ChangeBuilder hidden("m0003", Next());
  hidden.Facet(v1::ROLE_MENTOR, vectors_.Next(), vectors_.Next());
  hidden.profile().set_hidden(true);
  Apply(hidden.change());
  ChangeBuilder paused("m0004", Next());
  paused.Facet(v1::ROLE_MENTOR, vectors_.Next(), vectors_.Next());
  paused.facet(0).set_paused(true);
  Apply(paused.change());
  Commit();
  Retrieval retrieval = For("me", 100);
  v1::MemberFilter filter;
  filter.add_exclude_ids("m0005");
  filter.add_exclude_ids("never-seen");
  MITRA_ASSERT_OK_AND_ASSIGN(retrieval.filter,
                             MemberFilter::FromProto(filter, "filter"));

  const Retrieved without = Run(retrieval);
  const auto ids = Ids(without);

  EXPECT_EQ(ids.size(), 7U);
  EXPECT_EQ(without.eligible, 7U);
  for (const char* gone : {"m0003", "m0004", "m0005"}) {
    EXPECT_EQ(std::count(ids.begin(), ids.end(), gone), 0) << gone;
  }
  // A hidden member may still ask.
  EXPECT_EQ(Run(For("m0003", 100)).candidates.size(), 8U);
  paused.facet(0).set_paused(false);
  v1::Change back = paused.change();
  back.set_revision(Next());
  Apply(back);
  Commit();
  EXPECT_EQ(Run(retrieval).candidates.size(), 8U);
}

TEST_F(RetrieverTest, FewFarMatchesOfAFilterAreAllFound) {
  for (int i = 0; i < 5000; ++i) {
    ChangeBuilder change(absl::StrCat("m", absl::Dec(i, absl::kZeroPad4)),
                         Next());
    change.Facet(v1::ROLE_MENTOR, vectors_.Next(), vectors_.Next());
    change.profile().add_languages(i % 83 == 0 ? "eo" : "id");
    if (i % 1700 == 0) change.profile().add_languages("jv");
    Apply(change.change());
  }
  Apply(ChangeBuilder("me", Next())
            .Facet(v1::ROLE_BUSINESS, vectors_.Next(), vectors_.Next())
            .change());
  Commit();
  const std::vector<std::string> all = Ids(Run(For("me", 5000)));
  ASSERT_EQ(all.size(), 5000U);
  const auto with = [&](const char* language) {
    v1::MemberFilter filter;
    filter.add_languages(language);
    Retrieval retrieval = For("me", 20);
    retrieval.filter = *MemberFilter::FromProto(filter, "filter");
    return Run(retrieval);
  };

  const Retrieved sixty_one = with("eo");
  std::vector<std::string> want;
  for (const std::string& id : all) {
    if (std::stoi(id.substr(1)) % 83 == 0 && want.size() < 20) {
      want.push_back(id);
    }
  }
  EXPECT_EQ(Ids(sixty_one), want);
  EXPECT_EQ(sixty_one.eligible, 61U);
  EXPECT_EQ(with("jv").candidates.size(), 3U);
  EXPECT_EQ(with("su").candidates.size(), 0U);
}

TEST_F(RetrieverTest, OlderAndRepeatedChangesChangeNothing) {
  const auto v1 = vectors_.Next();
  const auto v2 = vectors_.Next();
  const auto first = ChangeBuilder("a", 10).Facet(v1::ROLE_MENTOR, v1, v1);
  const auto second = ChangeBuilder("a", 20).Facet(v1::ROLE_MENTOR, v2, v2);
  for (const v1::Change& change :
       {second.change(), first.change(), second.change(), first.change()}) {
    Apply(change);
  }
  Commit();
  Retrieval retrieval = For("", 5);
  retrieval.need = retrieval.offer = v2;
  EXPECT_NEAR(Run(retrieval).candidates.at(0).score, 1, 6e-4);

  // The end of a life is final for all that was said in it.
  Apply(DeletionOf("a", 30, 1));
  Apply(second.change());
  Commit();
  EXPECT_THAT(Run(retrieval).candidates, IsEmpty());
  Apply(ChangeBuilder("a", 40, 2).Facet(v1::ROLE_MENTOR, v1, v1).change());
  Apply(DeletionOf("a", 30, 1));
  Commit();
  EXPECT_THAT(Ids(Run(retrieval)), ElementsAre("a"));
}

TEST_F(RetrieverTest, DeletingUnknownMembersKeepsLaterOldStatesAway) {
  Apply(DeletionOf("ghost", 50, 3));
  Apply(ChangeBuilder("ghost", 40, 3)
            .Facet(v1::ROLE_MENTOR, vectors_.Next(), {})
            .change());
  Commit();
  Retrieval retrieval = For("", 5);
  retrieval.need = vectors_.Next();
  EXPECT_THAT(Run(retrieval).candidates, IsEmpty());
}

TEST_F(RetrieverTest, WrongVectorsInTheFeedStopItAndLeaveTheMemberAsItWas) {
  const auto good = vectors_.Next();
  Apply(ChangeBuilder("a", Next()).Facet(v1::ROLE_MENTOR, good, good).change());
  Commit();
  auto nan = good;
  nan[3] = std::nanf("");
  auto longer = good;
  longer.push_back(0);
  const std::vector<float> zeros(kDimension);
  for (const auto& bad : {nan, longer, zeros}) {
    EXPECT_THAT(state_.Apply(ChangeBuilder("a", Next())
                                 .Facet(v1::ROLE_MENTOR, bad, good)
                                 .change()),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  v1::Change stray = ChangeBuilder("a", Next()).change();
  stray.mutable_profile()->add_vectors()->set_role(v1::ROLE_INVESTOR);
  EXPECT_THAT(state_.Apply(stray),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  Commit();
  Retrieval retrieval = For("", 5);
  retrieval.need = retrieval.offer = good;
  EXPECT_NEAR(Run(retrieval).candidates.at(0).score, 1, 6e-4);
}

TEST_F(RetrieverTest, ResetByAnotherRecordIsUnusableUntilItsFirstCommit) {
  AddMentors(5);
  MITRA_ASSERT_OK(state_.Reset(HeaderFor(kDimension, 8)));
  EXPECT_FALSE(state_.usable());
  EXPECT_EQ(state_.Read()->live_members, 0U);
  MITRA_ASSERT_OK(state_.Commit(1));
  EXPECT_TRUE(state_.usable());

  // The same record again: its answers go on until the new state is complete.
  Apply(ChangeBuilder("a", 2).Facet(v1::ROLE_MENTOR, {}, {}).change());
  MITRA_ASSERT_OK(state_.Commit(2));
  MITRA_ASSERT_OK(state_.Reset(HeaderFor(kDimension, 8)));
  EXPECT_TRUE(state_.usable());
  EXPECT_EQ(state_.Read()->live_members, 1U);
}

// A model of what should be there: id → vectors, incarnation.
class RandomOperationsTest : public RetrieverTest {
 protected:
  RandomOperationsTest()
      : RetrieverTest({.graph_rows = 150,
                       .delta_rows = 40,
                       .delta_share = 0.1,
                       .dead_share = 0.25}) {}
};

TEST_F(RandomOperationsTest, EveryLiveIdFindsItselfAndNobodyDeadComes) {
  struct Life {
    std::vector<float> offer, need;
    uint64_t incarnation = 0;
    bool alive = false;
  };
  std::map<std::string, Life> model;
  std::mt19937& random = vectors_.random();
  size_t live = 0;
  for (int step = 0; step < 6000; ++step) {
    const std::string id = absl::StrCat("p", random() % 400);
    Life& life = model[id];
    const uint64_t revision = Next();
    if (life.alive && random() % 3 == 0) {
      Apply(DeletionOf(id, revision, life.incarnation));
      life.alive = false;
      --live;
    } else {
      if (!life.alive) {
        life.incarnation = revision;
        life.alive = true;
        ++live;
      }
      // Duplicates of somebody else's vectors now and then.
      const auto twin = model.begin();
      const bool copy = random() % 10 == 0 && twin->second.alive;
      life.offer =
          copy ? std::vector<float>(twin->second.offer) : vectors_.Next();
      life.need =
          copy ? std::vector<float>(twin->second.need) : vectors_.Next();
      const auto change = ChangeBuilder(id, revision, life.incarnation)
                              .Facet(v1::ROLE_MENTOR, life.offer, life.need);
      Apply(change.change());
      if (random() % 5 == 0) Apply(change.change());
    }
    if (step % 7 == 0) Commit();
    if (step % 200 != 199) continue;

    Commit();
    if (step % 400 == 399) Settle(state_);
    const std::atomic<bool> stop{false};
    state_.Maintain(stop);
    size_t lost_by_walk = 0;
    for (const auto& [name, expected] : model) {
      if (!expected.alive) continue;
      Retrieval retrieval = For("", 1);
      retrieval.need = expected.offer;
      retrieval.offer = expected.need;
      const Retrieved one = Run(retrieval);
      ASSERT_EQ(one.candidates.size(), 1U);
      ASSERT_NEAR(one.candidates[0].score, 1, 6e-4) << name;
      const Retrieved walked = Run(retrieval, {0, 0, 0});
      ASSERT_EQ(walked.candidates.size(), 1U);
      if (walked.candidates[0].score < 1 - 6e-4) ++lost_by_walk;
    }
    // A graph this small and full of twins may lose some; never many.
    ASSERT_LE(lost_by_walk, live / 10);
    Retrieval everybody = For("", 2000);
    everybody.need = vectors_.Next();
    const Retrieved all = Run(everybody);
    const auto ids = Ids(all);
    ASSERT_EQ(ids.size(), live);
    ASSERT_EQ(all.eligible, live);
    ASSERT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), live);
    for (const std::string& found : ids) ASSERT_TRUE(model[found].alive);
  }
  const auto figures = state_.figures();
  EXPECT_EQ(figures.members, live);
  EXPECT_GT(figures.roles[v1::ROLE_MENTOR].graph, 0U);
}

TEST_F(RandomOperationsTest, DeletingTheNearestHalfStillFillsTheAnswer) {
  AddMentors(2000);
  Settle(state_);
  const SearchPlan walk = {0, 0, 0};
  for (const std::string& id : Ids(Run(For("me", 1000)))) {
    Apply(DeletionOf(id, Next()));
  }
  Commit();

  const auto exact = Ids(Run(For("me", 50)));
  const auto walked = Ids(Run(For("me", 50), walk));
  ASSERT_EQ(walked.size(), 50U);
  const std::set<std::string> want(exact.begin(), exact.end());
  const auto hits =
      std::count_if(walked.begin(), walked.end(),
                    [&](const std::string& id) { return want.count(id) > 0; });
  EXPECT_GE(hits, 45);

  Settle(state_);
  const auto figures = state_.figures();
  EXPECT_EQ(figures.roles[v1::ROLE_MENTOR].dead, 0U);
  EXPECT_EQ(Ids(Run(For("me", 50))), exact);
}

TEST_F(RandomOperationsTest, SearchesWhileWritingSeeWholeStates) {
  // All members of one commit carry the same vector, so that an answer mixed of
  // two commits would show.
  constexpr int kMembers = 300;
  std::atomic<bool> stop{false};
  std::atomic<int> answers{0};
  const auto round = [&](const std::vector<float>& v) {
    for (int i = 0; i < kMembers; ++i) {
      Apply(ChangeBuilder(absl::StrCat("p", i), Next())
                .Facet(v1::ROLE_MENTOR, v, v)
                .change());
    }
    Commit();
  };
  round(vectors_.Next());
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      UnitVectors own(kDimension, 100 + static_cast<uint32_t>(t));
      while (!stop.load()) {
        Retrieval retrieval = For("", t % 2 == 0 ? 500 : 20);
        retrieval.need = own.Next();
        const auto view = state_.Read();
        const auto retrieved = Retrieve(*view, retrieval, {0, 0, 0});
        ASSERT_TRUE(retrieved.ok());
        ASSERT_EQ(retrieved->candidates.size(),
                  std::min<size_t>(kMembers, retrieval.k));
        for (const Candidate& c : retrieved->candidates) {
          ASSERT_EQ(c.score, retrieved->candidates[0].score);
        }
        answers.fetch_add(1);
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop.load()) state_.Maintain(stop);
  });
  int rounds = 0;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while ((rounds < 40 || answers.load() < 200) && absl::Now() < deadline) {
    round(vectors_.Next());
    ++rounds;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_GE(rounds, 40);
  EXPECT_GE(answers.load(), 200);
  // Rows that were left are used again: the churn does not pile up.
  Settle(state_);
  Commit();
  const size_t bytes = state_.figures().roles[v1::ROLE_MENTOR].bytes.sum();
  EXPECT_LT(bytes, size_t{20} << 20);
}

}  // namespace
}  // namespace mitra::search
