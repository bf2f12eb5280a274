// What a refresh remembers of everybody's candidates: compact rows, cut into
// chunks of members.
//
// A chunk is what one worker computes at a time, what travels between processes
// and what a ledger keeps; as bytes it names members by id and life, so that
// any process can read it whatever numbers it gives to members.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_CANDIDATE_LISTS_H_
#define MITRA_SERVICES_MATCHING_REFRESH_CANDIDATE_LISTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/matching/members/member_table.h"
#include "services/matching/ranking/recommender.h"

namespace mitra::matching {

// Members of a chunk.
inline constexpr size_t kChunkMembers = 256;

// A candidate on a member's list; what a slate keeps of it. 24 bytes, so that
// 1,000,000 members with 32 candidates of 2 kinds take 1.5 GB. Chances and the
// key are exact; similarities and trust, which are only shown, are within
// 2^-16.
struct MarketCandidate {
  MemberIndex member = kNoMember;
  float wants = 0;
  float accepts = 0;
  float key = 0;  // without price until the market is solved
  uint16_t give = UINT16_MAX;
  uint16_t take = UINT16_MAX;
  uint16_t trust = 0;
  uint8_t role = 0;     // v1::Role, and marks of its own
  uint8_t sources = 0;  // SourceBit but kFromRandom, and marks of their own

  // Marks in `role`: no common circle with the member; drawn by chance.
  static constexpr uint8_t kStrangerBit = 0x80;
  static constexpr uint8_t kDrawnBit = 0x40;
  static constexpr uint8_t kRoleBits = 0x1f;
  bool stranger() const { return (role & kStrangerBit) != 0; }
  // Marks in `sources`.
  static constexpr uint8_t kNewcomerBit = 0x80;
  // Its place was settled by somebody (fixed_pairs.h).
  static constexpr uint8_t kPinnedBit = 0x40;
  // It has a seat for the member (hard_seats.h).
  static constexpr uint8_t kSeatBit = 0x20;
  static constexpr uint8_t kMarks = kNewcomerBit | kPinnedBit | kSeatBit;
  bool newcomer() const { return (sources & kNewcomerBit) != 0; }
  bool pinned() const { return (sources & kPinnedBit) != 0; }
  bool has_seat() const { return (sources & kSeatBit) != 0; }
};
static_assert(sizeof(MarketCandidate) == 24);

MarketCandidate CandidateOf(const Ranked& ranked);
// `members`: the view that the candidate's number is of.
Ranked RankedOf(const MemberView& members, const MarketCandidate& candidate);

// What is known of one member's list, as bits.
enum ListFlag : uint8_t {
  // Nobody else is eligible.
  kListExhausted = 1,
  // MissingBit << kMissingShift: what the member lacks.
  kMissingShift = 4,
};

// The lists of one chunk's members for one kind.
struct CandidateLists {
  std::vector<uint32_t> begin = {0};  // by member, and the end
  std::vector<MarketCandidate> rows;
  std::vector<uint8_t> flags;  // by member

  size_t size() const { return flags.size(); }
  absl::Span<const MarketCandidate> of(size_t member) const {
    return absl::MakeConstSpan(rows).subspan(begin[member],
                                             begin[member + 1] - begin[member]);
  }
  // Adds the next member's list.
  void Add(absl::Span<const MarketCandidate> list, uint8_t list_flags);
};

struct ChunkResult {
  // The oldest and the newest revision of the record that it rests on.
  uint64_t first_revision = 0;
  uint64_t last_revision = 0;
  // The revision of each member's own record when its turn came; 0: it had
  // left. A member that has changed since wants a slate of its own.
  std::vector<uint64_t> subject_revisions;
  std::vector<CandidateLists> kinds;  // in the order of the refresh's kinds
};

// Bytes and back. Candidates that `members` does not know, or knows in another
// life, are left out. DATA_LOSS for anything that Encode did not make of
// `count` members and `kinds` kinds.
std::string EncodeChunk(const ChunkResult& chunk, const MemberView& members);
absl::StatusOr<ChunkResult> DecodeChunk(absl::string_view bytes,
                                        const MemberView& members, size_t count,
                                        size_t kinds);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_CANDIDATE_LISTS_H_
