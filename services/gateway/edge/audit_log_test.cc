#include "services/gateway/edge/audit_log.h"

#include <sys/stat.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/observability/metrics.h"
#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mitra::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AuditLogTest : public ::testing::Test {
 protected:
  void Note(AuditLog& log, const std::string& resource) {
    CallRecord record;
    record.transport = "http";
    record.method = "/mitra.v1.Profiles/DeleteProfile";
    record.audited = true;
    record.identity = &identity_;
    record.resource = resource;
    record.request_id = "r-1";
    record.status = MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                              "no such RAHASIA");
    log.OnCall(record);
  }

  testing::TempDir dir_;
  const std::string path_ = dir_.File("audit.jsonl");
  rpc::Identity identity_ = {.credential = "key:a"};
};

TEST_F(AuditLogTest, ALineSaysWhoDidWhatAndHowItEnded) {
  MITRA_ASSERT_OK_AND_ASSIGN(const auto log, AuditLog::Open(path_));
  Note(*log, "sari");
  const std::string text = testing::ReadFileOrEmpty(path_);
  EXPECT_THAT(text, HasSubstr(R"("method":"/mitra.v1.Profiles/DeleteProfile")"
                              R"(,"credential":"key:a","resource":"sari",)"
                              R"("code":"NOT_FOUND",)"
                              R"("reason":"PROFILE_NOT_FOUND",)"
                              R"("request_id":"r-1"})"));
  EXPECT_THAT(text, Not(HasSubstr("RAHASIA"))) << "no messages";
  struct stat info = {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(AuditLogTest, ADecisionIsNamed) {
  MITRA_ASSERT_OK_AND_ASSIGN(const auto log, AuditLog::Open(path_));
  CallRecord record;
  record.transport = "grpc";
  record.method = "/mitra.v1.EvidenceRecords/ContestEvidence";
  record.audited = true;
  record.identity = &identity_;
  record.resource = "report-1";
  rpc::CallContext call;
  call.SetTrailer(kAuditKey, "dismissed");
  record.detail = AuditDetail(call);
  log->OnCall(record);
  EXPECT_THAT(testing::ReadFileOrEmpty(path_),
              HasSubstr(R"("resource":"report-1","detail":"dismissed",)"));
}

TEST_F(AuditLogTest, WhatIsThereStays) {
  testing::WriteFileOrDie(path_, "before\n");
  MITRA_ASSERT_OK_AND_ASSIGN(const auto log, AuditLog::Open(path_));
  Note(*log, "sari");
  EXPECT_THAT(testing::ReadFileOrEmpty(path_),
              ::testing::StartsWith("before\n{"));
}

TEST_F(AuditLogTest, AFileThatIsMovedAwayIsMadeAnew) {
  MITRA_ASSERT_OK_AND_ASSIGN(const auto log, AuditLog::Open(path_));
  Note(*log, "first");
  std::rename(path_.c_str(), dir_.File("old").c_str());
  EXPECT_TRUE(testing::Eventually([&] {
    Note(*log, "later");
    return !testing::ReadFileOrEmpty(path_).empty();
  }));
  EXPECT_THAT(testing::ReadFileOrEmpty(dir_.File("old")), HasSubstr("first"));
}

TEST_F(AuditLogTest, AFileThatCannotBeMadeIsAnError) {
  EXPECT_THAT(AuditLog::Open(dir_.File("no/such/folder")).status(),
              HasReason("AUDIT_UNWRITABLE"));
}

TEST_F(AuditLogTest, LostLinesAreCounted) {
  Counter& lost = Metrics().GetCounter("mitra_gateway_audit_lost_total", "");
  const uint64_t before = lost.value();
  MITRA_ASSERT_OK_AND_ASSIGN(const auto log, AuditLog::Open("/dev/full"));
  Note(*log, "sari");
  EXPECT_EQ(lost.value(), before + 1);
}

}  // namespace
}  // namespace mitra::gateway
