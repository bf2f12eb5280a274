// What the graph says of a pair that may not know each other yet.
//
// Signals are plain numbers over the published graph: the walk, paths of two
// ties in each direction, by sign, who knows whom already, how much and how
// lately others trust the target, how generous each is with trust. Evidence
// fades (TieOptions), so sums of it tell the lively from the retired: on
// Epinions' time split that says more than anything else (TRUST 3, T2).
//
// TieModel (tie_model.h) makes chances of them.

#ifndef MITRA_SERVICES_MATCHING_TRUST_TIE_SIGNALS_H_
#define MITRA_SERVICES_MATCHING_TRUST_TIE_SIGNALS_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/matching/graph/graph_view.h"
#include "services/matching/trust/forward_push.h"

namespace mitra::matching {

// S is the subject, T the target, X anybody between. Ties to groups take no
// part, but in the walk. "Log" is that of 1 + x / unit.
enum class TieSignal : uint8_t {
  kWalk,         // log of the walk's mass at T, unit 1e-7
  kWalkFresh,    // kWalk times kFreshIn, / 10
  kFreshIn,      // log of the positive evidence about T, unit .02
  kFreshOut,     // log of the positive evidence by T, unit .02
  kInDegree,     // log of members with a tie to T, unit 1
  kOutDegree,    // log of members that T has a tie to, unit 1
  kSubjectIn,    // the same of S
  kSubjectOut,   //
  kReturned,     // 2 E - 1 of T's tie to S; 0 without one, -1 to 1
  kReturnedAny,  // 1 if T has a tie to S
  // Adamic-Adar sums over X, each path times both ties' certainty and 1 / log
  // of X's degree; log, unit .01.
  kThrough,     // S trusts X, X trusts T
  kCoTrusting,  // S and T both trust X
  kCoTrusted,   // X trusts S and T
  kBackwards,   // T trusts X, X trusts S
  // Mean product of the signs (2 E - 1) along such paths, -1 to 1.
  kThroughSign,
  kCoTrustingSign,
  kCoTrustedSign,
  kBackwardsSign,
  kMeanIn,           // how well T is spoken of, (r - s) / (r + s + .5), -1 to 1
  kMeanInRoot,       // kMeanIn times the log of T's raters, / 4
  kMeanOut,          // how well T speaks of others
  kSubjectMeanIn,    // how well S is spoken of
  kSubjectMeanOut,   // how well S speaks of others
  kUnknown,          // 1 if nobody has a tie to T
  kUnknownHarsh,     // kUnknown times kSubjectMeanOut
  kUnknownOut,       // kUnknown times kSubjectOut, / 4
  kUnknownIn,        // kUnknown times kSubjectIn, / 4
  kNegativeIn,       // log of the negative evidence about T, unit .02
  kSubjectFresh,     // log of all evidence by S, unit .02
  kSubjectNegative,  // log of the negative evidence by S, unit .02
  kSubjectComplaints,  // log of the negative evidence about S, unit .02
  kCount,
};
inline constexpr size_t kTieSignals = static_cast<size_t>(TieSignal::kCount);

// Names in ranking profiles, in the order of the enum; they never change.
const std::array<absl::string_view, kTieSignals>& TieSignalNames();

using TieSignals = std::array<float, kTieSignals>;

// What two members' lists have in common. Paths run over personal ties.
struct TieOverlap {
  // By TieSignal::kThrough … kBackwards.
  std::array<double, 4> paths{};
  // Sum of the signs, and of their weights.
  std::array<double, 4> signs{};
  std::array<double, 4> sign_weights{};
  uint32_t common = 0;  // members that both have a tie with
};

// One subject against many targets; keeps references to all that it is made
// from. Thread-compatible; Of costs O(degree of the target).
class TieReader {
 public:
  // `trust` may be null: nothing is known of the walk.
  TieReader(const GraphView& graph, MemberIndex subject,
            const TrustVector* trust);

  // Finite for every target, also for members without ties.
  TieSignals Of(MemberIndex target) const;
  TieOverlap OverlapWith(MemberIndex target) const;

 private:
  const GraphView& graph_;
  const Neighbours own_;
  const TrustVector* const trust_;
  // Bloom filter of the subject's neighbours; most of a target's neighbours
  // are not among them and are passed over without a search.
  std::vector<uint64_t> filter_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_TIE_SIGNALS_H_
