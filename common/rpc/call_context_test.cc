#include "common/rpc/call_context.h"

#include "gtest/gtest.h"

namespace mitra::rpc {
namespace {

TEST(IdentityTest, SurvivesEncoding) {
  const Identity identity = {.credential = "Dinas; Kota %",
                             .member_id = "budi.01~x",
                             .delegate_id = "pendamping-7",
                             .scopes = {"profiles:write", "*"}};

  const Identity back = DecodeIdentity(EncodeIdentity(identity));

  EXPECT_EQ(back.credential, identity.credential);
  EXPECT_EQ(back.member_id, identity.member_id);
  EXPECT_EQ(back.delegate_id, identity.delegate_id);
  EXPECT_EQ(back.scopes, identity.scopes);
}

TEST(IdentityTest, AnythingElseIsNobody) {
  for (const char* text : {"", "x", "a;b;%", "a;%zz", "a b;c", "a;b;\n"}) {
    const Identity identity = DecodeIdentity(text);
    EXPECT_TRUE(identity.credential.empty()) << text;
    EXPECT_TRUE(identity.scopes.empty()) << text;
  }
}

TEST(CallContextTest, CancelRunsEachHookOnceAndLateHooksAtOnce) {
  CallContext call;
  int runs = 0;
  call.AddCancelHook([&] { ++runs; });
  const uint64_t removed = call.AddCancelHook([&] { runs += 100; });
  call.RemoveCancelHook(removed);

  call.Cancel();
  call.Cancel();
  call.AddCancelHook([&] { ++runs; });

  EXPECT_EQ(runs, 2);
  EXPECT_TRUE(absl::IsCancelled(call.CheckAlive()));
}

TEST(CallContextTest, APassedDeadlineIsNotAlive) {
  CallContext call;
  call.deadline = absl::Now() - absl::Seconds(1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(call.CheckAlive()));
}

}  // namespace
}  // namespace mitra::rpc
