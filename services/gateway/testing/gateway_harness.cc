#include "services/gateway/testing/gateway_harness.h"

#include <arpa/inet.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "common/security/api_key.h"
#include "common/status/errors.h"
#include "google/rpc/status.pb.h"

namespace mitra::gateway {
namespace {

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::cerr << value.status() << "\n";
    std::abort();
  }
  return *std::move(value);
}

void OrDie(const absl::Status& status) {
  if (!status.ok()) (void)OrDie(absl::StatusOr<int>(status));
}

}  // namespace

GatewayHarness::GatewayHarness(Options options) {
  methods_ = std::make_unique<MethodTable>(OrDie(MethodTable::Create()));
  routes_ = std::make_unique<RouteTable>(OrDie(RouteTable::Create(*methods_)));
  StartBackend();
  testing::WriteFileOrDie(dir_.File("keys.jsonl"), "");
  keys_ = OrDie(KeyFileSource::Open(dir_.File("keys.jsonl")));
  testing::WriteFileOrDie(dir_.File("jwks.json"), issuer_.Jwks());
  TokenSource::Options tokens;
  tokens.rules.issuer = "https://issuer.example";
  tokens.rules.audience = "mitra";
  tokens_ = OrDie(TokenSource::Open(dir_.File("jwks.json"), tokens));
  authenticator_ = std::make_unique<Authenticator>(keys_.get(), tokens_.get());
  admission_ = std::make_unique<Admission>(options.admission);
  const auto link = [&] {
    return rpc::Channel::Create(backend_->addresses()[0],
                                {.batched = true, .resume_on_queue = true});
  };
  const Backends backends{link(), link(), link()};
  delegations_ = std::make_unique<RecordedDelegations>(backends.profile,
                                                       absl::ZeroDuration());
  forwarder_ = std::make_unique<Forwarder>(
      backends, *authenticator_, *admission_, last_writes_, *delegations_);
  audit_ = OrDie(AuditLog::Open(dir_.File("audit.jsonl")));
  records_.Add(&metrics_);
  records_.Add(audit_.get());
  proxy_ = std::make_unique<GrpcProxy>(*methods_, *forwarder_, records_);
  rpc::Server::Builder builder(
      {.listen = {absl::StrCat("unix:", dir_.File("edge"))},
       .trust_identity = false});
  for (const auto& method : methods_->methods()) {
    builder.Announce(method->descriptor->service()->full_name());
  }
  builder.Fallback([this](rpc::CallContext& call, rpc::RawStream& stream) {
    return proxy_->Handle(call, stream);
  });
  grpc_ = OrDie(builder.Start());
  grpc_->SetServing(true);
  documents_.Add("/page.html", "text/html", "<p>page</p>");
  edge_ = std::make_unique<HttpEdge>(
      *routes_, documents_, *forwarder_, records_, [] { return true; },
      Cors(options.cors_origins), options.heartbeat);
  http_ = OrDie(HttpServer::Start(options.http, *edge_));
  client_ = grpc::CreateChannel(grpc_->addresses()[0],
                                grpc::InsecureChannelCredentials());
}

GatewayHarness::~GatewayHarness() {
  client_.reset();
  http_->Drain(absl::ZeroDuration());
  grpc_->Drain();
  backend_->Drain();
}

void GatewayHarness::StartBackend() {
  rpc::Server::Builder builder(
      {.listen = {absl::StrCat("unix:", dir_.File("backend"))},
       .max_in_flight = 10'000,
       .drain_grace = absl::Milliseconds(100)});
  for (const auto& method : methods_->methods()) {
    const std::string in = method->descriptor->input_type()->full_name();
    const std::string out = method->descriptor->output_type()->full_name();
    if (method->streaming()) {
      builder.RawStreaming(
          method->name,
          [this](rpc::CallContext& call,
                 rpc::RawStream& stream) -> rpc::Task<absl::Status> {
            rpc::StreamHandler handler;
            {
              absl::MutexLock lock(&mutex_);
              const auto it = streams_.find(call.method);
              if (it != streams_.end()) handler = it->second;
            }
            if (handler) co_return co_await handler(call, stream);
            (void)co_await stream.Read();
            (void)co_await stream.Write(rpc::RawMessage());
            co_return absl::OkStatus();
          },
          in, out);
      continue;
    }
    builder.RawUnary(
        method->name,
        [this](rpc::CallContext& call, const rpc::RawMessage& request,
               rpc::RawMessage& response) -> rpc::Task<absl::Status> {
          Handler handler;
          {
            absl::MutexLock lock(&mutex_);
            const auto it = handlers_.find(call.method);
            if (it != handlers_.end()) handler = it->second;
          }
          if (!handler) co_return absl::OkStatus();
          co_return co_await handler(call, request, response);
        },
        in, out);
  }
  backend_ = OrDie(builder.Start());
  backend_->SetServing(true);
}

void GatewayHarness::Answer(const std::string& method, Handler handler) {
  absl::MutexLock lock(&mutex_);
  handlers_[method] = std::move(handler);
}

void GatewayHarness::AnswerStream(const std::string& method,
                                  rpc::StreamHandler handler) {
  absl::MutexLock lock(&mutex_);
  streams_[method] = std::move(handler);
}

std::string GatewayHarness::NewKey(const std::vector<std::string>& scopes,
                                   const std::string& member_id,
                                   absl::Time expire_time) {
  const mitra::NewKey key =
      OrDie(MakeApiKey(member_id.empty() ? "platform" : "member", scopes,
                       member_id, absl::InfiniteFuture()));
  KeyRecord record = key.record;
  record.expire_time = expire_time;
  OrDie(AppendKeyRecord(dir_.File("keys.jsonl"), record));
  keys_->Poll();
  return key.text;
}

std::string GatewayHarness::NewDelegateKey(
    const std::vector<std::string>& scopes, const std::string& member,
    const std::string& delegate) {
  mitra::NewKey key = OrDie(
      MakeApiKey("pendamping", scopes, member, absl::Now() + absl::Hours(1)));
  OrDie(SetKeyDelegate(delegate, key.record));
  OrDie(AppendKeyRecord(dir_.File("keys.jsonl"), key.record));
  keys_->Poll();
  return key.text;
}

std::string GatewayHarness::audit() const {
  return testing::ReadFileOrEmpty(dir_.File("audit.jsonl"));
}

void GatewayHarness::Revoke(const std::string& key) {
  // mk_<id>_<secret>
  OrDie(RevokeKey(dir_.File("keys.jsonl"), key.substr(3, 8)));
  keys_->Poll();
}

HttpAnswer GatewayHarness::Raw(absl::string_view bytes,
                               const std::function<void()>& begun) const {
  const std::string& address = http_->address();
  int port = 0;
  if (!absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port)) {
    return {};
  }
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  std::string text;
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n =
          send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;  // refused early; the answer may be there already
      sent += static_cast<size_t>(n);
    }
    char buffer[16384];
    ssize_t n = 0;
    while ((n = read(fd, buffer, sizeof buffer)) > 0) {
      if (begun && text.empty()) begun();
      text.append(buffer, n);
    }
  }
  close(fd);
  HttpAnswer answer;
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos || !absl::StartsWith(text, "HTTP/1.1 ") ||
      !absl::SimpleAtoi(text.substr(9, 3), &answer.status)) {
    return answer;
  }
  answer.head = text.substr(0, end + 2);
  answer.body = text.substr(end + 4);
  return answer;
}

HttpAnswer GatewayHarness::Http(absl::string_view verb,
                                absl::string_view target,
                                absl::string_view headers,
                                absl::string_view body) const {
  std::string length;
  if (!body.empty()) {
    length = absl::StrCat("Content-Length: ", body.size(), "\r\n");
    if (!absl::StrContains(headers, "Content-Type")) {
      absl::StrAppend(&length, "Content-Type: application/json\r\n");
    }
  }
  return Raw(absl::StrCat(verb, " ", target, " HTTP/1.1\r\nHost: test\r\n",
                          headers, length, "Connection: close\r\n\r\n", body));
}

absl::Status GatewayHarness::Grpc(
    const std::string& method,
    const std::map<std::string, std::string>& metadata, absl::Duration timeout,
    const std::string& request) const {
  grpc::GenericStub stub(client_);
  grpc::ClientContext context;
  for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  const grpc::Slice slice(request);
  const grpc::ByteBuffer in(&slice, 1);
  grpc::ByteBuffer out;
  // By what the standard library has: the thread sanitizer does not see into
  // Debian's abseil.
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, method, grpc::StubOptions(), &in, &out,
                 [&](grpc::Status s) { done.set_value(std::move(s)); });
  const grpc::Status status = done.get_future().get();
  google::rpc::Status proto;
  if (!status.ok() && proto.ParseFromString(status.error_details()) &&
      proto.code() != 0) {
    return FromRpcStatus(proto);
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

}  // namespace mitra::gateway
