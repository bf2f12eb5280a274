// A record of many mentors and a few subjects with vectors of known
// difficulty, as the change feed would tell of it.

#ifndef MITRA_TESTS_BENCH_SEARCH_SAMPLE_H_
#define MITRA_TESTS_BENCH_SEARCH_SAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mitra/v1/change_feed_service.pb.h"

namespace mitra::bench {

// Vectors of `dimension` values a side. Either plain: mentors offer and
// subjects need, and nothing else; or reciprocal: both have both sides,
// independent of each other. Read-only once made.
class SearchSample {
 public:
  static constexpr uint64_t kIncarnation = 7;

  SearchSample(bool reciprocal, size_t dimension, size_t mentors,
               size_t subjects);

  size_t mentors() const { return mentors_; }
  size_t subjects() const { return subjects_; }
  bool reciprocal() const { return reciprocal_; }
  // Values of one vector in the arrays below.
  size_t width() const { return (reciprocal_ ? 2 : 1) * dimension_; }
  // Row-major vectors of the mentors, [offer ; need] or [offer].
  const std::vector<float>& values() const { return values_; }
  // The joint vector of a subject's question at its weight.
  std::vector<float> Question(size_t subject) const;
  double weight(size_t subject) const { return weights_[subject]; }

  static std::string MentorId(size_t mentor);
  static std::string SubjectId(size_t subject);

  // The record as a feed: entries [0, mentors + subjects) in order.
  v1::FeedHeader Header() const;
  v1::Change Entry(size_t number) const;
  size_t entries() const { return mentors_ + subjects_; }

 private:
  std::string Bytes(const float* values) const;

  const bool reciprocal_;
  const size_t dimension_;
  const size_t mentors_;
  const size_t subjects_;
  std::vector<float> values_;  // of the mentors
  std::vector<float> asked_;   // of the subjects: [need ; offer] or [need]
  std::vector<double> weights_;
};

}  // namespace mitra::bench

#endif  // MITRA_TESTS_BENCH_SEARCH_SAMPLE_H_
