// Public data sets that lie outside the source tree. Tests that need one skip,
// and say so, where it is absent.

#ifndef MITRA_TESTS_SUPPORT_SHARED_DATA_H_
#define MITRA_TESTS_SUPPORT_SHARED_DATA_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace mitra::testing {

// The path of `name` under $MITRA_SHARED_DATA, or else under ../shared/data
// beside the source tree ($MITRA_SOURCE_DIR); nothing if it is not there.
std::optional<std::string> SharedData(absl::string_view name);

}  // namespace mitra::testing

// Declares `path` with the place of a data set, or skips the test.
//
//   MITRA_SHARED_DATA_OR_SKIP(path, "umkm/umkm_jabar.csv");
//
// The including file needs gtest.
#define MITRA_SHARED_DATA_OR_SKIP(path, name)                     \
  const std::string path =                                        \
      ::mitra::testing::SharedData(name).value_or(std::string()); \
  if (path.empty())                                               \
  GTEST_SKIP() << "SKIPPED: shared data " << (name)               \
               << " is absent; set MITRA_SHARED_DATA to its folder"

#endif  // MITRA_TESTS_SUPPORT_SHARED_DATA_H_
