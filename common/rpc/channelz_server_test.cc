#include "common/rpc/channelz_server.h"

#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra::rpc {
namespace {

// Asks for the top channels, with an empty request.
absl::Status Ask(const std::string& address) {
  const auto channel = Channel::Create(address);
  CallContext call;
  return SyncWait(channel->CallRaw(call,
                                   "/grpc.channelz.v1.Channelz/GetTopChannels",
                                   RawMessage()))
      .status();
}

TEST(ChannelzServerTest, IsThereForOperatorsAndNowhereElse) {
  Server::Builder builder({});
  const auto server = builder.Start();
  ASSERT_TRUE(server.ok());
  MITRA_ASSERT_OK_AND_ASSIGN(const auto channelz,
                             ChannelzServer::Start("127.0.0.1:0"));
  MITRA_EXPECT_OK(Ask(channelz->address()));
  EXPECT_TRUE(absl::IsUnimplemented(Ask((*server)->addresses()[0])));
}

TEST(ChannelzServerTest, OtherMachinesMustNotReachIt) {
  EXPECT_THAT(ChannelzServer::Start("0.0.0.0:0").status(),
              NamesField("admin.channelz_listen"));
}

}  // namespace
}  // namespace mitra::rpc
