// What readers of matching's state see, and what a commit changed.

#ifndef MITRA_SERVICES_MATCHING_STATE_MATCHING_VIEW_H_
#define MITRA_SERVICES_MATCHING_STATE_MATCHING_VIEW_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "services/matching/graph/graph_view.h"
#include "services/matching/members/member_table.h"

namespace mitra::matching {

// Of merged members: the id that was, to the one that stayed.
using Redirects = absl::flat_hash_map<std::string, std::string>;

// What one request reads. Copying costs four reference counts.
struct MatchingView {
  MemberView members;
  GraphView graph;
  uint64_t revision = 0;  // the watermark
  // The revision of the latest change that is in it: rests while the record is
  // written with what matching does not read.
  uint64_t changed = 0;
  uint64_t record_incarnation = 0;
  std::shared_ptr<const std::string> space;  // embedding space; never null
  // The record's key of page and attribution tokens; null before it is known.
  std::shared_ptr<const std::string> token_key;

  std::shared_ptr<const Redirects> redirects;  // null: there are none

  absl::string_view tokens() const {
    return token_key == nullptr ? absl::string_view() : *token_key;
  }
  // The living member that an id means, of the id itself or of one that was
  // merged into it; kNoMember if there is none.
  MemberIndex FindMeant(absl::string_view id) const;
};

// What one commit changed, for caches.
struct CommitSummary {
  uint64_t revision = 0;
  uint64_t graph_epoch = 0;
  // Members deleted, or whose evidence no longer counts (withdrawn,
  // contested): trust vectors that may contain them are void.
  std::vector<MemberIndex> distrusted;
  // Members whose record, blocks, engagements or consents changed.
  std::vector<MemberIndex> changed;
  // Those who stand by are wanted somewhere else, or something pauses
  // somewhere else, than before.
  bool supply_changed = false;
  // Everything is void.
  bool reset = false;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_STATE_MATCHING_VIEW_H_
