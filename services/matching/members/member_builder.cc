#include "services/matching/members/member_builder.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "common/status/errors.h"
#include "mitra/v1/profile.pb.h"

namespace mitra::matching {
namespace {

constexpr int kMaxText = 160;
constexpr int kMaxId = 64;
constexpr int kMaxItems = 16;
constexpr int kMaxFacets = 4;
constexpr int kMaxItemSectors = 8;
constexpr int kMaxRules = 64;
// Above what the limits allow: 4 facets of 32 items of some 400 bytes.
constexpr size_t kBufferBytes = size_t{128} << 10;

bool SeatsAreCounted(v1::MemberKind kind, const v1::Facet& facet) {
  return facet.has_seats() || facet.role() == v1::ROLE_MENTOR ||
         facet.role() == v1::ROLE_FACILITATOR ||
         kind == v1::MEMBER_KIND_EVENT || kind == v1::MEMBER_KIND_PROGRAMME;
}

uint32_t FreeSeats(const v1::Seats& seats) {
  const uint64_t taken =
      uint64_t{seats.taken()} + uint64_t{seats.taken_elsewhere()};
  return seats.total() > taken ? static_cast<uint32_t>(seats.total() - taken)
                               : 0;
}

// Member::answers. Two answered and two unanswered requests are put to what is
// known, so that one silence does not make a member silent.
uint8_t AnswersOf(uint32_t answered, uint32_t unanswered) {
  if (answered == 0 && unanswered == 0) return 0;
  const double share =
      (double{2} + answered) / (double{4} + answered + unanswered);
  return static_cast<uint8_t>(1 + std::lround(254 * share));
}

template <typename Enums>
uint32_t BitsOf(const Enums& values) {
  uint32_t bits = 0;
  for (const int value : values) bits |= BitOf(value);
  return bits;
}

void CopyCode(absl::string_view code, char* to, size_t size) {
  const size_t n = std::min(code.size(), size - 1);
  std::memcpy(to, code.data(), n);
}

taxonomy::SectorNumber SectorOf(const v1::Sector& sector) {
  return taxonomy::SectorIndex(
      taxonomy::NormaliseSector(sector.code(), sector.edition()));
}

}  // namespace

// Builds a record in a buffer of this thread and copies it out. Everything is
// placed behind the fixed part; offsets are relative, so the copy is a record.
class MemberBuilder {
 public:
  MemberBuilder() : buffer_(Buffer()), used_(sizeof(Member)) {
    member_ = new (buffer_) Member();
  }

  OwnedMember Build(const v1::Profile& profile, const MemberDetails& details) {
    Member& m = *member_;
    SetString(m.id, profile.profile_id(), kMaxId);
    SetString(m.display_name, profile.display_name(), 200);
    SetString(m.region_code, profile.region_code(), 16);
    SetString(m.owner, profile.owner(), kMaxId);
    m.incarnation = details.incarnation;
    m.revision = details.revision;
    m.consent_bits = details.consent_bits;
    m.kind = static_cast<uint8_t>(profile.kind());
    m.scale = static_cast<uint8_t>(profile.scale());
    m.hidden = profile.hidden();
    m.verified = !profile.verified_by().empty();
    m.answers = AnswersOf(details.answered, details.unanswered);
    m.create_time = profile.create_time().seconds();
    m.region = taxonomy::RegionIndex(
        taxonomy::CurrentRegion(profile.region_code()).value_or(""));
    for (const std::string& tag : profile.languages()) {
      m.languages |= LanguageBit(tag);
    }
    SetSectors(m.sectors, profile.sectors());
    SetNorms(profile);
    SetWindow(profile);
    const int facets = std::min(profile.facets_size(), kMaxFacets);
    Facet* list = Allocate(m.facets, facets);
    for (int i = 0; i < facets; ++i) {
      SetFacet(list[i], profile.kind(), profile.facets(i));
      m.role_bits |= BitOf(list[i].role);
    }
    return Finish();
  }

  OwnedMember BuildDeleted(uint64_t incarnation, uint64_t revision) {
    member_->incarnation = incarnation;
    member_->revision = revision;
    member_->deleted = true;
    return Finish();
  }

  // Every list lies inside the block.
  static bool Check(const Member& m, size_t bytes) {
    const Range range{reinterpret_cast<const char*>(&m),
                      reinterpret_cast<const char*>(&m) + bytes};
    if (!Inside(range, m.id.chars_) || !Inside(range, m.display_name.chars_) ||
        !Inside(range, m.region_code.chars_) ||
        !Inside(range, m.owner.chars_) ||
        !Inside(range, m.programme_owner.chars_) || !Inside(range, m.sectors) ||
        !Inside(range, m.facets)) {
      return false;
    }
    for (const Facet& facet : m.facets) {
      if (!Inside(range, facet.headline.chars_) ||
          !Inside(range, facet.needs) || !Inside(range, facet.offers) ||
          !Inside(range, facet.acceptance.regions) ||
          !Inside(range, facet.acceptance.sectors)) {
        return false;
      }
      for (const auto* items : {&facet.needs, &facet.offers}) {
        for (const Item& item : *items) {
          if (!Inside(range, item.id.chars_) ||
              !Inside(range, item.text.chars_) ||
              !Inside(range, item.sectors)) {
            return false;
          }
        }
      }
    }
    return true;
  }

  static OwnedMember CopyOf(absl::string_view block) {
    void* copy = std::malloc(block.size());
    if (copy == nullptr) throw std::bad_alloc();
    std::memcpy(copy, block.data(), block.size());
    return OwnedMember(static_cast<const Member*>(copy));
  }

 private:
  struct Range {
    const char* begin;
    const char* end;
  };

  static char* Buffer() {
    alignas(16) thread_local char buffer[kBufferBytes];
    return buffer;
  }

  template <typename T>
  static bool Inside(const Range& range, const InlineSpan<T>& list) {
    if (list.size() == 0) return true;
    const char* begin = reinterpret_cast<const char*>(list.begin());
    const size_t bytes = list.size() * sizeof(T);
    return begin >= range.begin && begin <= range.end &&
           static_cast<size_t>(range.end - begin) >= bytes &&
           reinterpret_cast<uintptr_t>(begin) % alignof(T) == 0;
  }

  // Places `n` objects behind all that is there and points `list` to them.
  // Where the buffer is full the list stays empty; limits make that impossible.
  template <typename T>
  T* Allocate(InlineSpan<T>& list, size_t n) {
    const size_t at = (used_ + alignof(T) - 1) / alignof(T) * alignof(T);
    if (n == 0 || at + n * sizeof(T) > kBufferBytes) return nullptr;
    used_ = at + n * sizeof(T);
    T* objects = reinterpret_cast<T*>(buffer_ + at);
    for (size_t i = 0; i < n; ++i) new (objects + i) T();
    list.offset_ = static_cast<int32_t>(buffer_ + at -
                                        reinterpret_cast<const char*>(&list));
    list.size_ = static_cast<uint32_t>(n);
    return objects;
  }

  void SetString(InlineString& to, const std::string& text, size_t max_bytes) {
    if (text.size() > max_bytes) return SetString(to, CutUtf8(text, max_bytes));
    SetString(to, text);
  }
  void SetString(InlineString& to, absl::string_view text) {
    char* chars = Allocate(to.chars_, text.size());
    if (chars != nullptr) std::memcpy(chars, text.data(), text.size());
  }

  template <typename Sectors>
  void SetSectors(InlineSpan<taxonomy::SectorNumber>& to,
                  const Sectors& sectors) {
    taxonomy::SectorNumber known[kMaxItemSectors];
    int n = 0;
    for (const v1::Sector& sector : sectors) {
      const taxonomy::SectorNumber number = SectorOf(sector);
      if (number == taxonomy::kNoSector || n == kMaxItemSectors) continue;
      if (std::find(known, known + n, number) == known + n) known[n++] = number;
    }
    taxonomy::SectorNumber* list = Allocate(to, n);
    if (list != nullptr) std::copy(known, known + n, list);
  }

  void SetNorms(const v1::Profile& profile) {
    for (const v1::Norm& norm : profile.norms()) {
      if (norm.expired()) continue;
      member_->norm_bits |= BitOf(norm.kind());
      if (norm.status() == v1::NORM_STATUS_VERIFIED) {
        member_->verified_norm_bits |= BitOf(norm.kind());
      }
    }
  }

  void SetWindow(const v1::Profile& profile) {
    if (profile.kind() == v1::MEMBER_KIND_EVENT && profile.has_event()) {
      member_->window_start = profile.event().start_time().seconds();
      member_->window_end = profile.event().has_end_time()
                                ? profile.event().end_time().seconds()
                                : profile.event().start_time().seconds();
    } else if (profile.kind() == v1::MEMBER_KIND_PROGRAMME &&
               profile.has_programme()) {
      const v1::ProgrammeDetails& programme = profile.programme();
      member_->window_start = programme.intake_start_time().seconds();
      member_->window_end = programme.intake_end_time().seconds();
      SetString(member_->programme_owner, programme.owner_profile_id(), kMaxId);
    }
  }

  void SetFacet(Facet& to, v1::MemberKind kind, const v1::Facet& facet) {
    to.role = static_cast<uint8_t>(facet.role());
    to.paused = facet.paused();
    to.standby = facet.standby();
    to.seats_counted = SeatsAreCounted(kind, facet);
    to.seats_total = facet.seats().total();
    to.seats_free = FreeSeats(facet.seats());
    SetString(to.headline, facet.headline(), kMaxText);
    const int needs = std::min(facet.needs_size(), kMaxItems);
    Item* list = Allocate(to.needs, needs);
    for (int i = 0; i < needs; ++i) {
      SetItem(list[i], facet.needs(i).need_id(), facet.needs(i));
      if (!list[i].expired) to.need_bits |= BitOf(list[i].resource);
    }
    const int offers = std::min(facet.offers_size(), kMaxItems);
    list = Allocate(to.offers, offers);
    for (int i = 0; i < offers; ++i) {
      SetItem(list[i], facet.offers(i).offer_id(), facet.offers(i));
      if (!list[i].expired) to.offer_bits |= BitOf(list[i].resource);
    }
    SetAcceptance(to.acceptance, facet.acceptance());
  }

  template <typename NeedOrOffer>
  void SetItem(Item& to, const std::string& id, const NeedOrOffer& item) {
    SetString(to.id, id, kMaxId);
    SetString(to.text, item.text(), kMaxText);
    SetSectors(to.sectors, item.sectors());
    to.resource = static_cast<uint8_t>(item.resource());
    to.expired = item.expired();
    if (std::isfinite(item.quantity().amount())) {
      to.quantity = item.quantity().amount();
    }
    to.money_units = item.money().units();
    CopyCode(item.quantity().unit(), to.unit, sizeof to.unit);
    CopyCode(item.money().currency_code(), to.currency, sizeof to.currency);
  }

  void SetAcceptance(Acceptance& to, const v1::AcceptanceRules& rules) {
    to.role_bits = BitsOf(rules.roles());
    to.scale_bits = BitsOf(rules.scales());
    to.norm_bits = BitsOf(rules.norms());
    // A rule that names only unknown places or sectors keeps an empty range:
    // it accepts nobody, rather than everybody.
    const int regions = std::min(rules.region_codes_size(), kMaxRules);
    taxonomy::RegionRange* region = Allocate(to.regions, regions);
    for (int i = 0; i < regions; ++i) {
      region[i] = taxonomy::RegionsUnder(
          taxonomy::CurrentRegion(rules.region_codes(i)).value_or(""));
    }
    const int sectors = std::min(rules.sector_codes_size(), kMaxRules);
    taxonomy::SectorRange* sector = Allocate(to.sectors, sectors);
    for (int i = 0; i < sectors; ++i) {
      sector[i] = taxonomy::SectorsUnder(rules.sector_codes(i));
    }
  }

  OwnedMember Finish() {
    member_->bytes = static_cast<uint32_t>((used_ + 7) / 8 * 8);
    return CopyOf({buffer_, member_->bytes});
  }

  char* const buffer_;
  size_t used_;
  Member* member_;
};

void MemberDeleter::operator()(const Member* member) const {
  std::free(const_cast<Member*>(member));
}

OwnedMember MakeMember(const v1::Profile& profile,
                       const MemberDetails& details) {
  return MemberBuilder().Build(profile, details);
}

OwnedMember WithConsents(const Member& member, uint32_t consent_bits) {
  OwnedMember copy = MemberBuilder::CopyOf(BytesOf(member));
  const_cast<Member*>(copy.get())->consent_bits = consent_bits;
  return copy;
}

OwnedMember DeletedMember(uint64_t incarnation, uint64_t revision) {
  return MemberBuilder().BuildDeleted(incarnation, revision);
}

absl::string_view BytesOf(const Member& member) {
  return {reinterpret_cast<const char*>(&member), member.bytes};
}

OwnedMember MemberFromBytes(absl::string_view bytes) {
  if (bytes.size() < sizeof(Member)) return nullptr;
  OwnedMember member = MemberBuilder::CopyOf(bytes);
  if (member->bytes != bytes.size() ||
      !MemberBuilder::Check(*member, bytes.size())) {
    return nullptr;
  }
  return member;
}

}  // namespace mitra::matching
