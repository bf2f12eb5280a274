#include "services/matching/members/eligibility.h"

#include <functional>
#include <string>

#include "gtest/gtest.h"
#include "services/matching/members/testing.h"

namespace mitra::matching {
namespace {

constexpr int64_t kNow = 1'700'000'000;

class EligibilityTest : public testing::Test {
 protected:
  EligibilityTest() { subject_ = Put(table_, AProfile("subject")); }

  // The verdict on a mentor changed by `change`.
  Eligibility Verdict(const std::function<void(v1::Profile&)>& change) {
    v1::Profile profile = AProfile("mentor", v1::ROLE_MENTOR);
    change(profile);
    const MemberIndex candidate = Put(table_, profile, ++revision_);
    return VerdictOn(candidate);
  }
  Eligibility VerdictOn(MemberIndex candidate,
                        EligibilityQuery query = {.now = kNow}) {
    table_.Publish();
    return Eligible(table_.view(), subject_, candidate, v1::ROLE_MENTOR, query);
  }
  static v1::AcceptanceRules& Rules(v1::Profile& profile) {
    return *profile.mutable_facets(0)->mutable_acceptance();
  }

  MemberTable table_;
  MemberIndex subject_;
  uint64_t revision_ = 1;
};

TEST_F(EligibilityTest, AnOrdinaryMentorIsEligible) {
  EXPECT_EQ(Verdict([](v1::Profile&) {}), Eligibility::kEligible);
}

TEST_F(EligibilityTest, NobodyIsShownToHimself) {
  table_.Publish();
  EXPECT_EQ(Eligible(table_.view(), subject_, subject_, v1::ROLE_BUSINESS,
                     {.now = kNow}),
            Eligibility::kSelf);
}

TEST_F(EligibilityTest, TheUnknownAndTheDeletedAreGone) {
  const MemberIndex mentor =
      Put(table_, AProfile("mentor", v1::ROLE_MENTOR), 2, 1);
  table_.Delete(TestHash("mentor"), 1, 3);

  EXPECT_EQ(VerdictOn(mentor), Eligibility::kGone);
  EXPECT_EQ(VerdictOn(12345), Eligibility::kGone);
  EXPECT_EQ(VerdictOn(kNoMember), Eligibility::kGone);
  subject_ = 777;
  EXPECT_EQ(VerdictOn(mentor), Eligibility::kSubjectGone);
}

TEST_F(EligibilityTest, AnotherLifeIsNotTheOneThatWasMeant) {
  const MemberIndex mentor =
      Put(table_, AProfile("mentor", v1::ROLE_MENTOR), 2, 9);

  EXPECT_EQ(VerdictOn(mentor, {.now = kNow, .candidate_incarnation = 8}),
            Eligibility::kWrongIncarnation);
  EXPECT_EQ(VerdictOn(mentor, {.now = kNow, .candidate_incarnation = 9}),
            Eligibility::kEligible);
}

TEST_F(EligibilityTest, WhoIsAMentorAlreadyIsNotOfferedAsOneAgain) {
  const MemberIndex mentor = Put(table_, AProfile("mentor", v1::ROLE_MENTOR));
  const auto as_partner = [&] {
    return Eligible(table_.view(), mentor, subject_, v1::ROLE_BUSINESS,
                    {.now = kNow});
  };
  table_.engaged().Open(1, {subject_, mentor, v1::ROLE_MENTOR, 2});
  EXPECT_EQ(VerdictOn(mentor), Eligibility::kEngaged);
  EXPECT_EQ(as_partner(), Eligibility::kEligible);

  table_.engaged().Open(2, {subject_, mentor, v1::ROLE_SUPPLIER, 3});
  table_.engaged().Close(1, 4);
  EXPECT_EQ(VerdictOn(mentor), Eligibility::kEligible);
  EXPECT_EQ(as_partner(), Eligibility::kEngaged) << "they trade";
  table_.engaged().Close(2, 5);
  table_.Publish();
  EXPECT_EQ(as_partner(), Eligibility::kEligible);
}

TEST_F(EligibilityTest, BlocksHideInEitherDirection) {
  const MemberIndex mentor = Put(table_, AProfile("mentor", v1::ROLE_MENTOR));
  table_.SetBlock(subject_, mentor, true);
  EXPECT_EQ(VerdictOn(mentor), Eligibility::kBlocked);
  table_.SetBlock(subject_, mentor, false);
  table_.SetBlock(mentor, subject_, true);
  EXPECT_EQ(VerdictOn(mentor), Eligibility::kBlocked);
  table_.SetBlock(mentor, subject_, false);
  EXPECT_EQ(VerdictOn(mentor), Eligibility::kEligible);
}

TEST_F(EligibilityTest, HiddenPausedAndFullAreNotShown) {
  EXPECT_EQ(Verdict([](v1::Profile& p) { p.set_hidden(true); }),
            Eligibility::kHidden);
  EXPECT_EQ(
      Verdict([](v1::Profile& p) { p.mutable_facets(0)->set_paused(true); }),
      Eligibility::kPaused);
  EXPECT_EQ(Verdict([](v1::Profile& p) {
              p.mutable_facets(0)->mutable_seats()->set_taken(2);
              p.mutable_facets(0)->mutable_seats()->set_taken_elsewhere(1);
            }),
            Eligibility::kFull);
  EXPECT_EQ(Verdict([](v1::Profile& p) { p.mutable_facets(0)->clear_seats(); }),
            Eligibility::kFull);
}

TEST_F(EligibilityTest, FullAsAMentorIsNotFullAsABusiness) {
  v1::Profile profile = AProfile("both", v1::ROLE_MENTOR);
  profile.mutable_facets(0)->mutable_seats()->set_taken(3);
  profile.add_facets()->set_role(v1::ROLE_BUSINESS);
  const MemberIndex both = Put(table_, profile);

  EXPECT_EQ(VerdictOn(both), Eligibility::kFull);
  EXPECT_EQ(
      Eligible(table_.view(), subject_, both, v1::ROLE_BUSINESS, {.now = kNow}),
      Eligibility::kEligible);
  EXPECT_EQ(
      Eligible(table_.view(), subject_, both, v1::ROLE_INVESTOR, {.now = kNow}),
      Eligibility::kNoSuchRole);
}

TEST_F(EligibilityTest, EventsThatAreOverAreNotOpen) {
  const auto event_ending = [](int64_t end) {
    return [end](v1::Profile& p) {
      p.set_kind(v1::MEMBER_KIND_EVENT);
      p.mutable_event()->mutable_start_time()->set_seconds(end - 3600);
      p.mutable_event()->mutable_end_time()->set_seconds(end);
    };
  };
  EXPECT_EQ(Verdict(event_ending(kNow)), Eligibility::kNotOpen);
  EXPECT_EQ(Verdict(event_ending(kNow + 1)), Eligibility::kEligible);
}

TEST_F(EligibilityTest, ProgrammesAreOpenDuringTheirIntakeOnly) {
  const auto intake = [](int64_t begin, int64_t end) {
    return [=](v1::Profile& p) {
      p.set_kind(v1::MEMBER_KIND_PROGRAMME);
      p.mutable_programme()->mutable_intake_start_time()->set_seconds(begin);
      p.mutable_programme()->mutable_intake_end_time()->set_seconds(end);
    };
  };
  EXPECT_EQ(Verdict(intake(kNow + 1, kNow + 9)), Eligibility::kNotOpen);
  EXPECT_EQ(Verdict(intake(kNow - 9, kNow)), Eligibility::kNotOpen);
  EXPECT_EQ(Verdict(intake(kNow - 9, kNow + 9)), Eligibility::kEligible);
}

TEST_F(EligibilityTest, TheCandidatesRulesRefuseTheSubject) {
  const auto refused = [&](const std::function<void(v1::AcceptanceRules&)>& f) {
    return Verdict([&](v1::Profile& p) { f(Rules(p)); });
  };
  using Rules = v1::AcceptanceRules;
  const auto no = Eligibility::kRefusedByCandidate;
  EXPECT_EQ(refused([](Rules& r) { r.add_roles(v1::ROLE_SUPPLIER); }), no);
  EXPECT_EQ(refused([](Rules& r) { r.add_scales(v1::SCALE_LARGE); }), no);
  EXPECT_EQ(refused([](Rules& r) { r.add_region_codes("32"); }), no);
  EXPECT_EQ(refused([](Rules& r) { r.add_sector_codes("47"); }), no);
  EXPECT_EQ(refused([](Rules& r) { r.add_norms(v1::NORM_KIND_HALAL); }), no);
  EXPECT_EQ(refused([](Rules& r) {
              r.add_roles(v1::ROLE_BUSINESS);
              r.add_scales(v1::SCALE_MICRO);
              r.add_region_codes("32");
              r.add_region_codes("33.72");
              r.add_sector_codes("10");
            }),
            Eligibility::kEligible);
}

TEST_F(EligibilityTest, TheSubjectsRulesRefuseTheCandidate) {
  v1::Profile picky = AProfile("subject");
  Rules(picky).add_region_codes("51");
  Put(table_, picky, 100);

  EXPECT_EQ(Verdict([](v1::Profile&) {}), Eligibility::kRefusedBySubject);
  // Another role of the subject takes everybody.
  picky.add_facets()->set_role(v1::ROLE_SUPPLIER);
  Put(table_, picky, 101);
  EXPECT_EQ(Verdict([](v1::Profile&) {}), Eligibility::kEligible);
  EXPECT_EQ(VerdictOn(table_.Find("mentor"),
                      {.now = kNow, .subject_role = v1::ROLE_BUSINESS}),
            Eligibility::kRefusedBySubject);
}

TEST_F(EligibilityTest, EveryCauseHasAName) {
  for (int i = 0; i <= static_cast<int>(Eligibility::kRefusedBySubject); ++i) {
    EXPECT_NE(EligibilityName(static_cast<Eligibility>(i)), "unknown");
  }
}

}  // namespace
}  // namespace mitra::matching
