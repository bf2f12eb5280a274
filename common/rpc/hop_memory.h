// Answers that come again on a batched stream are sent once: the server says
// "what you keep under number 7". Whether an answer may be given is decided for
// each call as ever; only its bytes stay at home. Internal to common/rpc.

#ifndef MITRA_COMMON_RPC_HOP_MEMORY_H_
#define MITRA_COMMON_RPC_HOP_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/rpc/raw_message.h"

namespace mitra::rpc::internal {

// Up to which number a caller keeps answers, and how large ones; 16 MiB in all.
inline constexpr uint32_t kMostKept = 1024;
inline constexpr size_t kLargestKept = 16 << 10;
// Smaller ones are not worth it.
inline constexpr size_t kSmallestKept = 256;

// The server's side: what the caller keeps, by identity. The least recently
// used makes room. Not thread-safe.
class SentAnswers {
 public:
  // What was sent longer ago than this is sent again.
  static constexpr absl::Duration kMaxAge = absl::Seconds(60);

  // The caller keeps answers up to that number; 0: none.
  void SetCapacity(uint32_t numbers);

  struct Place {
    uint32_t number = 0;  // 0: not kept
    bool there = false;   // the caller has it already
  };
  // Where an answer is kept; if it is not there yet, it is to be sent now.
  Place Of(uint64_t identity, size_t bytes, absl::Time now);

 private:
  struct Entry {
    uint64_t identity = 0;
    uint32_t number = 0;
    absl::Time sent;
  };
  using Recent = std::list<Entry>;

  uint32_t capacity_ = 0;
  Recent recent_;  // latest first
  absl::flat_hash_map<uint64_t, Recent::iterator> by_identity_;
};

// The caller's side. Not thread-safe.
class KeptAnswers {
 public:
  // Keeps a copy under `number`, 1 to kMostKept, and gives a handle on it,
  // which has an identity. False, and nothing changes, if the server must not
  // say so.
  bool Keep(uint32_t number, RawMessage& answer, absl::Time now);
  // False if nothing is kept there.
  bool Find(uint32_t number, RawMessage& answer) const;

 private:
  struct Kept {
    RawMessage answer;
    absl::Time since;
  };
  // The server does not refer to what is older than kMaxAge.
  void DropOld(absl::Time now);

  std::vector<Kept> kept_;  // by number - 1
  absl::Time swept_ = absl::InfinitePast();
};

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_HOP_MEMORY_H_
