// Warnings: complaints about a member, as one viewer should take them.
//
// Only complaints by members whom the viewer itself trusts count, each by how
// much: so a crowd of strangers warns nobody, whatever it reports, and what a
// viewer hears does not depend on who else asks. They are bounded: one rater
// warns by at most kOneRater, all together by at most 1, and the viewer's own
// complaint by 1 at once. They fade as their kinds do (a report is half as
// strong after two years), and have a window: once a complaint is three years
// old (a bad mark: five) and that month is over, it warns nobody, the viewer
// itself included
// (graph/complaint_window.h; `ties.<kind>_window_days`). What a tie says of
// somebody is made anew twice a day for the end of the day, so that a warning
// is gone at its end, or up to a day and a half before.

#ifndef MITRA_SERVICES_MATCHING_TRUST_WARNINGS_H_
#define MITRA_SERVICES_MATCHING_TRUST_WARNINGS_H_

#include <algorithm>

#include "services/matching/graph/graph_view.h"

namespace mitra::matching {

class Warnings {
 public:
  static constexpr double kOneRater = .4;

  // The viewer's own tie to the member.
  void AddOwn(const Tie& tie) {
    if (Complains(tie)) sum_ = 1;
  }
  // `trusted`: the viewer's tie to somebody; `says`: that one's tie to the
  // member. Group ties and what is neutral or good add nothing.
  void Add(const Tie& trusted, const Tie& says) {
    if (!Complains(says) || trusted.kind == 0 || trusted.to_group) return;
    const double heard = std::max(0.0, 2 * trusted.trust - 1);
    // A fresh report by a fully trusted member comes to about .33.
    sum_ += std::min(kOneRater, heard * (1 - 2 * says.trust));
  }
  // 0 to 1.
  float value() const { return static_cast<float>(std::min(1.0, sum_)); }

 private:
  static bool Complains(const Tie& tie) {
    return tie.kind != 0 && !tie.to_group && tie.trust < .5 - 1e-3;
  }
  double sum_ = 0;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_WARNINGS_H_
