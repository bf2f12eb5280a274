#include "common/rpc/hop_codec.h"

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include "mitra/v1/hop.pb.h"

namespace mitra::rpc::internal {
namespace {

using v1::HopBatch;
using v1::HopCall;
using v1::HopFrame;
using v1::HopReply;

// Wire types of protocol buffers.
enum Wire : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

constexpr uint64_t Tag(int field, Wire wire) {
  return static_cast<uint64_t>(field) << 3 | wire;
}

// Payloads from this size on travel as slices of their own.
constexpr size_t kCopied = 512;
// The two fields of a map's entry.
constexpr int kKey = 1, kValue = 2;

void PutVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) {
    out.push_back(static_cast<char>(value | 0x80));
  }
  out.push_back(static_cast<char>(value));
}

size_t VarintSize(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

// All fields of hop.proto have one-byte tags.
void PutTag(int field, Wire wire, std::string& out) {
  out.push_back(static_cast<char>(Tag(field, wire)));
}

void PutBytes(int field, absl::string_view bytes, std::string& out) {
  PutTag(field, kBytes, out);
  PutVarint(bytes.size(), out);
  out.append(bytes.data(), bytes.size());
}

template <typename Pairs>
void PutMap(int field, const Pairs& pairs, std::string& out) {
  for (const auto& [key, value] : pairs) {
    PutTag(field, kBytes, out);
    PutVarint(2 + VarintSize(key.size()) + key.size() +
                  VarintSize(value.size()) + value.size(),
              out);
    PutBytes(kKey, key, out);
    PutBytes(kValue, value, out);
  }
}

// Reads fields one after another.
class Fields {
 public:
  explicit Fields(absl::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // The next field; false at the end or when the bytes are no message, which
  // ok() tells apart.
  bool Next() {
    if (at_ == end_ || !ok_) return false;
    uint64_t tag = 0;
    if (!Varint(tag) || tag >> 32 != 0 || tag >> 3 == 0) return Bad();
    tag_ = tag;
    number_ = 0;
    bytes_ = {};
    switch (tag & 7) {
      case kVarint:
        return Varint(number_) || Bad();
      case kBytes: {
        uint64_t size = 0;
        if (!Varint(size) || size > static_cast<size_t>(end_ - at_)) {
          return Bad();
        }
        bytes_ = absl::string_view(at_, size);
        at_ += size;
        return true;
      }
      case kFixed64:
        return Skip(8);
      case kFixed32:
        return Skip(4);
      default:
        return Bad();
    }
  }
  bool ok() const { return ok_; }
  // Another type than expected makes it another field, as everywhere.
  uint64_t tag() const { return tag_; }
  uint64_t number() const { return number_; }
  absl::string_view bytes() const { return bytes_; }

 private:
  bool Bad() {
    ok_ = false;
    return false;
  }
  bool Skip(ptrdiff_t size) {
    if (end_ - at_ < size) return Bad();
    at_ += size;
    return true;
  }
  bool Varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 70 && at_ != end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      value |= static_cast<uint64_t>(byte & 0x7f) << (shift & 63);
      if (byte < 0x80) return true;
    }
    return false;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
  uint64_t tag_ = 0;
  uint64_t number_ = 0;
  absl::string_view bytes_;
};

bool ReadEntry(absl::string_view bytes, HopFrameView& frame) {
  auto& [key, value] = frame.texts.emplace_back();
  Fields fields(bytes);
  while (fields.Next()) {
    if (fields.tag() == Tag(kKey, kBytes)) key = fields.bytes();
    if (fields.tag() == Tag(kValue, kBytes)) value = fields.bytes();
  }
  return fields.ok();
}

// Where `part` lies in `whole`, as a slice of it.
RawMessage SubMessage(const grpc::Slice& whole, absl::string_view part) {
  if (part.empty()) return RawMessage();
  const auto at = static_cast<size_t>(
      part.data() - reinterpret_cast<const char*>(whole.begin()));
  RawMessage message;
  const grpc::Slice slice = whole.sub(at, at + part.size());
  message.buffer() = grpc::ByteBuffer(&slice, 1);
  return message;
}

bool ReadCall(absl::string_view bytes, const grpc::Slice& whole,
              HopFrameView& frame) {
  frame.kind = HopFrameView::Kind::kCall;
  Fields fields(bytes);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(HopCall::kMethodFieldNumber, kBytes):
        frame.method = fields.bytes();
        break;
      case Tag(HopCall::kTimeoutUsFieldNumber, kVarint):
        frame.timeout_us = fields.number();
        break;
      case Tag(HopCall::kMetadataFieldNumber, kBytes):
        if (!ReadEntry(fields.bytes(), frame)) return false;
        break;
      case Tag(HopCall::kPayloadFieldNumber, kBytes):
        frame.payload = SubMessage(whole, fields.bytes());
        break;
      default:
        break;
    }
  }
  return fields.ok();
}

bool ReadReply(absl::string_view bytes, const grpc::Slice& whole,
               HopFrameView& frame) {
  frame.kind = HopFrameView::Kind::kAnswer;
  Fields fields(bytes);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(HopReply::kPayloadFieldNumber, kBytes):
        frame.payload = SubMessage(whole, fields.bytes());
        break;
      case Tag(HopReply::kStatusFieldNumber, kBytes):
        frame.kind = HopFrameView::Kind::kError;
        frame.status = fields.bytes();
        break;
      case Tag(HopReply::kTrailersFieldNumber, kBytes):
        if (!ReadEntry(fields.bytes(), frame)) return false;
        break;
      case Tag(HopReply::kKeepAsFieldNumber, kVarint):
        frame.keep_as = static_cast<uint32_t>(fields.number());
        break;
      case Tag(HopReply::kKeptFieldNumber, kVarint):
        frame.kept = static_cast<uint32_t>(fields.number());
        break;
      default:
        break;
    }
  }
  return fields.ok();
}

}  // namespace

HopBatchWriter::HopBatchWriter() = default;
HopBatchWriter::~HopBatchWriter() = default;
HopBatchWriter::HopBatchWriter(HopBatchWriter&&) noexcept = default;
HopBatchWriter& HopBatchWriter::operator=(HopBatchWriter&&) noexcept = default;

void HopBatchWriter::AddCall(uint64_t id, absl::string_view method,
                             uint64_t timeout_us,
                             absl::Span<const TextViews> metadata,
                             const RawMessage& payload) {
  std::string head;
  PutBytes(HopCall::kMethodFieldNumber, method, head);
  PutTag(HopCall::kTimeoutUsFieldNumber, kVarint, head);
  PutVarint(timeout_us, head);
  PutMap(HopCall::kMetadataFieldNumber, metadata, head);
  PutTag(HopCall::kPayloadFieldNumber, kBytes, head);
  PutVarint(payload.size(), head);
  AddFrame(id, HopFrame::kCallFieldNumber, head, &payload);
}

void HopBatchWriter::AddAnswer(uint64_t id, const RawMessage& payload,
                               absl::Span<const TextPair> trailers,
                               uint32_t keep_as) {
  std::string head;
  PutMap(HopReply::kTrailersFieldNumber, trailers, head);
  if (keep_as != 0) {
    PutTag(HopReply::kKeepAsFieldNumber, kVarint, head);
    PutVarint(keep_as, head);
  }
  PutTag(HopReply::kPayloadFieldNumber, kBytes, head);
  PutVarint(payload.size(), head);
  AddFrame(id, HopFrame::kReplyFieldNumber, head, &payload);
}

void HopBatchWriter::AddKept(uint64_t id, uint32_t number,
                             absl::Span<const TextPair> trailers) {
  std::string head;
  PutMap(HopReply::kTrailersFieldNumber, trailers, head);
  PutTag(HopReply::kKeptFieldNumber, kVarint, head);
  PutVarint(number, head);
  AddFrame(id, HopFrame::kReplyFieldNumber, head, nullptr);
}

void HopBatchWriter::AddError(uint64_t id, absl::string_view status,
                              absl::Span<const TextPair> trailers) {
  std::string head;
  PutBytes(HopReply::kStatusFieldNumber, status, head);
  PutMap(HopReply::kTrailersFieldNumber, trailers, head);
  AddFrame(id, HopFrame::kReplyFieldNumber, head, nullptr);
}

void HopBatchWriter::AddCancel(uint64_t id) {
  std::string body;
  PutTag(HopFrame::kCallIdFieldNumber, kVarint, body);
  PutVarint(id, body);
  PutTag(HopFrame::kCancelFieldNumber, kVarint, body);
  PutVarint(1, body);
  const size_t before = tail_.size();
  ++frames_;
  PutBytes(HopBatch::kFramesFieldNumber, body, tail_);
  size_ += tail_.size() - before;
}

void HopBatchWriter::SetCredit(uint32_t credit) {
  PutNumber(HopBatch::kCreditFieldNumber, credit);
}

void HopBatchWriter::SetKeeps(uint32_t numbers) {
  PutNumber(HopBatch::kKeepsFieldNumber, numbers);
}

void HopBatchWriter::PutNumber(int field, uint32_t number) {
  const size_t before = tail_.size();
  PutTag(field, kVarint, tail_);
  PutVarint(number, tail_);
  size_ += tail_.size() - before;
}

void HopBatchWriter::AddFrame(uint64_t id, int field, absl::string_view head,
                              const RawMessage* payload) {
  const size_t before = tail_.size();
  ++frames_;
  const size_t payload_size = payload != nullptr ? payload->size() : 0;
  const size_t body = head.size() + payload_size;
  PutTag(HopBatch::kFramesFieldNumber, kBytes, tail_);
  PutVarint(1 + VarintSize(id) + 1 + VarintSize(body) + body, tail_);
  PutTag(HopFrame::kCallIdFieldNumber, kVarint, tail_);
  PutVarint(id, tail_);
  PutTag(field, kBytes, tail_);
  PutVarint(body, tail_);
  tail_.append(head.data(), head.size());
  size_ += tail_.size() - before + payload_size;
  if (payload_size > 0) Append(*payload);
}

void HopBatchWriter::Append(const RawMessage& payload) {
  std::vector<grpc::Slice> parts;
  if (!payload.buffer().Dump(&parts).ok()) return;
  const bool copied = payload.size() < kCopied;
  if (!copied) CutTail();
  for (grpc::Slice& part : parts) {
    if (copied) {
      tail_.append(reinterpret_cast<const char*>(part.begin()), part.size());
    } else {
      slices_.push_back(std::move(part));
    }
  }
}

void HopBatchWriter::CutTail() {
  if (tail_.empty()) return;
  slices_.emplace_back(tail_.data(), tail_.size());
  tail_.clear();
}

RawMessage HopBatchWriter::Take() {
  CutTail();
  RawMessage message;
  message.buffer() = grpc::ByteBuffer(slices_.data(), slices_.size());
  slices_.clear();
  size_ = 0;
  frames_ = 0;
  return message;
}

void HopBatchWriter::Clear() {
  tail_.clear();
  slices_.clear();
  size_ = 0;
  frames_ = 0;
}

HopBatchView::HopBatchView() = default;
HopBatchView::~HopBatchView() = default;

bool HopBatchView::Read(const RawMessage& batch) {
  frames_.clear();
  credit_ = keeps_ = 0;
  if (batch.size() == 0) return true;
  bytes_ = std::make_unique<grpc::Slice>();
  // Most batches arrive in one piece.
  grpc::ByteBuffer buffer = batch.buffer();
  if (!buffer.TrySingleSlice(bytes_.get()).ok() &&
      !buffer.DumpToSingleSlice(bytes_.get()).ok()) {
    return false;
  }
  Fields fields(absl::string_view(
      reinterpret_cast<const char*>(bytes_->begin()), bytes_->size()));
  while (fields.Next()) {
    if (fields.tag() == Tag(HopBatch::kCreditFieldNumber, kVarint)) {
      credit_ = static_cast<uint32_t>(fields.number());
    } else if (fields.tag() == Tag(HopBatch::kKeepsFieldNumber, kVarint)) {
      keeps_ = static_cast<uint32_t>(fields.number());
    } else if (fields.tag() == Tag(HopBatch::kFramesFieldNumber, kBytes) &&
               !ReadFrame(fields.bytes())) {
      return false;
    }
  }
  return fields.ok();
}

bool HopBatchView::ReadFrame(absl::string_view bytes) {
  HopFrameView& frame = frames_.emplace_back();
  Fields fields(bytes);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(HopFrame::kCallIdFieldNumber, kVarint):
        frame.id = fields.number();
        break;
      case Tag(HopFrame::kCallFieldNumber, kBytes):
        if (!ReadCall(fields.bytes(), *bytes_, frame)) return false;
        break;
      case Tag(HopFrame::kReplyFieldNumber, kBytes):
        if (!ReadReply(fields.bytes(), *bytes_, frame)) return false;
        break;
      case Tag(HopFrame::kCancelFieldNumber, kVarint):
        if (fields.number() != 0) frame.kind = HopFrameView::Kind::kCancel;
        break;
      default:
        break;
    }
  }
  return fields.ok();
}

}  // namespace mitra::rpc::internal
