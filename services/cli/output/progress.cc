#include "services/cli/output/progress.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace mitra::cli {

Progress::Progress(std::string label, std::string unit, uint64_t total)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(absl::Now()),
      next_(start_ + absl::Seconds(terminal_ ? 0 : 2)) {}

Progress::~Progress() {
  if (!shown_) return;
  std::cerr << (terminal_ ? "\r" : "")
            << Render(label_, unit_, done_, total_, absl::Now() - start_,
                      terminal_)
            << "\n";
}

void Progress::Update(uint64_t done, absl::string_view note) {
  done_ = done;
  const absl::Time now = absl::Now();
  if (now < next_) return;
  next_ = now + (terminal_ ? absl::Milliseconds(100) : absl::Seconds(2));
  shown_ = true;
  std::cerr << (terminal_ ? "\r" : "")
            << Render(label_, unit_, done, total_, now - start_, terminal_)
            << (note.empty() ? "" : " ") << note << (terminal_ ? "" : "\n")
            << std::flush;
}

std::string Progress::Render(absl::string_view label, absl::string_view unit,
                             uint64_t done, uint64_t total,
                             absl::Duration elapsed, bool drawn) {
  const double seconds = std::max(1e-3, absl::ToDoubleSeconds(elapsed));
  const double rate = static_cast<double>(done) / seconds;
  if (total == 0) {
    return absl::StrFormat("%s: %d %s, %.0f/s", label, done, unit, rate);
  }
  const double share =
      std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  std::string bar;
  if (drawn) {
    const int filled = static_cast<int>(share * 30);
    bar = absl::StrCat("[", std::string(filled, '='),
                       std::string(30 - filled, ' '), "] ");
  }
  const double left =
      rate > 0 ? static_cast<double>(total - std::min(done, total)) / rate : 0;
  return absl::StrFormat("%s: %s%3.0f %% %d/%d %s, %.0f/s, %.0f s left", label,
                         bar, share * 100, done, total, unit, rate, left);
}

}  // namespace mitra::cli
