#include "common/observability/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/status/errors.h"

namespace mitra {
namespace {

struct Logging {
  Logging() {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    logger = std::make_shared<spdlog::logger>("mitra", sink);
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);
  }
  std::shared_ptr<spdlog::logger> logger;
  std::atomic<LogLevel> level{LogLevel::kWarning};
  const bool terminal = isatty(STDERR_FILENO) == 1;
  absl::Mutex mutex;
  std::string service ABSL_GUARDED_BY(mutex) = "mitra";
};

Logging& TheLogging() {
  static auto* logging = new Logging;  // never destroyed: used until exit
  return *logging;
}

const char* NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      break;
  }
  return "off";
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

std::string FormatForPeople(absl::Time time, LogLevel level,
                            absl::string_view message, LogFields fields) {
  std::string line =
      absl::StrCat(TimeText(time), " ", NameOf(level), " ", message);
  for (const LogField& field : fields) {
    nlohmann::json value;
    std::visit([&](const auto& v) { value = v; }, field.value);
    absl::StrAppend(
        &line, " ", field.key, "=",
        value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  return line;
}

}  // namespace

std::string FormatLogLine(absl::Time time, LogLevel level,
                          absl::string_view service, absl::string_view message,
                          LogFields fields) {
  nlohmann::ordered_json line;
  line["ts"] = TimeText(time);
  line["level"] = NameOf(level);
  line["service"] = std::string(service);
  line["msg"] = std::string(message);
  for (const LogField& field : fields) {
    std::visit([&](const auto& v) { line[std::string(field.key)] = v; },
               field.value);
  }
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void Log(LogLevel level, absl::string_view message, LogFields fields) {
  Logging& logging = TheLogging();
  if (level < logging.level.load(std::memory_order_relaxed)) return;
  std::string line;
  if (logging.terminal) {
    line = FormatForPeople(absl::Now(), level, message, fields);
  } else {
    std::string service;
    {
      absl::MutexLock lock(&logging.mutex);
      service = logging.service;
    }
    line = FormatLogLine(absl::Now(), level, service, message, fields);
  }
  logging.logger->log(spdlog::level::info, "{}", line);
}

void StartLogging(absl::string_view service, LogLevel level) {
  Logging& logging = TheLogging();
  {
    absl::MutexLock lock(&logging.mutex);
    logging.service = std::string(service);
  }
  logging.level.store(level);
}

absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view text) {
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning,
                         LogLevel::kError, LogLevel::kOff}) {
    if (text == NameOf(level)) return level;
  }
  return InvalidField("log.level",
                      "must be debug, info, warning, error or off");
}

bool LogLimiter::Allow() {
  const int64_t now = absl::ToUnixNanos(absl::Now());
  int64_t next = next_nanos_.load(std::memory_order_relaxed);
  return now >= next && next_nanos_.compare_exchange_strong(
                            next, now + absl::ToInt64Nanoseconds(period_));
}

}  // namespace mitra
