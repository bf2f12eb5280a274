#include "services/profile/ingest/request_validation.h"

#include <limits>

#include "common/base/fake_clock.h"
#include "common/status/status_matchers.h"
#include "common/validation/profile_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/feedback_service.pb.h"
#include "mitra/v1/relations_service.pb.h"

namespace mitra::profile {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(kTestNow);

absl::Status Validate(const v1::Evidence& evidence) {
  return ValidateEvidence(evidence, FieldPath("evidence"), kNow);
}

TEST(EvidenceValidationTest, TakesGoodEvidence) {
  MITRA_EXPECT_OK(Validate(AReference("ani", "budi")));
}

TEST(EvidenceValidationTest, RefusesEvidenceAboutOneself) {
  EXPECT_THAT(Validate(AReference("ani", "ani")),
              NamesField("evidence.about_id"));
}

TEST(EvidenceValidationTest, RefusesBadFieldsByName) {
  v1::Evidence evidence = AReference("an i", "budi");
  evidence.set_evidence_id("a/b");
  evidence.set_kind(static_cast<v1::EvidenceKind>(40));
  evidence.set_quality(std::numeric_limits<double>::quiet_NaN());
  evidence.set_note("\xFF");
  evidence.set_external_ref(std::string(129, 'x'));
  evidence.set_contest_state(static_cast<v1::ContestState>(9));

  const absl::Status status = Validate(evidence);

  for (const char* field :
       {"evidence.evidence_id", "evidence.author_id", "evidence.kind",
        "evidence.quality", "evidence.note", "evidence.external_ref",
        "evidence.contest_state"}) {
    EXPECT_THAT(status, NamesField(field));
  }
}

TEST(EvidenceValidationTest, RefusesDatesFromTheFutureAndLongAgo) {
  v1::Evidence evidence = AReference("ani", "budi");
  evidence.mutable_event_time()->set_seconds(kTestNow + 86'399);
  MITRA_EXPECT_OK(Validate(evidence));
  evidence.mutable_event_time()->set_seconds(kTestNow + 86'401);
  EXPECT_THAT(Validate(evidence), NamesField("evidence.event_time"));
  evidence.mutable_event_time()->set_seconds(-1);
  EXPECT_THAT(Validate(evidence), NamesField("evidence.event_time"));
  evidence.clear_event_time();
  EXPECT_THAT(Validate(evidence), NamesField("evidence.event_time"));
}

TEST(FeedbackValidationTest, RefusesBadFieldsByName) {
  v1::Feedback feedback;
  feedback.set_attribution_token("a b");
  feedback.set_kind(v1::FEEDBACK_KIND_OUTCOME);
  feedback.set_amount(-1);
  feedback.set_reason_code("because");

  const absl::Status status =
      ValidateFeedback(feedback, FieldPath("feedback", 2), kNow);

  for (const char* field :
       {"feedback[2].attribution_token", "feedback[2].outcome",
        "feedback[2].amount", "feedback[2].reason_code"}) {
    EXPECT_THAT(status, NamesField(field));
  }
}

TEST(RelationValidationTest, RefusesBlockingOneselfAndConsentWithoutReceipt) {
  v1::Block block;
  block.set_blocked_id("ani");
  EXPECT_THAT(ValidateBlock(block, FieldPath("block")),
              NamesField("block.blocker_id"));
  block.set_blocker_id("ani");
  EXPECT_THAT(ValidateBlock(block, FieldPath("")), NamesField("blocked_id"));
  v1::Consent consent;
  consent.set_profile_id("ani");
  consent.set_purpose(static_cast<v1::ConsentPurpose>(77));
  EXPECT_THAT(ValidateConsent(consent, FieldPath("")), NamesField("purpose"));
  EXPECT_THAT(ValidateConsent(consent, FieldPath("consent")),
              NamesField("consent.receipt_id"));
}

TEST(RequestValidationTest, RefusesOddRequestIdsAndPageSizes) {
  MITRA_EXPECT_OK(ValidateRequestId(""));
  MITRA_EXPECT_OK(ValidateRequestId(std::string(64, 'r')));
  EXPECT_THAT(ValidateRequestId(std::string(65, 'r')),
              NamesField("request_id"));
  EXPECT_THAT(ValidateRequestId("a b"), NamesField("request_id"));
  EXPECT_THAT(ValidateRequestId("a\n"), NamesField("request_id"));
  EXPECT_THAT(PageSize(-1), NamesField("page_size"));
  EXPECT_THAT(PageSize(0), IsOkAndHolds(100u));
  EXPECT_THAT(PageSize(7), IsOkAndHolds(7u));
  EXPECT_THAT(PageSize(5000), IsOkAndHolds(1000u));
  EXPECT_THAT(ValidateBatchSize("profiles", 0, 10), NamesField("profiles"));
  EXPECT_THAT(ValidateBatchSize("profiles", 11, 10), NamesField("profiles"));
}

TEST(PageTokensTest, ComeBackOnlyForTheirOwnQueryAndForADay) {
  FakeClock clock;
  const PageTokens tokens("0123456789abcdef", clock);
  const std::string token = tokens.Encode("profiles", "ani");

  EXPECT_THAT(tokens.Decode("profiles", token), IsOkAndHolds("ani"));
  EXPECT_THAT(tokens.Decode("profiles", ""), IsOkAndHolds(""));
  for (const std::string& bad :
       {std::string("!!"), std::string(10'000, 'A'), token + "A"}) {
    EXPECT_THAT(tokens.Decode("profiles", bad), NamesField("page_token"));
  }
  EXPECT_THAT(tokens.Decode("evidence", token), NamesField("page_token"));
  clock.Advance(absl::Hours(25));
  EXPECT_THAT(tokens.Decode("profiles", token), NamesField("page_token"));
}

TEST(EtagTest, StandsForOneStateOfOneRecord) {
  const std::string etag = EncodeEtag(0x1234567890, 42);

  MITRA_ASSERT_OK_AND_ASSIGN(const auto same,
                             DecodeEtag("etag", 0x1234567890, etag));
  EXPECT_EQ(same, 42u);
  MITRA_ASSERT_OK_AND_ASSIGN(const auto other, DecodeEtag("etag", 7, etag));
  EXPECT_EQ(other, std::numeric_limits<uint64_t>::max());
  MITRA_ASSERT_OK_AND_ASSIGN(const auto none, DecodeEtag("etag", 7, ""));
  EXPECT_FALSE(none.has_value());
  EXPECT_THAT(DecodeEtag("profile.etag", 7, "what"),
              NamesField("profile.etag"));
  EXPECT_THAT(DecodeEtag("profile.etag", 7, std::string(200, '1')),
              NamesField("profile.etag"));
}

}  // namespace
}  // namespace mitra::profile
