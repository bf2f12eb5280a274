#include "common/security/private_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra {
namespace {

absl::Status IoError(absl::string_view what, const std::string& path) {
  return MakeError(absl::StatusCode::kInternal, "IO_ERROR",
                   absl::StrCat("cannot ", what, " ", path));
}

// Where a symbolic link leads; the path itself if nothing is there yet.
std::string Resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&free)> real(
      realpath(path.c_str(), nullptr), &free);
  return real != nullptr ? std::string(real.get()) : path;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// Gives the new file the owner and the readers of the old one. Without that a
// key that root revokes would be revoked in a file that the gateway, which is
// not root, cannot read.
bool SetAccess(int fd, const std::string& old_path) {
  struct stat old = {};
  if (stat(old_path.c_str(), &old) != 0) return fchmod(fd, 0600) == 0;
  struct stat now = {};
  if (fstat(fd, &now) != 0) return false;
  if ((old.st_uid != now.st_uid || old.st_gid != now.st_gid) &&
      fchown(fd, old.st_uid, old.st_gid) != 0) {
    return false;
  }
  return fchmod(fd, 0600 | (old.st_mode & 0040)) == 0;
}

bool SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = fsync(fd) == 0;
  close(fd);
  return synced;
}

}  // namespace

absl::StatusOr<FileLock> FileLock::Acquire(const std::string& path) {
  const std::string name = absl::StrCat(Resolved(path), ".lock");
  const int fd = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return IoError("open", name);
  while (flock(fd, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    close(fd);
    return IoError("lock", name);
  }
  return FileLock(fd);
}

FileLock::FileLock(FileLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  if (file && file.peek() != std::ifstream::traits_type::eof()) {
    text << file.rdbuf();
  } else if (file.eof()) {
    return std::string();
  }
  if (!file) {
    return MakeError(absl::StatusCode::kNotFound, "FILE_UNREADABLE",
                     absl::StrCat("cannot read ", path));
  }
  return text.str();
}

absl::Status ReplacePrivateFile(const std::string& path,
                                absl::string_view text) {
  const std::string target = Resolved(path);
  std::string temporary = absl::StrCat(target, ".XXXXXX");
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return IoError("write beside", target);
  const bool written =
      SetAccess(fd, target) && WriteAll(fd, text) && fsync(fd) == 0;
  close(fd);
  if (!written || rename(temporary.c_str(), target.c_str()) != 0) {
    unlink(temporary.c_str());
    return IoError("replace", target);
  }
  return SyncFolder(FolderOf(target)) ? absl::OkStatus()
                                      : IoError("sync the folder of", target);
}

}  // namespace mitra
