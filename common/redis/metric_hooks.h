// Metrics of the link to Redis.

#ifndef MITRA_COMMON_REDIS_METRIC_HOOKS_H_
#define MITRA_COMMON_REDIS_METRIC_HOOKS_H_

#include "common/redis/hiredis_client.h"

namespace mitra::redis {

// Hooks that count and time commands by name and outcome, connections given up
// by reason, and breakers that are open, in the process's metrics
// (deploy/metrics.tsv).
Hooks MetricHooks();

}  // namespace mitra::redis

#endif  // MITRA_COMMON_REDIS_METRIC_HOOKS_H_
