// Which server style answers more calls: coroutines on a completion queue (what
// common/rpc is) or the callback API with an executor. Echo of a 220-byte
// request with a 20-item answer built per call, 64 in flight, client and server
// on the same cores, rounds alternating.

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstdio>
#include <latch>
#include <vector>

#include "common/rpc/channel.h"
#include "common/rpc/executor.h"
#include "common/rpc/server.h"
#include "mitra/v1/search_service.pb.h"

namespace mitra {
namespace {

using v1::SearchProfilesRequest;
using v1::SearchProfilesResponse;

constexpr char kMethod[] = "/mitra.v1.Search/SearchProfiles";
constexpr int kInFlight = 64;
constexpr int kRounds = 7;
constexpr int kCallsPerRound = 30'000;

void Fill(const SearchProfilesRequest& request,
          SearchProfilesResponse& response) {
  for (int i = 0; i < 20; ++i) {
    auto* hit = response.add_hits();
    hit->set_profile_id("umkm-000123");
    hit->set_display_name(request.query().substr(0, 50));
    hit->set_score(.5);
    hit->set_region_code("33.72.01");
  }
}

// The other style: a generic callback service whose handlers run on a pool.
class CallbackEcho final : public grpc::CallbackGenericService {
 public:
  explicit CallbackEcho(rpc::Executor& executor) : executor_(executor) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext*) override {
    struct Reactor final : grpc::ServerGenericBidiReactor {
      explicit Reactor(rpc::Executor& pool) : executor(pool) {
        StartRead(&request.buffer());
      }
      void OnReadDone(bool ok) override {
        if (!ok) return Finish(grpc::Status::CANCELLED);
        if (!executor.TrySchedule([this] {
              SearchProfilesRequest parsed;
              SearchProfilesResponse answer;
              (void)request.ParseTo(parsed);
              Fill(parsed, answer);
              response = rpc::RawMessage::Of(answer);
              StartWriteAndFinish(&response.buffer(), grpc::WriteOptions(),
                                  grpc::Status::OK);
            })) {
          Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full"));
        }
      }
      void OnDone() override { delete this; }
      rpc::Executor& executor;
      rpc::RawMessage request;
      rpc::RawMessage response;
    };
    return new Reactor(executor_);
  }

 private:
  rpc::Executor& executor_;
};

// Calls per second of one round.
double Round(rpc::Channel& channel) {
  SearchProfilesRequest request;
  request.set_query(std::string(200, 'k'));
  std::atomic<int> left{kCallsPerRound};
  std::latch done(kInFlight);
  const absl::Time start = absl::Now();
  const auto loop = [](rpc::Channel& to, const SearchProfilesRequest& message,
                       std::atomic<int>& calls,
                       std::latch& end) -> rpc::Task<> {
    while (calls.fetch_sub(1) > 0) {
      rpc::CallContext call;
      auto response =
          co_await to.Call<SearchProfilesResponse>(call, kMethod, message);
      if (!response.ok()) {
        std::fprintf(stderr, "%s\n", response.status().ToString().c_str());
      }
    }
    end.count_down();
  };
  for (int i = 0; i < kInFlight; ++i) {
    rpc::Spawn(loop(channel, request, left, done));
  }
  done.wait();
  return kCallsPerRound / absl::ToDoubleSeconds(absl::Now() - start);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int Main() {
  rpc::Server::Builder builder({.listen = {"127.0.0.1:0"}});
  builder.Unary<SearchProfilesRequest, SearchProfilesResponse>(
      kMethod,
      [](rpc::CallContext&, const SearchProfilesRequest& request,
         SearchProfilesResponse& response) -> rpc::Task<absl::Status> {
        Fill(request, response);
        co_return absl::OkStatus();
      });
  auto server = builder.Start();
  if (!server.ok()) return 1;

  rpc::Executor executor({.threads = 2, .max_queue = 10'000});
  CallbackEcho echo(executor);
  grpc::ServerBuilder callback_builder;
  int port = 0;
  callback_builder.AddListeningPort("127.0.0.1:0",
                                    grpc::InsecureServerCredentials(), &port);
  callback_builder.RegisterCallbackGenericService(&echo);
  auto callback_server = callback_builder.BuildAndStart();

  auto coroutine = rpc::Channel::Create((*server)->addresses()[0]);
  auto batched =
      rpc::Channel::Create((*server)->addresses()[0], {.batched = true});
  auto callback = rpc::Channel::Create("127.0.0.1:" + std::to_string(port));
  std::vector<double> a, b, c;
  for (int round = 0; round <= kRounds; ++round) {
    const double first = Round(*coroutine);
    const double second = Round(*callback);
    const double third = Round(*batched);
    if (round == 0) continue;  // warm-up
    a.push_back(first);
    b.push_back(second);
    c.push_back(third);
  }
  std::printf("METRIC rpc_coroutine_qps %.0f\n", Median(a));
  std::printf("METRIC rpc_callback_qps %.0f\n", Median(b));
  std::printf("METRIC rpc_batched_qps %.0f\n", Median(c));
  std::printf("METRIC rpc_coroutine_over_callback %.2f\n",
              Median(a) / Median(b));
  std::printf("METRIC rpc_batched_over_plain %.2f\n", Median(c) / Median(a));
  callback_server->Shutdown();
  return 0;
}

}  // namespace
}  // namespace mitra

int main() { return mitra::Main(); }
