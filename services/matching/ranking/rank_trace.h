// What each stage of one ranking did, in numbers: for who asks why an answer is
// as it is or took as long as it did. Nobody is named, no text is kept.

#ifndef MITRA_SERVICES_MATCHING_RANKING_RANK_TRACE_H_
#define MITRA_SERVICES_MATCHING_RANKING_RANK_TRACE_H_

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/matching/members/eligibility.h"

namespace mitra::matching {

// One thread at a time.
class RankTrace {
 public:
  struct Stage {
    std::string name;
    std::vector<std::pair<std::string, double>> figures;
  };

  // Ends the stage before with its "micros" and begins another.
  void Begin(std::string name) {
    End();
    stages_.push_back({std::move(name), {}});
    begin_ = absl::Now();
  }
  // A figure of the stage that runs.
  void Add(std::string name, double value) {
    stages_.back().figures.emplace_back(std::move(name), value);
  }
  void End() {
    if (begin_ == absl::InfinitePast()) return;
    Add("micros", absl::ToDoubleMicroseconds(absl::Now() - begin_));
    begin_ = absl::InfinitePast();
  }
  // A candidate that was not taken in, and why; kEligible: by the filter.
  void Refuse(Eligibility cause) { ++refused_[static_cast<size_t>(cause)]; }
  // A stage of its own for all that were refused.
  void AddRefused() {
    Begin("eligibility");
    for (size_t cause = 0; cause < refused_.size(); ++cause) {
      if (refused_[cause] == 0) continue;
      const auto one = static_cast<Eligibility>(cause);
      Add(one == Eligibility::kEligible ? "filter"
                                        : std::string(EligibilityName(one)),
          refused_[cause]);
    }
    End();
  }

  const std::vector<Stage>& stages() const { return stages_; }

 private:
  std::vector<Stage> stages_;
  absl::Time begin_ = absl::InfinitePast();  // none runs
  std::array<uint32_t, 32> refused_{};
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_RANK_TRACE_H_
