// What refreshes share through Redis, against a real one.

#include "common/redis/hiredis_client.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"
#include "services/matching/refresh/chunk_queue.h"
#include "services/matching/refresh/epoch_keeper.h"
#include "services/matching/refresh/lease.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace mitra::matching {
namespace {

constexpr auto kMentor = v1::RECOMMENDATION_KIND_MENTOR;

class SharedStateTest : public ::testing::Test {
 protected:
  SharedStateTest() {
    auto started = mitra::testing::RedisServer::Start();
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    client_ = NewClient();
    mentor_ = world_.AddMentor("m");
  }
  std::unique_ptr<redis::Client> NewClient() {
    redis::HiredisClient::Options options;
    options.target = server_->target();
    options.connect_timeout = absl::Seconds(1);
    options.command_timeout = absl::Seconds(5);
    auto client = redis::HiredisClient::Create(options);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }
  MemberView members() const { return world_.view().members; }

  // A process of the cluster.
  struct Replica {
    Replica(redis::Client* redis, const std::string& directory)
        : keeper(board, prices, redis, {.directory = directory}) {}
    float PriceOf(MemberIndex member) const {
      return prices.LogPriceOf(kMentor, member);
    }
    EpochBoard board;
    PriceBoard prices;
    EpochKeeper keeper;
  };
  absl::Status Publish(Replica& replica, uint64_t order, uint64_t epoch,
                       float price) {
    PriceList list(members().size(), 0);
    list[mentor_] = price;
    EXPECT_TRUE(replica.keeper
                    .KeepPrices(epoch, {{kMentor, {.prices = list}}}, members())
                    .ok());
    EpochState next;
    next.order = order;
    next.kinds[kMentor] = {{epoch}, epoch};
    return replica.keeper.Flip(next, members());
  }

  std::unique_ptr<mitra::testing::RedisServer> server_;
  std::unique_ptr<redis::Client> client_;
  const mitra::testing::TempDir here_, there_;
  World world_;
  MemberIndex mentor_ = kNoMember;
};

TEST_F(SharedStateTest, OthersTakeOverEpochAndPricesTogether) {
  Replica a(client_.get(), here_.path()), b(client_.get(), there_.path());
  MITRA_ASSERT_OK(Publish(a, 10, 100, -1.5f));
  EXPECT_EQ(b.board.Of(kMentor), 0u);
  b.keeper.Poll(members());
  EXPECT_EQ(b.board.Of(kMentor), 100u);
  EXPECT_FLOAT_EQ(b.PriceOf(mentor_), -1.5f);

  Replica restarted(nullptr, there_.path());  // and without Redis
  restarted.keeper.Restore(members());
  EXPECT_EQ(restarted.board.Of(kMentor), 100u);
  EXPECT_FLOAT_EQ(restarted.PriceOf(mentor_), -1.5f);
}

TEST_F(SharedStateTest, WhoLostTheLeaseChangesNothing) {
  Replica a(client_.get(), here_.path()), b(client_.get(), there_.path());
  MITRA_ASSERT_OK(Publish(b, 20, 200, 1));
  EXPECT_THAT(Publish(a, 19, 199, 2), HasReason("LEASE_LOST"));
  EXPECT_EQ(a.board.Of(kMentor), 0u);
  a.keeper.Poll(members());
  EXPECT_EQ(a.board.Of(kMentor), 200u);
}

TEST_F(SharedStateTest, TheOldStateCanBeBroughtBackAndRedisMayForget) {
  Replica a(client_.get(), here_.path()), b(client_.get(), there_.path());
  MITRA_ASSERT_OK(Publish(a, 1, 100, 1));
  MITRA_ASSERT_OK(Publish(a, 2, 200, 2));
  EpochState before = a.keeper.previous();
  EXPECT_EQ(before.kinds[kMentor].epochs, std::vector<uint64_t>({100}));
  before.order = 3;
  MITRA_ASSERT_OK(a.keeper.Flip(before, members()));
  b.keeper.Poll(members());
  EXPECT_EQ(b.board.Of(kMentor), 100u) << "back, though 200 is greater";
  EXPECT_FLOAT_EQ(b.PriceOf(mentor_), 1);

  MITRA_ASSERT_OK(server_->Restart());
  Replica c(client_.get(), there_.path() + "/c");
  ASSERT_TRUE(mitra::testing::Eventually([&] {
    a.keeper.Poll(members());
    c.keeper.Poll(members());
    return c.board.Of(kMentor) == 100u;
  })) << "who published it writes it again";
}

TEST_F(SharedStateTest, WithoutRedisNothingIsFlipped) {
  Replica a(client_.get(), here_.path());
  server_->Kill();
  EXPECT_FALSE(Publish(a, 5, 50, 1).ok());
  EXPECT_EQ(a.board.Of(kMentor), 0u);
}

TEST_F(SharedStateTest, ChunksAreHandedOutOnceAndTheDeadOnesAgain) {
  ChunkQueue::Options options;
  options.abandoned = absl::ZeroDuration();
  ChunkQueue queue(*client_, "job", "boss", options);
  ChunkQueue dead(*client_, "job", "dead", options);
  EXPECT_THAT(queue.Take().status(), StatusIs(absl::StatusCode::kNotFound));
  MITRA_ASSERT_OK(queue.Fill({4, 7, 9}));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto lost, dead.Take());
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->chunk, 4u);
  for (const uint32_t expected : {7u, 9u, 4u}) {
    MITRA_ASSERT_OK_AND_ASSIGN(const auto claim, queue.Take());
    ASSERT_TRUE(claim.has_value());
    EXPECT_EQ(claim->chunk, expected) << "the dead one's comes last";
    queue.Done(*claim);
  }
  MITRA_ASSERT_OK_AND_ASSIGN(const auto none, queue.Take());
  EXPECT_FALSE(none.has_value());
  MITRA_ASSERT_OK(server_->Restart());
  ASSERT_TRUE(mitra::testing::Eventually([&] {
    return absl::IsNotFound(queue.Take().status());
  })) << "Redis has lost it";
}

TEST_F(SharedStateTest, OneLeaseAtATimeWithRisingNumbers) {
  const auto other = NewClient();
  ASSERT_TRUE(mitra::testing::Eventually(
      [&] { return client_->available() && other->available(); }));
  uint64_t first = 0;
  {
    MITRA_ASSERT_OK_AND_ASSIGN(const auto lease,
                               Lease::Take(client_.get(), {}));
    first = lease->order();
    EXPECT_THAT(Lease::Take(other.get(), {}).status(),
                HasReason("REFRESH_RUNNING"));
    lease->Announce({"the-job", "unix:/x"});
    ASSERT_TRUE(mitra::testing::Eventually([&] {
      const auto found = FindAnnouncement(*other, absl::Seconds(1));
      return found.ok() && found->has_value() &&
             **found == Announcement{"the-job", "unix:/x"};
    }));
  }
  std::unique_ptr<Lease> next;
  ASSERT_TRUE(mitra::testing::Eventually([&] {
    auto taken = Lease::Take(other.get(), {});
    if (!taken.ok()) return false;
    next = *std::move(taken);
    return true;
  }));
  EXPECT_GT(next->order(), first);
}

}  // namespace
}  // namespace mitra::matching
