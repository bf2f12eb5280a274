// Who may contest a piece of evidence, and who decides, on a real record.

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/profile/ingest/evidence_records.h"
#include "services/profile/ingest/records_fixture.h"

namespace mitra::profile {
namespace {

class EvidenceContestTest : public RecordsFixture {
 protected:
  EvidenceContestTest() {
    evidence_.emplace(*store_, executor_, clock_, redirects_);
    for (const char* id : {"sari", "budi"}) {
      v1::UpsertProfileRequest request;
      *request.mutable_profile() = ABakery(id);
      v1::Profile response;
      rpc::CallContext call;
      call.identity.credential = "koperasi";
      MITRA_EXPECT_OK(
          rpc::SyncWait(profiles_->Upsert(call, request, response)));
    }
    v1::CreateEvidenceRequest report;
    report.mutable_evidence()->set_evidence_id("report-1");
    report.mutable_evidence()->set_author_id("budi");
    report.mutable_evidence()->set_about_id("sari");
    report.mutable_evidence()->set_kind(v1::EVIDENCE_KIND_REPORT);
    report.mutable_evidence()->mutable_event_time()->set_seconds(kTestNow - 1);
    v1::Evidence response;
    rpc::CallContext call;
    call.identity.credential = "koperasi";
    MITRA_EXPECT_OK(rpc::SyncWait(evidence_->Create(call, report, response)));
  }

  // "" is the platform, which moderates; else a member.
  absl::Status Contest(const std::string& who, v1::ContestState state) {
    rpc::CallContext call;
    call.identity.credential = "koperasi";
    call.identity.member_id = who;
    v1::ContestEvidenceRequest request;
    request.set_evidence_id("report-1");
    request.set_state(state);
    request.set_actor_id(who);
    v1::Evidence response;
    absl::Status status =
        rpc::SyncWait(evidence_->Contest(call, request, response));
    if (status.ok()) {
      EXPECT_EQ(response.contest_state(), state);
    }
    audited_.clear();
    for (const auto& [key, value] : call.trailers()) {
      if (key == "mitra-audit") audited_ = value;
    }
    return status;
  }
  v1::ContestState State() {
    const auto entity = store_->Get(EntityType::kEvidence, "report-1");
    v1::Evidence evidence;
    EXPECT_TRUE(entity.ok() && entity->has_value());
    evidence.ParseFromString((*entity)->body);
    return evidence.contest_state();
  }

  std::optional<EvidenceRecords> evidence_;
  // What the last call had the audit log told.
  std::string audited_;
};

TEST_F(EvidenceContestTest, WhomItIsAboutSuspendsItAndAModeratorDecides) {
  MITRA_EXPECT_OK(Contest("sari", v1::CONTEST_STATE_CONTESTED));
  EXPECT_EQ(State(), v1::CONTEST_STATE_CONTESTED);
  EXPECT_EQ(audited_, "contested");
  MITRA_EXPECT_OK(Contest("sari", v1::CONTEST_STATE_CONTESTED));
  EXPECT_THAT(Contest("sari", v1::CONTEST_STATE_DISMISSED),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(audited_, "") << "nothing was decided";
  EXPECT_EQ(State(), v1::CONTEST_STATE_CONTESTED);
  MITRA_EXPECT_OK(Contest("", v1::CONTEST_STATE_UPHELD));
  EXPECT_EQ(audited_, "upheld");
  EXPECT_EQ(State(), v1::CONTEST_STATE_UPHELD);
}

TEST_F(EvidenceContestTest, WhatIsDecidedIsNotSuspendedAgain) {
  MITRA_EXPECT_OK(Contest("sari", v1::CONTEST_STATE_CONTESTED));
  MITRA_EXPECT_OK(Contest("", v1::CONTEST_STATE_UPHELD));
  EXPECT_THAT(Contest("sari", v1::CONTEST_STATE_CONTESTED),
              HasReason("CONTEST_DECIDED"));
  EXPECT_THAT(Contest("sari", v1::CONTEST_STATE_UNSPECIFIED),
              HasReason("CONTEST_DECIDED"));
  MITRA_EXPECT_OK(Contest("", v1::CONTEST_STATE_DISMISSED));
  EXPECT_EQ(State(), v1::CONTEST_STATE_DISMISSED);
}

TEST_F(EvidenceContestTest, OthersSeeNothingToContest) {
  EXPECT_THAT(Contest("budi", v1::CONTEST_STATE_CONTESTED),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(State(), v1::CONTEST_STATE_UNSPECIFIED);
}

TEST_F(EvidenceContestTest, AContestCanBeTakenBackUntilItIsDecided) {
  MITRA_EXPECT_OK(Contest("sari", v1::CONTEST_STATE_CONTESTED));
  MITRA_EXPECT_OK(Contest("sari", v1::CONTEST_STATE_UNSPECIFIED));
  EXPECT_EQ(State(), v1::CONTEST_STATE_UNSPECIFIED);
}

}  // namespace
}  // namespace mitra::profile
