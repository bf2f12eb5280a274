// Files that hold secrets' traces: one writer at a time, replaced as a whole,
// readable by nobody else.

#ifndef MITRA_COMMON_SECURITY_PRIVATE_FILE_H_
#define MITRA_COMMON_SECURITY_PRIVATE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mitra {

// Holds `path`.lock from construction to destruction, against other processes
// and other threads alike. The lock file stays: removing it would let two
// writers hold two files of one name. Blocks while another holds it.
class FileLock {
 public:
  static absl::StatusOr<FileLock> Acquire(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

// The whole file; NOT_FOUND if it cannot be read.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

// Replaces the file, or makes it, in one step that survives a loss of power:
// readers see the old or the new text, never a part. The mode is 0600, or 0640
// if the group could read the file before; its owner stays. A symbolic link is
// followed.
absl::Status ReplacePrivateFile(const std::string& path,
                                absl::string_view text);

}  // namespace mitra

#endif  // MITRA_COMMON_SECURITY_PRIVATE_FILE_H_
