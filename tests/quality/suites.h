// The protocols, each a suite that puts its rows into a report.

#ifndef MITRA_TESTS_QUALITY_SUITES_H_
#define MITRA_TESTS_QUALITY_SUITES_H_

#include <string>

#include "tests/quality/report.h"

namespace mitra::quality {

struct SuiteOptions {
  // More rows: other settings and data, for who works on the algorithms.
  bool full = false;
  // Unpacked CSV of the mentor data; empty: not there.
  std::string mentor_csv;
};

// R3: two-sided congestion (allocation).
void RunCongestion(const SuiteOptions& options, Report& report);

// C1, C2: texts find each other.
void RunText(const SuiteOptions& options, Report& report);

// R1: both sides of speed dating.
void RunDating(const SuiteOptions& options, Report& report);

// R2: mentors and mentees.
void RunMentors(const SuiteOptions& options, Report& report);

// T1, T2: who will come to trust whom.
void RunLinks(const SuiteOptions& options, Report& report);

// T3: whether people will speak well of each other.
void RunSigns(const SuiteOptions& options, Report& report);

// T4, T5: how well they will.
void RunRatings(const SuiteOptions& options, Report& report);

// T6, brigades, rings: what fakes gain.
void RunSybils(const SuiteOptions& options, Report& report);

// Fifty rounds of recommending, working together and saying how it went.
void RunRounds(const SuiteOptions& options, Report& report);

}  // namespace mitra::quality

#endif  // MITRA_TESTS_QUALITY_SUITES_H_
