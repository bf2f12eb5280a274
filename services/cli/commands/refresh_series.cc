#include "services/cli/commands/refresh_series.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace mitra::cli {
namespace {

struct Column {
  const char* name;
  double (*of)(const v1::MarketReport&);
};

template <auto kField>
double Of(const v1::MarketReport& market) {
  return static_cast<double>((market.*kField)());
}

using Market = v1::MarketReport;
constexpr Column kColumns[] = {
    {"members", Of<&Market::subjects>},
    {"candidates", Of<&Market::candidates>},
    {"expected_matches", Of<&Market::expected_matches>},
    {"expected_matches_alone", Of<&Market::expected_matches_alone>},
    {"exposure_gini", Of<&Market::exposure_gini>},
    {"exposure_gini_alone", Of<&Market::exposure_gini_alone>},
    {"coverage", Of<&Market::coverage>},
    {"empty_share", Of<&Market::empty_share>},
    {"fragmentation", Of<&Market::fragmentation>},
    {"newcomer_share", Of<&Market::newcomer_share>},
    {"seats_per_seeker", Of<&Market::seats_per_seeker>},
    {"blocking_pairs", Of<&Market::blocking_pairs>},
    {"envy", Of<&Market::envy>},
};

constexpr const char* kTexts[] = {"time", "refresh_id", "state", "kind"};

}  // namespace

RefreshSeries::RefreshSeries(const v1::ListRefreshesResponse& refreshes) {
  for (const v1::Refresh& refresh : refreshes.refreshes()) {
    for (const v1::MarketReport& market : refresh.markets()) {
      Row row;
      row.time = absl::FormatTime(
          "%Y-%m-%dT%H:%M:%SZ",
          absl::FromUnixSeconds(refresh.start_time().seconds()),
          absl::UTCTimeZone());
      row.refresh_id = refresh.refresh_id();
      row.state =
          absl::AsciiStrToLower(v1::RefreshState_Name(refresh.state())
                                    .substr(sizeof("REFRESH_STATE_") - 1));
      row.kind = absl::AsciiStrToLower(
          v1::RecommendationKind_Name(market.kind())
              .substr(sizeof("RECOMMENDATION_KIND_") - 1));
      for (const Column& column : kColumns) {
        row.figures.push_back(column.of(market));
      }
      rows_.push_back(std::move(row));
    }
  }
  std::stable_sort(rows_.begin(), rows_.end(),
                   [](const Row& a, const Row& b) { return a.time < b.time; });
}

std::string RefreshSeries::AsCsv() const {
  std::string text = absl::StrJoin(kTexts, ",");
  for (const Column& column : kColumns)
    absl::StrAppend(&text, ",", column.name);
  text += "\n";
  for (const Row& row : rows_) {
    absl::StrAppend(&text, row.time, ",", row.refresh_id, ",", row.state, ",",
                    row.kind);
    for (const double figure : row.figures) absl::StrAppend(&text, ",", figure);
    text += "\n";
  }
  return text;
}

std::string RefreshSeries::AsJson() const {
  auto all = nlohmann::ordered_json::array();
  for (const Row& row : rows_) {
    nlohmann::ordered_json one = {{kTexts[0], row.time},
                                  {kTexts[1], row.refresh_id},
                                  {kTexts[2], row.state},
                                  {kTexts[3], row.kind}};
    for (size_t i = 0; i < row.figures.size(); ++i) {
      one[kColumns[i].name] = row.figures[i];
    }
    all.push_back(std::move(one));
  }
  return all.dump(1) + "\n";
}

}  // namespace mitra::cli
