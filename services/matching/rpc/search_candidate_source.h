// Candidates from the search service.

#ifndef MITRA_SERVICES_MATCHING_RPC_SEARCH_CANDIDATE_SOURCE_H_
#define MITRA_SERVICES_MATCHING_RPC_SEARCH_CANDIDATE_SOURCE_H_

#include <memory>
#include <vector>

#include "common/rpc/channel.h"
#include "services/matching/ranking/candidate_source.h"

namespace mitra::matching {

// Thread-safe. `channel` should be batched: a retrieval is small and frequent.
class SearchCandidateSource final : public CandidateSource {
 public:
  explicit SearchCandidateSource(std::shared_ptr<rpc::Channel> channel)
      : channel_(std::move(channel)) {}

  rpc::Task<absl::StatusOr<Retrieved>> Retrieve(rpc::CallContext& call,
                                                RetrieveQuery query) override;
  rpc::Task<absl::StatusOr<uint64_t>> Reach(rpc::CallContext& call,
                                            uint64_t wanted) override;
  rpc::Task<std::vector<absl::StatusOr<Retrieved>>> RetrieveMany(
      rpc::CallContext& call, std::vector<RetrieveQuery> queries) override;

 private:
  const std::shared_ptr<rpc::Channel> channel_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_SEARCH_CANDIDATE_SOURCE_H_
