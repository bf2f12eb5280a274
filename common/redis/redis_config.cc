#include "common/redis/redis_config.h"

#include "common/redis/metric_hooks.h"

namespace mitra::redis {

void RedisConfig::AddTo(Schema& schema, const std::string& lost) {
  schema.Add("redis.target", &target,
             "Redis: \"unix:/path\" or \"host:port\"; empty: " + lost + ".");
  schema.Add("redis.username", &username,
             "Who to be at Redis; empty: its default user.");
  schema
      .Add("redis.password", &password,
           "Password at Redis; empty: none is sent.")
      .Secret();
  schema.Add("redis.database", &database, "Number of the database at Redis.")
      .Range(0, 1 << 20);
}

HiredisClient::Options RedisConfig::ClientOptions() const {
  HiredisClient::Options options;
  options.target = target;
  options.username = username;
  options.password = password;
  options.database = database;
  options.hooks = MetricHooks();
  return options;
}

}  // namespace mitra::redis
