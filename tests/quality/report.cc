#include "tests/quality/report.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace mitra::quality {
namespace {

std::string Figure(double value) {
  return value >= 100 ? absl::StrFormat("%.1f", value)
                      : absl::StrFormat("%.4f", value);
}

}  // namespace

void Report::Metric(absl::string_view name, double value, Goal goal,
                    absl::string_view bar) {
  Row row;
  row.name = std::string(name);
  row.ours = Figure(value);
  row.goal = absl::StrFormat("%s %g", goal.at_most ? "<=" : ">=", goal.value);
  row.bar = std::string(bar);
  row.missed = goal.at_most ? !(value <= goal.value) : !(value >= goal.value);
  rows_.push_back(row);
  lines_.push_back(absl::StrFormat("METRIC %s %.6g", name, value));
}

void Report::Note(absl::string_view name, double value, absl::string_view bar) {
  Row row;
  row.name = std::string(name);
  row.ours = Figure(value);
  row.bar = std::string(bar);
  rows_.push_back(row);
}

void Report::Skip(absl::string_view name, absl::string_view reason) {
  Row row;
  row.name = std::string(name);
  row.ours = "skipped";
  row.bar = std::string(reason);
  rows_.push_back(row);
  lines_.push_back(absl::StrCat("SKIPPED ", name, " ", reason));
}

void Report::Section(absl::string_view title) {
  Row row;
  row.title = std::string(title);
  rows_.push_back(row);
}

int Report::Print() const {
  int missed = 0;
  std::printf("%-28s %10s %-10s %-6s %s\n", "figure", "ours", "goal", "",
              "bars");
  for (const Row& row : rows_) {
    if (!row.title.empty()) {
      std::printf("\n%s\n", row.title.c_str());
      continue;
    }
    missed += row.missed;
    std::printf("%-28s %10s %-10s %-6s %s\n", row.name.c_str(),
                row.ours.c_str(), row.goal.c_str(), row.missed ? "MISSED" : "",
                row.bar.c_str());
  }
  std::printf("\n");
  for (const std::string& line : lines_) std::printf("%s\n", line.c_str());
  return missed;
}

}  // namespace mitra::quality
