#include "services/matching/capital/introducer.h"

#include <string>

#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/relation.pb.h"
#include "services/matching/graph/tie_graph.h"
#include "services/matching/members/testing.h"

namespace mitra::matching {
namespace {

constexpr int64_t kNow = 1'764'000'000;

class IntroducerTest : public ::testing::Test {
 protected:
  IntroducerTest() : me_(Add("me", false)), target_(Add("target", false)) {}

  MemberIndex Add(const std::string& id, bool consents = true,
                  v1::Role role = v1::ROLE_BUSINESS, int seats = -1) {
    v1::Profile profile = AProfile(id, role);
    if (seats >= 0) {
      profile.mutable_facets(0)->mutable_seats()->set_total(seats);
    }
    const MemberIndex index = Put(table_, profile, ++revision_);
    if (consents) {
      table_.SetConsent(index, v1::CONSENT_PURPOSE_INTRODUCTION, true);
    }
    return index;
  }
  void Tie(MemberIndex a, MemberIndex b, int pieces = 1,
           int kind = v1::EVIDENCE_KIND_COLLABORATION) {
    for (int i = 0; i < pieces; ++i) {
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
  }
  MemberIndex Best() {
    table_.Publish();
    graph_.Publish(kNow, table_.size());
    const auto found =
        BestIntroducer(table_.view(), graph_.view(), me_, target_);
    return found ? found->member : kNoMember;
  }

  MemberTable table_;
  TieGraph graph_{TieOptions()};
  uint64_t revision_ = 0, key_ = 0;
  MemberIndex me_, target_;
};

TEST_F(IntroducerTest, TakesWhomBothTrustMost) {
  EXPECT_EQ(Best(), kNoMember);
  const MemberIndex weak = Add("weak"), strong = Add("strong");
  for (const MemberIndex m : {weak, strong}) {
    Tie(me_, m, m == strong ? 5 : 1);
    Tie(m, target_, m == strong ? 5 : 1);
  }
  EXPECT_EQ(Best(), strong);
}

TEST_F(IntroducerTest, AsksNobodyWithoutConsentOrInABlock) {
  const MemberIndex silent = Add("silent", false);
  Tie(me_, silent);
  Tie(silent, target_);
  EXPECT_EQ(Best(), kNoMember);
  const MemberIndex blocked = Add("blocked");
  Tie(me_, blocked);
  Tie(blocked, target_);
  EXPECT_EQ(Best(), blocked);
  table_.SetBlock(target_, blocked, true);
  EXPECT_EQ(Best(), kNoMember);
}

TEST_F(IntroducerTest, WhoIsFullIsLeftInPeace) {
  const MemberIndex full = Add("full", true, v1::ROLE_MENTOR, 0);
  Tie(me_, full, 5);
  Tie(full, target_, 5);
  EXPECT_EQ(Best(), kNoMember);
  const MemberIndex free = Add("free", true, v1::ROLE_MENTOR, 2);
  Tie(me_, free);
  Tie(free, target_);
  EXPECT_EQ(Best(), free);
}

TEST_F(IntroducerTest, ThoseWhoKnowEverybodyAreNotAskedByEverybody) {
  const MemberIndex hub = Add("hub"), friendly = Add("friendly");
  for (const MemberIndex m : {hub, friendly}) {
    Tie(me_, m);
    Tie(m, target_);
  }
  for (int i = 0; i < 200; ++i) Tie(hub, Add("x" + std::to_string(i)));
  EXPECT_EQ(Best(), friendly);
}

TEST_F(IntroducerTest, AComplaintIsNoAcquaintance) {
  const MemberIndex foe = Add("foe");
  Tie(me_, foe);
  Tie(foe, target_, 1, v1::EVIDENCE_KIND_DISPUTE);
  EXPECT_EQ(Best(), kNoMember);
}

}  // namespace
}  // namespace mitra::matching
