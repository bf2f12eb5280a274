#include "common/security/tls_files.h"

#include "absl/time/clock.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace mitra {
namespace {

using mitra::testing::CertificateAuthority;
using mitra::testing::CertifiedKey;

class TlsFilesTest : public ::testing::Test {
 protected:
  TlsFilesTest() {
    testing::WriteFileOrDie(files_.ca_file, ca_.cert());
    Use(ca_.Issue());
  }
  void Use(const CertifiedKey& pair) {
    pair.WriteTo(files_.cert_file, files_.key_file);
  }
  absl::Status Check() const {
    return CheckTlsFiles(files_, "tls", absl::Now());
  }

  const testing::TempDir dir_;
  const CertificateAuthority ca_;
  TlsFiles files_ = {.cert_file = dir_.File("cert.pem"),
                     .key_file = dir_.File("key.pem"),
                     .ca_file = dir_.File("ca.pem")};
};

TEST_F(TlsFilesTest, AGoodPairIsGood) {
  MITRA_EXPECT_OK(Check());
  MITRA_EXPECT_OK(CheckTlsFiles(TlsFiles(), "tls", absl::Now()));
  EXPECT_GT(ExpiryOf(files_.cert_file), absl::Now());
  Use(ca_.Issue({.rsa_bits = 2048}));
  MITRA_EXPECT_OK(Check());
}

TEST_F(TlsFilesTest, NamesTheFileThatIsWrong) {
  Use({ca_.Issue().cert, ca_.Issue().key});
  EXPECT_THAT(Check(), NamesField("tls.key_file")) << "another's key";
  Use({"hello", ca_.Issue().key});
  EXPECT_THAT(Check(), NamesField("tls.cert_file"));
  Use({ca_.Issue().cert, "hello"});
  EXPECT_THAT(Check(), NamesField("tls.key_file"));
  Use(ca_.Issue({.not_after = absl::Now() - absl::Minutes(1)}));
  EXPECT_THAT(Check(), NamesField("tls.cert_file")) << "expired";
  Use(ca_.Issue({.not_before = absl::Now() + absl::Minutes(30)}));
  EXPECT_THAT(Check(), NamesField("tls.cert_file")) << "not yet";
  Use(ca_.Issue({.names = {}}));
  EXPECT_THAT(Check(), NamesField("tls.cert_file")) << "a common name only";
  Use(ca_.Issue({.rsa_bits = 1024}));
  EXPECT_THAT(Check(), NamesField("tls.key_file")) << "weak";
  Use(ca_.Issue());
  testing::WriteFileOrDie(files_.ca_file, "");
  EXPECT_THAT(Check(), NamesField("tls.ca_file"));
  files_.ca_file = dir_.File("absent");
  EXPECT_THAT(Check(), NamesField("tls.ca_file"));
  files_.key_file.clear();
  EXPECT_THAT(Check(), NamesField("tls.key_file")) << "half a pair";
}

}  // namespace
}  // namespace mitra
