// What one refresh keeps on disk, in a folder of its own:
//
//   job      its request and state, written whole at each change
//   members  the ids of its members, in order; chunk n has members
//            n * kChunkMembers and the next ones
//   chunks   candidates of each chunk, as they are found (chunk_log.h)
//   slates   the slates of each chunk, in order and with prices
//   report   what there is to say of it
//
// Everything has checksums. Not thread-safe but where said.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_JOB_FOLDER_H_
#define MITRA_SERVICES_MATCHING_REFRESH_JOB_FOLDER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/matching/refresh/chunk_log.h"

namespace mitra::matching {

struct JobRecord {
  v1::StartRefreshRequest request;
  v1::Refresh state;
};

class JobFolder {
 public:
  // The folder of one refresh below `root`; made by the first write.
  JobFolder(const std::string& root, const std::string& refresh_id);
  // Ids of the refreshes below `root`, newest first.
  static std::vector<std::string> List(const std::string& root);

  absl::Status WriteJob(const JobRecord& record) const;
  absl::StatusOr<JobRecord> ReadJob() const;
  absl::Status WriteMembers(const std::vector<std::string>& ids) const;
  absl::StatusOr<std::vector<std::string>> ReadMembers() const;
  absl::Status WriteReport(const v1::RefreshReport& report) const;
  // NOT_FOUND if there is none.
  absl::StatusOr<v1::RefreshReport> ReadReport() const;

  absl::StatusOr<std::unique_ptr<ChunkLog>> OpenChunks(uint32_t chunks) const;
  absl::StatusOr<std::unique_ptr<ChunkLog>> OpenSlates(uint32_t chunks) const;
  std::string ChunksPath() const;
  bool HasSlates() const;
  void RemoveChunks() const;
  void RemoveSlates() const;
  // All but job and report.
  void RemoveHeavy() const;
  void RemoveAll() const;

 private:
  std::string File(const char* name) const;
  absl::Status Make() const;

  const std::string path_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_JOB_FOLDER_H_
