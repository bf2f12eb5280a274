#include "services/matching/members/seat_supply.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "mitra/v1/member.pb.h"
#include "mitra/v1/need_offer.pb.h"

namespace mitra::matching {
namespace {

// What mentors and facilitators give (the table of ranking).
constexpr uint32_t kGuidance =
    BitOf(v1::RESOURCE_MENTORING) | BitOf(v1::RESOURCE_KNOWLEDGE) |
    BitOf(v1::RESOURCE_TRAINING) | BitOf(v1::RESOURCE_REFERRAL) |
    BitOf(v1::RESOURCE_LICENCE_HELP);

size_t RoleNumber(int role) { return role == v1::ROLE_FACILITATOR ? 1 : 0; }

uint64_t NotNegative(int64_t count) {
  return static_cast<uint64_t>(std::max<int64_t>(count, 0));
}

}  // namespace

bool SeatSupply::IsGuide(int role) {
  return role == v1::ROLE_MENTOR || role == v1::ROLE_FACILITATOR;
}

size_t SeatSupply::PlaceNumber(const Member& member) {
  const absl::string_view code = member.region_code.view();
  if (code.size() < 2 || !absl::ascii_isdigit(code[0]) ||
      !absl::ascii_isdigit(code[1])) {
    return kPlaces - 1;
  }
  return static_cast<size_t>((code[0] - '0') * 10 + (code[1] - '0'));
}

std::string SeatSupply::PlaceOf(const Member& member) {
  const size_t place = PlaceNumber(member);
  return place == kPlaces - 1 ? "" : absl::StrFormat("%02d", place);
}

void SeatSupply::Count(const Member& member, int sign) {
  if (member.deleted || member.hidden) return;
  Place& place = places_[PlaceNumber(member)];
  bool seeks = false;
  for (const Facet& facet : member.facets) {
    if (!IsGuide(facet.role)) {
      seeks |= (facet.need_bits & kGuidance) != 0;
      continue;
    }
    if (facet.paused || !facet.seats_counted) continue;
    auto& seats = facet.standby ? place.standby : place.free;
    seats[RoleNumber(facet.role)] += sign * int64_t{facet.seats_free};
  }
  place.seekers += seeks ? sign : 0;
}

SeatBalance SeatSupply::At(size_t number, int role) const {
  const size_t r = RoleNumber(role);
  int64_t seekers = 0, free = 0, standby = 0;
  const auto add = [&](const Place& place, bool with_seekers) {
    seekers += with_seekers ? place.seekers : 0;
    free += place.free[r];
    standby += place.standby[r];
  };
  if (number == kPlaces - 1) {
    for (const Place& place : places_) add(place, true);
  } else {
    add(places_[number], true);
    add(places_[kPlaces - 1], false);
  }
  return {NotNegative(seekers), NotNegative(free), NotNegative(standby)};
}

SeatBalance SeatSupply::For(const Member& seeker, int role) const {
  return At(PlaceNumber(seeker), role);
}

bool SeatSupply::Below(const SeatBalance& balance, double level,
                       bool with_standby) {
  if (level <= 0 || balance.seekers == 0) return false;
  return (with_standby ? balance.with_standby() : balance.per_seeker()) < level;
}

std::vector<SeatSupply::Pause> SeatSupply::PausesOf(int role) const {
  std::vector<Pause> pauses;
  for (size_t place = 0; place < kPlaces; ++place) {
    const SeatBalance balance = At(place, role);
    if (!Below(balance, levels_.pause_below, true)) continue;
    pauses.push_back(
        {place == kPlaces - 1 ? "" : absl::StrFormat("%02d", place), balance});
  }
  return pauses;
}

std::vector<bool> SeatSupply::Verdicts() const {
  std::vector<bool> verdicts;
  verdicts.reserve(kPlaces * kRoles * 2);
  for (size_t place = 0; place < kPlaces; ++place) {
    for (const int role : {v1::ROLE_MENTOR, v1::ROLE_FACILITATOR}) {
      const SeatBalance balance = At(place, role);
      verdicts.push_back(balance.standby > 0 &&
                         Below(balance, levels_.standby_below, false));
      verdicts.push_back(Below(balance, levels_.pause_below, true));
    }
  }
  return verdicts;
}

}  // namespace mitra::matching
