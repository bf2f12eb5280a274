// The HTTP server on RESTinio, the only file that sees it.

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <mutex>
#include <thread>
#include <vector>

// RESTinio's and fmt's headers are noisier than our warnings allow.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#include <restinio/all.hpp>
#pragma GCC diagnostic pop

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/turn.h"
#include "common/status/errors.h"
#include "services/gateway/http/answering_socket.h"
#include "services/gateway/http/asio_headers.h"
#include "services/gateway/http/http_server.h"
#include "services/gateway/http/tls_context.h"

namespace mitra::gateway {
namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds kTimerPeriod{250};

struct Traits : restinio::single_thread_traits_t<restinio::asio_timer_manager_t,
                                                 CauseLogger> {
  using stream_socket_t = AnsweringSocket;
  static constexpr bool use_connection_count_limiter = true;
};

absl::StatusOr<tcp::endpoint> ParseEndpoint(const std::string& listen) {
  const auto bad = [&] {
    return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                     absl::StrCat("cannot listen on ", listen,
                                  "; the form is 127.0.0.1:8080"));
  };
  const size_t colon = listen.rfind(':');
  int port = 0;
  if (colon == std::string::npos ||
      !absl::SimpleAtoi(listen.substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return bad();
  }
  std::string host = listen.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  asio::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error) return bad();
  return tcp::endpoint(address, static_cast<unsigned short>(port));
}

std::chrono::steady_clock::duration Steady(absl::Duration duration) {
  return absl::ToChronoNanoseconds(duration);
}

// What requests need while they are open; outlives the server if they do.
struct Shared {
  explicit Shared(HttpHandler& to) : handler(to) {}

  void Enter() {
    std::lock_guard lock(mutex);
    ++open;
  }
  void Leave() {
    std::lock_guard lock(mutex);
    if (--open == 0) idle.notify_all();
  }

  asio::io_context context{1};
  HttpHandler& handler;
  std::atomic<bool> draining{false};
  std::mutex mutex;
  std::condition_variable idle;
  int open = 0;
  // Coroutines that go on on the server's thread.
  std::vector<std::coroutine_handle<>> returning;
};

// Resumes on the server's thread. What is answered in one turn of another
// thread comes back together: each answer by itself would wake this thread, and
// wake-ups cost more than the rest of the way.
class Return {
 public:
  explicit Return(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)) {}

  bool await_ready() const noexcept {
    return shared_->context.get_executor().running_in_this_thread();
  }
  void await_suspend(std::coroutine_handle<> caller) {
    // The coroutine, and this with it, may be gone once the lock is released.
    const std::shared_ptr<Shared> shared = shared_;
    {
      std::lock_guard lock(shared->mutex);
      shared->returning.push_back(caller);
      if (shared->returning.size() > 1) return;  // somebody posts already
    }
    const auto post = [shared] {
      asio::post(shared->context, [shared] { ResumeAll(*shared); });
    };
    if (!rpc::AtEndOfTurn(post)) post();
  }
  void await_resume() const noexcept {}

 private:
  static void ResumeAll(Shared& shared) {
    std::vector<std::coroutine_handle<>> all;
    {
      std::lock_guard lock(shared.mutex);
      all.swap(shared.returning);
    }
    for (const std::coroutine_handle<> one : all) one.resume();
  }

  const std::shared_ptr<Shared> shared_;
};

// Leaves when nobody holds it any more: the answer is written, or never will.
class OpenRequest {
 public:
  explicit OpenRequest(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)) {
    shared_->Enter();
  }
  ~OpenRequest() { shared_->Leave(); }
  OpenRequest(const OpenRequest&) = delete;
  OpenRequest& operator=(const OpenRequest&) = delete;

 private:
  const std::shared_ptr<Shared> shared_;
};

restinio::http_status_line_t StatusLine(int status) {
  return {restinio::http_status_code_t(static_cast<uint16_t>(status)),
          ReasonPhrase(status)};
}

void Send(const restinio::request_handle_t& request, HttpResponse response,
          bool close, std::shared_ptr<OpenRequest> open) {
  auto builder = request->create_response(StatusLine(response.status));
  for (auto& [key, value] : response.headers) {
    builder.append_header(std::move(key), std::move(value));
  }
  if (close) builder.connection_close();
  if (response.shared != nullptr) {
    builder.set_body(std::move(response.shared));
  } else {
    builder.set_body(std::move(response.body));
  }
  builder.done([open = std::move(open)](const asio::error_code&) {});
}

// The answer to HEAD: the headers of GET, and nothing after them.
void SendHead(const restinio::request_handle_t& request, HttpResponse response,
              bool close, std::shared_ptr<OpenRequest> open) {
  auto builder = request->create_response<restinio::user_controlled_output_t>(
      StatusLine(response.status));
  for (auto& [key, value] : response.headers) {
    builder.append_header(std::move(key), std::move(value));
  }
  builder.set_content_length(*response.content_length);
  if (close) builder.connection_close();
  builder.done([open = std::move(open)](const asio::error_code&) {});
}

// A body in pieces, each asked for when the one before is on its way.
rpc::Task<> SendStream(restinio::request_handle_t request,
                       HttpResponse response, bool close,
                       std::shared_ptr<OpenRequest> open) {
  auto builder = request->create_response<restinio::chunked_output_t>(
      StatusLine(response.status));
  for (auto& [key, value] : response.headers) {
    builder.append_header(std::move(key), std::move(value));
  }
  if (close) builder.connection_close();
  for (;;) {
    std::optional<std::string> piece = co_await response.stream->Next();
    if (!piece) break;
    builder.append_chunk(std::move(*piece));
    const auto flush = [&builder](std::function<void(bool)> written) {
      builder.flush([written = std::move(written)](
                        const asio::error_code& error) { written(!error); });
    };
    const bool written = co_await rpc::Callback<bool>(flush);
    if (!written) {
      response.stream->Abandon();
      break;
    }
  }
  builder.done([open = std::move(open)](const asio::error_code&) {});
}

rpc::Task<> Answer(std::shared_ptr<Shared> shared,
                   restinio::request_handle_t request, HttpRequest content,
                   std::shared_ptr<OpenRequest> open) {
  rpc::Task<HttpResponse> pending = shared->handler.Handle(std::move(content));
  HttpResponse response = co_await std::move(pending);
  co_await Return(shared);
  const bool close = shared->draining.load();
  try {
    if (response.stream != nullptr) {
      co_await SendStream(std::move(request), std::move(response), close,
                          std::move(open));
    } else if (response.content_length) {
      SendHead(request, std::move(response), close, std::move(open));
    } else {
      Send(request, std::move(response), close, std::move(open));
    }
  } catch (const std::exception&) {
    // The connection is gone.
  }
}

restinio::request_handling_status_t OnRequest(
    const std::shared_ptr<Shared>& shared, restinio::request_handle_t request) {
  auto open = std::make_shared<OpenRequest>(shared);
  const auto& header = request->header();
  // Nothing is spoken here that a connection could be upgraded to.
  const bool upgrade =
      header.connection() == restinio::http_connection_header_t::upgrade;
  if (shared->draining.load() || upgrade) {
    const absl::Status error =
        upgrade
            ? BadRequest("MALFORMED_REQUEST", "connections cannot be upgraded")
            : WithRetryDelay(MakeError(absl::StatusCode::kUnavailable,
                                       "DRAINING", "the gateway is going away"),
                             absl::Seconds(1));
    Send(request, shared->handler.Refuse(error), /*close=*/true,
         std::move(open));
    return restinio::request_accepted();
  }
  HttpRequest content;
  content.verb = header.method().c_str();
  content.owner = request;
  content.target = header.request_target();
  content.headers.reserve(header.fields_count());
  header.for_each_field([&](const auto& field) {
    content.headers.emplace_back(field.name(), field.value());
  });
  content.body = request->body();
  rpc::Spawn(
      Answer(shared, std::move(request), std::move(content), std::move(open)));
  return restinio::request_accepted();
}

class RestinioServer final : public HttpServer {
 public:
  RestinioServer(const Options& options, const tcp::endpoint& endpoint,
                 HttpHandler& handler)
      : options_(options), shared_(std::make_shared<Shared>(handler)) {
    refusals_.options = &options_;
    refusals_.handler = &handler;
    if (options_.tls != nullptr) {
      tls_.emplace(options_.tls->NewReference());
      refusals_.tls = &*tls_;
    }
    server_ = std::make_unique<restinio::http_server_t<Traits>>(
        restinio::external_io_context(shared_->context),
        [&](auto& settings) { Configure(endpoint, settings); });
    server_->open_sync();
    thread_ = std::thread([this] {
      this_thread_refusals = &refusals_;
      // What the requests of one turn ask of a service leaves together.
      rpc::TakeTurns([shared = shared_.get()] {
        asio::post(shared->context, [] { rpc::EndTurn(); });
      });
      shared_->context.run();
      rpc::LeaveTurns();
    });
  }

  ~RestinioServer() override { Drain(absl::ZeroDuration()); }

  const std::string& address() const override { return address_; }

  void Drain(absl::Duration grace) override {
    if (!thread_.joinable()) return;
    shared_->draining.store(true);
    asio::post(shared_->context, [this] { server_->close_sync(); });
    {
      std::unique_lock lock(shared_->mutex);
      const auto idle = [this] { return shared_->open == 0; };
      if (!shared_->idle.wait_for(lock, absl::ToChronoNanoseconds(grace),
                                  idle)) {
        lock.unlock();
        shared_->handler.CancelAll();
        lock.lock();
        // Writing may still take its time-out; then the connection is closed.
        shared_->idle.wait_for(
            lock, absl::ToChronoNanoseconds(options_.write_timeout), idle);
      }
    }
    work_.reset();
    asio::post(shared_->context, [this] { shared_->context.stop(); });
    thread_.join();
  }

 private:
  template <typename Settings>
  void Configure(const tcp::endpoint& endpoint, Settings& settings) {
    settings.address(endpoint.address())
        .port(endpoint.port())
        .protocol(endpoint.protocol())
        .acceptor_post_bind_hook([this](tcp::acceptor& acceptor) {
          std::ostringstream text;
          text << acceptor.local_endpoint();
          address_ = text.str();
        })
        .socket_options_setter(
            [](auto& options) { options.set_option(tcp::no_delay(true)); })
        .timer_manager(kTimerPeriod)
        .read_next_http_message_timelimit(Steady(options_.read_timeout))
        .handle_request_timeout(Steady(options_.handle_timeout))
        .write_http_response_timelimit(Steady(options_.write_timeout))
        .max_pipelined_requests(1)
        .max_parallel_connections(options_.max_connections)
        .incoming_http_msg_limits(
            restinio::incoming_http_msg_limits_t()
                .max_url_size(options_.max_url_bytes)
                .max_field_count(options_.max_header_count)
                .max_field_name_size(options_.max_header_name_bytes)
                .max_field_value_size(options_.max_header_value_bytes)
                .max_body_size(options_.max_body_bytes))
        .request_handler([shared = shared_](auto request) {
          return OnRequest(shared, std::move(request));
        });
  }

  const Options options_;
  std::optional<asio::ssl::context> tls_;
  Refusals refusals_;
  std::string address_;
  const std::shared_ptr<Shared> shared_;
  std::unique_ptr<restinio::http_server_t<Traits>> server_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>>
      work_ = asio::make_work_guard(shared_->context);
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const Options& options, HttpHandler& handler) {
  absl::StatusOr<tcp::endpoint> endpoint = ParseEndpoint(options.listen);
  if (!endpoint.ok()) return endpoint.status();
  try {
    return std::make_unique<RestinioServer>(options, *endpoint, handler);
  } catch (const std::exception&) {
    return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                     absl::StrCat("cannot listen on ", options.listen));
  }
}

}  // namespace mitra::gateway
