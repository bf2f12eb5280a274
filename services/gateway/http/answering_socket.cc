#include "services/gateway/http/answering_socket.h"

#include <array>
#include <chrono>
#include <string>

#include "common/status/errors.h"
#include "services/gateway/http/asio_headers.h"

namespace mitra::gateway {
namespace {

using asio::ip::tcp;

// After an answer to a broken request: how long, and how much, of the rest of
// it is read away. Closing with unread bytes would reset the connection and
// lose the answer.
constexpr std::chrono::seconds kLingerTime{2};
constexpr size_t kLingerBytes = 16 << 20;
constexpr int kMaxLingering = 100;

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

}  // namespace

thread_local Refusals* this_thread_refusals = nullptr;

void AnsweringSocket::shutdown(shutdown_type what, asio::error_code& error) {
  answered_ = Answer();
  SayGoodbye();
  tcp::socket::shutdown(answered_ ? shutdown_send : what, error);
}

void AnsweringSocket::close() {
  if (std::exchange(answered_, false) &&
      this_thread_refusals->lingering < kMaxLingering) {
    std::make_shared<Lingerer>(std::move(static_cast<tcp::socket&>(*this)))
        ->Start();
    return;
  }
  tcp::socket::close();
}

void AnsweringSocket::SayGoodbye() {
  if (!shaken_) return;
  asio::error_code ignored;
  non_blocking(true, ignored);
  tls_->shutdown(ignored);
}

bool AnsweringSocket::Answer() {
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

}  // namespace mitra::gateway
