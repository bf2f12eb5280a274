#include "tests/support/shared_data.h"

#include <stdlib.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace mitra::testing {

std::optional<std::string> SharedData(absl::string_view name) {
  const char* folder = getenv("MITRA_SHARED_DATA");
  const char* source = getenv("MITRA_SOURCE_DIR");
  std::string root;
  if (folder != nullptr && *folder != '\0') {
    root = folder;
  } else {
    root = absl::StrCat(source != nullptr ? source : ".", "/../shared/data");
  }
  std::string path = absl::StrCat(root, "/", name);
  if (access(path.c_str(), R_OK) != 0) return std::nullopt;
  return path;
}

}  // namespace mitra::testing
