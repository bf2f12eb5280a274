#include "common/rpc/raw_message.h"

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <atomic>
#include <utility>
#include <vector>

#include "common/rpc/wire_fault.h"
#include "google/protobuf/message.h"

namespace mitra::rpc {

RawMessage::RawMessage() : buffer_(std::make_unique<grpc::ByteBuffer>()) {}

RawMessage::RawMessage(absl::string_view bytes) {
  grpc::Slice slice(bytes.data(), bytes.size());
  buffer_ = std::make_unique<grpc::ByteBuffer>(&slice, 1);
}

RawMessage RawMessage::Share(absl::string_view bytes,
                             std::shared_ptr<const void> owner) {
  using Owner = std::shared_ptr<const void>;
  const grpc::Slice slice(
      const_cast<char*>(bytes.data()), bytes.size(),
      [](void* kept) { delete static_cast<Owner*>(kept); },
      new Owner(std::move(owner)));
  RawMessage message;
  *message.buffer_ = grpc::ByteBuffer(&slice, 1);
  return message;
}

uint64_t RawMessage::NewIdentity() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

RawMessage::RawMessage(RawMessage&&) noexcept = default;
RawMessage& RawMessage::operator=(RawMessage&&) noexcept = default;
RawMessage::~RawMessage() = default;

RawMessage RawMessage::Clone() const {
  RawMessage clone;
  *clone.buffer_ = *buffer_;
  clone.identity_ = identity_;
  return clone;
}

size_t RawMessage::size() const {
  return buffer_->Valid() ? buffer_->Length() : 0;
}

std::string RawMessage::ToString() const {
  std::string bytes;
  if (!buffer_->Valid()) return bytes;
  std::vector<grpc::Slice> slices;
  if (!buffer_->Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer_->Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

absl::Status RawMessage::ParseTo(google::protobuf::Message& message) const {
  message.Clear();
  if (!buffer_->Valid() || buffer_->Length() == 0) return absl::OkStatus();
  // Reading does not consume: the reader works on a reference of its own.
  grpc::ByteBuffer reference(*buffer_);
  grpc::ProtoBufferReader reader(&reference);
  if (!reader.status().ok() || !message.ParseFromZeroCopyStream(&reader)) {
    return ExplainMalformed(ToString(), *message.GetDescriptor());
  }
  return absl::OkStatus();
}

RawMessage RawMessage::Of(const google::protobuf::MessageLite& message) {
  const size_t size = message.ByteSizeLong();
  grpc::Slice slice(size);
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  RawMessage raw;
  *raw.buffer_ = grpc::ByteBuffer(&slice, 1);
  return raw;
}

}  // namespace mitra::rpc
