// The client against servers that are slow, broken, away or wrong. The first
// concern is privacy: nobody may ever get another's answer.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/redis/hiredis_client.h"
#include "common/redis/tasks.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace mitra::redis {
namespace {

using ::mitra::rpc::SyncWait;
using ::mitra::testing::Eventually;
using ::mitra::testing::RedisServer;
using ::mitra::testing::TempDir;
using ::testing::AnyOf;
using ::testing::Optional;

absl::Time Soon() { return absl::Now() + absl::Seconds(10); }

std::string Bulk(absl::string_view text) {
  return absl::StrCat("$", text.size(), "\r\n", text, "\r\n");
}

// A server that says what the test wants, when the test wants it. Every
// connection has a thread that reads commands of the form `*2 GET key` and asks
// `answer` for the bytes to send; PING and what else sets up a connection is
// answered well unless `answer` says otherwise. An answer of "" sends nothing.
class FakeServer {
 public:
  using AnswerFn = std::function<std::string(
      int connection, const std::vector<std::string>& args)>;

  explicit FakeServer(AnswerFn answer)
      : answer_(std::move(answer)),
        listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address),
                   sizeof(address)),
              0);
    EXPECT_EQ(listen(listener_, 64), 0);
    accepting_ = std::thread([this] { Accept(); });
  }

  ~FakeServer() {
    shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    {
      absl::MutexLock lock(&mutex_);
      for (const int fd : sockets_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : serving_) thread.join();
    for (const int fd : sockets_) close(fd);
    close(listener_);
  }

  std::string path() const { return dir_.File("fake.sock"); }
  int connections() const {
    absl::MutexLock lock(&mutex_);
    return static_cast<int>(sockets_.size());
  }
  // Sends bytes out of turn.
  void Send(int connection, absl::string_view bytes) {
    absl::MutexLock lock(&mutex_);
    (void)!send(sockets_[static_cast<size_t>(connection)], bytes.data(),
                bytes.size(), MSG_NOSIGNAL);
  }

 private:
  void Accept() {
    while (true) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      absl::MutexLock lock(&mutex_);
      const int connection = static_cast<int>(sockets_.size());
      sockets_.push_back(fd);
      serving_.emplace_back([this, fd, connection] { Serve(fd, connection); });
    }
  }

  void Serve(int fd, int connection) {
    FILE* in = fdopen(dup(fd), "r");
    std::vector<std::string> args;
    while (ReadCommand(in, args)) {
      std::string bytes = answer_(connection, args);
      if (bytes == "default")
        bytes = args[0] == "PING" ? "+PONG\r\n" : "+OK\r\n";
      (void)!send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    fclose(in);
  }

  static bool ReadCommand(FILE* in, std::vector<std::string>& args) {
    args.clear();
    size_t count = 0;
    if (fscanf(in, "*%zu\r\n", &count) != 1) return false;
    for (size_t i = 0; i < count; ++i) {
      size_t size = 0;
      if (fscanf(in, "$%zu", &size) != 1) return false;
      std::string text(size + 4, '\0');  // with both line ends
      if (fread(text.data(), 1, text.size(), in) != text.size()) return false;
      args.push_back(text.substr(2, size));
    }
    return true;
  }

  const AnswerFn answer_;
  TempDir dir_;
  const int listener_;
  mutable absl::Mutex mutex_;
  std::vector<int> sockets_;
  std::vector<std::thread> serving_;
  std::thread accepting_;
};

std::unique_ptr<HiredisClient> Connect(HiredisClient::Options options) {
  auto client = HiredisClient::Create(std::move(options));
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

absl::StatusOr<std::optional<std::string>> GetNow(
    Client& client, std::string key, absl::Time deadline = Soon()) {
  return SyncWait(Get(client, std::move(key), deadline));
}

TEST(RedisPrivacyTest, NeverGivesALateReplyToTheNextCommand) {
  FakeServer* server = nullptr;
  FakeServer fake([&](int connection, const std::vector<std::string>& args) {
    if (args[0] != "GET") return std::string("default");
    if (args[1] == "a") return std::string();  // comes late
    // A's reply arrives first, on A's connection, then B's own.
    server->Send(0, Bulk("data of a"));
    return Bulk("data of b");
  });
  server = &fake;
  auto client = Connect({.target = "unix:" + fake.path(),
                         .connect_timeout = absl::Seconds(10),
                         .command_timeout = absl::Milliseconds(50)});

  EXPECT_THAT(GetNow(*client, "a"),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  // Long enough for the connection to be seen as bad, whatever the timing.
  ASSERT_TRUE(Eventually([&] {
    const auto b = GetNow(*client, "b");
    EXPECT_TRUE(!b.ok() || **b == "data of b") << **b;
    return b.ok();
  }));
  EXPECT_GE(fake.connections(), 2);
}

TEST(RedisPrivacyTest, ThrowsAwayTheReplyOfACallerThatGaveUp) {
  FakeServer* server = nullptr;
  FakeServer fake([&](int connection, const std::vector<std::string>& args) {
    if (args[0] != "GET") return std::string("default");
    if (args[1] == "a") return std::string();
    server->Send(connection, Bulk("data of a"));
    return Bulk("data of b");
  });
  server = &fake;
  auto client = Connect({.target = "unix:" + fake.path(),
                         .connect_timeout = absl::Seconds(10),
                         .command_timeout = absl::Seconds(10)});

  EXPECT_THAT(GetNow(*client, "a", absl::Now() + absl::Milliseconds(50)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(GetNow(*client, "b"),
              IsOkAndHolds(Optional(std::string("data of b"))));
  EXPECT_EQ(fake.connections(), 1);
}

TEST(RedisPrivacyTest, ClosesAConnectionThatAnswersUnasked) {
  FakeServer fake([&](int connection, const std::vector<std::string>& args) {
    if (args[0] != "GET") return std::string("default");
    if (connection == 0) return Bulk("mine") + Bulk("somebody else's");
    return Bulk("mine");
  });
  auto client = Connect({.target = "unix:" + fake.path(),
                         .connect_timeout = absl::Seconds(10),
                         .command_timeout = absl::Seconds(10)});
  EXPECT_THAT(GetNow(*client, "k"),
              IsOkAndHolds(Optional(std::string("mine"))));
  ASSERT_TRUE(Eventually([&] { return fake.connections() == 2; }));
  EXPECT_THAT(GetNow(*client, "k"),
              IsOkAndHolds(Optional(std::string("mine"))));
}

TEST(RedisPrivacyTest, FailsEverythingInFlightWhenOneTimesOut) {
  FakeServer fake([&](int connection, const std::vector<std::string>& args) {
    if (args[0] != "GET") return std::string("default");
    return connection == 0 ? std::string() : Bulk(args[1]);
  });
  auto client = Connect({.target = "unix:" + fake.path(),
                         .connect_timeout = absl::Seconds(10),
                         .command_timeout = absl::Milliseconds(100)});
  std::atomic<int> failed{0};
  std::atomic<int> succeeded{0};
  for (int i = 0; i < 100; ++i) {
    client->Get(absl::StrCat(i), Soon(), [&](auto value) {
      (value.ok() ? succeeded : failed).fetch_add(1);
    });
  }
  ASSERT_TRUE(Eventually([&] { return failed + succeeded == 100; }));
  EXPECT_GE(failed, 1);
  ASSERT_TRUE(Eventually([&] { return GetNow(*client, "x").ok(); }));
}

TEST(RedisFaultsTest, RefusesRepliesThatAreNoProtocol) {
  for (const char* garbage :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "$-5\r\n", "$3\r\nabcdef\r\n",
        "*99999999999\r\n", "$99999999999999999999\r\n", ":12x\r\n"}) {
    FakeServer fake([&](int connection, const std::vector<std::string>& args) {
      if (args[0] != "GET") return std::string("default");
      return connection == 0 ? std::string(garbage) : Bulk("good");
    });
    auto client = Connect({.target = "unix:" + fake.path(),
                           .connect_timeout = absl::Seconds(10),
                           .command_timeout = absl::Milliseconds(200)});
    const auto first = GetNow(*client, "k");
    EXPECT_TRUE(!first.ok() || *first == std::nullopt || **first != "good")
        << garbage;
    EXPECT_TRUE(Eventually([&] {
      const auto value = GetNow(*client, "k");
      return value.ok() && *value == "good";
    })) << garbage;
  }
}

TEST(RedisFaultsTest, ClosesAConnectionWhoseReplyIsTooLarge) {
  FakeServer fake([&](int connection, const std::vector<std::string>& args) {
    if (args[0] != "GET") return std::string("default");
    return Bulk(std::string(connection == 0 ? 1 << 20 : 10, 'x'));
  });
  auto client = Connect({.target = "unix:" + fake.path(),
                         .connect_timeout = absl::Seconds(10),
                         .command_timeout = absl::Seconds(10),
                         .max_reply_bytes = 100'000});
  EXPECT_THAT(GetNow(*client, "k"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_TRUE(Eventually([&] { return GetNow(*client, "k").ok(); }));
}

TEST(RedisFaultsTest, GivesUpServersThatCannotServe) {
  for (const char* error :
       {"-LOADING Redis is loading the dataset in memory\r\n",
        "-READONLY You can't write against a read only replica.\r\n"}) {
    FakeServer fake([&](int connection, const std::vector<std::string>& args) {
      if (args[0] != "GET") return std::string("default");
      return connection == 0 ? std::string(error) : Bulk("good");
    });
    auto client = Connect({.target = "unix:" + fake.path(),
                           .connect_timeout = absl::Seconds(10),
                           .command_timeout = absl::Seconds(10)});
    EXPECT_THAT(GetNow(*client, "k"), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_TRUE(Eventually([&] { return GetNow(*client, "k").ok(); })) << error;
  }
}

TEST(RedisFaultsTest, BoundsWhatMayWait) {
  FakeServer fake([](int, const std::vector<std::string>& args) {
    return std::string(args[0] == "GET" ? "" : "default");
  });
  std::atomic<int> refused{0};
  std::atomic<int> ended{0};
  auto client = Connect({.target = "unix:" + fake.path(),
                         .connect_timeout = absl::Seconds(10),
                         .command_timeout = absl::Seconds(10),
                         .max_commands = 10});
  for (int i = 0; i < 25; ++i) {
    client->Get("k", Soon(), [&](auto value) {
      ended.fetch_add(1);
      if (absl::IsResourceExhausted(value.status())) refused.fetch_add(1);
    });
  }
  EXPECT_EQ(refused, 15);
  client.reset();
  EXPECT_EQ(ended, 25);  // the rest: CANCELLED
}

class RedisRestartTest : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> arguments = {}) {
    auto server = RedisServer::Start(std::move(arguments));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  HiredisClient::Options Options() {
    HiredisClient::Options options;
    options.target = server_->target();
    options.connect_timeout = absl::Milliseconds(200);
    options.command_timeout = absl::Milliseconds(200);
    options.hooks.on_breaker = [this](bool open) {
      (open ? opened_ : closed_).fetch_add(1);
    };
    options.hooks.on_close = [this](absl::string_view reason) {
      absl::MutexLock lock(&mutex_);
      ++reasons_[std::string(reason)];
    };
    return options;
  }

  bool Works(Client& client) {
    return SyncWait(SetWithTtl(client, "k", "v", absl::Minutes(1), Soon()))
        .ok();
  }

  int Closed(const std::string& reason) {
    absl::MutexLock lock(&mutex_);
    return reasons_[reason];
  }

  std::unique_ptr<RedisServer> server_;
  std::atomic<int> opened_{0};
  std::atomic<int> closed_{0};
  absl::Mutex mutex_;
  std::map<std::string, int> reasons_;
};

TEST_F(RedisRestartTest, OpensTheBreakerWhenTheServerDiesAndHeals) {
  Start();
  auto client = Connect(Options());
  ASSERT_TRUE(Eventually([&] { return Works(*client); }));

  server_->Kill();
  ASSERT_TRUE(Eventually([&] { return !client->available(); }));
  const absl::Time before = absl::Now();
  EXPECT_THAT(GetNow(*client, "k"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_LT(absl::Now() - before, absl::Milliseconds(100));

  MITRA_ASSERT_OK(server_->Restart());
  EXPECT_TRUE(
      Eventually([&] { return client->available(); }, absl::Seconds(5)));
  EXPECT_TRUE(Works(*client));
  EXPECT_GE(opened_, 1);
  EXPECT_EQ(opened_, closed_);
}

TEST_F(RedisRestartTest, LosesNoMoreThanTheTimeOutToAPausedServer) {
  Start();
  auto client = Connect(Options());
  ASSERT_TRUE(Eventually([&] { return Works(*client); }));
  server_->Cli({"SET", "b", "data of b"});

  server_->Pause();
  const absl::Time before = absl::Now();
  const auto paused = GetNow(*client, "k");
  EXPECT_THAT(paused, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_LT(absl::Now() - before, absl::Seconds(2));
  EXPECT_TRUE(Eventually([&] { return !client->available(); }));

  server_->Resume();
  EXPECT_TRUE(
      Eventually([&] { return client->available(); }, absl::Seconds(5)));
  EXPECT_THAT(GetNow(*client, "b"),
              IsOkAndHolds(Optional(std::string("data of b"))));
}

TEST_F(RedisRestartTest, SetsItselfUpAgainWithCredentialsAndDatabase) {
  Start({"--requirepass", "rahasia"});
  HiredisClient::Options options = Options();
  options.password = "rahasia";
  options.database = 3;
  auto client = Connect(options);
  ASSERT_TRUE(Eventually([&] { return Works(*client); }));
  const auto in_database = [&] {
    return server_->Cli(
        {"-a", "rahasia", "--no-auth-warning", "-n", "3", "GET", "k"});
  };
  EXPECT_EQ(in_database(), "v");

  for (int round = 0; round < 3; ++round) {
    server_->Cli({"-a", "rahasia", "--no-auth-warning", "CLIENT", "KILL",
                  "TYPE", "normal"});
    server_->Cli({"-a", "rahasia", "--no-auth-warning", "FLUSHALL"});
    ASSERT_TRUE(Eventually([&] { return Works(*client); }));
    EXPECT_EQ(in_database(), "v");
  }

  MITRA_ASSERT_OK(server_->Restart());
  ASSERT_TRUE(Eventually([&] { return Works(*client); }));
  EXPECT_EQ(in_database(), "v");
}

TEST_F(RedisRestartTest, ReportsWrongCredentialsAsUnfit) {
  Start({"--requirepass", "rahasia"});
  HiredisClient::Options options = Options();
  options.password = "salah";
  auto client = Connect(options);
  ASSERT_TRUE(Eventually([&] { return !client->available(); }));
  EXPECT_GE(Closed("unfit"), 1);
  EXPECT_THAT(GetNow(*client, "k"), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(RedisRestartTest, HealsAfterTheServerWasAReplica) {
  Start();
  auto client = Connect(Options());
  ASSERT_TRUE(Eventually([&] { return Works(*client); }));

  server_->Cli({"REPLICAOF", "127.0.0.1", "1"});
  EXPECT_THAT(SyncWait(SetWithTtl(*client, "k", "v", absl::Minutes(1), Soon())),
              StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_TRUE(Eventually([&] { return Closed("unfit") >= 1; }));

  server_->Cli({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(Eventually([&] { return Works(*client); }, absl::Seconds(5)));
}

TEST_F(RedisRestartTest, NeverMixesValuesWhileTheServerComesAndGoes) {
  constexpr int kThreads = 16;
  Start();
  auto client = Connect(Options());
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const std::string key = absl::StrCat("key", i);
      const std::string own = absl::StrCat("value", i);
      while (!stop) {
        SyncWait(SetWithTtl(*client, key, own, absl::Minutes(1), Soon()))
            .IgnoreError();
        const auto value = GetNow(*client, key);
        if (!value.ok() || !value->has_value()) continue;
        (**value == own ? right : wrong).fetch_add(1);
      }
    });
  }
  for (int round = 0; round < 5; ++round) {
    const int before = right;
    EXPECT_TRUE(Eventually([&] { return right > before + 100; }));
    if (round % 2 == 0) {
      server_->Pause();
      EXPECT_TRUE(Eventually([&] { return Closed("timeout") > round; }));
      server_->Resume();
    } else {
      server_->Cli({"CLIENT", "KILL", "TYPE", "normal"});
    }
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace mitra::redis
