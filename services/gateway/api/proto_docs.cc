#include "services/gateway/api/proto_docs.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.pb.h"

// The set of file descriptors that protoc wrote, as bytes of this program.
asm(".section .rodata\n"
    ".global mitra_descriptors_begin\n"
    ".global mitra_descriptors_end\n"
    "mitra_descriptors_begin:\n"
    ".incbin \"" MITRA_DESCRIPTOR_SET
    "\"\n"
    "mitra_descriptors_end:\n"
    ".previous\n");
extern "C" const char mitra_descriptors_begin[];
extern "C" const char mitra_descriptors_end[];

namespace mitra::gateway {
namespace {

namespace pb = google::protobuf;

// Comment lines as paragraphs: lines that follow each other are one, list
// items and what stands after a blank line begin a new one.
std::string Tidy(absl::string_view comment) {
  std::string text;
  bool new_paragraph = false;
  for (absl::string_view line : absl::StrSplit(comment, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) {
      new_paragraph = !text.empty();
      continue;
    }
    if (new_paragraph) {
      text += "\n\n";
    } else if (!text.empty()) {
      text += line[0] == '-' ? '\n' : ' ';
    }
    text.append(line.data(), line.size());
    new_paragraph = false;
  }
  return text;
}

template <typename AnyDescriptor>
std::string CommentIn(const AnyDescriptor* found) {
  pb::SourceLocation location;
  if (found == nullptr || !found->GetSourceLocation(&location)) return "";
  return Tidy(location.leading_comments);
}

}  // namespace

ProtoDocs::ProtoDocs() : pool_(std::make_unique<pb::DescriptorPool>()) {}

absl::StatusOr<ProtoDocs> ProtoDocs::Create() {
  ProtoDocs docs;
  pb::FileDescriptorSet set;
  if (!set.ParseFromArray(
          mitra_descriptors_begin,
          static_cast<int>(mitra_descriptors_end - mitra_descriptors_begin))) {
    return absl::InternalError("the descriptors are broken");
  }
  for (const pb::FileDescriptorProto& file : set.file()) {
    if (docs.pool_->BuildFile(file) == nullptr) {
      return absl::InternalError(
          absl::StrCat(file.name(), ": the descriptor is broken"));
    }
  }
  return docs;
}

std::string ProtoDocs::CommentOf(const pb::ServiceDescriptor& it) const {
  return CommentIn(pool_->FindServiceByName(it.full_name()));
}
std::string ProtoDocs::CommentOf(const pb::MethodDescriptor& it) const {
  return CommentIn(pool_->FindMethodByName(it.full_name()));
}
std::string ProtoDocs::CommentOf(const pb::Descriptor& it) const {
  return CommentIn(pool_->FindMessageTypeByName(it.full_name()));
}
std::string ProtoDocs::CommentOf(const pb::FieldDescriptor& it) const {
  return CommentIn(pool_->FindFieldByName(it.full_name()));
}
std::string ProtoDocs::CommentOf(const pb::EnumDescriptor& it) const {
  return CommentIn(pool_->FindEnumTypeByName(it.full_name()));
}
std::string ProtoDocs::CommentOf(const pb::EnumValueDescriptor& it) const {
  return CommentIn(pool_->FindEnumValueByName(it.full_name()));
}

absl::string_view FirstSentence(absl::string_view comment) {
  const size_t paragraph = comment.find('\n');
  size_t end = comment.find(". ");
  end = end == absl::string_view::npos ? comment.size() : end + 1;
  return comment.substr(0, std::min(end, paragraph));
}

}  // namespace mitra::gateway
