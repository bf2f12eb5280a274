// A progress bar on stderr: redrawn on a terminal, a line every few seconds
// elsewhere.

#ifndef MITRA_SERVICES_CLI_OUTPUT_PROGRESS_H_
#define MITRA_SERVICES_CLI_OUTPUT_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra::cli {

// Not thread-safe.
class Progress {
 public:
  // `unit` in the plural: "rows". Total 0: not known.
  Progress(std::string label, std::string unit, uint64_t total);
  // Ends the line.
  ~Progress();
  void Update(uint64_t done, absl::string_view note = {});

  // The text of the bar at a time, for tests.
  static std::string Render(absl::string_view label, absl::string_view unit,
                            uint64_t done, uint64_t total,
                            absl::Duration elapsed, bool drawn);

 private:
  const std::string label_;
  const std::string unit_;
  const uint64_t total_;
  const bool terminal_;
  const absl::Time start_;
  absl::Time next_;
  uint64_t done_ = 0;
  bool shown_ = false;
};

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_OUTPUT_PROGRESS_H_
