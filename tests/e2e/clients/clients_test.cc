// Clients that are not ours: Python's gRPC, curl, JavaScript over HTTP and over
// @grpc/grpc-js, all against one real cluster. Each is SKIPPED where its tool
// is absent.

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "tests/e2e/foreign.h"
#include "tests/support/process.h"

namespace mitra {
namespace {

using testing::BuildFile;
using testing::SourceFile;
using testing::Works;

class ClientsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = testing::StartSampleCluster(400, 3000);
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = cluster->release();
  }
  static void TearDownTestSuite() {
    delete cluster_;
    cluster_ = nullptr;
  }

  // Runs a test program of tests/e2e/clients to its end.
  static void Run(const std::vector<std::string>& argv,
                  const std::map<std::string, std::string>& more = {}) {
    ASSERT_NE(cluster_, nullptr);
    auto environment = testing::EnvironmentOf(*cluster_);
    environment.insert(more.begin(), more.end());
    const auto result =
        testing::RunCommand(argv, absl::Seconds(180), environment);
    MITRA_ASSERT_OK(result.status());
    EXPECT_EQ(result->exit_code, 0) << result->output;
  }

  static std::string Test(const std::string& file) {
    return SourceFile(absl::StrCat("tests/e2e/clients/", file));
  }

  static testing::Cluster* cluster_;
};

testing::Cluster* ClientsTest::cluster_ = nullptr;

TEST_F(ClientsTest, Python) {
  if (!Works({"/usr/bin/python3", "-c", "import grpc, google.protobuf"}) ||
      !Works({"which", "grpc_python_plugin"})) {
    GTEST_SKIP() << "SKIPPED: python3-grpcio or the plugin is absent";
  }
  const std::string package = SourceFile("services/gateway/clients/python");
  const std::string generated = BuildFile("python-client");
  ASSERT_TRUE(Works({absl::StrCat(package, "/generate.sh"), generated}));
  Run({"/usr/bin/python3", Test("python_client_test.py")},
      {{"PYTHONPATH", absl::StrCat(generated, ":", package)},
       {"PYTHONDONTWRITEBYTECODE", "1"}});
}

TEST_F(ClientsTest, TheCurlCookbook) {
  if (!Works({"curl", "--version"}) || !Works({"/usr/bin/python3", "-V"})) {
    GTEST_SKIP() << "SKIPPED: curl or python3 is absent";
  }
  Run({"/usr/bin/python3", Test("curl_cookbook_test.py"),
       SourceFile("services/gateway/clients/curl.md")});
}

TEST_F(ClientsTest, EveryExampleOfTheApisDescriptionWorks) {
  if (!Works({"/usr/bin/python3", "-V"})) {
    GTEST_SKIP() << "SKIPPED: python3 is absent";
  }
  Run({"/usr/bin/python3", Test("openapi_examples_test.py")});
}

TEST_F(ClientsTest, JavaScriptOverHttp) {
  if (!Works({"node", "-e", "fetch"})) {
    GTEST_SKIP() << "SKIPPED: Node.js 18 or later is absent";
  }
  Run({"node", "--test", Test("http_js_test.mjs")},
      {{"MITRA_JS",
        SourceFile("services/gateway/clients/javascript/mitra.mjs")}});
}

TEST_F(ClientsTest, GrpcJs) {
  const std::string folder = BuildFile("grpc-js");
  if (!Works({"node", "--version"}) ||
      !Works({"npm", "install", "--prefix", folder, "--ignore-scripts",
              "--no-audit", "--no-fund", "--silent", "@grpc/grpc-js@1",
              "@grpc/proto-loader@0.7"})) {
    GTEST_SKIP() << "SKIPPED: npm is absent or does not reach its registry";
  }
  Run({"sh", "-c", "cd \"$0\" && exec node --test \"$1\"", folder,
       Test("grpc_js_test.cjs")},
      {{"MITRA_PROTO", SourceFile("proto")}});
}

}  // namespace
}  // namespace mitra
