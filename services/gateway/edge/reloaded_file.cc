#include "services/gateway/edge/reloaded_file.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "common/observability/log.h"

namespace mitra::gateway::internal {

std::string FileStamp(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return "absent";
  return absl::StrCat(info.st_ino, "/", info.st_size, "/", info.st_mtim.tv_sec,
                      "/", info.st_mtim.tv_nsec);
}

void LogReload(const std::string& path, const absl::Status& status) {
  if (status.ok()) {
    LogInfo("gateway: read a file again", {{"file", path}});
  } else {
    LogWarning("gateway: a file is wrong, what it said before stays",
               {{"file", path}, {"error", std::string(status.message())}});
  }
}

}  // namespace mitra::gateway::internal
