// Batches of proto/mitra/v1/hop.proto as they travel, written and read without
// making messages of them: payloads are handed on as handles on the transport's
// buffers and are not copied. Internal to common/rpc.

#ifndef MITRA_COMMON_RPC_HOP_CODEC_H_
#define MITRA_COMMON_RPC_HOP_CODEC_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/rpc/raw_message.h"

namespace grpc {
class Slice;
}

namespace mitra::rpc::internal {

// So many calls, or answers, leave without waiting for more. Fewer would cost
// more batches, which are dear (kLongTurn); of 64 in flight, more would move
// all together, and the other side would have nothing to do meanwhile: with 64
// the edge's JSON came to .59 of its peer (medians of five runs), with 24 to
// .63 (of seven).
inline constexpr int kFullBatch = 24;

using TextPair = std::pair<std::string, std::string>;
using TextViews = std::pair<absl::string_view, absl::string_view>;

// Collects frames. Not thread-safe.
class HopBatchWriter {
 public:
  HopBatchWriter();
  ~HopBatchWriter();
  HopBatchWriter(HopBatchWriter&&) noexcept;
  HopBatchWriter& operator=(HopBatchWriter&&) noexcept;

  void AddCall(uint64_t id, absl::string_view method, uint64_t timeout_us,
               absl::Span<const TextViews> metadata, const RawMessage& payload);
  // `keep_as`: the number under which the caller keeps it; 0: none.
  void AddAnswer(uint64_t id, const RawMessage& payload,
                 absl::Span<const TextPair> trailers, uint32_t keep_as = 0);
  // An answer that the caller keeps under `number`.
  void AddKept(uint64_t id, uint32_t number,
               absl::Span<const TextPair> trailers);
  // `status` is a serialised google.rpc.Status.
  void AddError(uint64_t id, absl::string_view status,
                absl::Span<const TextPair> trailers);
  void AddCancel(uint64_t id);
  void SetCredit(uint32_t credit);
  void SetKeeps(uint32_t numbers);

  bool empty() const { return size_ == 0; }
  // Calls, answers and cancellations that wait.
  int frames() const { return frames_; }
  // The batch; the writer is empty afterwards.
  RawMessage Take();
  void Clear();

 private:
  // A field of HopFrame whose body is `head`, then the payload if it has one.
  void AddFrame(uint64_t id, int field, absl::string_view head,
                const RawMessage* payload);
  void Append(const RawMessage& payload);
  void CutTail();
  void PutNumber(int field, uint32_t number);

  std::string tail_;  // bytes that are in no slice yet
  std::vector<grpc::Slice> slices_;
  size_t size_ = 0;
  int frames_ = 0;
};

// One frame of a batch; texts live as long as the HopBatchView.
struct HopFrameView {
  enum class Kind { kNothing, kCall, kAnswer, kError, kCancel };
  Kind kind = Kind::kNothing;
  uint64_t id = 0;
  absl::string_view method;
  uint64_t timeout_us = 0;
  // Metadata of a call, trailers of an answer.
  absl::InlinedVector<TextViews, 4> texts;
  RawMessage payload;        // may outlive the view
  absl::string_view status;  // kError: serialised google.rpc.Status
  uint32_t keep_as = 0;      // kAnswer: 0 or where the payload is to be kept
  uint32_t kept = 0;         // kAnswer: 0 or where the payload is
};

// A batch that was read.
class HopBatchView {
 public:
  HopBatchView();
  ~HopBatchView();
  HopBatchView(const HopBatchView&) = delete;
  HopBatchView& operator=(const HopBatchView&) = delete;

  // False if `batch` is no such message; then nothing of it may be used.
  bool Read(const RawMessage& batch);

  std::vector<HopFrameView>& frames() { return frames_; }
  uint32_t credit() const { return credit_; }
  uint32_t keeps() const { return keeps_; }

 private:
  bool ReadFrame(absl::string_view bytes);

  std::unique_ptr<grpc::Slice> bytes_;
  std::vector<HopFrameView> frames_;
  uint32_t credit_ = 0;
  uint32_t keeps_ = 0;
};

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_HOP_CODEC_H_
