#include "services/matching/refresh/job_folder.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/snapshot/snapshot.h"
#include "common/status/status_macros.h"

namespace mitra::matching {
namespace {

namespace fs = std::filesystem;

constexpr char kFormat[] = "mitra-refresh";
constexpr uint32_t kVersion = 1;

absl::Status WriteBytes(snapshot::Writer& writer, const std::string& name,
                        const std::string& bytes) {
  MITRA_RETURN_IF_ERROR(writer.BeginSection(name, /*compress=*/false));
  MITRA_RETURN_IF_ERROR(writer.Append(bytes));
  return writer.EndSection();
}

template <typename Message>
absl::StatusOr<Message> ReadMessage(snapshot::Reader& reader,
                                    const std::string& name) {
  MITRA_ASSIGN_OR_RETURN(const std::string bytes, reader.ReadSection(name));
  Message message;
  if (!message.ParseFromString(bytes)) {
    return absl::DataLossError(absl::StrCat(name, ": damaged"));
  }
  return message;
}

void Remove(const std::string& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

}  // namespace

JobFolder::JobFolder(const std::string& root, const std::string& refresh_id)
    : path_(absl::StrCat(root, "/", refresh_id)) {}

std::vector<std::string> JobFolder::List(const std::string& root) {
  std::vector<std::string> ids;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root, ignored)) {
    const std::string name = entry.path().filename();
    if (entry.is_directory(ignored) && IsValidId(name)) ids.push_back(name);
  }
  std::sort(ids.begin(), ids.end(), std::greater<>());
  return ids;
}

std::string JobFolder::File(const char* name) const {
  return absl::StrCat(path_, "/", name);
}

absl::Status JobFolder::Make() const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (!error) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("refresh: ", error.message()));
}

absl::Status JobFolder::WriteJob(const JobRecord& record) const {
  MITRA_RETURN_IF_ERROR(Make());
  MITRA_ASSIGN_OR_RETURN(
      const auto writer,
      snapshot::Writer::Create(File("job"), kFormat, kVersion, {}));
  MITRA_RETURN_IF_ERROR(
      WriteBytes(*writer, "request", record.request.SerializeAsString()));
  MITRA_RETURN_IF_ERROR(
      WriteBytes(*writer, "state", record.state.SerializeAsString()));
  return writer->Finish().status();
}

absl::StatusOr<JobRecord> JobFolder::ReadJob() const {
  MITRA_ASSIGN_OR_RETURN(
      const auto reader,
      snapshot::OpenNewestGood(File("job"), kFormat, kVersion));
  JobRecord record;
  MITRA_ASSIGN_OR_RETURN(
      record.request, ReadMessage<v1::StartRefreshRequest>(*reader, "request"));
  MITRA_ASSIGN_OR_RETURN(record.state,
                         ReadMessage<v1::Refresh>(*reader, "state"));
  return record;
}

absl::Status JobFolder::WriteMembers(
    const std::vector<std::string>& ids) const {
  MITRA_RETURN_IF_ERROR(Make());
  MITRA_ASSIGN_OR_RETURN(
      const auto writer,
      snapshot::Writer::Create(File("members"), kFormat, kVersion, {}));
  MITRA_RETURN_IF_ERROR(writer->WriteStrings("ids", ids));
  return writer->Finish().status();
}

absl::StatusOr<std::vector<std::string>> JobFolder::ReadMembers() const {
  MITRA_ASSIGN_OR_RETURN(
      const auto reader,
      snapshot::Reader::Open(File("members"), kFormat, kVersion));
  return reader->ReadStrings("ids");
}

absl::Status JobFolder::WriteReport(const v1::RefreshReport& report) const {
  MITRA_RETURN_IF_ERROR(Make());
  MITRA_ASSIGN_OR_RETURN(
      const auto writer,
      snapshot::Writer::Create(File("report"), kFormat, kVersion, {}));
  MITRA_RETURN_IF_ERROR(
      WriteBytes(*writer, "report", report.SerializeAsString()));
  return writer->Finish().status();
}

absl::StatusOr<v1::RefreshReport> JobFolder::ReadReport() const {
  MITRA_ASSIGN_OR_RETURN(
      const auto reader,
      snapshot::OpenNewestGood(File("report"), kFormat, kVersion));
  return ReadMessage<v1::RefreshReport>(*reader, "report");
}

absl::StatusOr<std::unique_ptr<ChunkLog>> JobFolder::OpenChunks(
    uint32_t chunks) const {
  MITRA_RETURN_IF_ERROR(Make());
  return ChunkLog::Open(File("chunks"), chunks);
}

absl::StatusOr<std::unique_ptr<ChunkLog>> JobFolder::OpenSlates(
    uint32_t chunks) const {
  MITRA_RETURN_IF_ERROR(Make());
  return ChunkLog::Open(File("slates"), chunks);
}

bool JobFolder::HasSlates() const {
  std::error_code ignored;
  return fs::exists(File("slates"), ignored);
}

std::string JobFolder::ChunksPath() const { return File("chunks"); }

void JobFolder::RemoveChunks() const { Remove(File("chunks")); }

void JobFolder::RemoveSlates() const { Remove(File("slates")); }

void JobFolder::RemoveHeavy() const {
  for (const char* name : {"chunks", "slates", "members", "members.prev"}) {
    Remove(File(name));
  }
}

void JobFolder::RemoveAll() const {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace mitra::matching
