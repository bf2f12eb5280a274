// The table of all members, with their blocks and open engagements: one writer,
// many readers.
//
// Readers take a MemberView (one reference-counted pointer, a mutex held for a
// few nanoseconds) and from then on read plain memory: no locks, no atomics
// but in Find, and nothing that they see changes under them. The writer changes
// its working copy and publishes everything at once.
//
// Why this shape: a view is a directory of chunks of pointers to immutable
// records (versioned_array.h). One changed member costs one new record, one
// copied chunk (8 KiB) and one copied directory (8 KiB at 1M members), however
// large the table is; a reader pays two dependent loads for a member. Plain
// columns would cost a read one cache miss per field and could not be changed
// singly under a reader; an atomic pointer per member would be cheaper to
// write but would show one request two states of the same member.

#ifndef MITRA_SERVICES_MATCHING_MEMBERS_MEMBER_TABLE_H_
#define MITRA_SERVICES_MATCHING_MEMBERS_MEMBER_TABLE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/base/prefetch.h"
#include "services/matching/members/codes.h"
#include "services/matching/members/engaged_table.h"
#include "services/matching/members/id_table.h"
#include "services/matching/members/member.h"
#include "services/matching/members/seat_supply.h"
#include "services/matching/members/versioned_array.h"

namespace mitra::matching {

// Keyed hash of a member id (feed::IdHash), under which deletions travel.
using IdHash = std::array<uint64_t, 2>;

// What readers see; immutable. Copying costs a reference count.
class MemberView {
 public:
  // An empty table.
  MemberView();

  // Members ever seen, the deleted included: indexes are below this.
  MemberIndex size() const { return state_->members.size(); }
  // Members that are not deleted.
  size_t live() const { return state_->live; }

  // The living member with this id; kNoMember if there is none.
  MemberIndex Find(absl::string_view id) const;
  // The same for many; each costs some cache misses, which overlap here.
  std::vector<MemberIndex> FindAll(
      absl::Span<const absl::string_view> ids) const;

  // The member at `index`, which may be deleted (then without id). Indexes at
  // or above size() give a deleted member too.
  const Member& at(MemberIndex index) const {
    if (index >= size()) return Nobody();
    return *state_->members.at(index);
  }

  // Begins to load what at() reads first; any index.
  void PrefetchPlace(MemberIndex index) const {
    if (index < size()) PrefetchLine(&state_->members.at(index));
  }

  // Who stands in a block with `index`, in either direction, sorted.
  absl::Span<const MemberIndex> BlockedWith(MemberIndex index) const;
  // One of the two blocks the other.
  bool Blocked(MemberIndex a, MemberIndex b) const;

  // How many seats there are for those who seek.
  const SeatSupply& supply() const { return *state_->supply; }

  // With whom `index` is engaged, and in which roles these are not shown to it;
  // by index.
  absl::Span<const Engaged> EngagedWith(MemberIndex index) const {
    return EngagedTable::Of(state_->engaged, index);
  }

 private:
  friend class MemberTable;
  using Blocks = std::vector<MemberIndex>;
  struct State {
    // Keeps alive what the versions point to.
    std::shared_ptr<GarbageLink> garbage;
    VersionedArray<const Member*>::Version members;
    VersionedArray<const Blocks*>::Version blocks;
    EngagedTable::Version engaged;
    std::shared_ptr<const IdTable> ids;
    std::shared_ptr<const SeatSupply> supply;
    size_t live = 0;
  };
  explicit MemberView(std::shared_ptr<const State> state);
  static const Member& Nobody();

  std::shared_ptr<const State> state_;
};

// Not thread-safe but for view(): one writer.
class MemberTable {
 public:
  explicit MemberTable(SupplyLevels levels = {});
  ~MemberTable();
  MemberTable(const MemberTable&) = delete;
  MemberTable& operator=(const MemberTable&) = delete;

  // Puts in a record for its id. Returns its index, or kNoMember when the
  // record is stale: of an earlier life, or not newer than what is there.
  // Consents of the same life are kept; a new life begins with those of the
  // record and without blocks and engagements.
  MemberIndex Put(OwnedMember member, const IdHash& id_hash);

  // Ends the life `incarnation` (and earlier ones) of the id behind the hash.
  // Returns its index if a living member was removed, else kNoMember. The id,
  // name and everything else are gone with the last view; the hash stays, so
  // that late changes of that life are refused.
  MemberIndex Delete(const IdHash& id_hash, uint64_t incarnation,
                     uint64_t revision);

  // Sets or clears a consent of the living member. False if nothing changed.
  bool SetConsent(MemberIndex index, int purpose, bool granted);

  // Makes or takes back the block of `blocked` by `blocker`.
  void SetBlock(MemberIndex blocker, MemberIndex blocked, bool present);

  // Open engagements, between living members.
  EngagedTable& engaged() { return engaged_; }
  const EngagedTable& engaged() const { return engaged_; }

  // The writer's own view of things, not yet published.
  MemberIndex size() const { return members_.size(); }
  const Member& at(MemberIndex index) const { return *members_.at(index); }
  MemberIndex Find(absl::string_view id) const;
  // The index of an id's hash, living or deleted; kNoMember if never seen.
  MemberIndex FindHash(const IdHash& id_hash) const;
  const IdHash& HashOf(MemberIndex index) const { return hashes_[index]; }
  // Those whom `blocker` blocks, sorted.
  absl::Span<const MemberIndex> BlockedBy(MemberIndex blocker) const;

  // Makes all changes visible.
  void Publish();
  // The latest published state. Thread-safe.
  MemberView view() const;

  // Forgets everything; published at once.
  void Clear();

  struct Memory {
    size_t records = 0;  // bytes of member records
    size_t index = 0;    // bytes of pointers, ids and hashes
  };
  Memory memory() const;

 private:
  void Replace(MemberIndex index, OwnedMember member);
  void RebuildBlocks(MemberIndex index);
  void AddId(absl::string_view id, MemberIndex index);

  Garbage garbage_;
  VersionedArray<const Member*> members_{garbage_};
  VersionedArray<const MemberView::Blocks*> blocks_{garbage_};
  EngagedTable engaged_{garbage_};
  std::shared_ptr<IdTable> ids_;
  absl::flat_hash_map<IdHash, MemberIndex> by_hash_;
  std::vector<IdHash> hashes_;
  // Directed blocks: who blocks whom, and who is blocked by whom.
  absl::flat_hash_map<MemberIndex, std::vector<MemberIndex>> blocks_out_;
  absl::flat_hash_map<MemberIndex, std::vector<MemberIndex>> blocks_in_;
  size_t live_ = 0;
  size_t record_bytes_ = 0;
  SeatSupply supply_;
  // Of supply_, unless that has changed since.
  std::shared_ptr<const SeatSupply> published_supply_;

  mutable absl::Mutex mutex_;
  MemberView published_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_MEMBERS_MEMBER_TABLE_H_
