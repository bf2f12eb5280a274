// The HTTP server on RESTinio, the only file that sees it.
//
// RESTinio closes a connection without a word when a limit is exceeded, a
// request is malformed or a read times out. Clients are owed an answer, so its
// socket type is replaced by one that says why before it closes; the cause
// comes from RESTinio's log line, which it writes just before.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

// fmt's and asio's headers are noisier than our warnings allow.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#include <asio/ssl.hpp>
#include <restinio/all.hpp>
#pragma GCC diagnostic pop

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "services/gateway/http/http_server.h"
#include "services/gateway/http/tls_context.h"

namespace mitra::gateway {
namespace {

using asio::ip::tcp;

// After an answer to a broken request: how long, and how much, of the rest of
// it is read away. Closing with unread bytes would reset the connection and
// lose the answer.
constexpr std::chrono::seconds kLingerTime{2};
constexpr size_t kLingerBytes = 16 << 20;
constexpr int kMaxLingering = 100;
constexpr std::chrono::milliseconds kTimerPeriod{250};

const char* ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Unknown";
  }
}

absl::Status BadRequest(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason, message);
}

// What an error line of RESTinio means for the client; OK for nothing.
absl::Status CauseOf(absl::string_view line,
                     const HttpServer::Options& options) {
  if (!absl::StrContains(line, "parser error")) return absl::OkStatus();
  if (absl::StrContains(line, "HPE_CB_url")) {
    return BadRequest("URL_TOO_LONG",
                      absl::StrCat("the target is longer than ",
                                   options.max_url_bytes, " bytes"));
  }
  if (absl::StrContains(line, "HPE_CB_header_field") ||
      absl::StrContains(line, "HPE_CB_header_value") ||
      absl::StrContains(line, "HPE_HEADER_OVERFLOW")) {
    return BadRequest("HEADERS_TOO_LARGE",
                      absl::StrCat("more than ", options.max_header_count,
                                   " headers, or one longer than ",
                                   options.max_header_value_bytes, " bytes"));
  }
  if (absl::StrContains(line, "HPE_CB_headers_complete") ||
      absl::StrContains(line, "HPE_CB_body")) {
    return MakeError(absl::StatusCode::kResourceExhausted, "MESSAGE_TOO_LARGE",
                     absl::StrCat("the body is larger than ",
                                  options.max_body_bytes, " bytes"));
  }
  return BadRequest("MALFORMED_REQUEST", "this is not an HTTP/1.1 request");
}

std::string Serialise(const HttpResponse& response) {
  std::string text = absl::StrCat(
      "HTTP/1.1 ", response.status, " ", ReasonPhrase(response.status),
      "\r\nConnection: close\r\nContent-Length: ", response.text().size(),
      "\r\n");
  for (const auto& [key, value] : response.headers) {
    absl::StrAppend(&text, key, ": ", value, "\r\n");
  }
  absl::StrAppend(&text, "\r\n", response.text());
  return text;
}

// What the socket and the logger of one server share. Each server has one
// thread, on which both are used.
struct Refusals {
  const HttpServer::Options* options = nullptr;
  HttpHandler* handler = nullptr;
  // Null for plain HTTP.
  asio::ssl::context* tls = nullptr;
  // Set by the logger, taken by the socket that is closed next.
  absl::Status cause;
  bool broken = false;
  int lingering = 0;
};

thread_local Refusals* this_thread_refusals = nullptr;

class CauseLogger {
 public:
  template <typename Builder>
  void trace(Builder&&) const noexcept {}
  template <typename Builder>
  void info(Builder&&) const noexcept {}
  template <typename Builder>
  void warn(Builder&&) const noexcept {}
  template <typename Builder>
  void error(Builder&& builder) const {
    if (this_thread_refusals == nullptr) return;
    this_thread_refusals->broken = true;
    this_thread_refusals->cause =
        CauseOf(builder(), *this_thread_refusals->options);
  }
};

// Reads the rest of a refused request away, then closes.
class Lingerer : public std::enable_shared_from_this<Lingerer> {
 public:
  explicit Lingerer(tcp::socket socket)
      : socket_(std::move(socket)), timer_(socket_.get_executor()) {
    ++this_thread_refusals->lingering;
  }
  ~Lingerer() {
    if (this_thread_refusals != nullptr) --this_thread_refusals->lingering;
  }

  void Start() {
    timer_.expires_after(kLingerTime);
    timer_.async_wait([self = shared_from_this()](const asio::error_code&) {
      asio::error_code ignored;
      self->socket_.close(ignored);
    });
    Read();
  }

 private:
  void Read() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](
                                const asio::error_code& error, size_t bytes) {
                              self->read_ += bytes;
                              if (error || self->read_ > kLingerBytes) {
                                self->timer_.cancel();
                              } else {
                                self->Read();
                              }
                            });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  std::array<char, 16 << 10> buffer_;
  size_t read_ = 0;
};

// TLS lives in here too: RESTinio's own TLS socket puts no time limit on the
// handshake. Here the handshake is a part of the first read, which has one.
class AnsweringSocket : public tcp::socket {
 public:
  explicit AnsweringSocket(asio::io_context& context) : tcp::socket(context) {}

  // Counts what arrives since the last answer.
  template <typename Buffers, typename Handler>
  void async_read_some(const Buffers& buffers, Handler handler) {
    auto executor = asio::get_associated_executor(handler, get_executor());
    auto count = asio::bind_executor(
        executor, [this, handler = std::move(handler)](
                      const asio::error_code& error, size_t bytes) mutable {
          unanswered_ += bytes;
          handler(error, bytes);
        });
    if (this_thread_refusals == nullptr ||
        this_thread_refusals->tls == nullptr) {
      tcp::socket::async_read_some(buffers, std::move(count));
    } else if (shaken_) {
      tls_->async_read_some(buffers, std::move(count));
    } else {
      Handshake(buffers, std::move(count));
    }
  }

  template <typename Buffers, typename Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    unanswered_ = 0;
    if (tls_) {
      tls_->async_write_some(buffers, std::forward<Handler>(handler));
    } else {
      tcp::socket::async_write_some(buffers, std::forward<Handler>(handler));
    }
  }

  void shutdown(shutdown_type what, asio::error_code& error) {
    answered_ = Answer();
    SayGoodbye();
    tcp::socket::shutdown(answered_ ? shutdown_send : what, error);
  }

  void close() {
    if (std::exchange(answered_, false) &&
        this_thread_refusals->lingering < kMaxLingering) {
      std::make_shared<Lingerer>(std::move(static_cast<tcp::socket&>(*this)))
          ->Start();
      return;
    }
    tcp::socket::close();
  }

 private:
  using Tls = asio::ssl::stream<tcp::socket&>;

  template <typename Buffers, typename Handler>
  void Handshake(const Buffers& buffers, Handler handler) {
    tls_ = std::make_unique<Tls>(static_cast<tcp::socket&>(*this),
                                 *this_thread_refusals->tls);
    auto executor = asio::get_associated_executor(handler);
    tls_->async_handshake(
        asio::ssl::stream_base::server,
        asio::bind_executor(
            executor, [this, buffers, handler = std::move(handler)](
                          const asio::error_code& error) mutable {
              if (error) {
                handler(error, 0);
                return;
              }
              shaken_ = true;
              tls_->async_read_some(buffers, std::move(handler));
            }));
  }

  // TLS's own end, so that the client knows that nothing was cut off. Does not
  // wait for the client's.
  void SayGoodbye() {
    if (!shaken_) return;
    asio::error_code ignored;
    non_blocking(true, ignored);
    tls_->shutdown(ignored);
  }

  // True if the client was told why.
  bool Answer() {
    Refusals* refusals = this_thread_refusals;
    if (refusals == nullptr) return false;
    absl::Status cause = std::exchange(refusals->cause, absl::OkStatus());
    if (!std::exchange(refusals->broken, false) && unanswered_ > 0) {
      // Nothing broke, and a request has begun: it took too long.
      cause = MakeError(absl::StatusCode::kDeadlineExceeded, "REQUEST_TIMEOUT",
                        "the request did not arrive in time");
    }
    if (cause.ok()) return false;
    const std::string text = Serialise(refusals->handler->Refuse(cause));
    if (tls_ && !shaken_) return false;  // no words in common yet
    asio::error_code error;
    non_blocking(true, error);
    // Small, and nothing else is on its way: fits the socket's buffer.
    if (shaken_) {
      tls_->write_some(asio::buffer(text), error);
    } else {
      write_some(asio::buffer(text), error);
    }
    return !error;
  }

  std::unique_ptr<Tls> tls_;
  bool shaken_ = false;
  size_t unanswered_ = 0;
  bool answered_ = false;
};

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
  content.target = header.request_target();
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
      shared_->context.run();
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
