#include "services/matching/capital/social_capital.h"

#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/graph/tie_graph.h"
#include "services/matching/members/testing.h"

namespace mitra::matching {
namespace {

constexpr int64_t kNow = 1'764'000'000;

class SocialCapitalTest : public ::testing::Test {
 protected:
  MemberIndex Add(const std::string& id, v1::Role role = v1::ROLE_BUSINESS,
                  bool halal = false) {
    v1::Profile profile = AProfile(id, role);
    if (role == v1::ROLE_COMMUNITY) profile.set_kind(v1::MEMBER_KIND_GROUP);
    if (halal) profile.add_norms()->set_kind(v1::NORM_KIND_HALAL);
    return Put(table_, profile, ++revision_);
  }
  void Tie(MemberIndex a, MemberIndex b,
           int kind = v1::EVIDENCE_KIND_COLLABORATION) {
    ++key_;
    graph_.Fold({.key = key_,
                 .author = a,
                 .about = b,
                 .kind = kind,
                 .event_time = kNow - 1,
                 .quality = std::nullopt,
                 .counts = true,
                 .revision = key_});
  }
  CapitalDiagnosis Diagnose(MemberIndex member) {
    table_.Publish();
    graph_.Publish(kNow, table_.size());
    const MemberView view = table_.view();
    return DiagnoseCapital(view, graph_.view(), PeerIndex(view), member, kNow);
  }

  MemberTable table_;
  TieGraph graph_{TieOptions()};
  uint64_t revision_ = 0, key_ = 0;
};

TEST_F(SocialCapitalTest, ALonelyMemberIsWeakAndGetsStepsWithAnEffect) {
  const MemberIndex lonely = Add("lonely");
  const MemberIndex group = Add("coop", v1::ROLE_COMMUNITY);
  std::vector<MemberIndex> peers;
  for (int i = 0; i < 40; ++i) {
    peers.push_back(Add("peer" + std::to_string(i), v1::ROLE_BUSINESS, i < 30));
  }
  for (int i = 0; i < 40; ++i) {
    Tie(peers[i], group, v1::EVIDENCE_KIND_MEMBERSHIP);
    Tie(peers[i], peers[(i + 1) % 40]);
  }

  const CapitalDiagnosis d = Diagnose(lonely);

  EXPECT_EQ(d.peers.size, 40u);
  EXPECT_LT(d.of(CapitalDimension::kBonding).percentile, .1);
  ASSERT_GE(d.steps.size(), 2u);
  for (const CapitalStep& step : d.steps) {
    EXPECT_GT(step.value_after, step.value_before);
    EXPECT_GE(step.percentile_after, step.percentile_before);
  }
  const auto has = [&](CapitalAction action) {
    return std::any_of(d.steps.begin(), d.steps.end(),
                       [&](const auto& s) { return s.action == action; });
  };
  EXPECT_TRUE(has(CapitalAction::kJoinCommunity));
  EXPECT_TRUE(has(CapitalAction::kReachNorm));
}

TEST_F(SocialCapitalTest, TheStatedEffectIsTheRealOne) {
  const MemberIndex me = Add("me");
  const MemberIndex group = Add("coop", v1::ROLE_COMMUNITY);
  for (int i = 0; i < 35; ++i) {
    const MemberIndex peer = Add("peer" + std::to_string(i));
    if (i < 20) Tie(peer, group, v1::EVIDENCE_KIND_MEMBERSHIP);
  }
  const CapitalDiagnosis before = Diagnose(me);
  ASSERT_FALSE(before.steps.empty());
  ASSERT_EQ(before.steps[0].action, CapitalAction::kJoinCommunity);
  Tie(me, group, v1::EVIDENCE_KIND_MEMBERSHIP);
  const CapitalDiagnosis after = Diagnose(me);
  EXPECT_NEAR(after.of(CapitalDimension::kBonding).value,
              before.steps[0].value_after, .02);
}

TEST_F(SocialCapitalTest, LinkingCountsTiesToThoseWithPower) {
  const MemberIndex a = Add("a"), b = Add("b");
  const MemberIndex bank = Add("bank", v1::ROLE_INVESTOR);
  Tie(a, bank);
  Tie(b, a);
  EXPECT_GT(Diagnose(a).of(CapitalDimension::kLinking).value, 0);
  EXPECT_EQ(Diagnose(b).of(CapitalDimension::kLinking).value, 0);
}

TEST_F(SocialCapitalTest, ValuesAndPercentilesAreInRangeAlsoAlone) {
  const CapitalDiagnosis d = Diagnose(Add("only"));
  for (const CapitalScore& score : d.scores) {
    EXPECT_GE(score.value, 0);
    EXPECT_LE(score.value, 1);
    EXPECT_GE(score.percentile, 0);
    EXPECT_LE(score.percentile, 1);
  }
}

}  // namespace
}  // namespace mitra::matching
