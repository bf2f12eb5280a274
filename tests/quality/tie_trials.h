// Fits of tie models to votes, and what comes of them.

#ifndef MITRA_TESTS_QUALITY_TIE_TRIALS_H_
#define MITRA_TESTS_QUALITY_TIE_TRIALS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "common/base/random.h"
#include "services/matching/graph/graph_view.h"
#include "services/matching/learning/boosted_trees.h"
#include "services/matching/learning/calibration.h"
#include "services/matching/learning/logistic.h"
#include "services/matching/trust/tie_model.h"
#include "services/matching/trust/tie_signals.h"
#include "tests/quality/trust_data.h"

namespace mitra::quality {

// Signals of pairs, as requests read them: one walk for each subject.
class SignalReader {
 public:
  explicit SignalReader(matching::GraphView graph);
  // Signals about the latest subject are fast.
  matching::TieSignals Of(uint32_t subject, uint32_t target);
  const matching::TrustVector& WalkOf(uint32_t subject);
  const matching::GraphView& graph() const { return graph_; }

 private:
  void Begin(uint32_t subject);
  matching::GraphView graph_;
  matching::PushWorkspace workspace_;
  uint32_t subject_ = matching::kNoMember;
  matching::TrustVector walk_;
  std::unique_ptr<matching::TieReader> reader_;
};

// Who came to trust whom after a graph was known, "warm" pairs only: the
// subject has given a vote before and the target is known.
class NewTies {
 public:
  // `known` made the graph; `later` came after.
  NewTies(absl::Span<const Vote> known, absl::Span<const Vote> later,
          uint32_t members, uint32_t seed);

  const std::map<uint32_t, std::vector<uint32_t>>& by_subject() const {
    return by_subject_;
  }
  // Others that the subject does not know and does not come to trust: any
  // known member, or by in-degree.
  uint32_t RandomOther(uint32_t subject);
  uint32_t MatchedOther(uint32_t subject);
  bool Knows(uint32_t subject, uint32_t target) const;
  bool ComesToTrust(uint32_t subject, uint32_t target) const;
  const std::vector<uint32_t>& known_members() const { return known_; }

 private:
  uint32_t Other(uint32_t subject, const std::vector<uint32_t>& pool);
  std::map<uint32_t, std::vector<uint32_t>> by_subject_;
  std::vector<std::vector<uint32_t>> votes_of_;  // sorted
  std::vector<uint32_t> known_;
  std::vector<uint32_t> voted_for_;  // each as often as it was
  Random random_;
};

// Examples of new ties: each with two strangers drawn at random (half the
// weight each) and two by in-degree (a twentieth each).
void AddTieExamples(SignalReader& reader, NewTies& ties,
                    matching::Examples& examples);

matching::TieModel ToTieModel(const matching::LogisticModel& model);
// Both as one: 1 - `share` of the logistic's log odds and `share` of the
// trees'.
matching::TieModel ToTieModel(const matching::LogisticModel& model,
                              const matching::BoostedTrees& trees,
                              double share);

struct LinkFigures {
  double auc = 0;
  double auc_matched = 0;
  double ndcg10 = 0;        // mean over subjects; members they know left out
  double ndcg10_edges = 0;  // mean over single new ties, others left out
  size_t ties = 0;
  size_t subjects = 0;  // whose lists were ranked
  size_t listed = 0;    // new ties of those
};

// Of a pair's signals; higher is likelier.
using Score = std::function<double(const matching::TieSignals&)>;

// One row of figures for each score, all over the same pairs.
std::vector<LinkFigures> MeasureLinks(SignalReader& reader, NewTies& ties,
                                      size_t max_subjects,
                                      const std::vector<Score>& scores);

}  // namespace mitra::quality

#endif  // MITRA_TESTS_QUALITY_TIE_TRIALS_H_
