#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/observability/log.h"
#include "common/snapshot/format.h"
#include "common/snapshot/snapshot.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::snapshot {
namespace {

using internal::Take;
using internal::TakeString;

absl::Status DamagedFile(const std::string& path, absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "SNAPSHOT_DAMAGED",
                   absl::StrCat(path, " is damaged: ", what));
}

}  // namespace

struct Reader::Impl {
  struct Section {
    uint64_t offset = 0;
    uint64_t blocks = 0;
    uint64_t bytes = 0;
    bool compressed = false;
  };

  ~Impl() {
    if (map != nullptr) munmap(map, size);
  }

  std::string path;
  void* map = nullptr;
  size_t size = 0;
  uint32_t version = 0;
  Metadata metadata;
  std::map<std::string, Section> sections;

  absl::string_view bytes() const {
    return {static_cast<const char*>(map), size};
  }

  // One block at `in`'s front; verified.
  absl::Status TakeBlock(absl::string_view& in, uint32_t& raw,
                         absl::string_view& stored, uint64_t& checksum) const {
    uint32_t stored_size = 0;
    if (!Take(in, raw) || !Take(in, stored_size) || !Take(in, checksum) ||
        in.size() < stored_size || raw > internal::kBlockBytes) {
      return DamagedFile(path, "a block is cut");
    }
    stored = in.substr(0, stored_size);
    in.remove_prefix(stored_size);
    if (XXH3_64bits(stored.data(), stored.size()) != checksum) {
      return DamagedFile(path, "a block's checksum is wrong");
    }
    return absl::OkStatus();
  }

  absl::Status ReadHeader(const std::string& wanted, uint32_t max_version) {
    absl::string_view in = bytes();
    if (in.size() < 8 ||
        in.substr(0, 8) != absl::string_view(internal::kMagic)) {
      return DamagedFile(path, "it does not begin as a snapshot");
    }
    in.remove_prefix(8);
    std::string body;
    uint64_t checksum = 0;
    if (!TakeString(in, body) || !Take(in, checksum) ||
        XXH3_64bits(body.data(), body.size()) != checksum) {
      return DamagedFile(path, "the header");
    }
    absl::string_view fields = body;
    uint32_t container = 0, count = 0;
    std::string format;
    if (!Take(fields, container) || !Take(fields, version) ||
        !TakeString(fields, format) || !Take(fields, count)) {
      return DamagedFile(path, "the header");
    }
    if (format != wanted) {
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       "SNAPSHOT_OTHER_FORMAT",
                       absl::StrCat(path, " is not a snapshot of ", wanted));
    }
    if (container > internal::kContainerVersion || version > max_version) {
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       "SNAPSHOT_TOO_NEW",
                       absl::StrCat(path, " was written by a newer program"));
    }
    for (uint32_t i = 0; i < count; ++i) {
      std::string key, value;
      if (!TakeString(fields, key) || !TakeString(fields, value)) {
        return DamagedFile(path, "the header");
      }
      metadata[key] = value;
    }
    return absl::OkStatus();
  }

  absl::Status ReadFooterAndVerify() {
    if (size < internal::kTailBytes) return DamagedFile(path, "the tail");
    absl::string_view tail = bytes().substr(size - internal::kTailBytes);
    uint64_t footer_offset = 0, digest = 0;
    Take(tail, footer_offset);
    Take(tail, digest);
    if (tail != absl::string_view(internal::kMagic) ||
        footer_offset > size - internal::kTailBytes) {
      return DamagedFile(path, "the tail");
    }
    absl::string_view in = bytes().substr(
        footer_offset, size - internal::kTailBytes - footer_offset);
    std::string table;
    uint64_t checksum = 0;
    uint32_t count = 0;
    if (!TakeString(in, table) || !Take(in, checksum) || !in.empty() ||
        XXH3_64bits(table.data(), table.size()) != checksum) {
      return DamagedFile(path, "the table of sections");
    }
    absl::string_view fields = table;
    if (!Take(fields, count)) return DamagedFile(path, "the table of sections");
    XXH3_state_t* state = XXH3_createState();
    XXH3_64bits_reset(state);
    absl::Status status;
    for (uint32_t i = 0; i < count && status.ok(); ++i) {
      std::string name;
      Section section;
      uint8_t compressed = 0;
      if (!TakeString(fields, name) || !Take(fields, section.offset) ||
          !Take(fields, section.blocks) || !Take(fields, section.bytes) ||
          !Take(fields, compressed) || section.offset > footer_offset) {
        status = DamagedFile(path, "the table of sections");
        break;
      }
      section.compressed = compressed != 0;
      status = VerifySection(section, footer_offset, state);
      sections[name] = section;
    }
    const uint64_t seen = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    MITRA_RETURN_IF_ERROR(status);
    if (seen != digest) return DamagedFile(path, "a block is missing");
    return absl::OkStatus();
  }

  absl::Status VerifySection(const Section& section, uint64_t end,
                             XXH3_state_t* state) const {
    absl::string_view in = bytes().substr(section.offset, end - section.offset);
    uint64_t total = 0;
    for (uint64_t block = 0; block < section.blocks; ++block) {
      uint32_t raw = 0;
      absl::string_view stored;
      uint64_t checksum = 0;
      MITRA_RETURN_IF_ERROR(TakeBlock(in, raw, stored, checksum));
      if (!section.compressed && raw != stored.size()) {
        return DamagedFile(path, "a block's size is wrong");
      }
      XXH3_64bits_update(state, &checksum, sizeof checksum);
      total += raw;
    }
    return total == section.bytes ? absl::OkStatus()
                                  : DamagedFile(path, "a section is short");
  }
};

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::~Reader() = default;

absl::StatusOr<std::unique_ptr<Reader>> Reader::Open(const std::string& path,
                                                     const std::string& format,
                                                     uint32_t max_version) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return errno == ENOENT
               ? absl::NotFoundError(absl::StrCat("no ", path))
               : absl::InternalError(absl::StrCat("cannot open ", path));
  }
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  struct stat info = {};
  fstat(fd, &info);
  impl->size = info.st_size;
  if (impl->size > 0) {
    void* map = mmap(nullptr, impl->size, PROT_READ, MAP_PRIVATE, fd, 0);
    impl->map = map == MAP_FAILED ? nullptr : map;
  }
  close(fd);
  if (impl->map == nullptr) {
    return DamagedFile(path, impl->size == 0 ? "it is empty" : "unreadable");
  }
  MITRA_RETURN_IF_ERROR(impl->ReadHeader(format, max_version));
  MITRA_RETURN_IF_ERROR(impl->ReadFooterAndVerify());
  return std::unique_ptr<Reader>(new Reader(std::move(impl)));
}

uint32_t Reader::version() const { return impl_->version; }
const Metadata& Reader::metadata() const { return impl_->metadata; }

std::string Reader::Get(const std::string& key) const {
  const auto it = impl_->metadata.find(key);
  return it == impl_->metadata.end() ? "" : it->second;
}

bool Reader::HasSection(const std::string& name) const {
  return impl_->sections.contains(name);
}

absl::Status Reader::Damaged(const std::string& what) const {
  return DamagedFile(impl_->path, what);
}

absl::StatusOr<std::string> Reader::ReadSection(const std::string& name) {
  const auto it = impl_->sections.find(name);
  if (it == impl_->sections.end()) {
    return absl::NotFoundError(absl::StrCat("no section ", name));
  }
  const Impl::Section& section = it->second;
  absl::string_view in = impl_->bytes().substr(section.offset);
  std::string out;
  // Grows with what is really there; a stated size is not trusted.
  for (uint64_t block = 0; block < section.blocks; ++block) {
    uint32_t raw = 0;
    absl::string_view stored;
    uint64_t checksum = 0;
    MITRA_RETURN_IF_ERROR(impl_->TakeBlock(in, raw, stored, checksum));
    const size_t at = out.size();
    if (!section.compressed) {
      out.append(stored.data(), stored.size());
      continue;
    }
    out.resize(at + raw);
    const size_t size =
        ZSTD_decompress(out.data() + at, raw, stored.data(), stored.size());
    if (ZSTD_isError(size) || size != raw) return Damaged(name);
  }
  return out;
}

absl::StatusOr<std::vector<std::string>> Reader::ReadStrings(
    const std::string& name) {
  MITRA_ASSIGN_OR_RETURN(const std::string bytes, ReadSection(name));
  std::vector<std::string> values;
  absl::string_view in = bytes;
  while (!in.empty()) {
    std::string value;
    if (!TakeString(in, value)) return Damaged(name);
    values.push_back(std::move(value));
  }
  return values;
}

absl::StatusOr<std::unique_ptr<Reader>> OpenNewestGood(
    const std::string& path, const std::string& format, uint32_t max_version) {
  for (const std::string& candidate : {path, path + ".prev"}) {
    auto reader = Reader::Open(candidate, format, max_version);
    if (reader.ok()) return reader;
    if (!absl::IsNotFound(reader.status())) {
      LogWarning("snapshot: refused",
                 {{"file", candidate},
                  {"reason", std::string(reader.status().message())}});
    }
  }
  return absl::NotFoundError(absl::StrCat("no usable snapshot at ", path));
}

void RemoveLeftovers(const std::string& path) {
  if (unlink((path + ".tmp").c_str()) == 0) {
    LogWarning("snapshot: removed a half-written file",
               {{"file", path + ".tmp"}});
  }
}

}  // namespace mitra::snapshot
