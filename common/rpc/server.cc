#include "common/rpc/server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <mutex>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/observability/log.h"
#include "common/rpc/call_span.h"
#include "common/rpc/completion.h"
#include "common/rpc/health.h"
#include "common/rpc/hop_session.h"
#include "common/rpc/queue_thread.h"
#include "common/rpc/reflection.h"
#include "common/rpc/server_metrics.h"
#include "common/rpc/tls.h"
#include "common/rpc/wire.h"
#include "common/status/errors.h"
#include "google/protobuf/descriptor.h"
#include "mitra/v1/options.pb.h"

namespace mitra::rpc {
namespace {

using internal::Await;
using internal::CompletionTag;

constexpr char kHopMethod[] = "/mitra.v1.Hop/Exchange";
constexpr int kAcceptsPerQueue = 32;
constexpr absl::Duration kDefaultTimeout = absl::Seconds(10);
constexpr absl::Duration kMaxTimeout = absl::Hours(24);

struct Method {
  std::string name;
  UnaryHandler unary;
  StreamHandler streaming;
  absl::Duration default_timeout = kDefaultTimeout;
  absl::Duration max_timeout = kMaxTimeout;
  internal::MethodMetrics* metrics = nullptr;
  // A subscription: the client only listens, so drain may end it at once.
  bool subscription = false;
  // Carries other calls: drain ends it when they are done.
  bool carrier = false;
  // Answered also when the server is full or going away.
  bool always = false;
};

// "/pkg.Service/Method" → "pkg.Service".
std::string ServiceOf(absl::string_view method) {
  absl::ConsumePrefix(&method, "/");
  return std::string(method.substr(0, method.find('/')));
}

const google::protobuf::MethodDescriptor* FindMethod(absl::string_view method) {
  absl::ConsumePrefix(&method, "/");
  std::string name(method);
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return nullptr;
  name[slash] = '.';
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
      name);
}

absl::Status CheckDescriptor(Method& method, absl::string_view request_type,
                             absl::string_view response_type) {
  const auto* descriptor = FindMethod(method.name);
  if (descriptor == nullptr) {
    return absl::InternalError(
        absl::StrCat(method.name, ": no such method in the protos"));
  }
  const bool streaming =
      descriptor->client_streaming() || descriptor->server_streaming();
  if (descriptor->input_type()->full_name() != request_type ||
      descriptor->output_type()->full_name() != response_type ||
      streaming != static_cast<bool>(method.streaming)) {
    return absl::InternalError(
        absl::StrCat(method.name, ": handler does not fit the proto"));
  }
  method.subscription =
      descriptor->server_streaming() && !descriptor->client_streaming();
  const v1::MethodPolicy& policy =
      descriptor->options().GetExtension(v1::policy);
  if (policy.default_timeout_ms() > 0) {
    method.default_timeout = absl::Milliseconds(policy.default_timeout_ms());
  }
  if (policy.max_timeout_ms() > 0) {
    method.max_timeout = absl::Milliseconds(policy.max_timeout_ms());
  }
  return absl::OkStatus();
}

absl::Status Draining() {
  return WithRetryDelay(MakeError(absl::StatusCode::kUnavailable, "DRAINING",
                                  "the server is going away"),
                        absl::Milliseconds(200));
}

absl::Status Overloaded(int limit) {
  return WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, "OVERLOADED",
                absl::StrCat("more than ", limit, " calls are open")),
      absl::Milliseconds(100));
}

// Runs a handler; what it throws becomes INTERNAL without inner text.
Task<absl::Status> Guard(CallContext& call, Task<absl::Status> handler) {
  try {
    co_return co_await std::move(handler);
  } catch (const std::exception&) {
  } catch (...) {
  }
  LogError("rpc: a handler threw",
           {{"method", call.method}, {"request_id", call.request_id}});
  co_return MakeError(absl::StatusCode::kInternal, "INTERNAL",
                      "internal error; quote the request id",
                      {{"request_id", call.request_id}});
}

}  // namespace

struct Server::Builder::Impl {
  Options options;
  absl::flat_hash_map<std::string, std::unique_ptr<Method>> methods;
  StreamHandler fallback;
  std::set<std::string> announced;
  absl::Status status;

  void Add(absl::string_view name, std::unique_ptr<Method> method,
           absl::string_view request_type, absl::string_view response_type) {
    method->name = std::string(name);
    absl::Status checked =
        CheckDescriptor(*method, request_type, response_type);
    if (checked.ok() && methods.contains(name)) {
      checked = absl::InternalError(absl::StrCat(name, ": registered twice"));
    }
    if (!checked.ok()) {
      status.Update(checked);
      return;
    }
    methods.emplace(name, std::move(method));
  }
};

struct Server::Impl {
  // One accepted call. Alive until its coroutine and gRPC's notification of
  // its end are both done.
  struct Call final : RawStream {
    explicit Call(Impl& owner) : impl(owner), counted(owner), stream(&context) {
      done.call = this;
      done.run = [](CompletionTag* tag, bool) {
        Call* self = static_cast<DoneTag*>(tag)->call;
        if (self->context.IsCancelled()) self->call.Cancel();
        self->Release();
      };
    }

    // The first member, so that it goes last.
    struct Counted {
      explicit Counted(Impl& to) : impl(to) { impl.Count(+1); }
      ~Counted() { impl.Count(-1); }
      Impl& impl;
    };
    struct DoneTag : CompletionTag {
      Call* call = nullptr;
    };

    Task<std::optional<RawMessage>> Read() override {
      // A handler may return while another coroutine of its still reads; the
      // call must not go before that read has ended.
      references.fetch_add(1, std::memory_order_relaxed);
      RawMessage message;
      const bool ok = co_await Await(
          [&](void* tag) { stream.Read(&message.buffer(), tag); });
      Release();
      if (!ok) co_return std::nullopt;
      co_return std::move(message);
    }

    Task<bool> Write(RawMessage message) override {
      if (!message.buffer().Valid()) message = RawMessage(absl::string_view());
      if (!std::exchange(writing, true)) {
        for (const auto& [key, value] : call.trailers()) AddTrailer(key, value);
      }
      const bool ok = co_await Await(
          [&](void* tag) { stream.Write(message.buffer(), tag); });
      co_return ok;
    }

    Task<bool> WriteLast(RawMessage message) override {
      last = std::move(message);
      co_return true;
    }

    void AddTrailer(const std::string& key, const std::string& value) {
      if (internal::IsLegalMetadata(key, value)) {
        context.AddTrailingMetadata(key, value);
        ++trailers_sent;
      }
    }

    void AddRemainingTrailers() {
      for (size_t i = trailers_sent; i < call.trailers().size(); ++i) {
        AddTrailer(call.trailers()[i].first, call.trailers()[i].second);
      }
    }

    void Release() {
      if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    Impl& impl;
    const Counted counted;
    grpc::GenericServerContext context;
    grpc::GenericServerAsyncReaderWriter stream;
    CallContext call;
    DoneTag done;
    std::atomic<int> references{2};
    bool writing = false;
    size_t trailers_sent = 0;
    std::optional<RawMessage> last;
  };

  explicit Impl(Options given) : options(std::move(given)) {}

  // Takes calls of one queue for ever.
  static Task<> Accept(Impl& self, grpc::ServerCompletionQueue& queue) {
    for (;;) {
      auto* accepted = new Call(self);
      internal::HandOver(static_cast<CompletionTag*>(&accepted->done));
      accepted->context.AsyncNotifyWhenDone(
          static_cast<CompletionTag*>(&accepted->done));
      const bool ok = co_await Await([&](void* tag) {
        self.generic.RequestCall(&accepted->context, &accepted->stream, &queue,
                                 &queue, tag);
      });
      if (!ok) {
        delete accepted;
        co_return;
      }
      Spawn(Handle(self, accepted));
    }
  }

  // Streams of methods that are open, so that drain can end them.
  void Track(Call* accepted, const Method* method) {
    absl::MutexLock lock(&streams_mutex);
    streams.emplace(accepted, method);
  }
  void Untrack(Call* accepted) {
    absl::MutexLock lock(&streams_mutex);
    streams.erase(accepted);
  }
  template <typename Wanted, typename Action>
  void ForEachStream(Wanted wanted, Action action) {
    std::vector<Call*> chosen;
    {
      absl::MutexLock lock(&streams_mutex);
      for (auto& [accepted, method] : streams) {
        if (!wanted(*method)) continue;
        accepted->references.fetch_add(1, std::memory_order_relaxed);
        chosen.push_back(accepted);
      }
    }
    // Without the lock: ending a call may run its handler to its end.
    for (Call* accepted : chosen) {
      action(*accepted);
      accepted->Release();
    }
  }

  void Enter() { in_flight.fetch_add(1, std::memory_order_acq_rel); }
  void Leave() { in_flight.fetch_sub(1, std::memory_order_acq_rel); }
  // Under the lock, so that nobody touches this after Drain() saw 0.
  void Count(int change) {
    absl::MutexLock lock(&calls_mutex);
    calls += change;
  }

  // Whether the call may run; sets its deadline.
  absl::Status Admit(const Method* method, CallContext& call) {
    const absl::Time now = absl::Now();
    const absl::Duration max = method ? method->max_timeout : kMaxTimeout;
    if (call.deadline == absl::InfiniteFuture()) {
      call.deadline =
          now + (method ? method->default_timeout : kDefaultTimeout);
    }
    call.deadline = std::min(call.deadline, now + max);
    if (refusing.load(std::memory_order_acquire)) return Draining();
    if (in_flight.load(std::memory_order_relaxed) > options.max_in_flight) {
      return Overloaded(options.max_in_flight);
    }
    return call.CheckAlive();
  }

  void ReadContext(Call& accepted) {
    CallContext& call = accepted.call;
    call.method = accepted.context.method();
    const auto deadline = accepted.context.deadline();
    call.deadline = deadline == std::chrono::system_clock::time_point::max()
                        ? absl::InfiniteFuture()
                        : absl::FromChrono(deadline);
    for (const auto& [key, value] : accepted.context.client_metadata()) {
      internal::ReadMetadata(absl::string_view(key.data(), key.size()),
                             absl::string_view(value.data(), value.size()),
                             options.trust_identity, call);
    }
    internal::EnsureRequestId(call);
  }

  // Runs a unary method for a plain call or for one of a batched stream.
  Task<absl::Status> RunUnary(CallContext& call, const RawMessage& request,
                              RawMessage& response) {
    const auto it = methods.find(call.method);
    if (it == methods.end() || !it->second->unary) {
      co_return MakeError(absl::StatusCode::kUnimplemented, "UNKNOWN_METHOD",
                          absl::StrCat(call.method, ": no such method"));
    }
    const Method& method = *it->second;
    internal::EnsureRequestId(call);
    internal::MethodTimer timer(method.metrics);
    CallSpan span(call);
    absl::Status status = Admit(&method, call);
    if (status.ok()) {
      running.fetch_add(1, std::memory_order_acq_rel);
      Task<absl::Status> handler = method.unary(call, request, response);
      status = co_await Guard(call, std::move(handler));
      if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        absl::MutexLock lock(&idle_mutex);
      }
    }
    timer.Done(status.code());
    span.End(call, status.code());
    co_return status;
  }

  static Task<> Handle(Impl& self, Call* accepted) {
    self.Enter();
    self.ReadContext(*accepted);
    CallContext& call = accepted->call;
    const auto it = self.methods.find(call.method);
    const Method* method =
        it == self.methods.end() ? nullptr : it->second.get();
    absl::Status status;
    if (method != nullptr && method->unary) {
      std::optional<RawMessage> request = co_await accepted->Read();
      if (request) {
        accepted->last.emplace();
        status = co_await self.RunUnary(call, *request, *accepted->last);
      } else {
        status = MakeError(absl::StatusCode::kInvalidArgument,
                           "MISSING_MESSAGE", "the call brought no request");
      }
    } else {
      const StreamHandler& handler =
          method != nullptr ? method->streaming : self.fallback;
      internal::MethodTimer timer(method ? method->metrics : nullptr);
      // Streams of the links last as long as the process.
      std::optional<CallSpan> span;
      if (method == nullptr || !method->carrier) span.emplace(call);
      if (!handler) {
        status = MakeError(
            absl::StatusCode::kUnimplemented, "UNKNOWN_METHOD",
            absl::StrCat(CutUtf8(call.method, 200), ": no such method"));
      } else if (method == nullptr) {
        // The fallback sets limits of its own, by method.
        if (self.refusing.load()) status = Draining();
      } else if (!method->always) {
        status = self.Admit(method, call);
      }
      if (status.ok()) {
        if (method != nullptr) self.Track(accepted, method);
        Task<absl::Status> stream = handler(call, *accepted);
        status = co_await Guard(call, std::move(stream));
        if (method != nullptr) self.Untrack(accepted);
      }
      timer.Done(status.code());
      if (span) span->End(call, status.code());
    }
    accepted->AddRemainingTrailers();
    const grpc::Status wire = internal::ToGrpcStatus(status);
    std::optional<RawMessage>& last = accepted->last;
    (void)co_await Await([&](void* tag) {
      if (status.ok() && last) {
        if (!last->buffer().Valid()) last = RawMessage(absl::string_view());
        accepted->stream.WriteAndFinish(last->buffer(), grpc::WriteOptions(),
                                        wire, tag);
      } else {
        accepted->stream.Finish(wire, tag);
      }
    });
    self.Leave();
    accepted->Release();  // the last call may let the server go
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

Server::Builder::Builder(Options options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}
Server::Builder::~Builder() = default;

Server::Builder& Server::Builder::RawUnary(absl::string_view method,
                                           UnaryHandler handler,
                                           absl::string_view request_type,
                                           absl::string_view response_type) {
  auto entry = std::make_unique<Method>();
  entry->unary = std::move(handler);
  impl_->Add(method, std::move(entry), request_type, response_type);
  return *this;
}

Server::Builder& Server::Builder::RawStreaming(
    absl::string_view method, StreamHandler handler,
    absl::string_view request_type, absl::string_view response_type) {
  auto entry = std::make_unique<Method>();
  entry->streaming = std::move(handler);
  impl_->Add(method, std::move(entry), request_type, response_type);
  return *this;
}

Server::Builder& Server::Builder::Fallback(StreamHandler handler) {
  impl_->fallback = std::move(handler);
  return *this;
}

Server::Builder& Server::Builder::Announce(absl::string_view service) {
  impl_->announced.emplace(service);
  return *this;
}

absl::StatusOr<std::unique_ptr<Server>> Server::Builder::Start() {
  if (!impl_->status.ok()) return impl_->status;
  if (absl::Status tls = CheckTlsFiles(impl_->options.tls,
                                       impl_->options.tls_section, absl::Now());
      !tls.ok()) {
    return tls;
  }
  auto impl = std::make_unique<Server::Impl>(impl_->options);
  impl->methods = std::move(impl_->methods);
  impl->fallback = std::move(impl_->fallback);
  std::set<std::string> services = std::move(impl_->announced);
  services.insert("grpc.health.v1.Health");
  for (const auto& [name, method] : impl->methods) {
    method->metrics = internal::MetricsOf(name);
    services.insert(ServiceOf(name));
  }
  impl->services.assign(services.begin(), services.end());

  Server::Impl* raw = impl.get();
  impl->runner = [raw](CallContext& call, const RawMessage& request,
                       RawMessage& response) {
    return raw->RunUnary(call, request, response);
  };
  const auto add_stream = [&](const char* name, StreamHandler handler) {
    auto method = std::make_unique<Method>();
    method->name = name;
    method->streaming = std::move(handler);
    method->default_timeout = kMaxTimeout;
    method->carrier = true;
    impl->methods.emplace(name, std::move(method));
  };
  if (!impl->fallback) {
    add_stream(kHopMethod, [raw](CallContext& call, RawStream& stream) {
      return internal::ServeHop(call, stream, raw->runner,
                                raw->options.max_in_flight,
                                raw->options.trust_identity);
    });
  }
  for (const char* name :
       {internal::kReflectionV1, internal::kReflectionV1Alpha}) {
    add_stream(name, [raw](CallContext&, RawStream& stream) {
      return internal::ServeReflection(raw->services, stream);
    });
  }

  const auto add_health = [&](const char* name, StreamHandler handler) {
    add_stream(name, std::move(handler));
    Method& method = *impl->methods.at(name);
    method.carrier = false;
    method.subscription = true;  // a watch only listens
    method.always = true;
  };
  add_health(internal::kHealthCheck, [raw](CallContext&, RawStream& stream) {
    return internal::ServeHealthCheck(stream, raw->health);
  });
  add_health(internal::kHealthWatch,
             [raw](CallContext& call, RawStream& stream) {
               return internal::ServeHealthWatch(call, stream, raw->health);
             });

  grpc::ServerBuilder builder;
  std::vector<int> ports(impl->options.listen.size(), 0);
  const auto credentials = internal::ServerCredentialsOf(impl->options.tls);
  for (size_t i = 0; i < impl->options.listen.size(); ++i) {
    const bool plain = absl::StartsWith(impl->options.listen[i], "unix:");
    builder.AddListeningPort(
        impl->options.listen[i],
        plain ? grpc::InsecureServerCredentials() : credentials, &ports[i]);
  }
  builder.RegisterAsyncGenericService(&impl->generic);
  builder.SetMaxReceiveMessageSize(impl->options.max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Nothing is ever sent packed; what comes packed is unpacked all the same.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      internal::kServerMinPingMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 10'000);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  for (int i = 0; i < std::max(1, impl->options.threads); ++i) {
    queues.push_back(builder.AddCompletionQueue());
  }
  impl->server = builder.BuildAndStart();
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string& asked = impl->options.listen[i];
    const bool is_unix = absl::StartsWith(asked, "unix:");
    if (impl->server == nullptr || (!is_unix && ports[i] == 0)) {
      for (auto& queue : queues) queue->Shutdown();
      void* tag = nullptr;
      bool ok = false;
      for (auto& queue : queues) {
        while (queue->Next(&tag, &ok)) {
        }
      }
      return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                       absl::StrCat("cannot listen on ", asked));
    }
    impl->addresses.push_back(
        is_unix
            ? asked
            : absl::StrCat(asked.substr(0, asked.rfind(':')), ":", ports[i]));
  }
  for (auto& queue : queues) {
    for (int i = 0; i < kAcceptsPerQueue; ++i) {
      Spawn(Server::Impl::Accept(*raw, *queue));
    }
    impl->queues.push_back(
        std::make_shared<internal::QueueThread>(std::move(queue)));
  }
  impl->queues.front()->MakeHome();
  auto server = std::unique_ptr<Server>(new Server(std::move(impl)));
  server->SetServing(false);
  return server;
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  impl_->options.drain_pause = absl::ZeroDuration();
  Drain();
}

const std::vector<std::string>& Server::addresses() const {
  return impl_->addresses;
}

void Server::SetServing(bool serving) {
  impl_->health.Set("", serving);
  for (const std::string& service : impl_->services) {
    impl_->health.Set(service, serving);
  }
  impl_->health.Set("liveness", true);
}

void Server::Drain() {
  std::lock_guard lock(impl_->drain_mutex);
  if (impl_->drained) return;
  impl_->drained = true;
  SetServing(false);
  if (impl_->options.drain_pause > absl::ZeroDuration()) {
    absl::SleepFor(impl_->options.drain_pause);
  }
  impl_->refusing.store(true, std::memory_order_release);
  const absl::Time end = absl::Now() + impl_->options.drain_grace;
  impl_->ForEachStream([](const Method& m) { return m.subscription; },
                       [](Impl::Call& c) { c.call.Cancel(); });
  impl_->idle_mutex.LockWhenWithDeadline(
      absl::Condition(
          +[](std::atomic<int>* open) { return open->load() == 0; },
          &impl_->running),
      end);
  impl_->idle_mutex.Unlock();
  impl_->ForEachStream([](const Method& m) { return m.carrier; },
                       [](Impl::Call& c) { c.context.TryCancel(); });
  // Ends what is still open when the grace is over.
  impl_->server->Shutdown(absl::ToChronoTime(end));
  // Handlers that were cut off may still be on their way to their last
  // operation, and queues may outlive the server.
  impl_->calls_mutex.LockWhen(absl::Condition(
      +[](int* calls) { return *calls == 0; }, &impl_->calls));
  impl_->calls_mutex.Unlock();
  impl_->queues.front()->LeaveHome();
  impl_->queues.clear();
}

}  // namespace mitra::rpc
