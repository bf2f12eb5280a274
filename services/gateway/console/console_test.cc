#include "services/gateway/console/console.h"

#include <sys/stat.h>

#include <cstdlib>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace mitra::gateway {
namespace {

class ConsoleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(mkdir(dir_.File("www").c_str(), 0700), 0);
    ASSERT_EQ(mkdir(dir_.File("www/js").c_str(), 0700), 0);
    testing::WriteFileOrDie(dir_.File("www/index.html"), "<title>x</title>");
    testing::WriteFileOrDie(dir_.File("www/js/main.js"), "export {};");
    testing::WriteFileOrDie(dir_.File("www/console.cc"), "int x;");
    testing::WriteFileOrDie(dir_.File("www/.secret.js"), "no");
    testing::WriteFileOrDie(dir_.File("keys.json"), "secret");
    testing::WriteFileOrDie(dir_.File("d3.min.js"), "d3");
    MITRA_ASSERT_OK(
        AddConsole(dir_.File("www"), dir_.File("d3.min.js"), documents_));
  }

  // The answer to GET of `path`, status 0 if nothing is there.
  HttpResponse Get(const std::string& path, const HttpHeaders& headers = {}) {
    HttpRequest request;
    request.verb = "GET";
    request.headers.assign(headers.begin(), headers.end());
    HttpResponse response;
    if (!documents_.Answer(request, path, response)) response.status = 0;
    return response;
  }

  static std::string Header(const HttpResponse& response,
                            absl::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }

  testing::TempDir dir_;
  Documents documents_;
};

TEST_F(ConsoleTest, ServesItsFilesWithTheirTypes) {
  EXPECT_EQ(Header(Get("/console/"), "Content-Type"),
            "text/html; charset=utf-8");
  EXPECT_EQ(Get("/console/index.html").body, "<title>x</title>");
  EXPECT_EQ(Header(Get("/console/js/main.js"), "Content-Type"),
            "text/javascript; charset=utf-8");
  EXPECT_EQ(Get("/console/vendor/d3.min.js").body, "d3");
  EXPECT_EQ(Header(Get("/console/data/names.json"), "Content-Type"),
            "application/json");
}

TEST_F(ConsoleTest, ServesNothingElse) {
  for (const char* path :
       {"/console/console.cc", "/console/.secret.js", "/console/../keys.json",
        "/console/js/../index.html", "/console/%2e%2e/keys.json",
        "/console//index.html", "/console/js/", "/console/js"}) {
    EXPECT_EQ(Get(path).status, 0) << path;
  }
  // A file that came after the start is not there either.
  testing::WriteFileOrDie(dir_.File("www/late.js"), "late");
  EXPECT_EQ(Get("/console/late.js").status, 0);
}

TEST_F(ConsoleTest, TheFolderWithoutItsSlashIsSentOn) {
  const HttpResponse response = Get("/console");
  EXPECT_EQ(response.status, 308);
  EXPECT_EQ(Header(response, "Location"), "/console/");
}

TEST_F(ConsoleTest, ABrowserThatHasTheFileGetsNoBody) {
  const std::string etag = Header(Get("/console/js/main.js"), "ETag");
  EXPECT_NE(etag, "");
  const HttpResponse again =
      Get("/console/js/main.js", {{"If-None-Match", etag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
}

TEST_F(ConsoleTest, ThePolicyLetsNothingInFromOutside) {
  const HttpResponse response = Get("/console/");
  EXPECT_THAT(Header(response, "Content-Security-Policy"),
              ::testing::StartsWith("default-src 'self'; "));
  EXPECT_EQ(Header(response, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(Header(response, "Referrer-Policy"), "no-referrer");
}

TEST(ConsoleFolderTest, AMissingFolderOrLibraryIsAnError) {
  testing::TempDir dir;
  Documents documents;
  EXPECT_FALSE(AddConsole(dir.File("none"), "", documents).ok());
  EXPECT_FALSE(AddConsole(dir.path(), dir.File("d3"), documents).ok());
}

}  // namespace
}  // namespace mitra::gateway
