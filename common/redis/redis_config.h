// What can be configured of a process's connection to Redis.

#ifndef MITRA_COMMON_REDIS_REDIS_CONFIG_H_
#define MITRA_COMMON_REDIS_REDIS_CONFIG_H_

#include <string>

#include "common/config/schema.h"
#include "common/redis/hiredis_client.h"

namespace mitra::redis {

struct RedisConfig {
  std::string target;  // empty: the process does without
  std::string username;
  std::string password;
  int database = 0;

  // redis.*; `lost` says what the process does without Redis.
  void AddTo(Schema& schema, const std::string& lost);
  // Of a client that reports to the process's metrics.
  HiredisClient::Options ClientOptions() const;
};

}  // namespace mitra::redis

#endif  // MITRA_COMMON_REDIS_REDIS_CONFIG_H_
