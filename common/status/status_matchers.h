// gMock matchers for absl::Status and absl::StatusOr.
//
//   EXPECT_THAT(store.Get("x"), StatusIs(absl::StatusCode::kNotFound));
//   EXPECT_THAT(Parse(text), IsOkAndHolds(Eq(3)));
//   EXPECT_THAT(Validate(p), NamesField("profile.kind"));

#ifndef MITRA_COMMON_STATUS_STATUS_MATCHERS_H_
#define MITRA_COMMON_STATUS_STATUS_MATCHERS_H_

#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/status/errors.h"
#include "gmock/gmock.h"

namespace mitra {

inline const absl::Status& GetStatus(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& status) {
  return status.status();
}

MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}

MATCHER_P(StatusIs, code, "has code " + absl::StatusCodeToString(code)) {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code;
}

MATCHER_P2(StatusIs, code, message_matcher,
           "has code " + absl::StatusCodeToString(code) + " and a message") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code &&
         ::testing::Matches(message_matcher)(
             std::string(GetStatus(arg).message()));
}

MATCHER_P(IsOkAndHolds, value_matcher, "is OK and holds a value") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(value_matcher, *arg, result_listener);
}

// The ErrorInfo reason equals `reason`.
MATCHER_P(HasReason, reason, std::string("has reason ") + reason) {
  *result_listener << ReasonOf(GetStatus(arg)) << " in "
                   << GetStatus(arg).ToString();
  return ReasonOf(GetStatus(arg)) == reason;
}

// INVALID_ARGUMENT whose BadRequest names `field` among its violations.
MATCHER_P(NamesField, field, std::string("names the field ") + field) {
  *result_listener << GetStatus(arg).ToString();
  if (GetStatus(arg).code() != absl::StatusCode::kInvalidArgument) return false;
  for (const std::string& name : ViolatedFields(GetStatus(arg))) {
    if (name == field) return true;
  }
  return false;
}

}  // namespace mitra

#define MITRA_ASSERT_OK(expr) ASSERT_THAT((expr), ::mitra::IsOk())
#define MITRA_EXPECT_OK(expr) EXPECT_THAT((expr), ::mitra::IsOk())

// Assigns the value of a StatusOr in a test body, or fails the test.
#define MITRA_ASSERT_OK_AND_ASSIGN(lhs, expr)                                 \
  MITRA_ASSERT_OK_AND_ASSIGN_IMPL_(MITRA_STATUS_CONCAT_(mitra_or_, __LINE__), \
                                   lhs, expr)
#define MITRA_ASSERT_OK_AND_ASSIGN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                                     \
  ASSERT_TRUE(tmp.ok()) << tmp.status();                 \
  lhs = *std::move(tmp)

#include "common/status/status_macros.h"

#endif  // MITRA_COMMON_STATUS_STATUS_MATCHERS_H_
