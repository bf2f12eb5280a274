#include "common/config/main.h"

#include <malloc.h>
#include <unistd.h>

#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/base/version.h"
#include "common/observability/log.h"
#include "common/observability/trace_export.h"
#include "google/protobuf/stubs/logging.h"

namespace mitra {
namespace {

std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) {
      variables[text.substr(0, equals)] = text.substr(equals + 1);
    }
  }
  return variables;
}

// What a server wants of the C library and of Abseil.
void TuneProcess() {
  // Memory that a burst of work frees is kept for the next one: giving it back
  // and faulting it in again was a tenth of the time of an import.
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_MMAP_THRESHOLD, 16 << 20);
  // Debian's Abseil is built with the debugging detector of lock cycles.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Protobuf writes a line to stderr for every message with text that is not
  // UTF-8. Whoever sent it is told; it is nothing for the log.
  google::protobuf::SetLogHandler(nullptr);
}

}  // namespace

int RunMain(int argc, char** argv, absl::string_view service, Schema& schema,
            const std::function<absl::Status()>& run) {
  std::string level_text = "info";
  schema.Add("log.level", &level_text, "Lowest level that is logged.")
      .OneOf({"debug", "info", "warning", "error", "off"});
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto action = schema.Load(arguments, Environment());
  if (!action.ok()) {
    std::cerr << "mitra-" << service << ": " << action.status().message()
              << "\n";
    return 2;
  }
  switch (*action) {
    case Schema::Action::kHelp:
      std::cout << schema.Help();
      return 0;
    case Schema::Action::kVersion:
      std::cout << "mitra-" << service << " " << kVersion << "\n";
      return 0;
    case Schema::Action::kPrint:
      std::cout << schema.Print();
      return 0;
    case Schema::Action::kCheck:
      std::cout << "the configuration is good\n";
      return 0;
    case Schema::Action::kRun:
      break;
  }
  TuneProcess();
  const auto level = ParseLogLevel(level_text);
  StartLogging(service, level.value_or(LogLevel::kInfo));
  auto exporter = TraceExporter::Start(service, Environment());
  if (!exporter.ok()) {
    std::cerr << "mitra-" << service << ": " << exporter.status().message()
              << "\n";
    return 2;
  }
  const absl::Status status = run();
  if (!status.ok()) {
    LogError("the service failed", {{"error", status.ToString()}});
    std::cerr << "mitra-" << service << ": " << status.message() << "\n";
    return 1;
  }
  return 0;
}

}  // namespace mitra
