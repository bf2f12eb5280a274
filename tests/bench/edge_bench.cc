// The edge against servers that do nothing: cached recommendations through
// gateway and matching / a gRPC echo of the same bytes, and the same over
// HTTP/JSON / a RESTinio server with the same body. 64 in flight; rounds
// alternate; the peers run in a process of their own.
//
//   mitra-bench-edge --gateway TARGET --http ADDRESS --key KEY
//       [--suffix _quick]

#include <arpa/inet.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <restinio/all.hpp>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "tests/bench/async_calls.h"

namespace mitra {
namespace {

constexpr int kInFlight = 64;
constexpr int kRounds = 7;
constexpr int kSubjects = 200;
constexpr char kRecommend[] = "/mitra.v1.Recommendations/Recommend";

struct Options {
  std::string gateway, http, key, suffix, only;
  int calls = 20'000;
};

using bench::Load;
using bench::Quantile;

bool WriteAll(int fd, const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t n = write(fd, bytes.data() + at, bytes.size() - at);
    if (n <= 0) return false;
    at += static_cast<size_t>(n);
  }
  return true;
}

std::string ReadExactly(int fd, size_t size) {
  std::string bytes(size, '\0');
  for (size_t at = 0; at < size;) {
    const ssize_t n = read(fd, bytes.data() + at, size - at);
    if (n <= 0) return "";
    at += static_cast<size_t>(n);
  }
  return bytes;
}

void SendBlock(int fd, const std::string& bytes) {
  const uint64_t size = bytes.size();
  (void)WriteAll(fd, std::string(reinterpret_cast<const char*>(&size), 8));
  (void)WriteAll(fd, bytes);
}

std::string ReceiveBlock(int fd) {
  const std::string head = ReadExactly(fd, 8);
  if (head.size() != 8) return "";
  uint64_t size = 0;
  std::copy(head.begin(), head.end(), reinterpret_cast<char*>(&size));
  return ReadExactly(fd, size);
}

// ---- The peers.

class EchoServer {
 public:
  explicit EchoServer(const std::string& answer) : slice_(answer) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterAsyncGenericService(&service_);
    queue_ = builder.AddCompletionQueue();
    server_ = builder.BuildAndStart();
    for (int i = 0; i < 2 * kInFlight; ++i) (new Call(*this))->Request();
    thread_ = std::thread([this] {
      void* tag = nullptr;
      bool ok = false;
      while (queue_->Next(&tag, &ok)) static_cast<Call*>(tag)->Go(ok);
    });
    thread_.detach();
  }
  int port() const { return port_; }

 private:
  struct Call {
    explicit Call(EchoServer& s) : server(s) {}
    void Request() {
      context = std::make_unique<grpc::GenericServerContext>();
      stream =
          std::make_unique<grpc::GenericServerAsyncReaderWriter>(context.get());
      state = 0;
      server.service_.RequestCall(context.get(), stream.get(),
                                  server.queue_.get(), server.queue_.get(),
                                  this);
    }
    void Go(bool ok) {
      if (!ok) return;
      switch (state++) {
        case 0:
          return stream->Read(&request, this);
        case 1: {
          const grpc::ByteBuffer answer(&server.slice_, 1);
          return stream->WriteAndFinish(answer, grpc::WriteOptions(),
                                        grpc::Status::OK, this);
        }
        default:
          return Request();
      }
    }
    EchoServer& server;
    std::unique_ptr<grpc::GenericServerContext> context;
    std::unique_ptr<grpc::GenericServerAsyncReaderWriter> stream;
    grpc::ByteBuffer request;
    int state = 0;
  };

  const grpc::Slice slice_;
  int port_ = 0;
  grpc::AsyncGenericService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
  std::thread thread_;
};

// Never returns: the process ends when the benchmark closes its pipe.
void ServePeers(int in, int out) {
  const std::string message = ReceiveBlock(in);
  const std::string body = ReceiveBlock(in);
  EchoServer echo(message);
  int http_port = 0;
  restinio::asio_ns::io_context context;
  auto server = restinio::run_async<>(
      restinio::own_io_context(),
      restinio::server_settings_t<>{}
          .address("127.0.0.1")
          .port(0)
          .acceptor_post_bind_hook([&](auto& acceptor) {
            http_port = acceptor.local_endpoint().port();
          })
          .request_handler([&body](auto request) {
            return request->create_response()
                .append_header("Content-Type", "application/json")
                .set_body(body)
                .done();
          }),
      1);
  SendBlock(out, absl::StrCat(echo.port()));
  SendBlock(out, absl::StrCat(http_port));
  (void)ReadExactly(in, 1);
  _exit(0);
}

// ---- The client of HTTP: one thread.

int Connect(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  (void)absl::SimpleAtoi(address.substr(colon + 1), &port);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return -1;
  return fd;
}

// Bytes of the first whole response in `text`; 0 if it is not whole yet.
size_t WholeResponse(const std::string& text) {
  const size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  const size_t at = text.find("Content-Length: ");
  size_t length = 0;
  if (at == std::string::npos || at > head ||
      !absl::SimpleAtoi(text.substr(at + 16, text.find('\r', at) - at - 16),
                        &length)) {
    return 0;
  }
  return text.size() >= head + 4 + length ? head + 4 + length : 0;
}

Load HttpRound(const std::string& address,
               const std::vector<std::string>& requests, int calls) {
  struct Line {
    int fd = -1;
    std::string text;
    absl::Time start;
  };
  std::vector<Line> lines(kInFlight);
  const int poll = epoll_create1(0);
  int begun = 0;
  Load load;
  const auto begin = [&](Line& line) {
    line.text.clear();
    line.start = absl::Now();
    if (!WriteAll(line.fd, requests[begun++ % requests.size()])) ++load.failed;
  };
  for (Line& line : lines) {
    line.fd = Connect(address);
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.ptr = &line;
    epoll_ctl(poll, EPOLL_CTL_ADD, line.fd, &event);
  }
  std::vector<double> times;
  const absl::Time start = absl::Now();
  for (Line& line : lines) begin(line);
  char buffer[65536];
  int done = 0;
  while (done < calls) {
    epoll_event events[kInFlight];
    const int n = epoll_wait(poll, events, kInFlight, 10'000);
    if (n <= 0) break;
    for (int i = 0; i < n; ++i) {
      Line& line = *static_cast<Line*>(events[i].data.ptr);
      const ssize_t got = read(line.fd, buffer, sizeof buffer);
      if (got <= 0) {
        ++load.failed;
        epoll_ctl(poll, EPOLL_CTL_DEL, line.fd, nullptr);
        ++done;
        continue;
      }
      line.text.append(buffer, got);
      if (WholeResponse(line.text) == 0) continue;
      load.failed += !absl::StartsWith(line.text, "HTTP/1.1 200");
      times.push_back(absl::ToDoubleMilliseconds(absl::Now() - line.start));
      ++done;
      if (begun < calls) begin(line);
    }
  }
  load.per_second = calls / absl::ToDoubleSeconds(absl::Now() - start);
  load.p99_ms = Quantile(std::move(times), .99);
  for (Line& line : lines) close(line.fd);
  close(poll);
  return load;
}

// ---- The comparison.

class Bench {
 public:
  Bench(Options options, int to_peers, int from_peers)
      : options_(std::move(options)), to_(to_peers), from_(from_peers) {
    gateway_ = grpc::CreateChannel(options_.gateway,
                                   grpc::InsecureChannelCredentials());
  }

  int Run() {
    if (!FindSubjects()) return 1;
    // The peers answer with the bytes of an answer of middling size.
    std::vector<std::pair<std::string, size_t>> answers;
    for (const std::string& request : grpc_requests_) {
      answers.emplace_back(CallOnce(request), answers.size());
      if (answers.back().first.empty()) return 1;
    }
    std::sort(answers.begin(), answers.end(), [](const auto& a, const auto& b) {
      return a.first.size() < b.first.size();
    });
    const auto& [sample, subject] = answers[answers.size() / 2];
    const std::string body = HttpOnce(http_requests_[subject]);
    if (body.empty()) return 1;
    SendBlock(to_, sample);
    SendBlock(to_, body);
    const auto echo = grpc::CreateChannel("127.0.0.1:" + ReceiveBlock(from_),
                                          grpc::InsecureChannelCredentials());
    const std::string hello = "127.0.0.1:" + ReceiveBlock(from_);
    if (Wanted("cached"))
      Compare(
          "cached", "echo", [&] { return Grpc(gateway_); },
          [&] { return Grpc(echo); });
    if (Wanted("json"))
      Compare(
          "json", "hello",
          [&] { return HttpRound(options_.http, http_requests_, Calls()); },
          [&] { return HttpRound(hello, http_requests_, Calls()); });
    if (Wanted("json")) CompareWithWrk(hello, subject);
    Metric("edge_answer_bytes", static_cast<double>(sample.size()));
    Metric("edge_json_bytes", static_cast<double>(body.size()));
    return failed_ == 0 ? 0 : 1;
  }

 private:
  int Calls() const { return options_.calls; }
  bool Wanted(const char* part) const {
    return options_.only.empty() || options_.only == part;
  }
  Load Grpc(const std::shared_ptr<grpc::Channel>& channel) const {
    const bench::CallPlan plan = {.method = kRecommend,
                                  .key = options_.key,
                                  .in_flight = kInFlight,
                                  .calls = Calls()};
    return bench::RunCalls(channel, plan, grpc_requests_);
  }

  void Metric(const std::string& name, double value) const {
    std::printf("METRIC %s%s %.4g\n", name.c_str(), options_.suffix.c_str(),
                value);
    std::fflush(stdout);
  }

  template <typename Ours, typename Peer>
  void Compare(const std::string& ours_name, const std::string& peer_name,
               Ours ours, Peer peer) {
    std::vector<double> ratios, ours_rates, peer_rates, tails;
    for (int round = 0; round <= kRounds; ++round) {
      const Load a = ours();
      const Load b = peer();
      failed_ += a.failed + b.failed;
      if (round == 0) continue;  // warm-up
      ratios.push_back(a.per_second / b.per_second);
      tails.push_back(a.p99_ms / b.p99_ms);
      ours_rates.push_back(a.per_second);
      peer_rates.push_back(b.per_second);
    }
    Metric(absl::StrCat("edge_", ours_name, "_over_", peer_name),
           Quantile(ratios, .5));
    Metric(absl::StrCat("edge_", ours_name, "_per_s"),
           Quantile(ours_rates, .5));
    Metric(absl::StrCat("edge_", peer_name, "_per_s"),
           Quantile(peer_rates, .5));
    Metric(absl::StrCat("edge_", ours_name, "_p99_over_", peer_name),
           Quantile(tails, .5));
    if (failed_ > 0) Metric("edge_failed", failed_);
  }

  // An HTTP client that is none of ours, as a cross-check; one subject.
  void CompareWithWrk(const std::string& hello, size_t subject) {
    const std::string& request = http_requests_[subject];
    const size_t path = request.find(' ') + 1;
    const std::string target =
        request.substr(path, request.find(' ', path) - path);
    std::vector<double> ratios;
    for (int round = 0; round < 5; ++round) {
      const double ours = Wrk(options_.http + target);
      const double peer = Wrk(hello + "/");
      if (ours <= 0 || peer <= 0) {
        std::printf("SKIPPED edge_wrk_json_over_hello%s wrk is not there\n",
                    options_.suffix.c_str());
        return;
      }
      ratios.push_back(ours / peer);
    }
    Metric("edge_wrk_json_over_hello", Quantile(ratios, .5));
  }

  // Requests per second; 0 if there is no wrk.
  double Wrk(const std::string& url) const {
    const std::string command = absl::StrCat(
        "wrk -t1 -c", kInFlight, " -d2s -H 'Authorization: Bearer ",
        options_.key, "' 'http://", url, "' 2>/dev/null");
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return 0;
    double rate = 0;
    char line[512];
    while (std::fgets(line, sizeof line, pipe) != nullptr) {
      (void)std::sscanf(line, "Requests/sec: %lf", &rate);
    }
    pclose(pipe);
    return rate;
  }

  bool FindSubjects() {
    auto stub = v1::Profiles::NewStub(gateway_);
    v1::ListProfilesRequest list;
    list.set_page_size(1000);
    while (grpc_requests_.size() < kSubjects) {
      grpc::ClientContext context;
      context.AddMetadata("authorization", "Bearer " + options_.key);
      v1::ListProfilesResponse page;
      const grpc::Status status = stub->ListProfiles(&context, list, &page);
      if (!status.ok()) {
        std::fprintf(stderr, "%s\n", status.error_message().c_str());
        return false;
      }
      for (const auto& profile : page.profiles()) {
        if (profile.kind() != v1::MEMBER_KIND_BUSINESS ||
            grpc_requests_.size() >= kSubjects) {
          continue;
        }
        v1::RecommendRequest request;
        request.set_profile_id(profile.profile_id());
        request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
        grpc_requests_.push_back(request.SerializeAsString());
        http_requests_.push_back(absl::StrCat(
            "GET /v1/profiles/", profile.profile_id(),
            ":recommend?kinds=RECOMMENDATION_KIND_MENTOR HTTP/1.1\r\n"
            "Host: bench\r\nAuthorization: Bearer ",
            options_.key, "\r\n\r\n"));
      }
      if (page.next_page_token().empty()) break;
      list.set_page_token(page.next_page_token());
    }
    return !grpc_requests_.empty();
  }

  std::string CallOnce(const std::string& request) const {
    auto stub = v1::Recommendations::NewStub(gateway_);
    v1::RecommendRequest parsed;
    parsed.ParseFromString(request);
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + options_.key);
    v1::RecommendResponse response;
    const grpc::Status status = stub->Recommend(&context, parsed, &response);
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", status.error_message().c_str());
    }
    return response.SerializeAsString();
  }

  std::string HttpOnce(const std::string& request) const {
    const int fd = Connect(options_.http);
    std::string text;
    char buffer[65536];
    if (WriteAll(fd, request)) {
      ssize_t n = 0;
      while (WholeResponse(text) == 0 &&
             (n = read(fd, buffer, sizeof buffer)) > 0) {
        text.append(buffer, n);
      }
    }
    close(fd);
    return text.substr(std::min(text.size(), text.find("\r\n\r\n") + 4));
  }

  const Options options_;
  const int to_, from_;
  std::shared_ptr<grpc::Channel> gateway_;
  std::vector<std::string> grpc_requests_;
  std::vector<std::string> http_requests_;
  int failed_ = 0;
};

}  // namespace
}  // namespace mitra

int main(int argc, char** argv) {
  mitra::Options options;
  CLI::App app("The edge against servers that do nothing");
  app.add_option("--gateway", options.gateway)->required();
  app.add_option("--http", options.http)->required();
  app.add_option("--key", options.key)->required();
  app.add_option("--calls", options.calls);
  app.add_option("--suffix", options.suffix);
  app.add_option("--only", options.only, "cached or json");
  CLI11_PARSE(app, argc, argv);
  if (options.http.rfind("http://", 0) == 0) options.http.erase(0, 7);
  int to_peers[2], from_peers[2];
  if (pipe(to_peers) != 0 || pipe(from_peers) != 0) return 1;
  // Before any thread exists.
  const pid_t peers = fork();
  if (peers == 0) {
    close(to_peers[1]);
    close(from_peers[0]);
    mitra::ServePeers(to_peers[0], from_peers[1]);
  }
  close(to_peers[0]);
  close(from_peers[1]);
  const int result = mitra::Bench(options, to_peers[1], from_peers[0]).Run();
  close(to_peers[1]);
  rusage used = {};
  wait4(peers, nullptr, 0, &used);
  // Of what the peers cost, for comparison with the services' own figures.
  const double us =
      1e6 * static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
      static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  std::printf("METRIC edge_peers_cpu_ms%s %.4g\n", options.suffix.c_str(),
              us / 1000);
  return result;
}
