#include "common/observability/admin_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/observability/metrics.h"
#include "common/observability/metrics_exporter.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The whole answer to one request line.
std::string Ask(const std::string& address, const std::string& line) {
  const size_t colon = address.find(':');
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(address.substr(colon + 1), &port));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  const std::string request =
      absl::StrCat(line, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(write(fd, request.data(), request.size()),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  ssize_t n = 0;
  while ((n = read(fd, buffer, sizeof buffer)) > 0) answer.append(buffer, n);
  close(fd);
  return answer;
}

TEST(AdminServerTest, TellsLivenessReadinessVersionAndMetrics) {
  std::atomic<bool> ready{false};
  MITRA_ASSERT_OK_AND_ASSIGN(
      auto server,
      AdminServer::Start({.service = "test", .readiness = [&] {
                            return std::vector<AdminServer::Check>{
                                {"feed", ready.load(), "behind by 3"}};
                          }}));
  Metrics().GetCounter("admin_test_total", "Test.").Increment(5);
  const std::string& at = server->address();

  EXPECT_THAT(Ask(at, "GET /livez"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Ask(at, "GET /readyz"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(Ask(at, "GET /readyz?verbose"),
              HasSubstr("[no] feed: behind by 3"));
  ready = true;
  EXPECT_THAT(Ask(at, "GET /readyz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Ask(at, "GET /version"), HasSubstr("test "));
  EXPECT_THAT(Ask(at, "GET /metrics"), HasSubstr("admin_test_total 5"));
  EXPECT_THAT(Ask(at, "GET /other"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Ask(at, "POST /livez"), StartsWith("HTTP/1.1 405"));
}

TEST(AdminServerTest, RefusesAddressesThatOthersCouldReach) {
  EXPECT_THAT(AdminServer::Start({.listen = "0.0.0.0:0"}),
              NamesField("admin.listen"));
  EXPECT_THAT(AdminServer::Start({.listen = "nonsense"}),
              NamesField("admin.listen"));
}

TEST(MetricsExporterTest, WritesEveryType) {
  MetricRegistry registry;
  registry.GetCounter("c_total", "A counter.", {{"code", "OK"}}).Increment(2);
  registry.GetGauge("g", "A gauge.").Set(1.5);
  registry.GetHistogram("h_seconds", "A histogram.", {}, {1, 2}).Observe(1.5);

  const std::string text = ExportMetrics(registry);

  EXPECT_THAT(text, HasSubstr("# TYPE c_total counter"));
  EXPECT_THAT(text, HasSubstr("c_total{code=\"OK\"} 2"));
  EXPECT_THAT(text, HasSubstr("g 1.5"));
  EXPECT_THAT(text, HasSubstr("h_seconds_bucket{le=\"1\"} 0"));
  EXPECT_THAT(text, HasSubstr("h_seconds_bucket{le=\"2\"} 1"));
  EXPECT_THAT(text, HasSubstr("h_seconds_bucket{le=\"+Inf\"} 1"));
}

TEST(ProcessMetricsTest, TellsWhatTheSystemKnows) {
  const auto server = AdminServer::Start({.service = "x"});
  ASSERT_TRUE(server.ok());
  const std::string text = ExportMetrics(Metrics());
  for (const char* line :
       {"# TYPE process_resident_memory_bytes gauge",
        "# TYPE process_cpu_seconds_total counter", "process_open_fds ",
        "process_start_time_seconds 1", "mitra_build_info{version="}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
  EXPECT_EQ(text.find("process_resident_memory_bytes 0\n"), std::string::npos);
}

}  // namespace
}  // namespace mitra
