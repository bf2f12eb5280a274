// The Rankings service: only translates between messages and the board.

#ifndef MITRA_SERVICES_MATCHING_RPC_RANKINGS_RPC_H_
#define MITRA_SERVICES_MATCHING_RPC_RANKINGS_RPC_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/server.h"
#include "mitra/v1/rankings_service.pb.h"
#include "services/matching/ranking/ranking_folder.h"

namespace mitra::matching {

// Thread-safe. The board must outlive it.
class RankingsRpc {
 public:
  // `folder` is where activations are kept; empty: in the process only.
  RankingsRpc(RankingBoard& board, const std::string& folder)
      : board_(board), folder_(folder) {}

  void Register(rpc::Server::Builder& builder);

  // Takes over what stands in the folder, if it is new. A folder that cannot
  // be used is logged and changes nothing.
  void Poll();

  absl::Status Get(v1::Ranking& response) const;
  absl::Status GetProfile(const v1::GetRankingProfileRequest& request,
                          v1::RankingProfileText& response) const;
  absl::Status Activate(const v1::ActivateRankingRequest& request,
                        v1::Ranking& response);

 private:
  RankingBoard& board_;
  absl::Mutex mutex_;
  RankingFolder folder_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_RANKINGS_RPC_H_
