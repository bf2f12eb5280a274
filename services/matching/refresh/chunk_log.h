// The results of chunks in one file, each with its checksum, in the order in
// which they came.
//
// Written without waiting for the disk: a process that is killed loses nothing,
// and what a machine's loss of power takes away is found by the checksums and
// computed again. Of several records of one chunk the last one counts.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_CHUNK_LOG_H_
#define MITRA_SERVICES_MATCHING_REFRESH_CHUNK_LOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace mitra::matching {

// Thread-safe.
class ChunkLog {
 public:
  // Opens or makes the file for chunks 0 to `chunks` - 1. Whatever cannot be
  // read from some place on is cut off.
  static absl::StatusOr<std::unique_ptr<ChunkLog>> Open(const std::string& path,
                                                        uint32_t chunks);
  ~ChunkLog();
  ChunkLog(const ChunkLog&) = delete;
  ChunkLog& operator=(const ChunkLog&) = delete;

  uint32_t chunks() const { return static_cast<uint32_t>(places_.size()); }
  // How many are there.
  uint32_t count() const;
  bool Has(uint32_t chunk) const;
  // Keeps a chunk; false, and nothing is changed, if it is there already.
  // RESOURCE_EXHAUSTED or INTERNAL if the file cannot be written.
  absl::StatusOr<bool> Append(uint32_t chunk, absl::string_view bytes);
  // Keeps a chunk in place of what is there.
  absl::Status Replace(uint32_t chunk, absl::string_view bytes);
  // NOT_FOUND, or DATA_LOSS if the bytes have changed on disk.
  absl::StatusOr<std::string> Read(uint32_t chunk) const;
  // Waits until all is on the disk.
  absl::Status Sync();

 private:
  struct Place {
    uint64_t offset = 0;  // of the bytes; 0: not there
    uint64_t size = 0;
    uint64_t checksum = 0;
  };
  ChunkLog(int file, uint32_t chunks) : file_(file), places_(chunks) {}
  absl::Status Scan();
  absl::Status Write(uint32_t chunk, absl::string_view bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int file_;
  mutable absl::Mutex mutex_;
  std::vector<Place> places_;  // length fixed; values under mutex_
  uint64_t end_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_CHUNK_LOG_H_
