#include "services/profile/backup/backup_folder.h"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/profile/store/sqlite_backup.h"

namespace mitra::profile {
namespace {

namespace fs = std::filesystem;

constexpr char kFile[] = "record.db";
constexpr char kDescription[] = "backup.json";
constexpr int kFormat = 1;

absl::Status Damaged(const std::string& name, absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "BACKUP_DAMAGED",
                   absl::StrCat("backup ", name, ": ", what));
}

absl::Status Failed(absl::string_view what, const std::error_code& error) {
  return MakeError(absl::StatusCode::kInternal, "STORAGE_FAILURE",
                   absl::StrCat("backup: ", what, ": ", error.message()));
}

absl::StatusOr<std::string> ChecksumOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(
      XXH3_createState(), XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::string buffer(1 << 20, '\0');
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    XXH3_64bits_update(state.get(), buffer.data(),
                       static_cast<size_t>(in.gcount()));
  }
  if (!in.eof()) {
    return MakeError(absl::StatusCode::kInternal, "STORAGE_FAILURE",
                     absl::StrCat(path, ": cannot be read"));
  }
  return absl::StrCat(
      absl::Hex(XXH3_64bits_digest(state.get()), absl::kZeroPad16));
}

absl::StatusOr<BackupInfo> ReadDescription(const std::string& folder,
                                           const std::string& name) {
  std::ifstream in(absl::StrCat(folder, "/", kDescription));
  if (!in) {
    return MakeError(absl::StatusCode::kNotFound, "NO_SUCH_BACKUP",
                     absl::StrCat("there is no backup ", name));
  }
  try {
    const nlohmann::json json = nlohmann::json::parse(in);
    if (json.at("format").get<int>() != kFormat) {
      return Damaged(name, "was made by another version");
    }
    BackupInfo info;
    info.name = name;
    info.revision = json.at("revision");
    info.record_incarnation = json.at("record_incarnation");
    info.members = json.at("members");
    info.bytes = json.at("bytes");
    info.create_time = absl::FromUnixMillis(json.at("create_ms"));
    info.space = json.at("space");
    info.checksum = json.at("checksum");
    return info;
  } catch (const nlohmann::json::exception&) {
    return Damaged(name, "its description cannot be read");
  }
}

}  // namespace

std::string BackupFolder::FolderOf(const std::string& name) const {
  return absl::StrCat(path_, "/", name);
}

std::string BackupFolder::UnfinishedOf(const std::string& name) const {
  // No name of a backup begins with a point.
  return absl::StrCat(path_, "/.", name, ".unfinished");
}

std::string BackupFolder::FileOf(const std::string& name) const {
  return absl::StrCat(FolderOf(name), "/", kFile);
}

absl::StatusOr<std::string> BackupFolder::Begin(const std::string& name) const {
  MITRA_RETURN_IF_ERROR(ValidateId("name", name));
  std::error_code error;
  if (fs::exists(FolderOf(name), error)) {
    return MakeError(absl::StatusCode::kAlreadyExists, "BACKUP_EXISTS",
                     "name: there is a backup of that name");
  }
  fs::remove_all(UnfinishedOf(name), error);
  fs::create_directories(UnfinishedOf(name), error);
  if (error) return Failed("the folder cannot be made", error);
  return absl::StrCat(UnfinishedOf(name), "/", kFile);
}

absl::StatusOr<BackupInfo> BackupFolder::Finish(BackupInfo info) const {
  const std::string folder = UnfinishedOf(info.name);
  const std::string file = absl::StrCat(folder, "/", kFile);
  MITRA_RETURN_IF_ERROR(CheckAndSync(file));
  MITRA_ASSIGN_OR_RETURN(info.checksum, ChecksumOf(file));
  std::error_code error;
  info.bytes = fs::file_size(file, error);
  const nlohmann::json json = {
      {"format", kFormat},
      {"revision", info.revision},
      {"record_incarnation", info.record_incarnation},
      {"members", info.members},
      {"bytes", info.bytes},
      {"create_ms", absl::ToUnixMillis(info.create_time)},
      {"space", info.space},
      {"checksum", info.checksum}};
  const std::string description = absl::StrCat(folder, "/", kDescription);
  std::ofstream out(description);
  out << json.dump(2) << "\n";
  out.close();
  if (!out) return Failed("the description cannot be written", error);
  MITRA_RETURN_IF_ERROR(SyncFile(description));
  fs::rename(folder, FolderOf(info.name), error);
  if (error) return Failed("cannot be given its name", error);
  MITRA_RETURN_IF_ERROR(SyncFolder(path_));
  return info;
}

void BackupFolder::Abandon(const std::string& name) const {
  std::error_code error;
  fs::remove_all(UnfinishedOf(name), error);
}

absl::StatusOr<std::vector<BackupInfo>> BackupFolder::List() const {
  std::vector<BackupInfo> backups;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory() || name.front() == '.') continue;
    absl::StatusOr<BackupInfo> info = ReadDescription(entry.path(), name);
    if (info.ok()) backups.push_back(*std::move(info));
  }
  if (error) return Failed("the folder cannot be read", error);
  std::sort(backups.begin(), backups.end(),
            [](const BackupInfo& a, const BackupInfo& b) {
              return std::make_pair(a.create_time, a.name) >
                     std::make_pair(b.create_time, b.name);
            });
  return backups;
}

absl::StatusOr<BackupInfo> BackupFolder::Verify(const std::string& name) const {
  MITRA_RETURN_IF_ERROR(ValidateId("name", name));
  MITRA_ASSIGN_OR_RETURN(BackupInfo info,
                         ReadDescription(FolderOf(name), name));
  std::error_code error;
  if (fs::file_size(FileOf(name), error) != info.bytes || error) {
    return Damaged(name, "the file has another length");
  }
  MITRA_ASSIGN_OR_RETURN(const std::string checksum, ChecksumOf(FileOf(name)));
  if (checksum != info.checksum) {
    return Damaged(name, "the file is not what was written");
  }
  return info;
}

}  // namespace mitra::profile
