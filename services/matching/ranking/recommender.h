// The pipeline that makes a ranking: trust walk → retrieval → hydration →
// eligibility → scoring → order → reranking.
//
// Candidates come from several sources, each named: "embedding" (search,
// reciprocal), "trust" (the walk from the subject), "community" (members of a
// common group), "newcomer" (put up by reranking), "roster" (a scan of the
// member table, when all that search may return at once was not enough).

#ifndef MITRA_SERVICES_MATCHING_RANKING_RECOMMENDER_H_
#define MITRA_SERVICES_MATCHING_RANKING_RECOMMENDER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"
#include "services/matching/ranking/candidate_source.h"
#include "services/matching/ranking/impression_book.h"
#include "services/matching/ranking/joint_utility.h"
#include "services/matching/ranking/member_filter.h"
#include "services/matching/ranking/pair_features.h"
#include "services/matching/ranking/rank_trace.h"
#include "services/matching/ranking/subject.h"
#include "services/matching/state/matching_state.h"
#include "services/matching/trust/trust_cache.h"

namespace mitra::matching {

// Where a candidate came from, as bits.
enum SourceBit : uint8_t {
  kFromEmbedding = 1,
  kFromTrust = 2,
  kFromCommunity = 4,
  kFromNewcomers = 8,
  kFromRoster = 16,
  // Chance has put it into its place (RankingProfile::random_share).
  kFromRandom = 32,
};

// What makes an answer less than it could be, as bits of 1 << DegradedReason.
using DegradedBits = uint8_t;
constexpr DegradedBits DegradedBit(v1::DegradedReason reason) {
  return static_cast<DegradedBits>(1u << reason);
}

// Signals that a subject lacks, as bits.
enum MissingBit : uint8_t {
  kMissingVectors = 1,
  kMissingTies = 2,
  kMissingRegion = 4,
  kMissingSectors = 8,
};

// A candidate in its place.
struct Ranked {
  MemberIndex member = kNoMember;
  v1::Role role = v1::Role(0);
  uint8_t sources = 0;  // SourceBit
  bool newcomer = false;
  bool stranger = false;  // no common group or acquaintance with the subject
  uint64_t incarnation = 0;
  Similarity similarity{};
  float trust = 0;  // as of TrustScale
  PairScore score;
};

struct Ranking {
  std::vector<Ranked> items;  // best first, each member once
  // Nothing eligible is left that is not in `items`.
  bool exhausted = false;
  DegradedBits degraded = 0;
  uint8_t missing = 0;    // MissingBit
  uint64_t revision = 0;  // the oldest of what it rests on
};

// One question for one kind.
struct RankQuery {
  const KindSpec* kind = nullptr;
  const RankingProfile* profile = nullptr;
  // How many are wanted; the answer has min(wanted, eligible) or more.
  size_t wanted = 10;
  // The caller's filter, both forms of it; may be null together.
  const v1::MemberFilter* filter = nullptr;
  const CompiledFilter* compiled = nullptr;
  double subject_weight = .6;
  uint32_t subject_roles = 0;  // RoleBit()s; 0: the kind's own
  uint64_t min_revision = 0;
  // Members that are not wanted again: those on earlier pages.
  const absl::flat_hash_set<std::string>* listed = nullptr;
  // For who makes the prices: all candidates, without prices, in no order.
  bool for_market = false;
  // Told what each stage does; may be null.
  RankTrace* trace = nullptr;
};

// log B_v of candidates, from the joint solution of a refresh. Thread-safe.
class Prices {
 public:
  virtual ~Prices() = default;
  // Relative to the median of the kind; 0 for members without a price.
  virtual float LogPriceOf(v1::RecommendationKind kind,
                           MemberIndex member) const = 0;
};

// How far a market looks for one member and kind.
struct MarketDepth {
  int retrieved = 96;
  size_t trust_candidates = 32;
};

struct MarketQuestion;

// Thread-safe. Everything that it is made from must outlive it.
class Recommender {
 public:
  struct Options {
    // Asked of search at first; more when too few are left.
    int first_retrieval = 160;
    // Members from the walk that are scored beside the found ones.
    size_t trust_candidates = 64;
    // Share of the call's remaining time that retrieval may take.
    double retrieval_share = .7;
    // Whom a subject was shown lately; may be null.
    const ImpressionBook* impressions = nullptr;
  };
  Recommender(CandidateSource& source, TrustCache& trust, const Clock& clock,
              const Prices* prices, Options options);
  Recommender(CandidateSource& source, TrustCache& trust, const Clock& clock)
      : Recommender(source, trust, clock, nullptr, Options()) {}

  // Errors: NOT_FOUND if the subject has gone; those of the call itself.
  // Search that is away is no error: the ranking is then from the walk alone
  // and says so. `view` and what `query` points to must outlive the task.
  rpc::Task<absl::StatusOr<Ranking>> Rank(rpc::CallContext& call,
                                          const MatchingView& view,
                                          const Subject& subject,
                                          RankQuery query);

  // Scores given members, in their order; those that are not eligible get a
  // role of 0. Similarities come from search where it can tell.
  rpc::Task<absl::StatusOr<Ranking>> ScoreGiven(
      rpc::CallContext& call, const MatchingView& view, const Subject& subject,
      RankQuery query, std::vector<std::string> candidate_ids);

  // The trust vector of a stored subject; null for others.
  std::shared_ptr<const TrustVector> TrustOf(const MatchingView& view,
                                             const Subject& subject);

  const Clock& clock() const { return clock_; }

  // Rank(for_market) in two halves, for who asks search for many at once:
  // first what search must tell, then the ranking from its answer. `view`,
  // `subject` and `query` must outlive the question, which is used up by one
  // RankMarket.
  MarketQuestion AskForMarket(const MatchingView& view, const Subject& subject,
                              const RankQuery& query,
                              std::shared_ptr<const TrustVector> trust,
                              const MarketDepth& depth);
  static Ranking RankMarket(const MarketQuestion& question,
                            const Retrieved& found);

 private:
  friend struct MarketQuestion;
  struct Work;
  static RetrieveQuery QuestionOf(const Work& work, int k, bool also_score);
  rpc::Task<absl::StatusOr<Retrieved>> AskSearch(rpc::CallContext& call,
                                                 const Work& work, int k,
                                                 bool also_score);

  CandidateSource& source_;
  TrustCache& trust_;
  const Clock& clock_;
  const Prices* const prices_;
  const Options options_;
};

// One member's question to search, and all that its answer will be weighed by.
struct MarketQuestion {
  RetrieveQuery retrieval;
  std::shared_ptr<Recommender::Work> work;
};

// The role in which `member` is recommended as `kind`: `preferred` if it can,
// else its best fitting eligible facet; 0 if there is none, with `cause` saying
// why.
v1::Role RecommendableRole(const EligibilityCheck& eligible,
                           const CompiledFilter* filter, const KindSpec& kind,
                           MemberIndex index, const Member& member,
                           v1::Role preferred, Eligibility& cause);

// The group that a candidate stands for most: its smallest; kNoMember: none.
MemberIndex MainGroup(const MatchingView& view, MemberIndex member);
// Seed of a subject's reranking: the same in every process, so that a refresh
// that was interrupted goes on as it began.
uint64_t RerankSeed(const Member& member);

// What an order goes by beside the scores.
struct OrderRules {
  const RankingProfile* profile = nullptr;
  v1::RecommendationKind kind = v1::RecommendationKind(0);
  int64_t now = 0;  // Unix seconds
  // Whom the subject was shown lately.
  std::vector<ImpressionBook::Shown> shown;
  RankTrace* trace = nullptr;  // may be null
};

// Sorts by key less fatigue, equal ones by id, then reranks (rerank.h).
// Reproducible for the same subject, `shown` and week.
void OrderRanked(const MatchingView& view, const Subject& subject,
                 const OrderRules& rules, std::vector<Ranked>& items);

// What a subject lacks.
uint8_t MissingSignals(const MatchingView& view, const Subject& subject);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_RECOMMENDER_H_
