// The socket that RESTinio is given, which answers before it closes.
//
// RESTinio closes a connection without a word when a limit is exceeded, a
// request is malformed or a read times out. Clients are owed an answer, so its
// socket type is replaced by one that says why before it closes; the cause
// comes from RESTinio's log line, which it writes just before.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_ANSWERING_SOCKET_H_
#define MITRA_SERVICES_GATEWAY_HTTP_ANSWERING_SOCKET_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "services/gateway/http/asio_headers.h"
#include "services/gateway/http/http_server.h"
#include "services/gateway/http/refusal.h"

namespace mitra::gateway {

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

extern thread_local Refusals* this_thread_refusals;

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

// TLS lives in here too: RESTinio's own TLS socket puts no time limit on the
// handshake. Here the handshake is a part of the first read, which has one.
class AnsweringSocket : public asio::ip::tcp::socket {
 public:
  explicit AnsweringSocket(asio::io_context& context)
      : asio::ip::tcp::socket(context) {}

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
      asio::ip::tcp::socket::async_read_some(buffers, std::move(count));
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
      asio::ip::tcp::socket::async_write_some(buffers,
                                              std::forward<Handler>(handler));
    }
  }

  void shutdown(shutdown_type what, asio::error_code& error);
  void close();

 private:
  using Tls = asio::ssl::stream<asio::ip::tcp::socket&>;

  template <typename Buffers, typename Handler>
  void Handshake(const Buffers& buffers, Handler handler) {
    tls_ = std::make_unique<Tls>(static_cast<asio::ip::tcp::socket&>(*this),
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
  void SayGoodbye();
  // True if the client was told why.
  bool Answer();

  std::unique_ptr<Tls> tls_;
  bool shaken_ = false;
  size_t unanswered_ = 0;
  bool answered_ = false;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_ANSWERING_SOCKET_H_
