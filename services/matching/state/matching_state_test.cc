#include "services/matching/state/matching_state.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/matching/members/testing.h"

namespace mitra::matching {
namespace {

using ::testing::Contains;

constexpr int64_t kNow = 1'764'000'000;

class MatchingStateTest : public ::testing::Test {
 protected:
  MatchingStateTest() : state_(MakeOptions()) {
    MITRA_EXPECT_OK(state_.Reset(Header()));
  }

  MatchingState::Options MakeOptions() {
    MatchingState::Options options;
    options.clock = [] { return absl::FromUnixSeconds(kNow); };
    options.on_commit = [this](const CommitSummary& s) { summary_ = s; };
    return options;
  }

  static v1::FeedHeader Header() {
    v1::FeedHeader header;
    header.set_record_incarnation(7);
    header.set_space("hashing-v1/128/1");
    header.set_id_hash_key(std::string(16, 'k'));
    return header;
  }

  v1::Change Profile(const std::string& id, uint64_t incarnation = 1) {
    v1::Change change;
    change.set_revision(++revision_);
    *change.mutable_profile()->mutable_profile() = AProfile(id);
    change.mutable_profile()->set_incarnation(incarnation);
    return change;
  }
  v1::Change Evidence(const std::string& id, const std::string& author,
                      const std::string& about, uint64_t author_life = 1) {
    v1::Change change;
    change.set_revision(++revision_);
    auto& evidence = *change.mutable_evidence();
    evidence.set_author_incarnation(author_life);
    evidence.set_about_incarnation(1);
    evidence.mutable_evidence()->set_evidence_id(id);
    evidence.mutable_evidence()->set_author_id(author);
    evidence.mutable_evidence()->set_about_id(about);
    evidence.mutable_evidence()->set_kind(v1::EVIDENCE_KIND_COLLABORATION);
    evidence.mutable_evidence()->mutable_event_time()->set_seconds(kNow - 9);
    return change;
  }
  v1::Change Deletion(const std::string& id, uint64_t incarnation = 1) {
    v1::Change change;
    change.set_revision(++revision_);
    change.mutable_profile_deletion()->set_id_hash(
        feed::IdHash(std::string(16, 'k'), id));
    change.mutable_profile_deletion()->set_incarnation(incarnation);
    return change;
  }
  v1::Change Block(const std::string& a, const std::string& b, bool removed) {
    v1::Change change;
    change.set_revision(++revision_);
    change.mutable_block()->mutable_block()->set_blocker_id(a);
    change.mutable_block()->mutable_block()->set_blocked_id(b);
    change.mutable_block()->set_removed(removed);
    return change;
  }

  v1::Change Engagement(const std::string& id, const std::string& seeker,
                        const std::string& provider, bool open,
                        uint64_t provider_life = 1) {
    v1::Change change;
    change.set_revision(++revision_);
    v1::EngagementChange& engagement = *change.mutable_engagement();
    engagement.set_engagement_id(id);
    engagement.set_seeker_id(seeker);
    engagement.set_provider_id(provider);
    engagement.set_provider_role(v1::ROLE_MENTOR);
    engagement.set_open(open);
    engagement.set_seeker_incarnation(1);
    engagement.set_provider_incarnation(provider_life);
    return change;
  }
  static bool Engaged(const MatchingView& view, const std::string& seeker,
                      const std::string& provider) {
    for (const auto& one :
         view.members.EngagedWith(view.members.Find(seeker))) {
      if (one.other == view.members.Find(provider)) return true;
    }
    return false;
  }

  void Apply(std::initializer_list<v1::Change> changes) {
    for (const v1::Change& change : changes) {
      MITRA_EXPECT_OK(state_.Apply(change));
    }
    MITRA_EXPECT_OK(state_.Commit(revision_));
  }

  static bool Tied(const MatchingView& view, const std::string& a,
                   const std::string& b) {
    return view.graph.TieBetween(view.members.Find(a), view.members.Find(b))
        .has_value();
  }

  uint64_t revision_ = 0;
  CommitSummary summary_;
  MatchingState state_;
};

TEST_F(MatchingStateTest, ShowsChangesAtCommitOnly) {
  MITRA_ASSERT_OK(state_.Apply(Profile("a")));
  EXPECT_EQ(state_.view().members.Find("a"), kNoMember);
  MITRA_ASSERT_OK(state_.Commit(1));
  EXPECT_NE(state_.view().members.Find("a"), kNoMember);
  EXPECT_EQ(state_.view().revision, 1u);
  EXPECT_EQ(*state_.view().space, "hashing-v1/128/1");
}

TEST_F(MatchingStateTest, EvidenceWaitsForItsMembers) {
  Apply({Evidence("e1", "a", "b"), Profile("a")});
  EXPECT_EQ(state_.stats().waiting, 1u);
  Apply({Profile("b")});
  EXPECT_EQ(state_.stats().waiting, 0u);
  EXPECT_TRUE(Tied(state_.view(), "a", "b"));
}

TEST_F(MatchingStateTest, ApplyingTwiceOrLateChangesNothing) {
  const v1::Change a = Profile("a"), b = Profile("b");
  const v1::Change e = Evidence("e", "a", "b");
  Apply({a, b, e});
  const double before = state_.view().graph.TieBetween(0, 1).value().trust;
  Apply({a, e, e, b});
  EXPECT_EQ(state_.view().graph.TieBetween(0, 1).value().trust, before);
  EXPECT_EQ(state_.view().members.live(), 2u);
}

TEST_F(MatchingStateTest, ADeletedMemberIsGoneWithItsTiesAndMayComeBackEmpty) {
  Apply({Profile("a"), Profile("b"), Evidence("e", "a", "b")});
  Apply({Deletion("a")});
  EXPECT_EQ(state_.view().members.Find("a"), kNoMember);
  EXPECT_THAT(summary_.distrusted, Contains(0u));
  EXPECT_EQ(state_.view().graph.of(1).size, 0u);

  Apply({Profile("a", 2)});
  EXPECT_FALSE(Tied(state_.view(), "a", "b"));
  // Evidence of the first life comes late.
  Apply({Evidence("e2", "a", "b", 1)});
  EXPECT_FALSE(Tied(state_.view(), "a", "b"));
  Apply({Evidence("e3", "a", "b", 2)});
  EXPECT_TRUE(Tied(state_.view(), "a", "b"));
}

TEST_F(MatchingStateTest, BlocksHoldInBothDirectionsUntilTakenBack) {
  Apply({Profile("a"), Profile("b"), Block("a", "b", false)});
  EXPECT_TRUE(state_.view().members.Blocked(0, 1));
  EXPECT_TRUE(state_.view().members.Blocked(1, 0));
  Apply({Block("a", "b", true)});
  EXPECT_FALSE(state_.view().members.Blocked(1, 0));
}

TEST_F(MatchingStateTest, EngagementsHoldUntilTheyAreOver) {
  Apply({Profile("a"), Profile("b"), Engagement("g", "a", "b", true)});
  EXPECT_TRUE(Engaged(state_.view(), "a", "b"));
  EXPECT_THAT(summary_.changed, Contains(0u));
  EXPECT_THAT(summary_.changed, Contains(1u));
  Apply({Engagement("g", "a", "b", false)});
  EXPECT_FALSE(Engaged(state_.view(), "a", "b"));
  EXPECT_THAT(summary_.changed, Contains(0u));
}

TEST_F(MatchingStateTest, AnEngagementThatWaitedEndsAsItWasEnded) {
  Apply({Engagement("g", "a", "b", true), Engagement("h", "a", "c", true),
         Profile("a"), Engagement("g", "a", "b", false)});
  EXPECT_EQ(state_.stats().waiting, 3u);
  Apply({Profile("b"), Profile("c")});
  EXPECT_EQ(state_.stats().waiting, 0u);
  EXPECT_FALSE(Engaged(state_.view(), "a", "b"));
  EXPECT_TRUE(Engaged(state_.view(), "a", "c"));
}

TEST_F(MatchingStateTest, AnEngagementGoesWithTheLifeOfItsMembers) {
  const v1::Change open = Engagement("g", "a", "b", true);
  Apply({Profile("a"), Profile("b"), open});
  Apply({Deletion("b")});
  Apply({Profile("b", 2)});
  EXPECT_FALSE(Engaged(state_.view(), "a", "b"));
  Apply({open});
  EXPECT_FALSE(Engaged(state_.view(), "a", "b")) << "of the life before";
  Apply({Engagement("h", "a", "b", true, 2)});
  EXPECT_TRUE(Engaged(state_.view(), "a", "b"));
}

TEST_F(MatchingStateTest, TheKeyOfTokensIsTheRecords) {
  v1::FeedHeader header = Header();
  header.set_token_key(std::string(32, 't'));
  MITRA_ASSERT_OK(state_.SetHeader(header));
  Apply({Profile("a")});
  EXPECT_EQ(state_.view().tokens(), std::string(32, 't'));
  EXPECT_TRUE(MatchingState::Selector().token_key());
  // A record that gives none does not leave tokens unsealed.
  MatchingState other(MakeOptions());
  MITRA_ASSERT_OK(other.Reset(Header()));
  EXPECT_EQ(other.view().tokens().size(), 32u);
  EXPECT_NE(other.view().tokens(), std::string(32, 't'));
}

TEST_F(MatchingStateTest, AWithdrawalIsNotedForTheCaches) {
  Apply({Profile("a"), Profile("b"), Evidence("e", "a", "b")});
  v1::Change withdrawal;
  withdrawal.set_revision(++revision_);
  withdrawal.mutable_evidence_withdrawal()->set_evidence_id("e");
  Apply({withdrawal});
  EXPECT_THAT(summary_.distrusted, Contains(0u));
  EXPECT_FALSE(Tied(state_.view(), "a", "b"));
}

TEST_F(MatchingStateTest, RefusesAChangeThatItDoesNotKnow) {
  EXPECT_FALSE(state_.Apply(v1::Change()).ok());
}

TEST_F(MatchingStateTest, ComesBackFromItsSnapshot) {
  const std::string path =
      ::testing::TempDir() + "/matching_state_" + std::to_string(getpid());
  Apply({Profile("a"), Profile("gone"), Profile("b"), Profile("c"),
         Evidence("e", "a", "b"), Evidence("w", "c", "later"),
         Block("a", "c", false), Engagement("g", "b", "a", true),
         Engagement("over", "b", "c", true)});
  Apply({Deletion("gone"), Engagement("over", "b", "c", false)});
  MITRA_ASSERT_OK(state_.Save(path));

  MatchingState other(MakeOptions());
  MITRA_ASSERT_OK(other.Load(path));
  EXPECT_EQ(other.position().watermark, revision_);
  EXPECT_EQ(other.position().record_incarnation, 7u);
  const MatchingView view = other.view();
  EXPECT_TRUE(Tied(view, "a", "b"));
  EXPECT_TRUE(
      view.members.Blocked(view.members.Find("a"), view.members.Find("c")));
  EXPECT_TRUE(Engaged(view, "b", "a"));
  EXPECT_FALSE(Engaged(view, "b", "c"));
  EXPECT_EQ(view.members.Find("gone"), kNoMember);
  EXPECT_EQ(view.members.live(), 3u);
  EXPECT_EQ(other.stats().waiting, 1u);
  // The deleted life stays over.
  MITRA_ASSERT_OK(other.SetHeader(Header()));
  v1::Change late = Profile("gone");
  late.set_revision(1);
  MITRA_ASSERT_OK(other.Apply(late));
  MITRA_ASSERT_OK(other.Commit(revision_));
  EXPECT_EQ(other.view().members.Find("gone"), kNoMember);
  unlink(path.c_str());
}

TEST_F(MatchingStateTest, WithoutASnapshotItIsEmptyAndSaysSo) {
  MatchingState other(MakeOptions());
  EXPECT_FALSE(other.Load("/no/such/file").ok());
  EXPECT_EQ(other.position().record_incarnation, 0u);
}

v1::Change Redirect(uint64_t revision, const std::string& from,
                    const std::string& into) {
  v1::Change change;
  change.set_revision(revision);
  change.mutable_redirect()->set_from_profile_id(from);
  change.mutable_redirect()->set_into_profile_id(into);
  return change;
}

TEST_F(MatchingStateTest, AMergedMembersIdMeansTheOneThatStays) {
  Apply({Profile("a"), Profile("b"), Profile("c")});
  const uint64_t changed = state_.view().changed;
  EXPECT_EQ(changed, revision_);
  Apply({Deletion("a"), Redirect(++revision_, "a", "b")});
  EXPECT_EQ(state_.view().FindMeant("a"), state_.view().members.Find("b"));
  EXPECT_EQ(state_.view().FindMeant("b"), state_.view().members.Find("b"));
  EXPECT_EQ(state_.view().FindMeant("nobody"), kNoMember);
  EXPECT_GT(state_.view().changed, changed);

  // A chain, and the end of the one that stays.
  Apply({Deletion("b"), Redirect(++revision_, "b", "c")});
  EXPECT_EQ(state_.view().FindMeant("a"), state_.view().members.Find("c"));
  Apply({Deletion("c")});
  EXPECT_EQ(state_.view().FindMeant("a"), kNoMember);
}

TEST_F(MatchingStateTest, RedirectsAndTheLatestChangeOutliveARestart) {
  Apply({Profile("a"), Profile("b"), Deletion("a"),
         Redirect(++revision_, "a", "b")});
  MITRA_ASSERT_OK(state_.Commit(revision_ + 5));  // nothing of ours
  EXPECT_EQ(state_.view().changed, revision_);
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/redirects-", getpid());
  MITRA_ASSERT_OK(state_.Save(path));

  MatchingState restored(MakeOptions());
  MITRA_ASSERT_OK(restored.Load(path));
  EXPECT_EQ(restored.view().FindMeant("a"), restored.view().members.Find("b"));
  EXPECT_EQ(restored.view().changed, revision_);
  EXPECT_EQ(restored.view().revision, revision_ + 5);
}

TEST_F(MatchingStateTest, SaysWhenWhoStandsByIsWantedElsewhere) {
  v1::Change seeker = Profile("seeker");
  seeker.mutable_profile()
      ->mutable_profile()
      ->mutable_facets(0)
      ->add_needs()
      ->set_resource(v1::RESOURCE_MENTORING);
  Apply({seeker});
  v1::Change helper = Profile("helper");
  v1::Facet& facet =
      *helper.mutable_profile()->mutable_profile()->mutable_facets(0);
  facet.set_role(v1::ROLE_MENTOR);
  facet.mutable_seats()->set_total(2);
  facet.set_standby(true);
  Apply({helper});
  EXPECT_TRUE(summary_.supply_changed);
  Apply({Profile("anybody")});
  EXPECT_FALSE(summary_.supply_changed);
}

}  // namespace
}  // namespace mitra::matching
