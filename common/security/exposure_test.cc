#include "common/security/exposure.h"

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra {
namespace {

TEST(ExposureTest, LoopbackIsWhatItSaysAndNotWhatItBeginsWith) {
  for (const char* here :
       {"127.0.0.1:0", "127.8.8.8:80", "[::1]:80", "localhost:80", "unix:/x"}) {
    EXPECT_TRUE(IsLoopback(here)) << here;
  }
  for (const char* elsewhere :
       {"127.0.0.1.example.com:80", "0.0.0.0:80", "[::]:80", "10.0.0.1:80",
        "localhost.example.com:80", "127.1:80", "dns:///localhost", "",
        ":80"}) {
    EXPECT_FALSE(IsLoopback(elsewhere)) << elsewhere;
  }
}

TEST(ExposureTest, NothingIsOpenUnlessSaidInFull) {
  const std::vector<std::string> here = {"127.0.0.1:0", "unix:/x"};
  const std::vector<std::string> all = {"127.0.0.1:0", "0.0.0.0:80"};
  for (int bits = 0; bits < 16; ++bits) {
    const Exposure e = {.identity = (bits & 1) != 0,
                        .tls = (bits & 2) != 0,
                        .insecure_identity = (bits & 4) != 0,
                        .insecure_plaintext = (bits & 8) != 0};
    SCOPED_TRACE(bits);
    EXPECT_EQ(CheckExposure(here, e).ok(), e.identity || e.insecure_identity);
    EXPECT_EQ(CheckExposure(all, e).ok(),
              e.identity && (e.tls || e.insecure_plaintext));
  }
  const absl::Status open = CheckExposure(all, {.identity = true});
  EXPECT_THAT(open, HasReason("NO_TLS"));
  EXPECT_THAT(std::string(open.message()),
              ::testing::HasSubstr("--listen.insecure_plaintext=true"));
}

TEST(ExposureTest, ServicesWantCertificatesOnBothEnds) {
  MITRA_EXPECT_OK(
      CheckServiceExposure({"unix:/x", "127.0.0.1:0"}, false, false));
  EXPECT_THAT(CheckServiceExposure({"unix:/x", "10.0.0.1:0"}, false, false),
              HasReason("NO_TLS"));
  MITRA_EXPECT_OK(CheckServiceExposure({"10.0.0.1:0"}, true, false));
  MITRA_EXPECT_OK(CheckServiceExposure({"10.0.0.1:0"}, false, true));
}

}  // namespace
}  // namespace mitra
