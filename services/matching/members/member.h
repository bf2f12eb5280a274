// One member as matching knows it: an immutable record in one block of memory.
//
// Scoring visits members in random order and reads most fields of each, so a
// row that lies together costs one or two cache misses where columns would
// cost one per field. Variable parts (strings, lists) stand behind the fixed
// part in the same block and are found by offsets relative to the field
// itself, so that a record is 8 bytes per list, can be copied as bytes, and
// needs no second allocation. Records and their parts are therefore never
// copied or built by hand: MemberBuilder makes them.

#ifndef MITRA_SERVICES_MATCHING_MEMBERS_MEMBER_H_
#define MITRA_SERVICES_MATCHING_MEMBERS_MEMBER_H_

#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "services/matching/members/codes.h"

namespace mitra::v1 {
enum MemberKind : int;
enum Role : int;
enum Scale : int;
enum Resource : int;
enum NormKind : int;
enum ConsentPurpose : int;
}  // namespace mitra::v1

namespace mitra::matching {

// A list inside the block; offset relative to this object.
template <typename T>
class InlineSpan {
 public:
  using value_type = T;
  using const_iterator = const T*;
  using iterator = const T*;

  InlineSpan() = default;
  InlineSpan(const InlineSpan&) = delete;
  InlineSpan& operator=(const InlineSpan&) = delete;

  const T* begin() const {
    return reinterpret_cast<const T*>(reinterpret_cast<const char*>(this) +
                                      offset_);
  }
  const T* end() const { return begin() + size_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T& operator[](size_t i) const { return begin()[i]; }
  operator absl::Span<const T>() const { return {begin(), size_}; }

 private:
  friend class MemberBuilder;
  int32_t offset_ = 0;
  uint32_t size_ = 0;
};

// A string inside the block.
class InlineString {
 public:
  absl::string_view view() const { return {chars_.begin(), chars_.size()}; }
  operator absl::string_view() const { return view(); }
  bool empty() const { return chars_.empty(); }

 private:
  friend class MemberBuilder;
  InlineSpan<char> chars_;
};

// What is sought or given, with what reasons need.
struct Item {
  InlineString id;    // need_id or offer_id
  InlineString text;  // at most 160 bytes of the member's words
  InlineSpan<taxonomy::SectorNumber> sectors;  // empty: the member's own
  double quantity = 0;                         // 0: not stated
  int64_t money_units = 0;                     // 0: not stated
  char unit[12] = {};     // NUL-terminated unit code, cut to 11
  char currency[4] = {};  // NUL-terminated ISO 4217 code
  uint8_t resource = 0;   // v1::Resource
  bool expired = false;   // no longer matches
};

// Whom a facet accepts. Empty (0) accepts everybody.
struct Acceptance {
  uint32_t role_bits = 0;   // BitOf(v1::Role), any of them
  uint32_t norm_bits = 0;   // BitOf(v1::NormKind), all of them
  uint32_t scale_bits = 0;  // BitOf(v1::Scale), any of them
  InlineSpan<taxonomy::RegionRange> regions;  // prefixes, any of them
  InlineSpan<taxonomy::SectorRange> sectors;  // prefixes, any of them
};

// What a member seeks and gives in one role.
struct Facet {
  InlineString headline;  // at most 160 bytes
  InlineSpan<Item> needs;
  InlineSpan<Item> offers;
  Acceptance acceptance;
  uint32_t need_bits = 0;    // BitOf(v1::Resource) of needs not expired
  uint32_t offer_bits = 0;   // the same of offers
  uint32_t seats_total = 0;  // meaningful only where counted
  uint32_t seats_free = 0;   // total - taken elsewhere - taken, not below 0
  uint8_t role = 0;          // v1::Role
  bool seats_counted = false;
  bool paused = false;
  bool standby = false;  // recommended only where seats are few

  bool full() const { return seats_counted && seats_free == 0; }
};

// Immutable; lives as long as the view that it was read from.
struct Member {
  InlineString id;               // empty when deleted
  InlineString display_name;     // empty when deleted
  InlineString region_code;      // Kemendagri code as it came
  InlineString owner;            // label of the owning credential
  InlineString programme_owner;  // member id that runs it, for programmes
  InlineSpan<taxonomy::SectorNumber> sectors;  // KBLI 2020, main line first
  InlineSpan<Facet> facets;                    // at most one per role
  uint64_t languages = 0;                      // LanguageBit
  uint64_t incarnation = 0;                    // which life of the id this is
  uint64_t revision = 0;                       // of the latest change applied
  // Event: begin and end. Programme: intake begin and end. Unix seconds; 0:
  // open. Others: both 0.
  int64_t window_start = 0;
  int64_t window_end = 0;
  int64_t create_time = 0;          // Unix seconds; 0: not known
  uint32_t bytes = 0;               // size of the whole block
  uint32_t norm_bits = 0;           // BitOf(v1::NormKind), valid today
  uint32_t verified_norm_bits = 0;  // the part that a verifier has checked
  uint32_t role_bits = 0;           // BitOf(v1::Role) of all facets
  uint32_t consent_bits = 0;        // BitOf(v1::ConsentPurpose), granted
  // The region as a number, kNoRegion for members that are everywhere.
  taxonomy::RegionNumber region = taxonomy::kNoRegion;
  uint8_t kind = 0;   // v1::MemberKind
  uint8_t scale = 0;  // v1::Scale
  bool hidden = false;
  bool deleted = false;
  bool verified = false;
  // Share of the requests that the member answered, in 254ths and shrunk to
  // one half, plus 1; 0: nobody has asked yet.
  uint8_t answers = 0;

  // The share, or a negative number if nobody has asked yet.
  float responsiveness() const {
    return (static_cast<float>(answers) - 1) / 254;
  }
  // The facet of `role`, or null.
  const Facet* FacetOf(v1::Role role) const {
    for (const Facet& facet : facets) {
      if (facet.role == static_cast<int>(role)) return &facet;
    }
    return nullptr;
  }
  bool Consents(v1::ConsentPurpose purpose) const {
    return (consent_bits & BitOf(static_cast<int>(purpose))) != 0;
  }
};

// Frees a block made by MemberBuilder.
struct MemberDeleter {
  void operator()(const Member* member) const;
};
using OwnedMember = std::unique_ptr<const Member, MemberDeleter>;

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_MEMBERS_MEMBER_H_
