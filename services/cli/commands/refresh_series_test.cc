#include "services/cli/commands/refresh_series.h"

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace mitra::cli {
namespace {

v1::ListRefreshesResponse TwoRefreshes() {
  v1::ListRefreshesResponse all;
  v1::Refresh& late = *all.add_refreshes();
  late.set_refresh_id("late");
  late.set_state(v1::REFRESH_STATE_PUBLISHED);
  late.mutable_start_time()->set_seconds(1'700'000'060);
  for (const auto kind :
       {v1::RECOMMENDATION_KIND_MENTOR, v1::RECOMMENDATION_KIND_PARTNER}) {
    v1::MarketReport& market = *late.add_markets();
    market.set_kind(kind);
    market.set_subjects(20);
    market.set_expected_matches(12.5);
    market.set_expected_matches_alone(10);
    market.set_blocking_pairs(7);
  }
  v1::Refresh& early = *all.add_refreshes();
  early.set_refresh_id("early");
  early.set_state(v1::REFRESH_STATE_HELD);
  early.mutable_start_time()->set_seconds(1'700'000'000);
  early.add_markets()->set_kind(v1::RECOMMENDATION_KIND_MENTOR);
  all.add_refreshes()->set_refresh_id("not computed");
  return all;
}

TEST(RefreshSeriesTest, ALineForEachKindOfEachOldestFirst) {
  const RefreshSeries series(TwoRefreshes());
  EXPECT_EQ(series.AsCsv(),
            "time,refresh_id,state,kind,members,candidates,expected_matches,"
            "expected_matches_alone,exposure_gini,exposure_gini_alone,coverage,"
            "empty_share,fragmentation,newcomer_share,seats_per_seeker,"
            "blocking_pairs,envy\n"
            "2023-11-14T22:13:20Z,early,held,mentor,0,0,0,0,0,0,0,0,0,0,0,0,0\n"
            "2023-11-14T22:14:20Z,late,published,mentor,20,0,12.5,10,0,0,0,0,0,"
            "0,0,7,0\n"
            "2023-11-14T22:14:20Z,late,published,partner,20,0,12.5,10,0,0,0,0,"
            "0,0,0,7,0\n");
}

TEST(RefreshSeriesTest, TheSameAsObjectsForAPage) {
  const auto json =
      nlohmann::json::parse(RefreshSeries(TwoRefreshes()).AsJson());
  ASSERT_EQ(json.size(), 3u);
  EXPECT_EQ(json[1]["refresh_id"], "late");
  EXPECT_EQ(json[1]["kind"], "mentor");
  EXPECT_EQ(json[1]["expected_matches"], 12.5);
  EXPECT_EQ(nlohmann::json::parse(RefreshSeries({}).AsJson()).size(), 0u);
}

}  // namespace
}  // namespace mitra::cli
