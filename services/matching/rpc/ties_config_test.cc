#include "services/matching/rpc/ties_config.h"

#include <string>
#include <vector>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"

namespace mitra::matching {
namespace {

using ::testing::HasSubstr;

absl::Status Load(TieOptions& options, const std::vector<std::string>& flags) {
  Schema schema("matching");
  AddTieOptions(schema, options);
  const auto action = schema.Load(flags, {});
  if (!action.ok()) return action.status();
  return options.Validate();
}

TEST(TiesConfigTest, EveryKindAndNumberCanBeSet) {
  TieOptions options;
  MITRA_EXPECT_OK(Load(
      options, {"--ties.report_weight=2.5", "--ties.report_half_life_days=90",
                "--ties.report_window_days=400", "--ties.rating_window_days=0",
                "--ties.membership_weight=0", "--ties.edge_share_cap=0.2"}));
  EXPECT_EQ(options.kinds[v1::EVIDENCE_KIND_REPORT].weight, 2.5);
  EXPECT_EQ(options.kinds[v1::EVIDENCE_KIND_REPORT].half_life_days, 90);
  EXPECT_EQ(options.kinds[v1::EVIDENCE_KIND_REPORT].window_days, 400);
  EXPECT_EQ(options.kinds[v1::EVIDENCE_KIND_RATING].window_days, 0);
  EXPECT_EQ(options.kinds[v1::EVIDENCE_KIND_DISPUTE].window_days, 1095);
  EXPECT_EQ(options.kinds[v1::EVIDENCE_KIND_MEMBERSHIP].weight, 0);
  EXPECT_EQ(options.edge_share_cap, .2);
  // The others stay.
  const TieOptions usual;
  EXPECT_EQ(options.kinds[v1::EVIDENCE_KIND_RATING].weight,
            usual.kinds[v1::EVIDENCE_KIND_RATING].weight);
  EXPECT_EQ(options.prior_weight, usual.prior_weight);
}

TEST(TiesConfigTest, WhatIsOutOfRangeIsNamed) {
  TieOptions options;
  EXPECT_THAT(Load(options, {"--ties.rating_weight=11"}).message(),
              HasSubstr("ties.rating_weight"));
  EXPECT_THAT(Load(options, {"--ties.rating_weight=nan"}).message(),
              HasSubstr("ties.rating_weight"));
  EXPECT_THAT(Load(options, {"--ties.gossip_weight=1"}).message(),
              HasSubstr("ties.gossip_weight"));
  EXPECT_THAT(Load(options, {"--ties.report_window_days=-1"}).message(),
              HasSubstr("ties.report_window_days"));
  EXPECT_THAT(Load(options, {"--ties.report_window_days=36501"}).message(),
              HasSubstr("ties.report_window_days"));
  TieOptions hasty;
  EXPECT_THAT(Load(hasty, {"--ties.rating_half_life_days=0.5"}).message(),
              HasSubstr("ties.rating"));
}

}  // namespace
}  // namespace mitra::matching
