#include "common/observability/admin_server.h"

#include <restinio/all.hpp>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/version.h"
#include "common/observability/metrics_exporter.h"
#include "common/observability/process_metrics.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra {
namespace {

struct Traits : restinio::default_single_thread_traits_t {
  // The name is RESTinio's.
  static constexpr bool use_connection_count_limiter = true;  // NOLINT
};

struct Address {
  std::string host;
  uint16_t port = 0;
};

absl::StatusOr<Address> ParseAddress(const AdminServer::Options& options) {
  const std::vector<std::string> parts = absl::StrSplit(options.listen, ':');
  uint32_t port = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &port) || port > 65535) {
    return InvalidField("admin.listen", "must be host:port");
  }
  std::error_code error;
  const auto ip = restinio::asio_ns::ip::make_address(parts[0], error);
  if (error) return InvalidField("admin.listen", "must begin with an address");
  if (!ip.is_loopback() && !options.allow_remote) {
    return InvalidField("admin.listen", "must be a loopback address");
  }
  return Address{parts[0], static_cast<uint16_t>(port)};
}

auto Answer(const restinio::request_handle_t& request,
            restinio::http_status_line_t status, std::string body,
            const char* type = "text/plain; charset=utf-8") {
  return request->create_response(std::move(status))
      .append_header(restinio::http_field::content_type, type)
      .append_header(restinio::http_field::cache_control, "no-store")
      .set_body(std::move(body))
      .done();
}

restinio::request_handling_status_t Handle(
    const AdminServer::Options& options,
    const restinio::request_handle_t& request) {
  if (request->header().method() != restinio::http_method_get()) {
    return request->create_response(restinio::status_method_not_allowed())
        .append_header(restinio::http_field::allow, "GET")
        .done();
  }
  const std::string path(request->header().path());
  if (path == "/livez") return Answer(request, restinio::status_ok(), "ok\n");
  if (path == "/version") {
    return Answer(request, restinio::status_ok(),
                  absl::StrCat(options.service, " ", kVersion, "\n"));
  }
  if (path == "/metrics") {
    return Answer(request, restinio::status_ok(), ExportMetrics(Metrics()),
                  "text/plain; version=0.0.4; charset=utf-8");
  }
  if (path == "/readyz") {
    bool ready = true;
    std::string text;
    if (options.readiness) {
      for (const AdminServer::Check& check : options.readiness()) {
        ready = ready && check.ok;
        absl::StrAppend(&text, check.ok ? "[ok] " : "[no] ", check.name,
                        check.detail.empty() ? "" : ": ", check.detail, "\n");
      }
    }
    const bool verbose = request->header().query() == "verbose";
    return Answer(
        request,
        ready ? restinio::status_ok() : restinio::status_service_unavailable(),
        verbose ? text : std::string(ready ? "ok\n" : "not ready\n"));
  }
  return Answer(request, restinio::status_not_found(), "not found\n");
}

}  // namespace

struct AdminServer::Impl {
  using HttpServer = restinio::http_server_t<Traits>;

  Options options;
  restinio::asio_ns::io_context io;
  std::unique_ptr<HttpServer> server;
  std::thread thread;
  std::string address;
};

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

AdminServer::~AdminServer() {
  restinio::asio_ns::post(impl_->io, [impl = impl_.get()] {
    impl->server->close_sync();
    impl->io.stop();
  });
  impl_->thread.join();
}

const std::string& AdminServer::address() const { return impl_->address; }

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(
    Options options) {
  MITRA_ASSIGN_OR_RETURN(const Address address, ParseAddress(options));
  ExportProcessMetrics();
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  Impl* raw = impl.get();
  uint16_t port = 0;
  restinio::server_settings_t<Traits> settings;
  settings.address(address.host)
      .port(address.port)
      .read_next_http_message_timelimit(std::chrono::seconds(30))
      .handle_request_timeout(std::chrono::seconds(10))
      .write_http_response_timelimit(std::chrono::seconds(10))
      .max_pipelined_requests(1)
      .max_parallel_connections(64)
      .incoming_http_msg_limits(restinio::incoming_http_msg_limits_t()
                                    .max_url_size(1024)
                                    .max_field_name_size(256)
                                    .max_field_value_size(4096)
                                    .max_field_count(64)
                                    .max_body_size(1024))
      .acceptor_post_bind_hook(
          [&port](restinio::asio_ns::ip::tcp::acceptor& acceptor) {
            port = acceptor.local_endpoint().port();
          })
      .request_handler([raw](const restinio::request_handle_t& request) {
        return Handle(raw->options, request);
      });
  impl->server = std::make_unique<Impl::HttpServer>(
      restinio::external_io_context(impl->io), std::move(settings));
  try {
    impl->server->open_sync();
  } catch (const std::exception&) {
    return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                     absl::StrCat("cannot listen on ", impl->options.listen));
  }
  impl->address = absl::StrCat(address.host, ":", port);
  impl->thread = std::thread([raw] { raw->io.run(); });
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

}  // namespace mitra
