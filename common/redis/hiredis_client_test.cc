// The client against a real server that behaves.

#include "common/redis/hiredis_client.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/time/clock.h"
#include "common/redis/tasks.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "tests/support/redis_server.h"

namespace mitra::redis {
namespace {

using ::mitra::rpc::SyncWait;
using ::mitra::testing::RedisServer;
using ::testing::ElementsAre;
using ::testing::Optional;

absl::Time Soon() { return absl::Now() + absl::Seconds(10); }

class HiredisClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = RedisServer::Start();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    client_ = Connect(1);
  }

  // Patient, so that a busy machine does not look like a broken server.
  std::unique_ptr<HiredisClient> Connect(int connections) {
    auto client = HiredisClient::Create({.target = server_->target(),
                                         .connections = connections,
                                         .connect_timeout = absl::Seconds(10),
                                         .command_timeout = absl::Seconds(10)});
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  absl::Status Set(std::string key, std::string value) {
    return SyncWait(SetWithTtl(*client_, std::move(key), std::move(value),
                               absl::Minutes(1), Soon()));
  }

  std::unique_ptr<RedisServer> server_;
  std::unique_ptr<HiredisClient> client_;
};

TEST_F(HiredisClientTest, KeepsEveryByteOfKeysAndValues) {
  const std::vector<std::string> texts = {"%s%s%n",
                                          "a b",
                                          "x\r\nDEL y\r\n",
                                          std::string("with\0NUL", 8),
                                          "\"quoted\" 'twice'",
                                          "",
                                          std::string(size_t{1} << 20, '%'),
                                          "*1\r\n$8\r\nFLUSHALL\r\n"};
  MITRA_ASSERT_OK(Set("y", "untouched"));
  for (size_t i = 0; i < texts.size(); ++i) {
    MITRA_ASSERT_OK(Set(absl::StrCat("value", i), texts[i]));
    MITRA_ASSERT_OK(Set("key" + texts[i], absl::StrCat(i)));
  }

  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_THAT(SyncWait(Get(*client_, absl::StrCat("value", i), Soon())),
                IsOkAndHolds(Optional(texts[i])));
    EXPECT_THAT(SyncWait(Get(*client_, "key" + texts[i], Soon())),
                IsOkAndHolds(Optional(absl::StrCat(i))));
  }
  EXPECT_THAT(SyncWait(Get(*client_, "y", Soon())),
              IsOkAndHolds(Optional(std::string("untouched"))));
  EXPECT_EQ(server_->Cli({"DBSIZE"}), absl::StrCat(2 * texts.size() + 1));
}

TEST_F(HiredisClientTest, GivesEachOfManyThreadsItsOwnValue) {
  constexpr int kThreads = 64;
  constexpr int kRounds = 500;
  client_ = Connect(2);
  for (int i = 0; i < kThreads; ++i) {
    MITRA_ASSERT_OK(Set(absl::StrCat("key", i), absl::StrCat("value", i)));
  }
  std::atomic<int> wrong{0};
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const std::string own = absl::StrCat("value", i);
      for (int round = 0; round < kRounds; ++round) {
        const auto value =
            SyncWait(Get(*client_, absl::StrCat("key", i), Soon()));
        (value.ok() && *value == own ? right : wrong).fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(right, kThreads * kRounds);
}

TEST_F(HiredisClientTest, AnswersInOrderOnOneConnection) {
  constexpr int kCommands = 5000;
  std::vector<int64_t> order;
  absl::BlockingCounter left(kCommands);
  for (int i = 0; i < kCommands; ++i) {
    client_->Execute({"INCR", "counter"}, Soon(),
                     [&](absl::StatusOr<Reply> reply) {
                       order.push_back(reply.ok() ? reply->integer : -1);
                       left.DecrementCount();
                     });
  }
  left.Wait();
  for (int i = 0; i < kCommands; ++i) ASSERT_EQ(order[i], i + 1);
}

TEST_F(HiredisClientTest, SetsAnExpiryWithTheValue) {
  MITRA_ASSERT_OK(Set("k", "v"));
  const int64_t left = std::stoll(server_->Cli({"PTTL", "k"}));
  EXPECT_GT(left, 30'000);
  EXPECT_LE(left, 60'000);
}

TEST_F(HiredisClientTest, LetsNoOlderRevisionReplaceANewerOne) {
  const auto set = [&](uint64_t revision, std::string value) {
    return SyncWait(SetIfNewer(*client_, "k", revision, std::move(value),
                               absl::Minutes(1), Soon()));
  };
  const uint64_t big = uint64_t{1} << 60;
  EXPECT_THAT(set(big, "first"), IsOkAndHolds(true));
  EXPECT_THAT(set(big + 1, "second"), IsOkAndHolds(true));
  EXPECT_THAT(set(big, "late"), IsOkAndHolds(false));
  EXPECT_THAT(set(255, "very late"), IsOkAndHolds(false));
  EXPECT_THAT(set(big + 1, "again"), IsOkAndHolds(true));

  const auto found = SyncWait(GetVersioned(*client_, "k", Soon()));
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->revision, big + 1);
  EXPECT_EQ((*found)->value, "again");
}

TEST_F(HiredisClientTest, TakesAPoisonedValueForNone) {
  server_->Cli({"SET", "short", "abc"});
  server_->Cli({"LPUSH", "list", "x"});
  for (const char* key : {"short", "list"}) {
    EXPECT_THAT(SyncWait(GetVersioned(*client_, key, Soon())),
                IsOkAndHolds(std::nullopt))
        << key;
    EXPECT_THAT(SyncWait(SetIfNewer(*client_, key, 1, "good", absl::Minutes(1),
                                    Soon())),
                IsOkAndHolds(true))
        << key;
    const auto found = SyncWait(GetVersioned(*client_, key, Soon()));
    ASSERT_TRUE(found.ok() && found->has_value());
    EXPECT_EQ((*found)->value, "good");
  }
}

TEST_F(HiredisClientTest, BringsItsScriptsAgainAfterTheServerForgotThem) {
  const auto set = [&](uint64_t revision) {
    return SyncWait(
        SetIfNewer(*client_, "k", revision, "v", absl::Minutes(1), Soon()));
  };
  EXPECT_THAT(set(1), IsOkAndHolds(true));
  EXPECT_EQ(server_->Cli({"SCRIPT", "FLUSH"}), "OK");
  EXPECT_THAT(set(2), IsOkAndHolds(true));
}

TEST_F(HiredisClientTest, GivesErrorsAndNestedArraysAsTheyAre) {
  MITRA_ASSERT_OK_AND_ASSIGN(
      const Reply error,
      SyncWait(Execute(*client_, {"NOSUCHCOMMAND"}, Soon())));
  EXPECT_EQ(error.error_code(), "ERR");
  const Script script("return {1, 'a', {false, {ok = 'fine'}}}");
  EXPECT_THAT(SyncWait(Eval(*client_, script, {}, {}, Soon())),
              IsOkAndHolds(Reply::Array(
                  {Reply::Integer(1), Reply::String("a"),
                   Reply::Array({Reply::Nil(), Reply::String("fine")})})));
  const Script failing("return redis.call('INCR', KEYS[1], 'too', 'many')");
  EXPECT_THAT(SyncWait(Eval(*client_, failing, {"k"}, {}, Soon())),
              StatusIs(absl::StatusCode::kInternal));
}

TEST_F(HiredisClientTest, ReadsAndRemovesMany) {
  MITRA_ASSERT_OK(Set("{t}a", "1"));
  MITRA_ASSERT_OK(Set("{t}c", "3"));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto values,
      SyncWait(GetMany(*client_, {"{t}a", "{t}b", "{t}c"}, Soon())));
  EXPECT_THAT(values, ElementsAre(Optional(std::string("1")), std::nullopt,
                                  Optional(std::string("3"))));
  EXPECT_THAT(SyncWait(Unlink(*client_, {"{t}a", "{t}b", "{t}c"}, Soon())),
              IsOkAndHolds(2));
}

TEST(HiredisClientOptionsTest, NamesTheOptionThatIsWrong) {
  for (const char* target :
       {"", "localhost", "host:0", "host:99999", ":6379", "unix:"}) {
    EXPECT_THAT(HiredisClient::Create({.target = target}).status(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         ::testing::HasSubstr("target")))
        << target;
  }
  EXPECT_THAT(HiredisClient::Create({.target = "[::1]:6379", .connections = 0})
                  .status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::HasSubstr("connections")));
}

}  // namespace
}  // namespace mitra::redis
