// What processes know of each other's refreshes, through a real Redis.

#include "services/matching/rpc/refresh_directory.h"

#include "common/redis/hiredis_client.h"
#include "gtest/gtest.h"
#include "tests/support/redis_server.h"

namespace mitra::matching {
namespace {

class RefreshDirectoryTest : public ::testing::Test {
 protected:
  RefreshDirectoryTest() {
    auto started = mitra::testing::RedisServer::Start();
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    redis::HiredisClient::Options options;
    options.target = server_->target();
    options.command_timeout = absl::Seconds(5);
    auto client = redis::HiredisClient::Create(options);
    EXPECT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
    a_.emplace(client_.get(), rpc::Channel::Options());
    b_.emplace(client_.get(), rpc::Channel::Options());
    a_->SetAddress("unix:/a");
    b_->SetAddress("unix:/b");
  }
  static v1::Refresh Named(const std::string& id, uint64_t done) {
    v1::Refresh refresh;
    refresh.set_refresh_id(id);
    refresh.set_members_done(done);
    return refresh;
  }
  void Tell(RefreshDirectory& from, std::vector<v1::Refresh> own) {
    from.Tell(own, absl::Seconds(5));
  }

  std::unique_ptr<mitra::testing::RedisServer> server_;
  std::unique_ptr<redis::Client> client_;
  std::optional<RefreshDirectory> a_, b_;
};

TEST_F(RefreshDirectoryTest, OthersSeeStateAndWhereItIsKept) {
  Tell(*a_, {Named("r1", 1)});
  Tell(*a_, {Named("r1", 2)});
  const auto entry = rpc::SyncWait(b_->Find("r1"));
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->address, "unix:/a");
  EXPECT_EQ(entry->state.members_done(), 2u);
  EXPECT_FALSE(rpc::SyncWait(b_->Find("r2")).has_value());
  EXPECT_FALSE(rpc::SyncWait(a_->Find("r1")).has_value())
      << "what it does not know itself is not asked of itself";
}

TEST_F(RefreshDirectoryTest, AllOfOthersAreListed) {
  Tell(*a_, {Named("r1", 1), Named("r2", 1)});
  Tell(*b_, {Named("r3", 1)});
  EXPECT_EQ(rpc::SyncWait(a_->FindAll()).size(), 1u);
  EXPECT_EQ(rpc::SyncWait(b_->FindAll()).size(), 2u);
}

TEST_F(RefreshDirectoryTest, WhatIsForgottenGoes) {
  Tell(*a_, {Named("r1", 1), Named("r2", 1)});
  Tell(*a_, {Named("r2", 1)});
  EXPECT_FALSE(rpc::SyncWait(b_->Find("r1")).has_value());
  EXPECT_TRUE(rpc::SyncWait(b_->Find("r2")).has_value());
}

TEST(RefreshDirectoryWithoutRedisTest, KnowsNobody) {
  RefreshDirectory alone(nullptr, rpc::Channel::Options());
  alone.SetAddress("unix:/a");
  alone.Tell({v1::Refresh()}, absl::Seconds(1));
  EXPECT_FALSE(rpc::SyncWait(alone.Find("r")).has_value());
  EXPECT_TRUE(rpc::SyncWait(alone.FindAll()).empty());
}

}  // namespace
}  // namespace mitra::matching
