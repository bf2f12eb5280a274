// A folder of one test's own, removed with all that is in it.

#ifndef MITRA_TESTS_SUPPORT_TEMP_DIR_H_
#define MITRA_TESTS_SUPPORT_TEMP_DIR_H_

#include <string>

#include "absl/strings/string_view.h"

namespace mitra::testing {

// Makes /tmp/mitra-XXXXXX; the path is short enough for unix sockets in it.
// Ends the process if that fails. Set MITRA_KEEP_TEMP=1 to keep the folder and
// have its path printed.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // `path()/name`; nothing is made.
  std::string File(absl::string_view name) const;

 private:
  std::string path_;
};

// Whole content of a file; empty if it cannot be read.
std::string ReadFileOrEmpty(const std::string& path);

// Writes or replaces a file with mode 0600; ends the process if that fails.
void WriteFileOrDie(const std::string& path, absl::string_view content);

}  // namespace mitra::testing

#endif  // MITRA_TESTS_SUPPORT_TEMP_DIR_H_
