// A test with a real Redis of its own and a client of it.

#ifndef MITRA_SERVICES_GATEWAY_TESTING_REDIS_TEST_H_
#define MITRA_SERVICES_GATEWAY_TESTING_REDIS_TEST_H_

#include <memory>
#include <utility>

#include "common/redis/hiredis_client.h"
#include "gtest/gtest.h"
#include "tests/support/redis_server.h"

namespace mitra::gateway {

class RedisTest : public ::testing::Test {
 protected:
  RedisTest() {
    auto server = mitra::testing::RedisServer::Start();
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    redis::HiredisClient::Options options;
    options.target = server_->target();
    auto client = redis::HiredisClient::Create(options);
    EXPECT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }

  std::unique_ptr<mitra::testing::RedisServer> server_;
  std::unique_ptr<redis::Client> client_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_TESTING_REDIS_TEST_H_
