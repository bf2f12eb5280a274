// Server and channel together, over real connections.

#include <grpcpp/grpcpp.h>

#include <latch>
#include <thread>

#include "absl/strings/match.h"
#include "common/base/thread_priority.h"
#include "common/rpc/channel.h"
#include "common/rpc/executor.h"
#include "common/rpc/server.h"
#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "gtest/gtest.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/profiles_service.pb.h"

namespace mitra::rpc {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kGet[] = "/mitra.v1.Profiles/GetProfile";
constexpr char kDelete[] = "/mitra.v1.Profiles/DeleteProfile";
constexpr char kList[] = "/mitra.v1.Profiles/ListProfiles";
constexpr char kWatch[] = "/mitra.v1.ChangeFeed/Watch";
constexpr char kImport[] = "/mitra.v1.Profiles/Import";

// Answers with what it was asked; special ids do special things.
class EchoService {
 public:
  Task<absl::Status> Get(CallContext& call,
                         const v1::GetProfileRequest& request,
                         v1::Profile& response) {
    if (request.profile_id() == "throw") throw std::runtime_error("secret");
    if (request.profile_id() == "throw-int") throw 5;
    if (request.profile_id() == "missing") {
      co_return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                          "no such profile");
    }
    if (request.profile_id() == "wait") {
      auto start = [&](std::function<void(bool)> done) {
        call.AddCancelHook([done] { done(true); });
        waiting.count_down();
      };
      (void)co_await Callback<bool>(start);
      cancelled.count_down();
      co_return call.CheckAlive();
    }
    if (absl::StartsWith(request.profile_id(), "low")) {
      (void)co_await low_.Enter();
    }
    if (request.profile_id() == "who") {
      response.set_owner(call.identity.credential);
      response.set_about(call.request_id);
      response.set_etag(absl::FormatDuration(call.remaining()));
      call.SetTrailer("mitra-revision", "7-42");
    }
    response.set_profile_id(request.profile_id());
    co_return absl::OkStatus();
  }

  Task<absl::Status> Watch(CallContext&, const v1::WatchRequest& request,
                           Writer<v1::WatchResponse>& writer) {
    for (uint64_t i = 0; i < request.start_revision(); ++i) {
      v1::WatchResponse response;
      response.set_watermark(i);
      const bool written = co_await writer.Write(response);
      if (!written) break;
    }
    co_return absl::OkStatus();
  }

  Task<absl::Status> Import(
      CallContext&, Stream<v1::ImportRequest, v1::ImportResponse>& stream) {
    for (;;) {
      auto request = co_await stream.Read();
      if (!request.ok()) co_return request.status();
      if (!request->has_value()) co_return absl::OkStatus();
      v1::ImportResponse response;
      response.add_results()->set_row((*request)->row());
      const bool written = co_await stream.Write(response);
      if (!written) co_return absl::CancelledError("gone");
    }
  }

  Executor low_{{.threads = 2, .gives_way = true}};
  std::latch waiting{1};
  std::latch cancelled{1};
};

class RpcTest : public ::testing::TestWithParam<bool> {
 protected:
  void StartServer(Server::Options options = {}) {
    Server::Builder builder(std::move(options));
    builder.Unary<v1::GetProfileRequest, v1::Profile>(
        kGet, [this](CallContext& call, const v1::GetProfileRequest& request,
                     v1::Profile& response) {
          return service_.Get(call, request, response);
        });
    builder.ServerStreaming<v1::WatchRequest, v1::WatchResponse>(
        kWatch, [this](CallContext& call, const v1::WatchRequest& request,
                       Writer<v1::WatchResponse>& writer) {
          return service_.Watch(call, request, writer);
        });
    builder.Bidirectional<v1::ImportRequest, v1::ImportResponse>(
        kImport, [this](CallContext& call,
                        Stream<v1::ImportRequest, v1::ImportResponse>& stream) {
          return service_.Import(call, stream);
        });
    builder.RawUnary(
        kList,
        [this](CallContext&, const RawMessage&,
               RawMessage& response) -> Task<absl::Status> {
          response = repeated_.Clone();
          co_return absl::OkStatus();
        },
        v1::ListProfilesRequest::descriptor()->full_name(),
        v1::ListProfilesResponse::descriptor()->full_name());
    auto server = builder.Start();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ =
        Channel::Create(server_->addresses()[0], {.batched = GetParam()});
    if (GetParam()) {
      // The first call opens the batched stream; wait until it carries calls.
      for (int i = 0; i < 200; ++i) (void)Get("warm-up");
    }
  }

  absl::StatusOr<v1::Profile> Get(const std::string& id) {
    CallContext call;
    return Get(id, call);
  }
  absl::StatusOr<v1::Profile> Get(const std::string& id, CallContext& call) {
    v1::GetProfileRequest request;
    request.set_profile_id(id);
    return SyncWait(channel_->Call<v1::Profile>(call, kGet, request));
  }

  // What ListProfiles answers, known to be the same until the next Repeat().
  void Repeat(const std::string& token) {
    v1::ListProfilesResponse response;
    response.set_next_page_token(token);
    repeated_ = RawMessage::Of(response);
    repeated_.set_identity(RawMessage::NewIdentity());
  }
  RawMessage List() {
    CallContext call;
    auto answer = SyncWait(channel_->CallRaw(call, kList, RawMessage()));
    EXPECT_THAT(answer.status(), IsOk());
    return answer.ok() ? *std::move(answer) : RawMessage();
  }

  RawMessage repeated_;
  EchoService service_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<Channel> channel_;
};

TEST_P(RpcTest, AnswersUnaryCalls) {
  StartServer();
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Profile profile, Get("a"));
  EXPECT_EQ(profile.profile_id(), "a");
}

TEST_P(RpcTest, AnswersThatComeAgainAreKnownToBeTheSame) {
  Repeat(std::string(5000, 'a'));
  StartServer();
  const RawMessage first = List();
  const RawMessage again = List();
  EXPECT_EQ(first.ToString(), repeated_.ToString());
  EXPECT_EQ(again.ToString(), first.ToString());
  // Only the batched stream can tell.
  EXPECT_EQ(first.identity() != 0, GetParam());
  EXPECT_EQ(again.identity(), first.identity());
  Repeat(std::string(5000, 'b'));
  const RawMessage other = List();
  EXPECT_EQ(other.ToString(), repeated_.ToString());
  EXPECT_EQ(other.identity() != first.identity(), GetParam());
}

TEST_P(RpcTest, CarriesIdentityRequestIdAndTrailers) {
  StartServer();
  CallContext call;
  call.identity = {.credential = "solo", .scopes = {"x"}};
  call.request_id = "req-1";

  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Profile profile, Get("who", call));

  EXPECT_EQ(profile.owner(), "solo");
  EXPECT_EQ(profile.about(), "req-1");
  EXPECT_THAT(call.trailers(), Contains(std::pair<std::string, std::string>(
                                   "mitra-revision", "7-42")));
}

TEST_P(RpcTest, StripsIdentityWhereItIsNotTrusted) {
  StartServer({.trust_identity = false});
  CallContext call;
  call.identity = {.credential = "forged", .scopes = {"*"}};

  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Profile profile, Get("who", call));

  EXPECT_EQ(profile.owner(), "");
}

TEST_P(RpcTest, ErrorsKeepTheirDetails) {
  StartServer();
  const auto result = Get("missing");
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kNotFound, "no such profile"));
  EXPECT_THAT(result, HasReason("PROFILE_NOT_FOUND"));
}

TEST_P(RpcTest, ExceptionsBecomeInternalWithoutTheirText) {
  StartServer();
  for (const char* id : {"throw", "throw-int"}) {
    const auto result = Get(id);
    EXPECT_THAT(result, StatusIs(absl::StatusCode::kInternal));
    EXPECT_THAT(std::string(result.status().message()),
                Not(::testing::HasSubstr("secret")));
  }
  EXPECT_THAT(Get("a"), IsOk());
}

TEST_P(RpcTest, UnknownMethodsAreUnimplemented) {
  StartServer();
  CallContext call;
  const auto result = SyncWait(channel_->CallRaw(call, kDelete, RawMessage()));
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kUnimplemented));
}

TEST_P(RpcTest, BrokenMessagesAreRefused) {
  StartServer();
  CallContext call;
  const auto garbage =
      SyncWait(channel_->CallRaw(call, kGet, RawMessage("\xff\xff\xff")));
  EXPECT_THAT(garbage, HasReason("MALFORMED_MESSAGE"));
  const auto not_utf8 =
      SyncWait(channel_->CallRaw(call, kGet, RawMessage("\x0a\x02\xc3\x28")));
  EXPECT_THAT(not_utf8, HasReason("MALFORMED_MESSAGE"));
}

TEST_P(RpcTest, ADeadlineEndsTheCallOnBothSides) {
  StartServer();
  CallContext call;
  call.deadline = absl::Now() + absl::Milliseconds(100);

  const auto result = Get("wait", call);

  EXPECT_THAT(result, StatusIs(absl::StatusCode::kDeadlineExceeded));
  service_.cancelled.wait();  // the handler was told
}

TEST_P(RpcTest, CancellingReachesTheHandler) {
  StartServer();
  CallContext call;
  std::thread canceller([&] {
    service_.waiting.wait();
    call.Cancel();
  });

  const auto result = Get("wait", call);

  EXPECT_THAT(result, StatusIs(absl::StatusCode::kCancelled));
  service_.cancelled.wait();
  canceller.join();
}

TEST_P(RpcTest, AnExpiredCallIsNotStarted) {
  StartServer();
  CallContext call;
  call.deadline = absl::Now() - absl::Milliseconds(1);
  EXPECT_THAT(Get("a", call), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_P(RpcTest, ManyCallsFromManyThreadsEachGetTheirOwnAnswer) {
  StartServer();
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const std::string id = absl::StrCat("t", t, "-", i);
        const auto profile = Get(id);
        if (!profile.ok() || profile->profile_id() != id) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Their operations are started by others (queue_thread.h).
TEST_P(RpcTest, CallersAndHandlersThatGiveWayGetTheirAnswers) {
  StartServer();
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      LowerThreadPriority();
      for (int i = 0; i < 200; ++i) {
        const std::string id = absl::StrCat("low-", t, "-", i);
        const auto profile = Get(id);
        if (!profile.ok() || profile->profile_id() != id) ++wrong;
      }
      if (Get("missing").status().code() != absl::StatusCode::kNotFound) {
        ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(RpcTest, OneSlowCallBlocksNoOther) {
  StartServer();
  CallContext slow;
  std::thread blocked([&] { (void)Get("wait", slow); });
  service_.waiting.wait();

  EXPECT_THAT(Get("a"), IsOk());

  slow.Cancel();
  blocked.join();
}

TEST_P(RpcTest, ClientsReconnectAfterARestart) {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "mitra_rpc_", getpid(),
                   GetParam() ? "b" : "u", ".sock");
  StartServer({.listen = {"unix:" + path}});
  MITRA_ASSERT_OK(Get("a"));
  server_.reset();
  EXPECT_THAT(Get("a"), StatusIs(absl::StatusCode::kUnavailable));

  auto kept = channel_;
  StartServer({.listen = {"unix:" + path}});
  channel_ = kept;

  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  absl::Status last;
  do {
    last = Get("a").status();
  } while (!last.ok() && absl::Now() < deadline);
  EXPECT_THAT(last, IsOk());
  unlink(path.c_str());
}

TEST_P(RpcTest, StreamsServerMessages) {
  StartServer();
  auto stub = v1::Profiles::NewStub(channel_->grpc_channel());
  CallContext call;
  auto run = [](Channel& channel, CallContext& context) -> Task<int> {
    auto stream = co_await channel.OpenStream(context, kWatch);
    v1::WatchRequest request;
    request.set_start_revision(1000);
    (void)co_await stream->Write(RawMessage::Of(request));
    (void)co_await stream->WritesDone();
    int count = 0;
    for (;;) {
      auto message = co_await stream->Read();
      if (!message) break;
      ++count;
    }
    const absl::Status status = co_await stream->Finish();
    EXPECT_THAT(status, IsOk());
    co_return count;
  };
  EXPECT_EQ(SyncWait(run(*channel_, call)), 1000);
}

TEST_P(RpcTest, BidirectionalStreamsEchoInOrder) {
  StartServer();
  auto stub = v1::Profiles::NewStub(channel_->grpc_channel());
  grpc::ClientContext context;
  auto stream = stub->Import(&context);
  for (uint64_t row = 0; row < 100; ++row) {
    v1::ImportRequest request;
    request.set_row(row);
    ASSERT_TRUE(stream->Write(request));
    v1::ImportResponse response;
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_THAT(response.results(), SizeIs(1));
    EXPECT_EQ(response.results(0).row(), row);
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_P(RpcTest, DrainLetsOpenCallsFinishAndEndsIdleStreams) {
  StartServer({.drain_grace = absl::Milliseconds(200)});
  auto stub = v1::Profiles::NewStub(channel_->grpc_channel());
  grpc::ClientContext context;
  auto stream = stub->Import(&context);
  v1::ImportRequest request;
  ASSERT_TRUE(stream->Write(request));
  v1::ImportResponse response;
  ASSERT_TRUE(stream->Read(&response));

  const absl::Time start = absl::Now();
  server_->Drain();

  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_P(RpcTest, ReflectionListsServicesAndFindsFiles) {
  StartServer();
  auto run = [](Channel& channel, CallContext& call) -> Task<int> {
    auto stream = co_await channel.OpenStream(
        call, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
    grpc::reflection::v1::ServerReflectionRequest request;
    request.set_list_services("");
    (void)co_await stream->Write(RawMessage::Of(request));
    auto listed = co_await stream->Read();
    request.set_file_containing_symbol("mitra.v1.Profiles");
    (void)co_await stream->Write(RawMessage::Of(request));
    auto files = co_await stream->Read();
    (void)co_await stream->WritesDone();
    (void)co_await stream->Finish();
    grpc::reflection::v1::ServerReflectionResponse response;
    if (!listed || !listed->ParseTo(response).ok()) co_return -1;
    std::vector<std::string> names;
    for (const auto& s : response.list_services_response().service()) {
      names.push_back(s.name());
    }
    EXPECT_THAT(names, Contains("mitra.v1.Profiles"));
    EXPECT_THAT(names, Contains("grpc.health.v1.Health"));
    if (!files || !files->ParseTo(response).ok()) co_return -1;
    co_return response.file_descriptor_response().file_descriptor_proto_size();
  };
  CallContext call;
  EXPECT_GT(SyncWait(run(*channel_, call)), 3);
}

using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;

TEST_P(RpcTest, TellsItsHealthForEachService) {
  StartServer();
  auto check = [](Channel& channel, std::string service) -> Task<int> {
    CallContext call;
    auto stream =
        co_await channel.OpenStream(call, "/grpc.health.v1.Health/Check");
    HealthCheckRequest request;
    request.set_service(service);
    (void)co_await stream->Write(RawMessage::Of(request));
    (void)co_await stream->WritesDone();
    const auto answer = co_await stream->Read();
    const absl::Status status = co_await stream->Finish();
    HealthCheckResponse response;
    if (!answer) co_return -static_cast<int>(status.code());
    EXPECT_TRUE(answer->ParseTo(response).ok());
    co_return response.status();
  };
  for (const char* service : {"", "mitra.v1.Profiles"}) {
    server_->SetServing(false);
    EXPECT_EQ(SyncWait(check(*channel_, service)),
              HealthCheckResponse::NOT_SERVING);
    server_->SetServing(true);
    EXPECT_EQ(SyncWait(check(*channel_, service)),
              HealthCheckResponse::SERVING);
  }
  EXPECT_EQ(SyncWait(check(*channel_, "no.such.Service")),
            -static_cast<int>(absl::StatusCode::kNotFound));
}

TEST_P(RpcTest, AWatchOfHealthHearsOfChangesUntilItIsCancelled) {
  StartServer();
  server_->SetServing(true);
  auto run = [this](CallContext& call) -> Task<absl::Status> {
    auto stream =
        co_await channel_->OpenStream(call, "/grpc.health.v1.Health/Watch");
    HealthCheckRequest request;
    (void)co_await stream->Write(RawMessage::Of(request));
    (void)co_await stream->WritesDone();
    for (const auto expected :
         {HealthCheckResponse::SERVING, HealthCheckResponse::NOT_SERVING}) {
      const auto answer = co_await stream->Read();
      HealthCheckResponse response;
      if (!answer) break;
      EXPECT_TRUE(answer->ParseTo(response).ok());
      EXPECT_EQ(response.status(), expected);
      server_->SetServing(false);
    }
    stream->Cancel();
    const absl::Status status = co_await stream->Finish();
    co_return status;
  };
  CallContext call;
  EXPECT_EQ(SyncWait(run(call)).code(), absl::StatusCode::kCancelled);
}

INSTANTIATE_TEST_SUITE_P(PlainAndBatched, RpcTest, ::testing::Bool(),
                         [](const auto& instance) {
                           return instance.param ? "Batched" : "Plain";
                         });

TEST(ServerTest, RefusesCallsBeyondTheLimit) {
  std::latch entered(1);
  std::function<void(bool)> release;
  Server::Builder builder({.max_in_flight = 1});
  builder.Unary<v1::GetProfileRequest, v1::Profile>(
      kGet,
      [&](CallContext&, const v1::GetProfileRequest&,
          v1::Profile&) -> Task<absl::Status> {
        auto start = [&](std::function<void(bool)> done) {
          release = std::move(done);
          entered.count_down();
        };
        (void)co_await Callback<bool>(start);
        co_return absl::OkStatus();
      });
  MITRA_ASSERT_OK_AND_ASSIGN(auto server, builder.Start());
  auto channel = Channel::Create(server->addresses()[0]);
  CallContext first;
  std::thread blocked(
      [&] { (void)SyncWait(channel->CallRaw(first, kGet, RawMessage())); });
  entered.wait();

  CallContext second;
  const auto refused = SyncWait(channel->CallRaw(second, kGet, RawMessage()));

  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(refused, HasReason("OVERLOADED"));
  EXPECT_GT(RetryDelayOf(refused.status()), absl::ZeroDuration());
  release(true);
  blocked.join();
}

TEST(ServerTest, RefusesHandlersThatDoNotFitTheProto) {
  Server::Builder wrong_type({});
  wrong_type.Unary<v1::Profile, v1::Profile>(
      kGet,
      [](CallContext&, const v1::Profile&, v1::Profile&) -> Task<absl::Status> {
        co_return absl::OkStatus();
      });
  EXPECT_THAT(wrong_type.Start(), StatusIs(absl::StatusCode::kInternal));

  Server::Builder no_such_method({});
  no_such_method.Unary<v1::Profile, v1::Profile>(
      "/mitra.v1.Profiles/Nothing",
      [](CallContext&, const v1::Profile&, v1::Profile&) -> Task<absl::Status> {
        co_return absl::OkStatus();
      });
  EXPECT_THAT(no_such_method.Start(), StatusIs(absl::StatusCode::kInternal));
}

TEST(ServerTest, SaysWhichAddressCannotBeUsed) {
  Server::Builder builder({.listen = {"unix:/no/such/folder/x.sock"}});
  EXPECT_THAT(builder.Start(), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace mitra::rpc
