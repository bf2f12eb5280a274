#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include <cerrno>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/snapshot/format.h"
#include "common/snapshot/snapshot.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::snapshot {
namespace {

using internal::kBlockBytes;
using internal::Put;
using internal::PutString;

absl::Status IoError(absl::string_view what, const std::string& path) {
  const int error = errno;
  return MakeError(error == ENOSPC ? absl::StatusCode::kResourceExhausted
                                   : absl::StatusCode::kInternal,
                   error == ENOSPC ? "DISK_FULL" : "IO_ERROR",
                   absl::StrCat(what, " ", path, ": ", strerror(error)));
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

struct Writer::Impl {
  struct Section {
    std::string name;
    uint64_t offset = 0;  // of its first block
    uint64_t blocks = 0;
    uint64_t bytes = 0;
    bool compressed = false;
  };

  std::string path;
  std::string temporary;
  int fd = -1;
  uint64_t offset = 0;
  std::vector<Section> sections;
  std::set<std::string> names;
  bool open = false;
  std::string buffer;
  XXH3_state_t* digest = nullptr;

  absl::Status Write(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(fd, bytes.data(), bytes.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        return IoError("cannot write", temporary);
      }
      offset += written;
      bytes.remove_prefix(written);
    }
    return absl::OkStatus();
  }

  absl::Status FlushBlock() {
    Section& section = sections.back();
    std::string packed;
    absl::string_view stored = buffer;
    if (section.compressed) {
      packed.resize(ZSTD_compressBound(buffer.size()));
      const size_t size = ZSTD_compress(packed.data(), packed.size(),
                                        buffer.data(), buffer.size(), 1);
      if (ZSTD_isError(size)) {
        return absl::InternalError("zstd cannot compress a block");
      }
      packed.resize(size);
      stored = packed;
    }
    const uint64_t checksum = XXH3_64bits(stored.data(), stored.size());
    XXH3_64bits_update(digest, &checksum, sizeof checksum);
    std::string header;
    Put<uint32_t>(header, static_cast<uint32_t>(buffer.size()));
    Put<uint32_t>(header, static_cast<uint32_t>(stored.size()));
    Put<uint64_t>(header, checksum);
    MITRA_RETURN_IF_ERROR(Write(header));
    ReachFailpoint("snapshot/block");
    MITRA_RETURN_IF_ERROR(Write(stored));
    ++section.blocks;
    section.bytes += buffer.size();
    buffer.clear();
    return absl::OkStatus();
  }
};

Writer::Writer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Writer::~Writer() {
  if (impl_->fd >= 0) {
    close(impl_->fd);
    unlink(impl_->temporary.c_str());
  }
  XXH3_freeState(impl_->digest);
}

absl::StatusOr<std::unique_ptr<Writer>> Writer::Create(
    const std::string& path, const std::string& format, uint32_t version,
    const Metadata& metadata) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->temporary = path + ".tmp";
  impl->digest = XXH3_createState();
  XXH3_64bits_reset(impl->digest);
  impl->fd = open(impl->temporary.c_str(),
                  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  auto writer = std::unique_ptr<Writer>(new Writer(std::move(impl)));
  if (writer->impl_->fd < 0) return IoError("cannot create", path + ".tmp");
  std::string header;
  header.append(internal::kMagic, 8);
  std::string body;
  Put<uint32_t>(body, internal::kContainerVersion);
  Put<uint32_t>(body, version);
  PutString(body, format);
  Put<uint32_t>(body, static_cast<uint32_t>(metadata.size()));
  for (const auto& [key, value] : metadata) {
    PutString(body, key);
    PutString(body, value);
  }
  PutString(header, body);
  Put<uint64_t>(header, XXH3_64bits(body.data(), body.size()));
  MITRA_RETURN_IF_ERROR(writer->impl_->Write(header));
  ReachFailpoint("snapshot/begun");
  return writer;
}

absl::Status Writer::BeginSection(const std::string& name, bool compress) {
  if (impl_->open) return absl::FailedPreconditionError("a section is open");
  if (!impl_->names.insert(name).second) {
    return absl::AlreadyExistsError(absl::StrCat("section ", name));
  }
  impl_->open = true;
  Impl::Section section;
  section.name = name;
  section.offset = impl_->offset;
  section.compressed = compress;
  impl_->sections.push_back(std::move(section));
  return absl::OkStatus();
}

absl::Status Writer::Append(absl::string_view bytes) {
  if (!impl_->open) return absl::FailedPreconditionError("no section is open");
  while (!bytes.empty()) {
    const size_t take =
        std::min(bytes.size(), kBlockBytes - impl_->buffer.size());
    impl_->buffer.append(bytes.data(), take);
    bytes.remove_prefix(take);
    if (impl_->buffer.size() == kBlockBytes) {
      MITRA_RETURN_IF_ERROR(impl_->FlushBlock());
    }
  }
  return absl::OkStatus();
}

absl::Status Writer::EndSection() {
  if (!impl_->open) return absl::FailedPreconditionError("no section is open");
  impl_->open = false;
  return impl_->buffer.empty() ? absl::OkStatus() : impl_->FlushBlock();
}

absl::Status Writer::WriteStrings(const std::string& name,
                                  absl::Span<const std::string> values,
                                  bool compress) {
  MITRA_RETURN_IF_ERROR(BeginSection(name, compress));
  std::string prefix;
  for (const std::string& value : values) {
    prefix.clear();
    Put<uint32_t>(prefix, static_cast<uint32_t>(value.size()));
    MITRA_RETURN_IF_ERROR(Append(prefix));
    MITRA_RETURN_IF_ERROR(Append(value));
  }
  return EndSection();
}

absl::StatusOr<uint64_t> Writer::Finish() {
  if (impl_->open) return absl::FailedPreconditionError("a section is open");
  const uint64_t footer_offset = impl_->offset;
  std::string table;
  Put<uint32_t>(table, static_cast<uint32_t>(impl_->sections.size()));
  for (const Impl::Section& section : impl_->sections) {
    PutString(table, section.name);
    Put<uint64_t>(table, section.offset);
    Put<uint64_t>(table, section.blocks);
    Put<uint64_t>(table, section.bytes);
    Put<uint8_t>(table, section.compressed ? 1 : 0);
  }
  std::string footer;
  PutString(footer, table);
  Put<uint64_t>(footer, XXH3_64bits(table.data(), table.size()));
  Put<uint64_t>(footer, footer_offset);
  Put<uint64_t>(footer, XXH3_64bits_digest(impl_->digest));
  footer.append(internal::kMagic, 8);
  MITRA_RETURN_IF_ERROR(impl_->Write(footer));
  ReachFailpoint("snapshot/written");
  if (fsync(impl_->fd) != 0) return IoError("cannot sync", impl_->temporary);
  close(impl_->fd);
  impl_->fd = -1;
  ReachFailpoint("snapshot/synced");
  const std::string previous = impl_->path + ".prev";
  if (rename(impl_->path.c_str(), previous.c_str()) != 0 && errno != ENOENT) {
    return IoError("cannot keep", previous);
  }
  ReachFailpoint("snapshot/kept_previous");
  if (rename(impl_->temporary.c_str(), impl_->path.c_str()) != 0) {
    return IoError("cannot rename to", impl_->path);
  }
  ReachFailpoint("snapshot/renamed");
  const int folder =
      open(FolderOf(impl_->path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || fsync(folder) != 0) {
    if (folder >= 0) close(folder);
    return IoError("cannot sync the folder of", impl_->path);
  }
  close(folder);
  return impl_->offset;
}

}  // namespace mitra::snapshot
