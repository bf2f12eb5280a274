#include "common/rpc/hop_codec.h"

#include <grpcpp/support/byte_buffer.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "google/rpc/status.pb.h"
#include "mitra/v1/hop.pb.h"

namespace mitra::rpc::internal {
namespace {

using Kind = HopFrameView::Kind;

// In as many slices as there are bytes in `cuts`.
RawMessage InPieces(const std::string& bytes, size_t piece) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    slices.emplace_back(bytes.substr(at, piece));
  }
  RawMessage message;
  message.buffer() = grpc::ByteBuffer(slices.data(), slices.size());
  return message;
}

v1::HopBatch SampleBatch() {
  v1::HopBatch batch;
  auto& call = *batch.add_frames();
  call.set_call_id(300);
  call.mutable_call()->set_method("/a.B/C");
  call.mutable_call()->set_timeout_us(5'000'000'000);
  (*call.mutable_call()->mutable_metadata())["mitra-request-id"] = "r-1";
  call.mutable_call()->set_payload(std::string(3000, 'p'));
  auto& answer = *batch.add_frames();
  answer.set_call_id(1);
  answer.mutable_reply()->set_payload("short");
  (*answer.mutable_reply()->mutable_trailers())["mitra-revision"] = "1-2";
  auto& error = *batch.add_frames();
  error.set_call_id(2);
  error.mutable_reply()->mutable_status()->set_code(5);
  auto& cancel = *batch.add_frames();
  cancel.set_call_id(uint64_t{1} << 63);
  cancel.set_cancel(true);
  batch.set_credit(1000);
  return batch;
}

TEST(HopCodecTest, WritesWhatProtocolBuffersRead) {
  const TextViews metadata[] = {{"traceparent", "00-ab"},
                                {"mitra-identity", ""}};
  const TextPair trailers[] = {{"traceparent", "00-ab"},
                               {"mitra-identity", ""}};
  const std::string large(5000, 'x');
  HopBatchWriter writer;
  EXPECT_TRUE(writer.empty());
  writer.AddCall(7, "/a.B/C", 250, metadata, InPieces(large, 999));
  writer.AddCall(8, "/a.B/D", 1, {}, RawMessage());
  writer.AddAnswer(9, RawMessage("small"), {});
  google::rpc::Status status;
  status.set_code(3);
  status.set_message("no");
  writer.AddError(10, status.SerializeAsString(), trailers);
  writer.AddCancel(11);
  writer.AddAnswer(12, RawMessage("keep this"), {}, 300);
  writer.AddKept(13, 300, trailers);
  EXPECT_EQ(writer.frames(), 7);
  writer.SetCredit(64);
  writer.SetKeeps(1024);
  EXPECT_FALSE(writer.empty());
  v1::HopBatch batch;
  ASSERT_TRUE(writer.Take().ParseTo(batch).ok());
  EXPECT_TRUE(writer.empty());
  ASSERT_EQ(batch.frames_size(), 7);
  EXPECT_EQ(batch.credit(), 64u);
  EXPECT_EQ(batch.keeps(), 1024u);
  EXPECT_EQ(batch.frames(0).call_id(), 7u);
  EXPECT_EQ(batch.frames(0).call().method(), "/a.B/C");
  EXPECT_EQ(batch.frames(0).call().timeout_us(), 250u);
  EXPECT_EQ(batch.frames(0).call().metadata().at("traceparent"), "00-ab");
  EXPECT_EQ(batch.frames(0).call().payload(), large);
  EXPECT_EQ(batch.frames(1).call().payload(), "");
  EXPECT_EQ(batch.frames(2).reply().payload(), "small");
  EXPECT_FALSE(batch.frames(2).reply().has_status());
  EXPECT_EQ(batch.frames(3).reply().status().message(), "no");
  EXPECT_EQ(batch.frames(3).reply().trailers().size(), 2u);
  EXPECT_TRUE(batch.frames(4).cancel());
  EXPECT_EQ(batch.frames(5).reply().payload(), "keep this");
  EXPECT_EQ(batch.frames(5).reply().keep_as(), 300u);
  EXPECT_EQ(batch.frames(6).reply().kept(), 300u);
  EXPECT_EQ(batch.frames(6).reply().trailers().size(), 2u);
}

TEST(HopCodecTest, ReadsWhatProtocolBuffersWrite) {
  const std::string bytes = SampleBatch().SerializeAsString();
  for (const size_t piece : {bytes.size(), size_t{1}, size_t{100}}) {
    HopBatchView view;
    ASSERT_TRUE(view.Read(InPieces(bytes, piece)));
    EXPECT_EQ(view.credit(), 1000u);
    ASSERT_EQ(view.frames().size(), 4u);
    const HopFrameView& call = view.frames()[0];
    EXPECT_EQ(call.kind, Kind::kCall);
    EXPECT_EQ(call.id, 300u);
    EXPECT_EQ(call.method, "/a.B/C");
    EXPECT_EQ(call.timeout_us, 5'000'000'000u);
    ASSERT_EQ(call.texts.size(), 1u);
    EXPECT_EQ(call.texts[0].first, "mitra-request-id");
    EXPECT_EQ(call.texts[0].second, "r-1");
    EXPECT_EQ(call.payload.ToString(), std::string(3000, 'p'));
    EXPECT_EQ(view.frames()[1].kind, Kind::kAnswer);
    EXPECT_EQ(view.frames()[1].payload.ToString(), "short");
    EXPECT_EQ(view.frames()[2].kind, Kind::kError);
    EXPECT_EQ(view.frames()[3].kind, Kind::kCancel);
    EXPECT_EQ(view.frames()[3].id, uint64_t{1} << 63);
  }
}

TEST(HopCodecTest, PayloadsOutliveTheirBatch) {
  RawMessage payload;
  {
    HopBatchView view;
    ASSERT_TRUE(view.Read(InPieces(SampleBatch().SerializeAsString(), 64)));
    payload = std::move(view.frames()[0].payload);
  }
  EXPECT_EQ(payload.ToString(), std::string(3000, 'p'));
}

TEST(HopCodecTest, AnEmptyBatchHasNothing) {
  HopBatchView view;
  EXPECT_TRUE(view.Read(RawMessage()));
  EXPECT_TRUE(view.frames().empty());
}

TEST(HopCodecTest, DamagedBytesAreRefusedOrReadAsProtocolBuffersDo) {
  const std::string good = SampleBatch().SerializeAsString();
  Random random(1);
  int refused = 0;
  int stricter = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (uint64_t n = 1 + random.Below(3); n > 0; --n) {
      bytes[random.Below(std::min<size_t>(80, bytes.size()))] =
          static_cast<char>(random.Below(256));
    }
    if (random.Chance(.3)) bytes.resize(random.Below(bytes.size()));
    HopBatchView view;
    const bool read = view.Read(InPieces(bytes, bytes.size() + 1));
    v1::HopBatch batch;
    refused += !read;
    if (!batch.ParseFromString(bytes)) continue;
    // Groups, which proto3 does not have, are refused here.
    stricter += !read;
    if (!read) continue;
    ASSERT_EQ(view.frames().size(), static_cast<size_t>(batch.frames_size()))
        << round;
    for (int i = 0; i < batch.frames_size(); ++i) {
      EXPECT_EQ(view.frames()[i].id, batch.frames(i).call_id()) << round;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(stricter, 20);
}

}  // namespace
}  // namespace mitra::rpc::internal
