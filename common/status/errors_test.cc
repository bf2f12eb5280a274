#include "common/status/errors.h"

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(ErrorsTest, InvalidFieldNamesTheFieldForPeopleAndPrograms) {
  const absl::Status status = InvalidField("page_size", "must be >= 0, is -3");

  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               "page_size: must be >= 0, is -3"));
  EXPECT_THAT(status, HasReason("INVALID_FIELD"));
  EXPECT_THAT(status, NamesField("page_size"));
}

TEST(ErrorsTest, ManyViolationsAreCountedButOnlyTwentyAreKept) {
  FieldViolations violations;
  for (int i = 0; i < 10'000; ++i) violations.Add("rows", "bad");

  const absl::Status status = violations.ToStatus();

  EXPECT_THAT(ViolatedFields(status), SizeIs(20));
  EXPECT_THAT(status.message(), ::testing::HasSubstr("9999 more"));
}

TEST(ErrorsTest, SurvivesTheWire) {
  const absl::Status status = WithRetryDelay(
      MakeError(absl::StatusCode::kUnavailable, "DRAINING", "going away"),
      absl::Milliseconds(1500));

  const absl::Status back = FromRpcStatus(ToRpcStatus(status));

  EXPECT_THAT(back, StatusIs(absl::StatusCode::kUnavailable, "going away"));
  EXPECT_THAT(back, HasReason("DRAINING"));
  EXPECT_EQ(RetryDelayOf(back), absl::Milliseconds(1500));
}

TEST(ErrorsTest, EveryErrorOnTheWireHasExactlyOneErrorInfo) {
  const auto proto = ToRpcStatus(absl::NotFoundError("nobody"));

  ASSERT_THAT(proto.details(), SizeIs(1));
  EXPECT_THAT(FromRpcStatus(proto), HasReason("NOT_FOUND"));
}

TEST(ErrorsTest, CutsTextAtACharacterBoundary) {
  EXPECT_EQ(CutUtf8("aé", 2), "a");
  EXPECT_EQ(CutUtf8("aé", 3), "aé");
  EXPECT_EQ(CutUtf8("", 0), "");
}

}  // namespace
}  // namespace mitra
