// When a complaint is gone.
//
// Complaints fade as their kinds do, and have an end beside: a complaint that
// was made `window_days` or more before the end of a calendar month (UTC)
// counts nothing from then on. So the end is exact to the second, and still
// says no more than a month of when somebody complained: whom it is about may
// learn the end, and must not learn the author from it.
//
// A piece is a complaint if its kind is one (EvidenceKindOptions::max_quality
// below 1), or if it grades below kGoodFrom, whatever its kind.

#ifndef MITRA_SERVICES_MATCHING_GRAPH_COMPLAINT_WINDOW_H_
#define MITRA_SERVICES_MATCHING_GRAPH_COMPLAINT_WINDOW_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "services/matching/graph/tie_options.h"

namespace mitra::matching {

// Quality below this speaks against somebody.
inline constexpr double kGoodFrom = .5;

// A day since 1970 (UTC), at whose beginning something ends.
using EndDay = int32_t;
inline constexpr EndDay kNoEnd = std::numeric_limits<EndDay>::max();

inline constexpr int64_t kDaySeconds = 86'400;

inline bool Complains(const EvidenceKindOptions& kind, double quality) {
  return kind.max_quality < 1 || quality < kGoodFrom;
}

// The first day of the month after the one in which an event (Unix seconds) is
// `window_days` old.
inline EndDay EndOfWindow(int64_t event_time, int window_days) {
  using std::chrono::days;
  // Years that the calendar knows.
  constexpr int64_t kFar = 10'000 * 365;
  const auto seconds = std::chrono::seconds(
      std::clamp(event_time, -kFar * kDaySeconds, kFar * kDaySeconds));
  const std::chrono::sys_days last(std::chrono::floor<days>(seconds) +
                                   days(window_days));
  const std::chrono::year_month_day date(last);
  const std::chrono::sys_days end(
      (date.year() / date.month() + std::chrono::months(1)) / 1);
  return static_cast<EndDay>(end.time_since_epoch().count());
}

// When one piece of evidence ends; kNoEnd for what is no complaint.
inline EndDay EndOf(const EvidenceKindOptions& kind, int64_t event_time,
                    double quality) {
  if (kind.window_days == 0 || !Complains(kind, quality)) return kNoEnd;
  return EndOfWindow(event_time, kind.window_days);
}

// `now` in Unix seconds.
inline bool HasEnded(EndDay end, int64_t now) {
  return end != kNoEnd && now >= end * kDaySeconds;
}

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_GRAPH_COMPLAINT_WINDOW_H_
