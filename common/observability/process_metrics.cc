#include "common/observability/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/version.h"
#include "common/observability/metrics.h"

namespace mitra {
namespace {

// Fields of /proc/self/stat after the name in brackets, numbered as in proc(5)
// from 3 on; empty if it cannot be read.
std::vector<std::string> StatFields() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const size_t end = text.rfind(") ");
  if (end == std::string::npos) return {};
  return absl::StrSplit(text.substr(end + 2), ' ');
}

double Number(const std::vector<std::string>& fields, size_t number) {
  double value = 0;
  if (number - 3 < fields.size()) {
    (void)absl::SimpleAtod(fields[number - 3], &value);
  }
  return value;
}

// Since 1970.
double BootSeconds() {
  std::ifstream file("/proc/stat");
  std::string word;
  double seconds = 0;
  while (file >> word) {
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

double OpenFiles() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end;
       !error && at != end; at.increment(error)) {
    ++count;
  }
  return count;
}

void Refresh() {
  static Gauge& memory =
      Metrics().GetGauge("process_resident_memory_bytes", "Resident memory.");
  static Gauge& cpu = Metrics().GetRunningTotal("process_cpu_seconds_total",
                                                "User and system time.");
  static Gauge& files =
      Metrics().GetGauge("process_open_fds", "Open file descriptors.");
  static Gauge& most =
      Metrics().GetGauge("process_max_fds", "Limit of open file descriptors.");
  static Gauge& start = Metrics().GetGauge(
      "process_start_time_seconds", "When the process started, since 1970.");
  const std::vector<std::string> stat = StatFields();
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  memory.Set(Number(stat, 24) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  cpu.Set((Number(stat, 14) + Number(stat, 15)) / ticks);
  start.Set(BootSeconds() + Number(stat, 22) / ticks);
  files.Set(OpenFiles());
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  most.Set(static_cast<double>(limit.rlim_cur));
}

}  // namespace

void ExportProcessMetrics() {
  static const bool once = [] {
    Metrics()
        .GetGauge("mitra_build_info", "Which build this is; always 1.",
                  {{"version", std::string(kVersion)}})
        .Set(1);
    Metrics().OnCollect(Refresh);
    return true;
  }();
  (void)once;
}

}  // namespace mitra
