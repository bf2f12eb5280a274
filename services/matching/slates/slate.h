// A slate as it is cached: who, in which order, why in codes; never text.

#ifndef MITRA_SERVICES_MATCHING_SLATES_SLATE_H_
#define MITRA_SERVICES_MATCHING_SLATES_SLATE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/matching/members/member_table.h"
#include "services/matching/ranking/recommender.h"

namespace mitra::matching {

// One candidate, by id and life, so that it is the same in every process.
struct SlateEntry {
  std::string id;
  uint64_t incarnation = 0;
  uint8_t role = 0;     // v1::Role
  uint8_t sources = 0;  // SourceBit
  float give = 0;       // NaN: not known
  float take = 0;
  float trust = 0;
  float wants = 0;
  float accepts = 0;
  float key = 0;
};

// Immutable once shared.
struct Slate {
  // Names the one ranking that its page tokens continue.
  uint64_t slate_id = 0;
  // Of the subject's record and blocks; another state is another question.
  uint64_t subject_state = 0;
  uint64_t subject_incarnation = 0;
  // The record's revision that it rests on.
  uint64_t revision = 0;
  absl::Time compute_time = absl::UnixEpoch();
  // From a published refresh: valid until the next epoch.
  bool published = false;
  // Nothing eligible was left out.
  bool exhausted = false;
  uint8_t missing = 0;        // MissingBit
  DegradedBits degraded = 0;  // never stored but in memory
  std::vector<SlateEntry> entries;
};

// Compact bytes and back. Decoding gives nothing for anything that Encode did
// not make, whatever it is.
std::string EncodeSlate(const Slate& slate);
std::optional<Slate> DecodeSlate(absl::string_view bytes);

// An entry as it was ranked, and back; kNoMember if the candidate is gone or
// in another life.
SlateEntry EntryOf(const MemberView& members, const Ranked& ranked);
Ranked RankedOf(const MemberView& members, const SlateEntry& entry);

// At most this many entries are kept of a ranking at first; later pages ask for
// more.
inline constexpr size_t kFirstEntries = 64;

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_SLATES_SLATE_H_
