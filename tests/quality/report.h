// What the quality programs print: one table for people with the published
// bars beside our figures, and the rows "METRIC name value" for machines.

#ifndef MITRA_TESTS_QUALITY_REPORT_H_
#define MITRA_TESTS_QUALITY_REPORT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace mitra::quality {

// What a figure has to reach.
struct Goal {
  double value = 0;
  bool at_most = false;
};

class Report {
 public:
  // A figure of METRICS.md. `bar` names what others or simpler methods reach.
  void Metric(absl::string_view name, double value, Goal goal,
              absl::string_view bar);
  // A figure that only people read.
  void Note(absl::string_view name, double value, absl::string_view bar = "");
  void Skip(absl::string_view name, absl::string_view reason);
  // Begins a group of rows.
  void Section(absl::string_view title);

  // Prints the table, then the rows; how many goals were missed.
  int Print() const;

 private:
  struct Row {
    std::string title;  // of a section; the rest is empty then
    std::string name, ours, goal, bar;
    bool missed = false;
  };
  std::vector<Row> rows_;
  std::vector<std::string> lines_;
};

}  // namespace mitra::quality

#endif  // MITRA_TESTS_QUALITY_REPORT_H_
