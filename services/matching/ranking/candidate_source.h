// Where candidates come from: retrieval, as ranking sees it.

#ifndef MITRA_SERVICES_MATCHING_RANKING_CANDIDATE_SOURCE_H_
#define MITRA_SERVICES_MATCHING_RANKING_CANDIDATE_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"
#include "services/matching/ranking/subject.h"

namespace mitra::v1 {
class MemberFilter;
enum Role : int;
}  // namespace mitra::v1

namespace mitra::matching {

struct RetrieveQuery {
  // A stored member, or the voice of one that is not.
  std::string subject_id;
  std::shared_ptr<const TransientVoice> voice;
  // The facet of a stored subject; 0 for the sum of all its facets.
  v1::Role subject_role = v1::Role(0);
  // RoleBit()s and KindBit()s of the candidates; kinds 0: any.
  uint32_t roles = 0;
  uint32_t kinds = 0;
  // Further hard filters; may be null. Outlives the call.
  const v1::MemberFilter* filter = nullptr;
  // Only facets with a free seat where seats are counted.
  bool seats_free = false;
  // Share of what the candidate gives the subject, 0 to 1.
  double weight = .6;
  int k = 0;  // 1 to kMaxRetrieved
  // Scored beside the found ones, at most kMaxRetrieved.
  std::vector<std::string> also_score_ids;
  uint64_t min_revision = 0;
};

inline constexpr int kMaxRetrieved = 2000;
inline constexpr size_t kMaxBatch = 64;

struct Retrieved {
  struct Candidate {
    std::string id;
    v1::Role role;
    float give = 0;
    float take = 0;
    bool also_scored = false;
  };
  // Found ones best first, then those of also_score_ids; each member once.
  std::vector<Candidate> candidates;
  uint64_t revision = 0;
  // How many facets passed the filter.
  uint64_t eligible = 0;
  bool need_missing = false;   // `give` says nothing
  bool offer_missing = false;  // `take` says nothing
  // A shard did not answer.
  bool partial = false;
};

// Thread-safe.
class CandidateSource {
 public:
  virtual ~CandidateSource() = default;
  // Errors: NOT_FOUND if the source does not know the subject (yet);
  // UNAVAILABLE or DEADLINE_EXCEEDED if it is away; others as they come.
  virtual rpc::Task<absl::StatusOr<Retrieved>> Retrieve(
      rpc::CallContext& call, RetrieveQuery query) = 0;

  // The revision up to which the source has read the record, `wanted` or later
  // unless it took too long (half a second). Errors: UNAVAILABLE or
  // DEADLINE_EXCEEDED if it is away.
  virtual rpc::Task<absl::StatusOr<uint64_t>> Reach(rpc::CallContext& call,
                                                    uint64_t wanted) = 0;

  // Answers in the order of the queries, each as Retrieve would; for batches.
  // At most kMaxBatch queries. An error of the whole call stands in each.
  virtual rpc::Task<std::vector<absl::StatusOr<Retrieved>>> RetrieveMany(
      rpc::CallContext& call, std::vector<RetrieveQuery> queries) {
    std::vector<absl::StatusOr<Retrieved>> answers;
    for (RetrieveQuery& query : queries) {
      auto pending = Retrieve(call, std::move(query));
      absl::StatusOr<Retrieved> answer = co_await std::move(pending);
      answers.push_back(std::move(answer));
    }
    co_return answers;
  }
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_CANDIDATE_SOURCE_H_
