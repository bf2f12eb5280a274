#include "services/cli/commands/refresh_text.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/cli/output/table.h"

namespace mitra::cli {
namespace {

std::string StateOf(const v1::Refresh& refresh) {
  return v1::RefreshState_Name(refresh.state())
      .substr(sizeof("REFRESH_STATE_") - 1);
}

// The joint solution beside what each list alone would have given.
void PrintMarket(const v1::MarketReport& market) {
  const std::string kind =
      absl::AsciiStrToLower(v1::RecommendationKind_Name(market.kind())
                                .substr(sizeof("RECOMMENDATION_KIND_") - 1));
  std::cout << "\n"
            << Paragraph(absl::StrCat(kind, ": ", market.subjects(),
                                      " members, ", market.candidates(),
                                      " candidates, ", market.pairs(),
                                      " pairs, ", market.without_candidates(),
                                      " without a candidate"),
                         2, TerminalWidth());
  Table table({"", "together", "each alone"});
  table.AddRow({"expected matches",
                absl::StrFormat("%.1f", market.expected_matches()),
                absl::StrFormat("%.1f", market.expected_matches_alone())});
  table.AddRow({"Gini of exposure",
                absl::StrFormat("%.3f", market.exposure_gini()),
                absl::StrFormat("%.3f", market.exposure_gini_alone())});
  std::cout << table.Render(TerminalWidth());
  if (market.scarce_size() == 0) return;
  std::cout << "scarcest:\n";
  Table scarce({"member", "name", "seats", "wanted by", "price"});
  scarce.KeepWhole({"member"});
  for (const v1::ScarceCandidate& one : market.scarce()) {
    scarce.AddRow({one.profile_id(), one.display_name(),
                   absl::StrFormat("%.0f", one.seats()),
                   absl::StrCat(one.wanted_by()),
                   absl::StrFormat("%.2f", one.log_price())});
  }
  std::cout << scarce.Render(TerminalWidth());
}

// What became of it and what may be done now.
void PrintState(const v1::Refresh& r) {
  std::cout << Paragraph(
      absl::StrCat(r.refresh_id(), " ", StateOf(r),
                   RunsStill(r) ? absl::StrCat(" (", r.phase(), ")") : "", " ",
                   r.members_done(), "/", r.members_total(), " members, ",
                   r.full_slates(), " full, ", r.empty_slates(),
                   " empty, exposure Gini ",
                   absl::StrFormat("%.2f", r.exposure_gini())),
      2, TerminalWidth());
  if (r.restarts() > 0 || r.chunks_from_others() > 0) {
    std::cout << "  " << r.restarts() << " restarts, " << r.chunks_from_others()
              << " of " << r.chunks_total() << " chunks from other processes\n";
  }
  if (r.chunks_kept() > 0) {
    std::cout << "  nothing had changed: candidates of the refresh before\n";
  }
  for (const std::string& failure : r.guard_failures()) {
    std::cout << "  not published: " << failure << "\n";
  }
  if (r.state() == v1::REFRESH_STATE_HELD) {
    std::cout << "  mitra refresh publish|reject " << r.refresh_id()
              << (r.guard_failures().empty() ? "" : " --force") << "\n";
  }
  if (!r.reject_reason().empty()) {
    std::cout << "  rejected: " << r.reject_reason() << "\n";
  }
  if (r.has_error()) std::cout << "  " << r.error().message() << "\n";
}

void PrintGroups(
    const char* heading,
    const google::protobuf::RepeatedPtrField<v1::GroupExposure>& groups) {
  if (groups.empty()) return;
  Table table({heading, "candidates", "share of attention", "Gini"});
  for (int i = 0; i < groups.size() && i < 10; ++i) {
    const v1::GroupExposure& group = groups.Get(i);
    table.AddRow({group.group().empty() ? "-" : group.group(),
                  absl::StrCat(group.candidates()),
                  absl::StrFormat("%.1f %%", 100 * group.exposure_share()),
                  absl::StrFormat("%.3f", group.gini())});
  }
  std::cout << table.Render(TerminalWidth());
}

void PrintFairness(const v1::MarketReport& market) {
  std::cout << absl::StrFormat(
      "coverage %.1f %%, empty slates %.1f %%, outside the largest part "
      "%.1f %%, places of newcomers %.1f %%\n%d blocking pairs, envy %.1f %%\n",
      100 * market.coverage(), 100 * market.empty_share(),
      100 * market.fragmentation(), 100 * market.newcomer_share(),
      market.blocking_pairs(), 100 * market.envy());
  for (const v1::UnmatchedMembers& unmatched : market.unmatched()) {
    std::cout << unmatched.members()
              << " without a recommendation: " << unmatched.reason() << "\n";
  }
  if (market.seats_per_seeker() > 0) {
    std::cout << absl::StrFormat("%.2f free seats for each member\n",
                                 market.seats_per_seeker());
  }
  for (const v1::SeatSupply& pause : market.pauses()) {
    std::cout << absl::StrFormat(
        "pauses in %s: %.2f free seats for each who seeks, fewer than %.2f\n",
        pause.region_code().empty() ? "the whole network"
                                    : "province " + pause.region_code(),
        pause.seats_per_seeker_with_standby(), pause.pause_below());
  }
  if (market.seats_given() > 0) {
    std::cout << absl::StrFormat("%d seats given out, %d pairs would swap\n",
                                 market.seats_given(),
                                 market.seat_blocking_pairs());
  }
  PrintGroups("role", market.by_role());
  PrintGroups("province", market.by_region());
  PrintGroups("sector", market.by_sector());
}

// One line for each kind, and the provinces with most places.
void PrintFunnel(const v1::RefreshReport& report) {
  constexpr size_t kProvinces = 8;
  std::map<std::pair<int, std::string>, v1::FunnelRow> sums;
  for (const v1::FunnelRow& row : report.funnel()) {
    for (const std::string& region : {std::string(), row.region_code()}) {
      v1::FunnelRow& sum = sums[{row.kind(), region}];
      sum.set_placed(sum.placed() + row.placed());
      sum.set_looked_at(sum.looked_at() + row.looked_at());
      sum.set_requested(sum.requested() + row.requested());
      sum.set_accepted(sum.accepted() + row.accepted());
      sum.set_met(sum.met() + row.met());
      sum.set_outcomes(sum.outcomes() + row.outcomes());
      if (row.region_code().empty()) break;
    }
  }
  if (sums.empty()) return;
  Table table({"kind", "province", "placed", "looked at", "requested",
               "accepted", "met", "outcomes"});
  std::vector<std::pair<std::pair<int, std::string>, v1::FunnelRow>> rows(
      sums.begin(), sums.end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    if (a.first.first != b.first.first) return a.first.first < b.first.first;
    return a.second.placed() > b.second.placed();
  });
  std::map<int, size_t> shown;
  for (const auto& [key, row] : rows) {
    if (++shown[key.first] > kProvinces + 1) continue;
    const std::string kind = absl::AsciiStrToLower(
        v1::RecommendationKind_Name(
            static_cast<v1::RecommendationKind>(key.first))
            .substr(sizeof("RECOMMENDATION_KIND_") - 1));
    table.AddRow({kind, key.second.empty() ? "all" : key.second,
                  absl::StrCat(row.placed()), absl::StrCat(row.looked_at()),
                  absl::StrCat(row.requested()), absl::StrCat(row.accepted()),
                  absl::StrCat(row.met()), absl::StrCat(row.outcomes())});
  }
  std::cout << "\nwhat became of it:\n" << table.Render(TerminalWidth());
}

}  // namespace

bool RunsStill(const v1::Refresh& refresh) {
  return refresh.state() == v1::REFRESH_STATE_PENDING ||
         refresh.state() == v1::REFRESH_STATE_RUNNING;
}

void PrintRefresh(const v1::Refresh& refresh) {
  PrintState(refresh);
  for (const v1::MarketReport& market : refresh.markets()) PrintMarket(market);
}

void PrintRefreshReport(const v1::RefreshReport& report) {
  PrintState(report.refresh());
  for (const v1::MarketReport& market : report.refresh().markets()) {
    PrintMarket(market);
    PrintFairness(market);
  }
  PrintFunnel(report);
  if (report.unmet_needs().empty()) return;
  std::cout << "\nsought by more than give it:\n";
  Table table({"resource", "sector", "seek", "give"});
  for (const v1::UnmetNeed& need : report.unmet_needs()) {
    table.AddRow({absl::AsciiStrToLower(v1::Resource_Name(need.resource())
                                            .substr(sizeof("RESOURCE_") - 1)),
                  need.sector_division(), absl::StrCat(need.seekers()),
                  absl::StrCat(need.givers())});
  }
  std::cout << table.Render(TerminalWidth());
}

}  // namespace mitra::cli
