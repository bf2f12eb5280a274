// Structured logging to stderr: one JSON object a line, or text on a terminal.
//
//   LogInfo("feed: caught up", {{"revision", revision}, {"ms", elapsed}});
//
// Fields: ts, level, service, msg, then the given ones. Never log profile
// content, credentials or whole messages: log ids of requests, sizes, codes.
// Thread-safe. Free of the logging library, so that domain code may include it.

#ifndef MITRA_COMMON_OBSERVABILITY_LOG_H_
#define MITRA_COMMON_OBSERVABILITY_LOG_H_

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

// A named value of a log line.
struct LogField {
  using Value = std::variant<int64_t, uint64_t, double, bool, std::string>;

  LogField(absl::string_view name, absl::string_view text)
      : key(name), value(std::string(text)) {}
  LogField(absl::string_view name, const char* text)
      : key(name), value(std::string(text)) {}
  LogField(absl::string_view name, const std::string& text)
      : key(name), value(text) {}
  LogField(absl::string_view name, bool flag) : key(name), value(flag) {}
  LogField(absl::string_view name, double number) : key(name), value(number) {}
  template <typename T,
            std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>,
                             int> = 0>
  LogField(absl::string_view name, T number)
      : key(name),
        value(std::is_signed_v<T> ? Value(static_cast<int64_t>(number))
                                  : Value(static_cast<uint64_t>(number))) {}

  absl::string_view key;
  Value value;
};

using LogFields = std::initializer_list<LogField>;

void Log(LogLevel level, absl::string_view message, LogFields fields = {});
inline void LogDebug(absl::string_view message, LogFields fields = {}) {
  Log(LogLevel::kDebug, message, fields);
}
inline void LogInfo(absl::string_view message, LogFields fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(absl::string_view message, LogFields fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(absl::string_view message, LogFields fields = {}) {
  Log(LogLevel::kError, message, fields);
}

// Sets the process's name and the lowest level that is written. Before it is
// called, warnings and errors are written.
void StartLogging(absl::string_view service, LogLevel level);

// "debug", "info", "warning", "error" or "off"; INVALID_ARGUMENT otherwise.
absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view text);

// The line that Log would write as JSON; for tests.
std::string FormatLogLine(absl::Time time, LogLevel level,
                          absl::string_view service, absl::string_view message,
                          LogFields fields);

// True at most once per `period` for one instance: for warnings about what may
// happen thousands of times a second. Thread-safe.
class LogLimiter {
 public:
  explicit LogLimiter(absl::Duration period) : period_(period) {}
  bool Allow();

 private:
  const absl::Duration period_;
  std::atomic<int64_t> next_nanos_{0};
};

}  // namespace mitra

#endif  // MITRA_COMMON_OBSERVABILITY_LOG_H_
