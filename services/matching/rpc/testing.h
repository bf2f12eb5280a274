// What tests of the Recommendations service have in common: sari and twelve
// mentors, ranked without search and without Redis.

#ifndef MITRA_SERVICES_MATCHING_RPC_TESTING_H_
#define MITRA_SERVICES_MATCHING_RPC_TESTING_H_

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"
#include "services/matching/rpc/feed_gate.h"
#include "services/matching/slates/slate_server.h"

namespace mitra::matching {

class AskedWorld : public testing::Test {
 protected:
  AskedWorld()
      : source_(world_),
        trust_({}),
        recommender_(source_, trust_, world_.clock),
        cache_(nullptr, nullptr, world_.clock, {}),
        server_([this] { return world_.view(); }, recommender_, cache_, epochs_,
                timer_) {
    world_.Add(AProfile("sari"));
    for (int i = 0; i < 12; ++i) {
      world_.AddMentor(absl::StrFormat("m%02d", i));
    }
  }
  // The default profile for everybody; others are unknown.
  static const RankingProfile* FindProfile(absl::string_view id,
                                           absl::string_view) {
    return id.empty() || id == RankingProfile::Default().id
               ? &RankingProfile::Default()
               : nullptr;
  }
  FeedGate Gate() {
    FeedGate gate;
    gate.ready = [this] { return ready_; };
    gate.wait = [this](rpc::CallContext&,
                       uint64_t revision) -> rpc::Task<bool> {
      co_return revision <= world_.view().revision;
    };
    return gate;
  }
  // Calls a method as `identity_`.
  template <typename Service, typename Request, typename Response>
  absl::Status CallOn(Service& service,
                      rpc::Task<absl::Status> (Service::*method)(
                          rpc::CallContext&, const Request&, Response&),
                      const Request& request, Response& response) {
    rpc::CallContext call;
    call.identity = identity_;
    return rpc::SyncWait((service.*method)(call, request, response));
  }

  World world_;
  FakeCandidateSource source_;
  TrustCache trust_;
  Recommender recommender_;
  SlateCache cache_;
  EpochBoard epochs_;
  Timer timer_;
  SlateServer server_;
  bool ready_ = true;
  rpc::Identity identity_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_TESTING_H_
