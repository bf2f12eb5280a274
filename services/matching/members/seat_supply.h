// How many seats guides have for those who seek one, by province.
//
// Where many seek and few seats are free, a list only sends people to ask in
// vain. Two levels, set by the operator, say what follows: below the first,
// members who stand by are recommended too; below the second, although those
// are counted, recommendations of the kind pause, and say so.
//
// Counted are living members that are not hidden. A seat: a free one of a guide
// that is not paused; guides without a region count in every province. A
// seeker: a member that states an open need which a guide could meet.

#ifndef MITRA_SERVICES_MATCHING_MEMBERS_SEAT_SUPPLY_H_
#define MITRA_SERVICES_MATCHING_MEMBERS_SEAT_SUPPLY_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "services/matching/members/member.h"

namespace mitra::matching {

struct SupplyLevels {
  // Free seats for each seeker; 0: never.
  double standby_below = 1;
  double pause_below = 0;
};

// What is there for the seekers of one province, or of all.
struct SeatBalance {
  uint64_t seekers = 0;
  uint64_t free = 0;     // seats of those who do not stand by
  uint64_t standby = 0;  // seats of those who do

  double per_seeker() const { return Share(free); }
  double with_standby() const { return Share(free + standby); }

 private:
  double Share(uint64_t seats) const {
    return seekers == 0
               ? static_cast<double>(seats)
               : static_cast<double>(seats) / static_cast<double>(seekers);
  }
};

// A plain value: one writer, or many readers.
class SeatSupply {
 public:
  explicit SeatSupply(SupplyLevels levels = {}) : levels_(levels) {}

  // A member comes (`sign` 1) or goes (-1).
  void Count(const Member& member, int sign);

  // Roles whose supply is looked after: mentors and facilitators.
  static bool IsGuide(int role);

  // For members of this one's province; for those without one, of everywhere.
  SeatBalance For(const Member& seeker, int role) const;
  // Guides of `role` who stand by are wanted by this seeker.
  bool WantsStandby(const Member& seeker, int role) const {
    return Below(For(seeker, role), levels_.standby_below, false);
  }
  // Nobody is recommended as `role` to this seeker.
  bool Pauses(const Member& seeker, int role) const {
    return Below(For(seeker, role), levels_.pause_below, true);
  }

  // Two digits; empty for everywhere.
  static std::string PlaceOf(const Member& member);
  // The provinces in which `role` pauses.
  struct Pause {
    std::string place;
    SeatBalance balance;
  };
  std::vector<Pause> PausesOf(int role) const;

  const SupplyLevels& levels() const { return levels_; }
  // Changes whenever who stands by is wanted somewhere else than before, or
  // something pauses somewhere else.
  std::vector<bool> Verdicts() const;

 private:
  static constexpr size_t kPlaces = 101;  // the last: without a region
  static constexpr size_t kRoles = 2;
  struct Place {
    int64_t seekers = 0;
    std::array<int64_t, kRoles> free{}, standby{};
  };
  static size_t PlaceNumber(const Member& member);
  static bool Below(const SeatBalance& balance, double level,
                    bool with_standby);
  SeatBalance At(size_t place, int role) const;

  SupplyLevels levels_;
  std::array<Place, kPlaces> places_{};
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_MEMBERS_SEAT_SUPPLY_H_
