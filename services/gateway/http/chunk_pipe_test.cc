#include "services/gateway/http/chunk_pipe.h"

#include <gtest/gtest.h>

namespace mitra::gateway {
namespace {

rpc::Task<> TakeInto(ChunkPipe& pipe, std::optional<std::string>& taken) {
  taken = co_await pipe.Take();
}
rpc::Task<> Put(ChunkPipe& pipe, std::string chunk) {
  (void)co_await pipe.Put(std::move(chunk));
}

TEST(ChunkPipeTest, ASilentPipeBeatsAndOneThatSpokeDoesNot) {
  ChunkPipe pipe;
  std::optional<std::string> taken;
  rpc::Spawn(TakeInto(pipe, taken));
  pipe.Beat("beat");
  EXPECT_FALSE(taken) << "not known yet to be silent";
  pipe.Beat("beat");
  EXPECT_EQ(taken, "beat");
  rpc::Spawn(TakeInto(pipe, taken = std::nullopt));
  rpc::Spawn(Put(pipe, "news"));
  EXPECT_EQ(taken, "news");
  rpc::Spawn(TakeInto(pipe, taken = std::nullopt));
  pipe.Beat("beat");
  EXPECT_FALSE(taken);
  pipe.Close(absl::OkStatus());
}

TEST(ChunkPipeTest, ABeatNobodyTookLosesNothing) {
  ChunkPipe pipe;
  pipe.Beat("beat");
  pipe.Beat("beat");  // nobody reads: nothing is kept
  rpc::Spawn(Put(pipe, "news"));
  std::optional<std::string> taken;
  rpc::Spawn(TakeInto(pipe, taken));
  EXPECT_EQ(taken, "news");
  pipe.Beat("beat");
  pipe.Close(absl::OkStatus());
  rpc::Spawn(TakeInto(pipe, taken));
  EXPECT_FALSE(taken) << "the end";
}

}  // namespace
}  // namespace mitra::gateway
