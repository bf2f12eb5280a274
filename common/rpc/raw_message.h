// A serialised protobuf message as it travels, without copying it: a handle on
// the transport's buffers. Hides gRPC's types from everybody else.

#ifndef MITRA_COMMON_RPC_RAW_MESSAGE_H_
#define MITRA_COMMON_RPC_RAW_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace google::protobuf {
class Message;
class MessageLite;
}  // namespace google::protobuf
namespace grpc {
class ByteBuffer;
}

namespace mitra::rpc {

// Movable; not thread-safe. An empty RawMessage is an empty message.
class RawMessage {
 public:
  RawMessage();
  explicit RawMessage(absl::string_view bytes);
  RawMessage(RawMessage&&) noexcept;
  RawMessage& operator=(RawMessage&&) noexcept;
  ~RawMessage();

  // A message whose bytes `owner` keeps, without copying them.
  static RawMessage Share(absl::string_view bytes,
                          std::shared_ptr<const void> owner);

  // A second handle on the same bytes.
  RawMessage Clone() const;

  // Not 0 for an answer that is sent again and again: whoever sees the same
  // identity in this process again sees the same bytes again. Links between
  // services then send it once.
  uint64_t identity() const { return identity_; }
  void set_identity(uint64_t identity) { identity_ = identity; }
  // One that no other message of this process has. Thread-safe.
  static uint64_t NewIdentity();

  size_t size() const;
  std::string ToString() const;

  // INVALID_ARGUMENT (MALFORMED_MESSAGE), naming the field and the position, if
  // the bytes are not such a message, which includes text that is not UTF-8.
  absl::Status ParseTo(google::protobuf::Message& message) const;
  static RawMessage Of(const google::protobuf::MessageLite& message);

  // For common/rpc only.
  grpc::ByteBuffer& buffer() { return *buffer_; }
  const grpc::ByteBuffer& buffer() const { return *buffer_; }

 private:
  std::unique_ptr<grpc::ByteBuffer> buffer_;
  uint64_t identity_ = 0;
};

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_RAW_MESSAGE_H_
