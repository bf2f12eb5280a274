// A checksummed file container for the snapshots of search and matching.
//
// Layout, little-endian:
//   header  magic "MITRASNP", container version, format version, format name,
//           metadata, xxh3 of all that
//   blocks  of each section, in order: raw size, stored size, xxh3, bytes
//           (≤ 1 MiB raw each; zstd where the section says so)
//   footer  table of sections (name, first block, bytes), xxh3 of the table
//   tail    offset of the footer, xxh3 over all block checksums, magic
//
// Nothing is believed before its checksum was verified, and no size from the
// file allocates more than the file itself could hold. A snapshot is written
// beside the old one and renamed when it is on disk; the old one stays as
// ".prev".

#ifndef MITRA_COMMON_SNAPSHOT_SNAPSHOT_H_
#define MITRA_COMMON_SNAPSHOT_SNAPSHOT_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mitra::snapshot {

using Metadata = std::map<std::string, std::string>;

// Writes one snapshot. Not thread-safe. Destroyed before Finish(): the
// temporary file is removed and nothing has changed.
class Writer {
 public:
  // `format` names the content, `version` its layout.
  static absl::StatusOr<std::unique_ptr<Writer>> Create(
      const std::string& path, const std::string& format, uint32_t version,
      const Metadata& metadata);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Sections follow each other; names are unique.
  absl::Status BeginSection(const std::string& name, bool compress);
  absl::Status Append(absl::string_view bytes);
  absl::Status EndSection();

  template <typename T>
  absl::Status WriteVector(const std::string& name, absl::Span<const T> values,
                           bool compress = false) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (absl::Status s = BeginSection(name, compress); !s.ok()) return s;
    const absl::string_view bytes(reinterpret_cast<const char*>(values.data()),
                                  values.size() * sizeof(T));
    if (absl::Status s = Append(bytes); !s.ok()) return s;
    return EndSection();
  }
  // Strings of up to 4 GiB each, length-prefixed.
  absl::Status WriteStrings(const std::string& name,
                            absl::Span<const std::string> values,
                            bool compress = true);

  // Makes the snapshot the current one: fsync, keep the old as ".prev", rename,
  // fsync of the folder. Returns its size in bytes.
  absl::StatusOr<uint64_t> Finish();

 private:
  struct Impl;
  explicit Writer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Reads one snapshot; the whole file is verified by Open. Not thread-safe.
class Reader {
 public:
  // NOT_FOUND: no such file. DATA_LOSS (SNAPSHOT_DAMAGED): any checksum or size
  // is wrong. FAILED_PRECONDITION (SNAPSHOT_TOO_NEW): written by a newer
  // program; (SNAPSHOT_OTHER_FORMAT): not a snapshot of this kind.
  static absl::StatusOr<std::unique_ptr<Reader>> Open(const std::string& path,
                                                      const std::string& format,
                                                      uint32_t max_version);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  uint32_t version() const;
  const Metadata& metadata() const;
  // Value of `key` in the metadata, empty if absent.
  std::string Get(const std::string& key) const;
  bool HasSection(const std::string& name) const;

  // The section's bytes. NOT_FOUND if there is none of that name.
  absl::StatusOr<std::string> ReadSection(const std::string& name);

  template <typename T>
  absl::StatusOr<std::vector<T>> ReadVector(const std::string& name) {
    static_assert(std::is_trivially_copyable_v<T>);
    absl::StatusOr<std::string> bytes = ReadSection(name);
    if (!bytes.ok()) return bytes.status();
    if (bytes->size() % sizeof(T) != 0) return Damaged(name);
    std::vector<T> values(bytes->size() / sizeof(T));
    if (!values.empty()) {
      std::memcpy(values.data(), bytes->data(), bytes->size());
    }
    return values;
  }
  absl::StatusOr<std::vector<std::string>> ReadStrings(const std::string& name);

 private:
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  absl::Status Damaged(const std::string& what) const;
  std::unique_ptr<Impl> impl_;
};

// The newest good snapshot: `path`, else `path`.prev. Logs why one was refused.
// NOT_FOUND when there is none that can be used.
absl::StatusOr<std::unique_ptr<Reader>> OpenNewestGood(
    const std::string& path, const std::string& format, uint32_t max_version);

// Removes what a crash while writing may have left.
void RemoveLeftovers(const std::string& path);

}  // namespace mitra::snapshot

#endif  // MITRA_COMMON_SNAPSHOT_SNAPSHOT_H_
