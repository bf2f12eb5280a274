#include "common/redis/redis_config.h"

#include <map>
#include <string>

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace mitra::redis {
namespace {

TEST(RedisConfigTest, WhoConnectsIsWhoIsConfigured) {
  auto server = mitra::testing::RedisServer::Start();
  ASSERT_TRUE(server.ok()) << server.status();
  (*server)->Cli({"ACL", "SETUSER", "mitra", "on", ">secret", "~*", "+@all"});

  RedisConfig config;
  Schema schema("test");
  config.AddTo(schema, "nothing works");
  const auto action =
      schema.Load({"--redis.target=" + (*server)->target(),
                   "--redis.username=mitra", "--redis.database=3"},
                  {{"MITRA_REDIS_PASSWORD", "secret"}});
  ASSERT_TRUE(action.ok()) << action.status();
  EXPECT_EQ(schema.Print().find("secret"), std::string::npos);

  auto client = HiredisClient::Create(config.ClientOptions());
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE(mitra::testing::Eventually([&] {
    (*client)->Execute({"SET", "by", "mitra"}, absl::Now() + absl::Seconds(1),
                       [](absl::StatusOr<Reply>) {});
    return (*server)->Cli({"-n", "3", "GET", "by"}) == "mitra";
  }));
  EXPECT_NE((*server)->Cli({"CLIENT", "LIST"}).find("user=mitra"),
            std::string::npos);
}

TEST(RedisConfigTest, ANumberOfNoDatabaseIsRefused) {
  RedisConfig config;
  Schema schema("test");
  config.AddTo(schema, "nothing works");
  EXPECT_FALSE(schema.Load({"--redis.database=-1"}, {}).ok());
}

}  // namespace
}  // namespace mitra::redis
