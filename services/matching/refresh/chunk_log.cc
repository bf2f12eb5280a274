#include "services/matching/refresh/chunk_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/status/status_macros.h"

namespace mitra::matching {
namespace {

constexpr uint32_t kMagic = 0x4b4e4843;  // "CHNK"
constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

struct Header {
  uint32_t magic = kMagic;
  uint32_t chunk = 0;
  uint64_t size = 0;
  uint64_t checksum = 0;  // of chunk and bytes
};

uint64_t Checksum(uint32_t chunk, absl::string_view bytes) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), chunk);
}

absl::Status FileError(const char* what) {
  const int code = errno;
  return absl::Status(code == ENOSPC ? absl::StatusCode::kResourceExhausted
                                     : absl::StatusCode::kInternal,
                      absl::StrCat("ledger: ", what, ": ", strerror(code)));
}

bool ReadAll(int file, void* to, size_t size, uint64_t offset) {
  char* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t n = pread(file, at, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    size -= static_cast<size_t>(n);
    offset += static_cast<uint64_t>(n);
  }
  return true;
}

bool WriteAll(int file, absl::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n =
        pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChunkLog>> ChunkLog::Open(
    const std::string& path, uint32_t chunks) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return FileError("cannot be opened");
  std::unique_ptr<ChunkLog> log(new ChunkLog(file, chunks));
  MITRA_RETURN_IF_ERROR(log->Scan());
  return log;
}

ChunkLog::~ChunkLog() { close(file_); }

absl::Status ChunkLog::Scan() {
  absl::MutexLock lock(&mutex_);
  std::string bytes;
  Header header;
  while (ReadAll(file_, &header, sizeof header, end_)) {
    if (header.magic != kMagic || header.chunk >= places_.size() ||
        header.size > kMaxBytes) {
      break;
    }
    bytes.resize(header.size);
    const uint64_t offset = end_ + sizeof header;
    if (!ReadAll(file_, bytes.data(), bytes.size(), offset) ||
        Checksum(header.chunk, bytes) != header.checksum) {
      break;
    }
    Place& place = places_[header.chunk];
    count_ += place.offset == 0;
    place = {offset, header.size, header.checksum};
    end_ = offset + header.size;
  }
  if (ftruncate(file_, static_cast<off_t>(end_)) != 0) {
    return FileError("cannot be cut");
  }
  return absl::OkStatus();
}

uint32_t ChunkLog::count() const {
  absl::MutexLock lock(&mutex_);
  return count_;
}

bool ChunkLog::Has(uint32_t chunk) const {
  absl::MutexLock lock(&mutex_);
  return chunk < places_.size() && places_[chunk].offset != 0;
}

absl::StatusOr<bool> ChunkLog::Append(uint32_t chunk, absl::string_view bytes) {
  absl::MutexLock lock(&mutex_);
  if (chunk < places_.size() && places_[chunk].offset != 0) return false;
  MITRA_RETURN_IF_ERROR(Write(chunk, bytes));
  return true;
}

absl::Status ChunkLog::Replace(uint32_t chunk, absl::string_view bytes) {
  absl::MutexLock lock(&mutex_);
  return Write(chunk, bytes);
}

absl::Status ChunkLog::Write(uint32_t chunk, absl::string_view bytes) {
  if (chunk >= places_.size()) {
    return absl::InvalidArgumentError("chunk: there are fewer");
  }
  Header header;
  header.chunk = chunk;
  header.size = bytes.size();
  header.checksum = Checksum(chunk, bytes);
  std::string record(reinterpret_cast<const char*>(&header), sizeof header);
  record.append(bytes.data(), bytes.size());
  if (!WriteAll(file_, record, end_)) return FileError("cannot be written");
  count_ += places_[chunk].offset == 0;
  places_[chunk] = {end_ + sizeof header, header.size, header.checksum};
  end_ += record.size();
  return absl::OkStatus();
}

absl::StatusOr<std::string> ChunkLog::Read(uint32_t chunk) const {
  Place place;
  {
    absl::MutexLock lock(&mutex_);
    if (chunk < places_.size()) place = places_[chunk];
  }
  if (place.offset == 0) return absl::NotFoundError("chunk: is not there");
  std::string bytes(place.size, '\0');
  if (!ReadAll(file_, bytes.data(), bytes.size(), place.offset) ||
      Checksum(chunk, bytes) != place.checksum) {
    return absl::DataLossError("chunk: has changed on disk");
  }
  return bytes;
}

absl::Status ChunkLog::Sync() {
  if (fdatasync(file_) != 0) return FileError("cannot be synced");
  return absl::OkStatus();
}

}  // namespace mitra::matching
