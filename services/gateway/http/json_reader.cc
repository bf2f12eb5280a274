#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/errors.h"
#include "services/gateway/http/json_codec.h"
#include "services/gateway/http/json_values.h"

namespace mitra::gateway {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using internal::JsonScalar;

constexpr size_t kMaxDepth = 64;
constexpr int kNumberOutOfRange = 406;  // of nlohmann::json::out_of_range

absl::Status Malformed(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "MALFORMED_JSON",
                   absl::StrCat("the body is not one JSON object: ", what));
}

// Puts the parser's events into the message. Every callback returns whether to
// go on; the first error stays in status().
class Reader {
 public:
  Reader(absl::string_view prefix, Message& message)
      : prefix_(prefix), root_(message) {}

  const absl::Status& status() const { return status_; }

  bool null() {
    if (stack_.empty()) return Fail(Malformed("it is null"));
    if (stack_.back().kind != Kind::kObject) {
      return Fail(InvalidField(Path(), "null is no element"));
    }
    return true;  // not given
  }
  bool boolean(bool value) { return Put(value); }
  bool number_integer(int64_t value) { return Put(value); }
  bool number_unsigned(uint64_t value) { return Put(value); }
  bool number_float(double value, const std::string&) { return Put(value); }
  bool string(std::string& value) { return Put(absl::string_view(value)); }
  bool binary(nlohmann::json::binary_t&) {
    return Fail(Malformed("it is binary"));
  }

  bool start_object(size_t) {
    if (stack_.size() >= kMaxDepth) return Fail(TooDeep());
    if (stack_.empty()) {
      stack_.push_back({Kind::kObject, &root_});
      return true;
    }
    Frame& top = stack_.back();
    const FieldDescriptor* field = top.field;
    if (field->is_map() && top.kind == Kind::kObject) {
      stack_.push_back({Kind::kMap, top.message, field});
      return true;
    }
    Message* parent = top.message;
    if (top.kind == Kind::kMap) {
      parent = top.entry;
      field = field->message_type()->map_value();
    } else if (field->is_repeated() && top.kind != Kind::kList) {
      return Fail(InvalidField(Path(), "not an array"));
    }
    if (field->message_type() == nullptr ||
        internal::IsTextMessage(field->message_type()) ||
        field->message_type()->full_name() == "google.protobuf.Any") {
      return Fail(InvalidField(Path(), "an object does not fit here"));
    }
    if (!MayBeSet(*parent, field)) return false;
    const Reflection* reflection = parent->GetReflection();
    Message* child = field->is_repeated()
                         ? reflection->AddMessage(parent, field)
                         : reflection->MutableMessage(parent, field);
    stack_.push_back({Kind::kObject, child});
    return true;
  }

  bool key(std::string& name) {
    Frame& top = stack_.back();
    if (top.kind == Kind::kMap) return MapKey(name);
    const FieldDescriptor* field =
        internal::FindField(top.message->GetDescriptor(), name);
    if (field == nullptr) {
      return Fail(InvalidField(PathOf(internal::SafeName(name)),
                               "there is no such field"));
    }
    top.field = field;
    if (std::find(top.seen.begin(), top.seen.end(), field->number()) !=
        top.seen.end()) {
      return Fail(InvalidField(Path(), "given twice"));
    }
    top.seen.push_back(field->number());
    return true;
  }

  bool end_object() {
    stack_.pop_back();
    return Next();
  }

  bool start_array(size_t) {
    if (stack_.empty()) return Fail(Malformed("it is an array"));
    if (stack_.size() >= kMaxDepth) return Fail(TooDeep());
    Frame& top = stack_.back();
    if (top.kind != Kind::kObject || !top.field->is_repeated() ||
        top.field->is_map()) {
      return Fail(InvalidField(Path(), "an array does not fit here"));
    }
    stack_.push_back({Kind::kList, top.message, top.field});
    return true;
  }

  bool end_array() {
    stack_.pop_back();
    return Next();
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::json::exception& error) {
    if (error.id == kNumberOutOfRange && !stack_.empty()) {
      return Fail(InvalidField(Path(), "the number is out of range"));
    }
    return Fail(Malformed(absl::StrCat("error at byte ", position)));
  }

 private:
  enum class Kind { kObject, kList, kMap };
  struct Frame {
    Kind kind;
    // What is being filled: the object, or the owner of the list or map.
    Message* message;
    // kObject: the field whose value comes next. Else: the list or map.
    const FieldDescriptor* field = nullptr;
    // kMap: the entry whose value comes next.
    Message* entry = nullptr;
    // kList, kMap: elements before this one.
    size_t index = 0;
    std::vector<int> seen = {};
  };

  bool Fail(absl::Status status) {
    status_ = std::move(status);
    return false;
  }

  absl::Status TooDeep() const {
    return Malformed(absl::StrCat("more than ", kMaxDepth, " levels"));
  }

  bool Next() {
    if (!stack_.empty()) ++stack_.back().index;
    return true;
  }

  bool MayBeSet(const Message& message, const FieldDescriptor* field) {
    const auto* oneof = field->real_containing_oneof();
    if (oneof == nullptr ||
        !message.GetReflection()->HasOneof(message, oneof)) {
      return true;
    }
    return Fail(
        InvalidField(Path(), absl::StrCat("another choice of ", oneof->name(),
                                          " is given already")));
  }

  bool MapKey(const std::string& name) {
    Frame& top = stack_.back();
    top.entry =
        top.message->GetReflection()->AddMessage(top.message, top.field);
    const absl::Status set = internal::SetScalar(
        internal::UntypedText{name}, top.field->message_type()->map_key(),
        Path(), *top.entry);
    return set.ok() || Fail(set);
  }

  bool Put(const JsonScalar& value) {
    if (stack_.empty()) return Fail(Malformed("it is a single value"));
    Frame& top = stack_.back();
    Message* message = top.message;
    const FieldDescriptor* field = top.field;
    if (top.kind == Kind::kMap) {
      message = top.entry;
      field = field->message_type()->map_value();
    } else if (top.kind == Kind::kObject && field->is_repeated()) {
      return Fail(InvalidField(
          Path(), field->is_map() ? "not an object" : "not an array"));
    }
    if (!MayBeSet(*message, field)) return false;
    // The path is only needed for errors; building it for every value of a
    // long vector would cost more than the value.
    if (absl::Status set = internal::SetScalar(value, field, "", *message);
        !set.ok()) {
      return Fail(internal::SetScalar(value, field, Path(), *message));
    }
    return Next();
  }

  std::string Path() const { return PathOf(""); }

  // The path of the value that comes next, or of `name` in the top object.
  std::string PathOf(absl::string_view name) const {
    std::string path(prefix_);
    const auto add = [&](absl::string_view part) {
      absl::StrAppend(&path, path.empty() ? "" : ".", part);
    };
    for (size_t i = 0; i < stack_.size(); ++i) {
      const Frame& frame = stack_[i];
      const bool last = i + 1 == stack_.size();
      if (frame.kind == Kind::kList) {
        absl::StrAppend(&path, "[", frame.index, "]");
      } else if (frame.kind == Kind::kObject) {
        if (last && !name.empty()) {
          add(name);
        } else if (frame.field != nullptr) {
          add(frame.field->name());
        }
      }
    }
    return path;
  }

  const absl::string_view prefix_;
  Message& root_;
  std::vector<Frame> stack_;
  absl::Status status_;
};

}  // namespace

absl::Status ReadJson(absl::string_view json, absl::string_view prefix,
                      Message& message) {
  Reader reader(prefix, message);
  const bool whole = nlohmann::json::sax_parse(
      json.data(), json.data() + json.size(), &reader,
      nlohmann::json::input_format_t::json, /*strict=*/true);
  if (!whole && reader.status().ok()) return Malformed("it ends too early");
  return reader.status();
}

absl::Status SetFromText(absl::string_view path, absl::string_view text,
                         Message& message) {
  Message* target = &message;
  std::string known;
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '.');
  for (size_t i = 0; i < parts.size(); ++i) {
    const FieldDescriptor* field =
        internal::FindField(target->GetDescriptor(), parts[i]);
    absl::StrAppend(
        &known, i == 0 ? "" : ".",
        field == nullptr ? internal::SafeName(parts[i]) : field->name());
    if (field == nullptr) return InvalidField(known, "there is no such field");
    if (i + 1 == parts.size()) {
      if (!field->is_repeated() &&
          target->GetReflection()->HasField(*target, field)) {
        return InvalidField(known, "given twice");
      }
      return internal::SetScalar(internal::UntypedText{text}, field, known,
                                 *target);
    }
    if (field->message_type() == nullptr || field->is_repeated() ||
        internal::IsTextMessage(field->message_type())) {
      return InvalidField(known, "has no fields that a parameter can set");
    }
    target = target->GetReflection()->MutableMessage(target, field);
  }
  return absl::OkStatus();
}

}  // namespace mitra::gateway
