#include "services/profile/backup/deletion_journal.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::profile {
namespace {

std::string PathOf(const std::string& folder, absl::string_view key) {
  return absl::StrCat(
      folder, "/deletions-",
      absl::Hex(XXH3_64bits(key.data(), key.size()), absl::kZeroPad16), ".log");
}

std::string CheckOf(absl::string_view text) {
  return absl::StrCat(
      absl::Hex(XXH3_64bits(text.data(), text.size()), absl::kZeroPad16));
}

std::string LineOf(const Tombstone& deletion) {
  const std::string text =
      absl::StrCat(deletion.revision, " ", deletion.incarnation, " ",
                   absl::BytesToHexString(deletion.id_hash));
  return absl::StrCat(text, " ", CheckOf(text), "\n");
}

bool Parse(absl::string_view line, Tombstone& deletion) {
  const size_t at = line.rfind(' ');
  if (at == absl::string_view::npos ||
      line.substr(at + 1) != CheckOf(line.substr(0, at))) {
    return false;
  }
  const std::vector<absl::string_view> parts =
      absl::StrSplit(line.substr(0, at), ' ');
  if (parts.size() != 3 || parts[2].size() != 32 ||
      !absl::SimpleAtoi(parts[0], &deletion.revision) ||
      !absl::SimpleAtoi(parts[1], &deletion.incarnation)) {
    return false;
  }
  deletion.id_hash = absl::HexStringToBytes(parts[2]);
  return true;
}

struct Content {
  std::vector<Tombstone> deletions;
  size_t good_bytes = 0;
};

absl::StatusOr<Content> ReadFile(const std::string& path) {
  Content content;
  std::ifstream in(path, std::ios::binary);
  if (!in) return content;
  std::stringstream buffer;
  buffer << in.rdbuf();
  const std::string bytes = buffer.str();
  while (content.good_bytes < bytes.size()) {
    const size_t end = bytes.find('\n', content.good_bytes);
    Tombstone deletion;
    const bool good = end != std::string::npos &&
                      Parse(absl::string_view(bytes).substr(
                                content.good_bytes, end - content.good_bytes),
                            deletion);
    if (!good) {
      // Only the last line can be torn.
      if (end == std::string::npos || end + 1 == bytes.size()) break;
      return MakeError(
          absl::StatusCode::kDataLoss, "JOURNAL_DAMAGED",
          absl::StrCat(path, ": line ", content.deletions.size() + 1,
                       " is damaged"));
    }
    content.deletions.push_back(std::move(deletion));
    content.good_bytes = end + 1;
  }
  return content;
}

absl::Status Failed(const std::string& what) {
  return MakeError(absl::StatusCode::kInternal, "STORAGE_FAILURE",
                   absl::StrCat(what, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DeletionJournal>> DeletionJournal::Open(
    const std::string& folder, absl::string_view id_hash_key) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::string path = PathOf(folder, id_hash_key);
  MITRA_ASSIGN_OR_RETURN(const Content content, ReadFile(path));
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return Failed(absl::StrCat(path, ": cannot be opened"));
  const uint64_t last =
      content.deletions.empty() ? 0 : content.deletions.back().revision;
  std::unique_ptr<DeletionJournal> journal(new DeletionJournal(file, last));
  if (ftruncate(file, static_cast<off_t>(content.good_bytes)) != 0 ||
      fsync(file) != 0) {
    return Failed(absl::StrCat(path, ": cannot be written"));
  }
  return journal;
}

absl::StatusOr<std::vector<Tombstone>> DeletionJournal::Read(
    const std::string& folder, absl::string_view id_hash_key) {
  MITRA_ASSIGN_OR_RETURN(Content content,
                         ReadFile(PathOf(folder, id_hash_key)));
  return std::move(content.deletions);
}

DeletionJournal::~DeletionJournal() { close(file_); }

absl::Status DeletionJournal::Append(absl::Span<const Tombstone> deletions) {
  std::string lines;
  uint64_t last = last_;
  for (const Tombstone& deletion : deletions) {
    if (deletion.revision <= last) continue;
    absl::StrAppend(&lines, LineOf(deletion));
    last = deletion.revision;
  }
  if (lines.empty()) return absl::OkStatus();
  const off_t before = lseek(file_, 0, SEEK_END);
  const ssize_t written = write(file_, lines.data(), lines.size());
  if (written != static_cast<ssize_t>(lines.size()) || fdatasync(file_) != 0) {
    const absl::Status failed = Failed("the journal of deletions");
    // Half a line must not stand before the next one.
    (void)!ftruncate(file_, before);
    return failed;
  }
  last_ = last;
  return absl::OkStatus();
}

}  // namespace mitra::profile
