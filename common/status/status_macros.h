// Early return on error, for functions that return absl::Status or StatusOr.

#ifndef MITRA_COMMON_STATUS_STATUS_MACROS_H_
#define MITRA_COMMON_STATUS_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define MITRA_STATUS_CONCAT_INNER_(a, b) a##b
#define MITRA_STATUS_CONCAT_(a, b) MITRA_STATUS_CONCAT_INNER_(a, b)

// Returns from the enclosing function if `expr`, an absl::Status, is not OK.
#define MITRA_RETURN_IF_ERROR(expr)                               \
  do {                                                            \
    if (absl::Status mitra_status_ = (expr); !mitra_status_.ok()) \
      return mitra_status_;                                       \
  } while (false)

// Assigns the value of `expr`, an absl::StatusOr, to `lhs`, which may be a
// declaration, or returns its status.
#define MITRA_ASSIGN_OR_RETURN(lhs, expr)                                      \
  MITRA_ASSIGN_OR_RETURN_IMPL_(MITRA_STATUS_CONCAT_(mitra_or_, __LINE__), lhs, \
                               expr)
#define MITRA_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                                 \
  if (!tmp.ok()) return std::move(tmp).status();     \
  lhs = *std::move(tmp)

// The same inside coroutines.
#define MITRA_CO_RETURN_IF_ERROR(expr)                            \
  do {                                                            \
    if (absl::Status mitra_status_ = (expr); !mitra_status_.ok()) \
      co_return mitra_status_;                                    \
  } while (false)
#define MITRA_CO_ASSIGN_OR_RETURN(lhs, expr)                                 \
  MITRA_CO_ASSIGN_OR_RETURN_IMPL_(MITRA_STATUS_CONCAT_(mitra_or_, __LINE__), \
                                  lhs, expr)
#define MITRA_CO_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                                    \
  if (!tmp.ok()) co_return std::move(tmp).status();     \
  lhs = *std::move(tmp)

#endif  // MITRA_COMMON_STATUS_STATUS_MACROS_H_
