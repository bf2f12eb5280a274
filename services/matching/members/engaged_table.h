// Who is engaged with whom: pairs that are kept out of each other's slates in
// the capacity in which they work together already.
//
// The provider is not shown to the seeker in the role in which it was asked.
// Businesses, enterprises and suppliers trade in both directions: where the
// provider was asked as one of these, the seeker is not shown to it as any of
// them either. In all other roles the two may still meet (a mentor may find a
// supplier in the member that it guides); so says Engagement in the API.

#ifndef MITRA_SERVICES_MATCHING_MEMBERS_ENGAGED_TABLE_H_
#define MITRA_SERVICES_MATCHING_MEMBERS_ENGAGED_TABLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "services/matching/members/codes.h"
#include "services/matching/members/versioned_array.h"

namespace mitra::matching {

// One member with whom another is engaged.
struct Engaged {
  MemberIndex other;
  uint32_t hidden_roles;  // BitOf the roles in which `other` is not shown
};

// An engagement that is requested, accepted or active.
struct OpenEngagement {
  MemberIndex seeker = kNoMember;
  MemberIndex provider = kNoMember;
  int provider_role = 0;  // v1::Role
  uint64_t revision = 0;
};

// The writer's side, part of MemberTable. Not thread-safe. Engagements have
// keys of their own, 64 bits of a keyed hash of their ids.
class EngagedTable {
 public:
  using List = std::vector<Engaged>;  // by `other`, each once
  using Version = VersionedArray<const List*>::Version;

  // `garbage` must outlive the table.
  explicit EngagedTable(Garbage& garbage) : garbage_(garbage) {}
  ~EngagedTable() { Clear(); }

  // Notes an open engagement; false if it is there in that or a later revision.
  bool Open(uint64_t key, const OpenEngagement& engagement);
  // Forgets one that is over; gives what it was, if it was there in an earlier
  // revision.
  std::optional<OpenEngagement> Close(uint64_t key, uint64_t revision);
  // Forgets all of a member; gives with whom they were.
  std::vector<MemberIndex> CloseAllOf(MemberIndex member);

  const absl::flat_hash_map<uint64_t, OpenEngagement>& open() const {
    return open_;
  }
  Version Publish() { return lists_.Publish(); }
  void Clear();
  size_t bytes() const;

  // The list of a member in a version; empty for most.
  static absl::Span<const Engaged> Of(const Version& version,
                                      MemberIndex member) {
    if (member >= version.size() || version.at(member) == nullptr) return {};
    return *version.at(member);
  }

 private:
  void Remove(MemberIndex member, uint64_t key);
  void Rebuild(MemberIndex member);

  Garbage& garbage_;
  VersionedArray<const List*> lists_{garbage_};
  absl::flat_hash_map<uint64_t, OpenEngagement> open_;
  absl::flat_hash_map<MemberIndex, std::vector<uint64_t>> keys_of_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_MEMBERS_ENGAGED_TABLE_H_
