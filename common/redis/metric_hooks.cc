#include "common/redis/metric_hooks.h"

#include <string>

#include "common/observability/metrics.h"

namespace mitra::redis {
namespace {

void OnCommand(absl::string_view command, absl::Duration latency,
               absl::StatusCode outcome) {
  const std::string name(command);
  Metrics()
      .GetCounter(
          "mitra_redis_commands_total",
          "Commands to Redis that have ended, by outcome.",
          {{"command", name}, {"code", absl::StatusCodeToString(outcome)}})
      .Increment();
  Metrics()
      .GetHistogram("mitra_redis_command_duration_seconds",
                    "Time until a command to Redis has ended.",
                    {{"command", name}})
      .Observe(latency);
}

void OnClose(absl::string_view reason) {
  Metrics()
      .GetCounter("mitra_redis_connections_closed_total",
                  "Connections to Redis that were given up.",
                  {{"reason", std::string(reason)}})
      .Increment();
}

}  // namespace

Hooks MetricHooks() {
  Gauge& open = Metrics().GetGauge(
      "mitra_redis_breakers_open",
      "Connections to Redis that refuse commands because it is away.");
  return {.on_command = OnCommand,
          .on_close = OnClose,
          .on_breaker = [&open](bool opens) { open.Add(opens ? 1 : -1); }};
}

}  // namespace mitra::redis
