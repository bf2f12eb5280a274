#include "services/matching/explain/explanation.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/explain/sentences.h"
#include "services/matching/ranking/testing.h"

namespace mitra::matching {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ExplanationTest : public testing::Test {
 protected:
  ExplanationTest() : kind_(FindKind(v1::RECOMMENDATION_KIND_MENTOR)) {}

  // The two sides fit in everything that there is a reason for.
  void AddFittingPair() {
    auto subject = AProfile("sari");
    auto* need = subject.mutable_facets(0)->add_needs();
    need->set_need_id("need-1");
    need->set_resource(v1::RESOURCE_MENTORING);
    auto* offer = subject.mutable_facets(0)->add_offers();
    offer->set_offer_id("offer-1");
    offer->set_resource(v1::RESOURCE_KNOWLEDGE);
    subject.add_languages("jv");
    subject.add_norms()->set_kind(v1::NORM_KIND_HALAL);
    world_.Add(subject);
    auto mentor = AProfile("budi", v1::ROLE_MENTOR);
    mentor.set_display_name("Budi Santoso");
    offer = mentor.mutable_facets(0)->add_offers();
    offer->set_offer_id("offer-2");
    offer->set_resource(v1::RESOURCE_MENTORING);
    need = mentor.mutable_facets(0)->add_needs();
    need->set_need_id("need-2");
    need->set_resource(v1::RESOURCE_KNOWLEDGE);
    mentor.add_languages("jv");
    mentor.add_norms()->set_kind(v1::NORM_KIND_HALAL);
    world_.Add(mentor);
  }
  v1::Recommendation Explain(
      const std::string& candidate, Language language = Language::kIndonesian,
      v1::ExplanationLevel level = v1::EXPLANATION_LEVEL_REASONS,
      uint8_t sources = 0) {
    view_ = world_.view();
    const Subject subject = world_.SubjectOf(view_, "sari");
    TrustCache cache({});
    const auto trust =
        cache.Get(view_.graph, subject.index, 1, world_.clock.Now()).trust;
    const PairFeatures features(view_.members, view_.graph, subject, *kind_,
                                CountingRoles(*subject.member, *kind_, 0),
                                trust.get());
    const JointUtility utility(RankingProfile::Default(), *kind_);
    Ranked ranked;
    ranked.member = view_.members.Find(candidate);
    ranked.role =
        static_cast<v1::Role>(view_.members.at(ranked.member).facets[0].role);
    ranked.similarity = {.6f, .6f};
    ranked.trust = features.TrustIn(ranked.member);
    ranked.sources = sources;
    v1::Recommendation out;
    Explainer(view_, subject, *kind_, features, utility, language)
        .Explain(ranked, level, out);
    return out;
  }
  static const v1::Reason* Find(const v1::Recommendation& out,
                                v1::ReasonCode code, bool for_candidate) {
    for (const v1::Reason& reason : out.reasons()) {
      if (reason.code() == code && reason.for_candidate() == for_candidate) {
        return &reason;
      }
    }
    return nullptr;
  }

  World world_;
  MatchingView view_;
  const KindSpec* kind_;
};

TEST_F(ExplanationTest, EverySentenceIsWholeInBothLanguages) {
  AddFittingPair();
  for (const Language language : {Language::kIndonesian, Language::kEnglish}) {
    const auto out =
        Explain("budi", language, v1::EXPLANATION_LEVEL_FULL, kFromNewcomers);
    ASSERT_GT(out.reasons_size(), 4);
    for (const v1::Reason& reason : out.reasons()) {
      EXPECT_THAT(reason.text(), Not(IsEmpty()));
      EXPECT_THAT(reason.text(), Not(HasSubstr("{")));
      EXPECT_THAT(reason.text(), Not(HasSubstr("  ")));
      EXPECT_TRUE(absl::EndsWith(reason.text(), "."));
      EXPECT_GT(reason.weight(), 0);
      EXPECT_LE(reason.weight(), 1);
    }
    EXPECT_THAT(out.path().text(), Not(IsEmpty()));
  }
}

TEST_F(ExplanationTest, AnOfferThatMeetsANeedIsProvenByBothItems) {
  AddFittingPair();

  const auto out = Explain("budi");

  const v1::Reason* reason = Find(out, v1::REASON_CODE_OFFER_MEETS_NEED, false);
  ASSERT_NE(reason, nullptr);
  EXPECT_EQ(reason->text(),
            "Budi Santoso menawarkan bimbingan mentor yang Anda cari.");
  EXPECT_EQ(reason->subject_item_id(), "need-1");
  EXPECT_EQ(reason->candidate_item_id(), "offer-2");
  EXPECT_EQ(reason->resource(), v1::RESOURCE_MENTORING);
}

TEST_F(ExplanationTest, ReasonsAreTwoSidedWhereAcceptingIsCostly) {
  AddFittingPair();
  const auto mentor = Explain("budi");
  const v1::Reason* theirs =
      Find(mentor, v1::REASON_CODE_NEED_MET_BY_SUBJECT, true);
  ASSERT_NE(theirs, nullptr);
  EXPECT_EQ(theirs->subject_item_id(), "offer-1");
  EXPECT_EQ(theirs->candidate_item_id(), "need-2");

  kind_ = FindKind(v1::RECOMMENDATION_KIND_PEER);
  world_.Add(AProfile("peer"));
  const auto peer = Explain("peer");
  for (const v1::Reason& reason : peer.reasons()) {
    EXPECT_FALSE(reason.for_candidate());
  }
}

TEST_F(ExplanationTest, TheStrongestReasonComesFirstOnEachSide) {
  AddFittingPair();
  double mine = 1;
  double theirs = 1;
  const auto out = Explain("budi");
  for (const v1::Reason& reason : out.reasons()) {
    double& last = reason.for_candidate() ? theirs : mine;
    EXPECT_LE(reason.weight(), last);
    last = reason.weight();
  }
}

TEST_F(ExplanationTest, FullShowsEveryTermAndWhatIsMissing) {
  AddFittingPair();
  const auto out =
      Explain("budi", Language::kEnglish, v1::EXPLANATION_LEVEL_FULL);
  std::set<std::string> names;
  bool missing = false;
  for (const v1::ScoreTerm& term : out.terms()) {
    names.insert(term.name());
    missing |= term.missing();
  }
  EXPECT_EQ(names.size(), kFeatureCount + 2);
  EXPECT_TRUE(missing);
}

TEST_F(ExplanationTest, SaysHonestlyThatThereIsNoPath) {
  AddFittingPair();
  const auto path = Explain("budi").path();
  EXPECT_EQ(path.hops_size(), 0);
  EXPECT_THAT(path.text(), HasSubstr("Belum ada jalur kepercayaan"));
}

TEST_F(ExplanationTest, NamesAThirdPartyOnlyWithConsent) {
  AddFittingPair();
  auto friend_profile = AProfile("dewi");
  friend_profile.set_display_name("Dewi Lestari");
  world_.Add(friend_profile);
  world_.Tie("sari", "dewi", v1::EVIDENCE_KIND_COLLABORATION, 3);
  world_.Tie("dewi", "budi", v1::EVIDENCE_KIND_MENTORING, 3);

  const auto silent = Explain("budi").path();
  ASSERT_EQ(silent.hops_size(), 2);
  EXPECT_EQ(silent.hops(0).profile_id(), "");
  EXPECT_EQ(silent.hops(0).label(), "seorang anggota jaringan");
  EXPECT_THAT(silent.SerializeAsString(), Not(HasSubstr("ewi")));
  EXPECT_EQ(silent.hops(1).profile_id(), "budi");

  world_.Consent("dewi", v1::CONSENT_PURPOSE_PATH_NAMING);
  const auto named = Explain("budi").path();
  EXPECT_EQ(named.hops(0).profile_id(), "dewi");
  EXPECT_EQ(named.text(),
            "Anda terhubung dengan Budi Santoso melalui Dewi Lestari.");
}

TEST_F(ExplanationTest, AConsentingButHiddenMemberIsNotNamed) {
  AddFittingPair();
  world_.Add(AProfile("dewi"));
  world_.Consent("dewi", v1::CONSENT_PURPOSE_PATH_NAMING);
  auto hidden = AProfile("dewi");
  hidden.set_hidden(true);
  world_.Add(hidden);
  world_.Tie("sari", "dewi", v1::EVIDENCE_KIND_COLLABORATION, 3);
  world_.Tie("dewi", "budi", v1::EVIDENCE_KIND_MENTORING, 3);

  EXPECT_EQ(Explain("budi").path().hops(0).profile_id(), "");
}

TEST_F(ExplanationTest, AFellowMemberIsOneOfAtLeastFive) {
  AddFittingPair();
  world_.Add(AProfile("dewi"));
  auto group = AProfile("koperasi", v1::ROLE_COMMUNITY);
  group.set_kind(v1::MEMBER_KIND_GROUP);
  world_.Add(group);
  world_.Tie("sari", "dewi", v1::EVIDENCE_KIND_COLLABORATION, 3);
  world_.Tie("dewi", "budi", v1::EVIDENCE_KIND_MENTORING, 3);
  world_.Tie("sari", "koperasi", v1::EVIDENCE_KIND_MEMBERSHIP);
  world_.Tie("dewi", "koperasi", v1::EVIDENCE_KIND_MEMBERSHIP);

  EXPECT_EQ(Explain("budi").path().hops(0).label(), "seorang anggota jaringan");
  for (int i = 0; i < 4; ++i) {
    const std::string id = absl::StrCat("member", i);
    world_.Add(AProfile(id));
    world_.Tie(id, "koperasi", v1::EVIDENCE_KIND_MEMBERSHIP);
  }

  EXPECT_EQ(Explain("budi").path().hops(0).label(),
            "sesama anggota koperasi Anda");
  EXPECT_EQ(Explain("budi", Language::kEnglish).path().hops(0).label(),
            "a fellow member of your cooperative");
}

TEST(SentencesTest, PersonalCausesReadAlikeWithoutTheScope) {
  for (const Eligibility personal :
       {Eligibility::kBlocked, Eligibility::kHidden, Eligibility::kPaused,
        Eligibility::kEngaged, Eligibility::kRefusedByCandidate,
        Eligibility::kGone, Eligibility::kSelf, Eligibility::kWrongIncarnation,
        Eligibility::kNotOpen, Eligibility::kRefusedBySubject}) {
    EXPECT_EQ(CauseOf(personal, /*full=*/false),
              v1::WHY_NOT_CAUSE_NOT_AVAILABLE);
  }
  EXPECT_EQ(CauseOf(Eligibility::kBlocked, /*full=*/true),
            v1::WHY_NOT_CAUSE_BLOCKED);
  EXPECT_EQ(CauseOf(Eligibility::kHidden, true), v1::WHY_NOT_CAUSE_HIDDEN);
  EXPECT_EQ(CauseOf(Eligibility::kEngaged, true), v1::WHY_NOT_CAUSE_ENGAGED);
  EXPECT_EQ(CauseOf(Eligibility::kPaused, true), v1::WHY_NOT_CAUSE_PAUSED);
  EXPECT_EQ(CauseOf(Eligibility::kRefusedByCandidate, true),
            v1::WHY_NOT_CAUSE_RULES);
  EXPECT_EQ(CauseOf(Eligibility::kFull, false), v1::WHY_NOT_CAUSE_FULL);
}

TEST(SentencesTest, EveryCauseHasASentenceInBothLanguages) {
  const KindSpec& mentor = *FindKind(v1::RECOMMENDATION_KIND_MENTOR);
  for (int cause = 1; cause <= v1::WhyNotCause_MAX; ++cause) {
    for (const Language language :
         {Language::kIndonesian, Language::kEnglish}) {
      const std::string text =
          WhyNotText(language, static_cast<v1::WhyNotCause>(cause), mentor, 12);
      EXPECT_THAT(text, Not(IsEmpty()));
      EXPECT_THAT(text, Not(HasSubstr("{")));
    }
  }
  EXPECT_EQ(WhyNotText(Language::kIndonesian, v1::WHY_NOT_CAUSE_LOWER_RANK,
                       mentor, 12),
            "Anggota lain lebih cocok; anggota ini di urutan ke-12.");
}

TEST(SentencesTest, CapitalIsToldWithPercentAndSteps) {
  MemberTable table;
  Put(table, AProfile("koperasi"));
  table.Publish();
  CapitalDiagnosis diagnosis;
  diagnosis.scores[0].percentile = .12;
  diagnosis.peers.size = 40;
  CapitalStep step;
  step.action = CapitalAction::kReachNorm;
  step.norm = v1::NORM_KIND_HALAL;
  step.dimension = CapitalDimension::kNorms;
  step.percentile_before = .2;
  step.percentile_after = .5;
  diagnosis.steps.push_back(step);
  v1::DiagnoseCapitalResponse response;

  DescribeCapital(table.view(), diagnosis, Language::kIndonesian, response);

  ASSERT_EQ(response.scores_size(), kCapitalDimensions);
  EXPECT_THAT(response.scores(0).text(), HasSubstr("12%"));
  for (const auto& score : response.scores()) {
    EXPECT_THAT(score.text(), Not(HasSubstr("{")));
  }
  ASSERT_EQ(response.steps_size(), 1);
  EXPECT_EQ(response.steps(0).text(), "Urus sertifikat halal.");
  EXPECT_NEAR(response.steps(0).effect(), .3, 1e-9);
  EXPECT_EQ(response.peers(), 40u);
}

}  // namespace
}  // namespace mitra::matching
