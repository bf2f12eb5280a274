// What a server is made of. How it comes to be is in server_builder.cc, what
// becomes of a call in server_impl.cc, how it ends in server.cc. Internal to
// common/rpc.

#ifndef MITRA_COMMON_RPC_SERVER_IMPL_H_
#define MITRA_COMMON_RPC_SERVER_IMPL_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/health.h"
#include "common/rpc/hop_session.h"
#include "common/rpc/queue_thread.h"
#include "common/rpc/server.h"
#include "common/rpc/server_call.h"
#include "common/rpc/server_method.h"

namespace mitra::rpc {

struct Server::Impl final : internal::CallCounter {
  using Method = internal::ServerMethod;
  using Call = internal::ServerCall;

  explicit Impl(Options given) : options(std::move(given)) {}

  // Health, reflection and the batched stream; after all others.
  void AddOwnMethods();
  // UNAVAILABLE (CANNOT_LISTEN) naming the address. Calls come from now on.
  absl::Status Listen();

  // Takes calls of one queue for ever.
  static Task<> Accept(Impl& self, grpc::ServerCompletionQueue& queue);
  static Task<> Handle(Impl& self, Call* accepted);
  // Runs a unary method for a plain call or for one of a batched stream.
  Task<absl::Status> RunUnary(CallContext& call, const RawMessage& request,
                              RawMessage& response);
  // Whether the call may run; sets its deadline.
  absl::Status Admit(const Method* method, CallContext& call);
  // The same for a stream of `method`, null if the server has no such.
  absl::Status AdmitStream(const Method* method, CallContext& call);

  // Streams of methods that are open, so that drain can end them.
  void Track(Call* accepted, const Method* method);
  void Untrack(Call* accepted);
  void ForEachStream(bool (*wanted)(const Method&), void (*action)(Call&));

  // Under the lock, so that nobody touches this after Drain() saw 0.
  void Count(int change) override {
    absl::MutexLock lock(&calls_mutex);
    calls += change;
  }

  Options options;
  absl::flat_hash_map<std::string, std::unique_ptr<Method>> methods;
  StreamHandler fallback;
  std::vector<std::string> services;
  std::vector<std::string> addresses;

  grpc::AsyncGenericService generic;
  std::unique_ptr<grpc::Server> server;
  // Channels may go on using them.
  std::vector<std::shared_ptr<internal::QueueThread>> queues;
  internal::UnaryRunner runner;
  internal::HealthBoard health;

  std::atomic<int> in_flight{0};  // accepted and not finished
  std::atomic<int> running{0};    // unary handlers, batched ones included
  absl::Mutex streams_mutex;
  absl::flat_hash_map<Call*, const Method*> streams
      ABSL_GUARDED_BY(streams_mutex);
  std::atomic<bool> refusing{false};
  absl::Mutex idle_mutex;
  absl::Mutex calls_mutex;
  int calls ABSL_GUARDED_BY(calls_mutex) = 0;  // accepted, or to be
  std::mutex drain_mutex;
  bool drained = false;
};

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_SERVER_IMPL_H_
