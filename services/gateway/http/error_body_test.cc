#include "services/gateway/http/error_body.h"

#include "common/status/errors.h"
#include "gtest/gtest.h"

namespace mitra::gateway {
namespace {

TEST(ErrorBodyTest, HasOneShape) {
  const absl::Status status =
      MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                "profile_id: no such \"profile\"", {{"id", "m1"}});

  EXPECT_EQ(
      ErrorBody(status, "req-1"),
      R"({"error":{"code":404,"message":"profile_id: no such \"profile\"",)"
      R"("status":"NOT_FOUND","details":[)"
      R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo",)"
      R"("reason":"PROFILE_NOT_FOUND","domain":"mitra","metadata":{"id":"m1"}},)"
      R"({"@type":"type.googleapis.com/google.rpc.RequestInfo",)"
      R"("requestId":"req-1"}]}})");
}

TEST(ErrorBodyTest, GivesEveryErrorAReason) {
  EXPECT_NE(ErrorBody(absl::UnavailableError("x"), "r").find("ErrorInfo"),
            std::string::npos);
}

TEST(HttpStatusTest, FollowsTheCode) {
  using Code = absl::StatusCode;
  const std::pair<Code, int> table[] = {
      {Code::kOk, 200},
      {Code::kCancelled, 499},
      {Code::kUnknown, 500},
      {Code::kInvalidArgument, 400},
      {Code::kDeadlineExceeded, 504},
      {Code::kNotFound, 404},
      {Code::kAlreadyExists, 409},
      {Code::kPermissionDenied, 403},
      {Code::kResourceExhausted, 429},
      {Code::kFailedPrecondition, 400},
      {Code::kAborted, 409},
      {Code::kOutOfRange, 400},
      {Code::kUnimplemented, 501},
      {Code::kInternal, 500},
      {Code::kUnavailable, 503},
      {Code::kDataLoss, 500},
      {Code::kUnauthenticated, 401},
  };
  for (const auto& [code, http_status] : table) {
    EXPECT_EQ(HttpStatusOf(absl::Status(code, "x")), http_status)
        << absl::StatusCodeToString(code);
  }
}

TEST(HttpStatusTest, FollowsTheReasonWhereHttpHasAStatusOfItsOwn) {
  EXPECT_EQ(HttpStatusOf(MakeError(absl::StatusCode::kResourceExhausted,
                                   "MESSAGE_TOO_LARGE", "x")),
            413);
  EXPECT_EQ(HttpStatusOf(MakeError(absl::StatusCode::kUnimplemented,
                                   "METHOD_NOT_ALLOWED", "x")),
            405);
}

TEST(RetryAfterTest, RoundsUpToSeconds) {
  const absl::Status busy = absl::ResourceExhaustedError("x");

  EXPECT_EQ(RetryAfterOf(busy), "");
  EXPECT_EQ(RetryAfterOf(WithRetryDelay(busy, absl::Milliseconds(20))), "1");
  EXPECT_EQ(RetryAfterOf(WithRetryDelay(busy, absl::Milliseconds(1001))), "2");
}

}  // namespace
}  // namespace mitra::gateway
