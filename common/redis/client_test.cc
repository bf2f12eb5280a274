#include "common/redis/client.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra::redis {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;
using ::testing::Optional;

// Answers at once with what the test has lined up, and keeps what was asked.
class ScriptedClient : public Client {
 public:
  void Execute(std::vector<std::string> args, absl::Time,
               Done<absl::StatusOr<Reply>> done) override {
    asked.push_back(std::move(args));
    absl::StatusOr<Reply> answer = std::move(answers.front());
    answers.pop_front();
    done(std::move(answer));
  }
  bool available() const override { return true; }

  std::deque<absl::StatusOr<Reply>> answers;
  std::vector<std::vector<std::string>> asked;
};

const absl::Time kDeadline = absl::InfiniteFuture();

absl::StatusOr<std::optional<std::string>> Get(Client& client) {
  absl::StatusOr<std::optional<std::string>> result;
  client.Get("k", kDeadline, [&](auto value) { result = std::move(value); });
  return result;
}

TEST(RedisClientTest, TellsAnAbsentValueFromAnEmptyOne) {
  ScriptedClient client;
  client.answers = {Reply::Nil(), Reply::String("")};

  EXPECT_THAT(Get(client), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(Get(client), IsOkAndHolds(Optional(std::string())));
}

TEST(RedisClientTest, RefusesAnswersOfAnotherType) {
  ScriptedClient client;
  client.answers = {Reply::Integer(3), Reply::Array({Reply::String("v")})};

  EXPECT_THAT(Get(client), StatusIs(absl::StatusCode::kInternal,
                                    HasSubstr("GET answered integer")));
  EXPECT_THAT(Get(client), StatusIs(absl::StatusCode::kInternal,
                                    HasSubstr("GET answered array")));
}

TEST(RedisClientTest, RefusesAListOfAnotherLength) {
  ScriptedClient client;
  client.answers = {Reply::Array({Reply::String("v")})};
  absl::Status status;

  client.GetMany({"a", "b"}, kDeadline,
                 [&](auto values) { status = values.status(); });

  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInternal));
}

TEST(RedisClientTest, KeepsTheTextOfServerErrorsToItself) {
  const absl::Status status =
      StatusOf(Reply::Error("WRONGTYPE key mitra:{budi}:slate holds secret"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                               "redis: answered WRONGTYPE"));
  EXPECT_THAT(std::string(StatusOf(Reply::Error("budi said no")).message()),
              Not(HasSubstr("budi")));
}

TEST(RedisClientTest, WritesValueAndExpiryInOneCommand) {
  ScriptedClient client;
  client.answers = {Reply::String("OK")};
  absl::Status status;

  client.SetWithTtl("k", "v", absl::Seconds(100), kDeadline,
                    [&](absl::Status s) { status = s; });

  MITRA_EXPECT_OK(status);
  ASSERT_EQ(client.asked.size(), 1u);
  ASSERT_EQ(client.asked[0].size(), 5u);
  EXPECT_EQ(client.asked[0][3], "PX");
  EXPECT_THAT(std::stoll(client.asked[0][4]), AllOf(Ge(90000), Le(100000)));
}

TEST(RedisClientTest, RefusesToWriteWithoutExpiry) {
  ScriptedClient client;
  absl::Status status;
  for (const absl::Duration ttl :
       {absl::ZeroDuration(), absl::InfiniteDuration(), -absl::Seconds(1)}) {
    client.SetWithTtl("k", "v", ttl, kDeadline,
                      [&](absl::Status s) { status = s; });
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(client.asked, IsEmpty());
}

TEST(RedisClientTest, SpreadsExpiry) {
  absl::flat_hash_set<absl::Duration> seen;
  for (int i = 0; i < 100; ++i) seen.insert(Jittered(absl::Minutes(10)));
  EXPECT_GT(seen.size(), 50u);
}

TEST(RedisClientTest, SendsTheScriptWhenTheServerDoesNotKnowIt) {
  ScriptedClient client;
  client.answers = {Reply::Error("NOSCRIPT No matching script."),
                    Reply::Integer(1)};
  const Script script("return 1");
  absl::StatusOr<Reply> result;

  client.Eval(script, {"key"}, {"arg"}, kDeadline,
              [&](auto reply) { result = std::move(reply); });

  EXPECT_THAT(result, IsOkAndHolds(Reply::Integer(1)));
  EXPECT_THAT(
      client.asked,
      ElementsAre(
          ElementsAre("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
                      "1", "key", "arg"),
          ElementsAre("EVAL", "return 1", "1", "key", "arg")));
}

TEST(VersionedTest, RoundTripsAnyBytes) {
  const std::string value("\0\xff%s", 4);
  for (const uint64_t revision :
       {uint64_t{0}, uint64_t{1} << 53 | 1, ~uint64_t{0}}) {
    const auto decoded = DecodeVersioned(EncodeVersioned(revision, value));
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(decoded->revision, revision);
    EXPECT_EQ(decoded->value, value);
  }
  EXPECT_EQ(DecodeVersioned("short"), std::nullopt);
}

}  // namespace
}  // namespace mitra::redis
