#include "services/matching/rpc/standings_rpc.h"

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"
#include "services/matching/trust/reputation.h"

namespace mitra::matching {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class StandingsRpcTest : public testing::Test {
 protected:
  StandingsRpcTest() {
    world_.Add(AProfile("sari"));
    for (int i = 0; i < 5; ++i) world_.Add(AProfile(absl::StrCat("p", i)));
  }
  absl::Status Get(const std::string& id, const std::string& language = "en") {
    rpc::CallContext call;
    call.identity = identity_;
    v1::GetStandingRequest request;
    request.set_profile_id(id);
    request.set_language(language);
    standing_.Clear();
    return rpc::SyncWait(rpc_.GetStanding(call, request, standing_));
  }
  absl::Status Describe(const std::string& region, const std::string& sector) {
    rpc::CallContext call;
    call.identity = identity_;
    v1::DescribeCapitalRequest request;
    request.set_region_code(region);
    request.set_sector_code(sector);
    capital_.Clear();
    return rpc::SyncWait(rpc_.DescribeCapital(call, request, capital_));
  }

  World world_;
  bool ready_ = true;
  PeerCache peers_{world_.clock};
  StandingsRpc rpc_{[this] { return world_.view(); }, peers_,
                    [this] { return ready_; }};
  rpc::Identity identity_;
  v1::GetStandingResponse standing_;
  v1::DescribeCapitalResponse capital_;
};

TEST_F(StandingsRpcTest, ANewMemberGetsNoNumber) {
  world_.Tie("p0", "sari");
  MITRA_ASSERT_OK(Get("sari"));
  EXPECT_EQ(standing_.band(), v1::STANDING_BAND_NEW);
  EXPECT_FALSE(standing_.has_reputation());
  EXPECT_FALSE(standing_.text().empty());
  EXPECT_GT(standing_.steps_size(), 0);
  EXPECT_FALSE(standing_.contest_text().empty());
}

TEST_F(StandingsRpcTest, SaysWhatItConsistsOf) {
  for (int i = 0; i < 4; ++i) world_.Tie(absl::StrCat("p", i), "sari");
  world_.Tie("p4", "sari", v1::EVIDENCE_KIND_NO_SHOW);
  MITRA_ASSERT_OK(Get("sari"));
  ASSERT_EQ(standing_.causes_size(), 2);
  EXPECT_EQ(standing_.causes(0).kind(), v1::EVIDENCE_KIND_COLLABORATION);
  EXPECT_EQ(standing_.causes(0).pieces(), 4u);
  EXPECT_EQ(standing_.causes(0).half_life_days(), 540);
  EXPECT_GT(standing_.causes(0).amount(), 0);
  EXPECT_LT(standing_.causes(1).amount(), 0);
  EXPECT_THAT(standing_.causes(1).text(), HasSubstr("Lowers trust"));
  // Praise has no end; the complaint of 27 May 2026 is gone with May 2029.
  EXPECT_FALSE(standing_.causes(0).has_complaint_end_time());
  EXPECT_EQ(standing_.causes(1).complaint_window_days(), 1095);
  EXPECT_EQ(standing_.causes(1).complaint_end_time().seconds(),
            absl::ToUnixSeconds(absl::FromCivil(absl::CivilDay(2029, 6, 1),
                                                absl::UTCTimeZone())));
  EXPECT_THAT(standing_.causes(1).text(), HasSubstr("1 June 2029"));
  // The value is that of the sums of the causes.
  double positive = 0, negative = 0;
  for (const auto& cause : standing_.causes()) {
    positive += cause.positive();
    negative += cause.negative();
  }
  EXPECT_NEAR(standing_.reputation(), ReputationValue(positive, negative),
              1e-6);
  // Among the steps: to contest the complaint.
  bool contest = false;
  for (const auto& step : standing_.steps()) {
    contest = contest || step.text().find("Contest") != std::string::npos;
  }
  EXPECT_TRUE(contest);
}

TEST_F(StandingsRpcTest, AComplaintIsGoneAtTheEndThatWasTold) {
  for (int i = 0; i < 4; ++i) world_.Tie(absl::StrCat("p", i), "sari");
  world_.Tie("p4", "sari", v1::EVIDENCE_KIND_REPORT);
  MITRA_ASSERT_OK(Get("sari", "id"));
  ASSERT_EQ(standing_.causes_size(), 2);
  EXPECT_THAT(standing_.causes(1).text(),
              HasSubstr("Keluhan tidak dihitung lagi mulai 1 Juni 2029."));
  const absl::Time end =
      absl::FromUnixSeconds(standing_.causes(1).complaint_end_time().seconds());
  world_.clock.Advance(end - absl::Hours(48) - world_.clock.Now());
  world_.Refresh();
  MITRA_ASSERT_OK(Get("sari"));
  EXPECT_EQ(standing_.causes_size(), 2);
  EXPECT_LT(standing_.causes(1).amount(), 0);
  world_.clock.Advance(absl::Hours(48));
  world_.Refresh();
  MITRA_ASSERT_OK(Get("sari"));
  ASSERT_EQ(standing_.causes_size(), 1);
  EXPECT_EQ(standing_.causes(0).kind(), v1::EVIDENCE_KIND_COLLABORATION);
  for (const auto& step : standing_.steps()) {
    EXPECT_THAT(step.text(), Not(HasSubstr("Contest")));
  }
}

TEST_F(StandingsRpcTest, RefusesOthersAndNonsense) {
  EXPECT_EQ(Get("nobody").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Get("no spaces").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Get("sari", "fr").code(), absl::StatusCode::kInvalidArgument);
  identity_.member_id = "p1";
  EXPECT_EQ(Get("sari").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Describe("33", "").code(), absl::StatusCode::kPermissionDenied);
  identity_ = {};
  ready_ = false;
  EXPECT_EQ(Get("sari").code(), absl::StatusCode::kUnavailable);
}

TEST_F(StandingsRpcTest, DescribesARegionOnlyWhenManyAreMeant) {
  MITRA_ASSERT_OK(Describe("33.72", ""));
  EXPECT_FALSE(capital_.has_members());
  EXPECT_EQ(capital_.dimensions_size(), 0);
  for (int i = 0; i < 20; ++i) world_.Add(AProfile(absl::StrCat("q", i)));
  for (int i = 0; i < 20; ++i) {
    world_.Tie(absl::StrCat("q", i), absl::StrCat("q", (i + 1) % 20));
  }
  world_.clock.Advance(absl::Minutes(6));
  MITRA_ASSERT_OK(Describe("33.72", "10"));
  EXPECT_EQ(capital_.members(), 26u);
  ASSERT_EQ(capital_.dimensions_size(), 6);
  const auto& bridging = capital_.dimensions(1);
  EXPECT_EQ(bridging.dimension(), v1::CAPITAL_DIMENSION_BRIDGING);
  EXPECT_GT(bridging.median(), 0);
  EXPECT_NEAR(bridging.none(), 6. / 26, 1e-9);
  MITRA_ASSERT_OK(Describe("11", ""));  // nobody lives there
  EXPECT_FALSE(capital_.has_members());
}

TEST_F(StandingsRpcTest, NamesTheBadCode) {
  EXPECT_THAT(Describe("99.99", "").ToString(), HasSubstr("region_code"));
  EXPECT_THAT(Describe("", "00").ToString(), HasSubstr("sector_code"));
  EXPECT_THAT(Describe("", "").ToString(), HasSubstr("region_code"));
}

}  // namespace
}  // namespace mitra::matching
