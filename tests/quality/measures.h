// What suites make of many measurements; the measures of a ranking are the
// learner's (services/matching/learning/calibration.h).

#ifndef MITRA_TESTS_QUALITY_MEASURES_H_
#define MITRA_TESTS_QUALITY_MEASURES_H_

#include <vector>

namespace mitra::quality {

inline double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

}  // namespace mitra::quality

#endif  // MITRA_TESTS_QUALITY_MEASURES_H_
