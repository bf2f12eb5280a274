#include "common/rpc/wire_fault.h"

#include <cstdint>
#include <limits>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "common/status/errors.h"
#include "google/protobuf/descriptor.h"

namespace mitra::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr int kMaxDepth = 100;  // protobuf's own limit

enum WireType : unsigned {
  kVarint = 0,
  kFixed64 = 1,
  kLength = 2,
  kGroup = 3,
  kGroupEnd = 4,
  kFixed32 = 5,
};

// The way to a place, on the stack of those who walk it: spelt out only when
// something is wrong there.
struct Place {
  const Place* parent = nullptr;
  const FieldDescriptor* field = nullptr;  // null: nothing known
  int index = -1;

  std::string ToString() const {
    std::string path = parent == nullptr ? "" : parent->ToString();
    if (field == nullptr) return path;
    absl::StrAppend(&path, path.empty() ? "" : ".", field->name());
    if (index >= 0) absl::StrAppend(&path, "[", index, "]");
    return path;
  }
};

class Walk {
 public:
  explicit Walk(absl::string_view bytes) : bytes_(bytes) {}

  std::optional<WireFault> Run(const Descriptor& type) {
    (void)Fields(&type, bytes_.size(), Place(), 0, 0);
    return std::move(fault_);
  }

 private:
  // All return false after a fault, which is then in `fault_`.

  bool Fault(const Place& place, absl::string_view what, size_t position) {
    fault_ = WireFault{place.ToString(), std::string(what), position};
    return false;
  }

  bool Varint(size_t end, const Place& place, uint64_t& value) {
    const size_t start = at_;
    value = 0;
    for (int shift = 0; shift < 70 && at_ < end; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return Fault(place, "has a number that never ends", start);
  }

  bool Skip(size_t count, size_t end, const Place& place) {
    if (count > end - at_) {
      return Fault(place,
                   absl::StrCat("is cut: ", count, " bytes are announced, ",
                                end - at_, " are there"),
                   at_);
    }
    at_ += count;
    return true;
  }

  // Fields until `end`, or until the end of `group` if that is not 0. A null
  // `type` is one that nothing is known of.
  bool Fields(const Descriptor* type, size_t end, const Place& parent,
              int depth, uint32_t group) {
    if (depth > kMaxDepth) {
      return Fault(parent, "has more than 100 levels", at_);
    }
    absl::flat_hash_map<uint32_t, int> counts;
    while (at_ < end) {
      const size_t start = at_;
      uint64_t tag = 0;
      if (!Varint(end, parent, tag)) return false;
      const auto number = static_cast<uint32_t>(tag >> 3);
      if (number == 0 || tag > std::numeric_limits<uint32_t>::max()) {
        return Fault(parent, "has a tag that is none", start);
      }
      const auto wire = static_cast<unsigned>(tag & 7);
      if (wire == kGroupEnd) {
        if (number == group) return true;
        return Fault(parent, "ends a group that never began", start);
      }
      Place place{&parent, nullptr, -1};
      if (type != nullptr) {
        place.field = type->FindFieldByNumber(static_cast<int>(number));
      }
      if (place.field != nullptr && place.field->is_repeated()) {
        place.index = counts[number]++;
      }
      if (!Value(place, number, wire, end, depth)) return false;
    }
    return group == 0 || Fault(parent, "has a group that never ends", at_);
  }

  bool Value(const Place& place, uint32_t number, unsigned wire, size_t end,
             int depth) {
    uint64_t value = 0;
    switch (wire) {
      case kVarint:
        return Varint(end, place, value);
      case kFixed64:
        return Skip(8, end, place);
      case kFixed32:
        return Skip(4, end, place);
      case kGroup:
        return Fields(nullptr, end, place, depth + 1, number);
      case kLength:
        break;
      default:
        return Fault(place, "has a wire type that is none", at_ - 1);
    }
    if (!Varint(end, place, value)) return false;
    const size_t start = at_;
    if (!Skip(value, end, place)) return false;
    if (place.field == nullptr) return true;
    return Content(place, start, depth);
  }

  // What a field of stated length holds, from `start` up to here.
  bool Content(const Place& place, size_t start, int depth) {
    const size_t end = at_;
    const FieldDescriptor& field = *place.field;
    switch (field.type()) {
      case FieldDescriptor::TYPE_STRING: {
        const auto bad = FirstInvalidUtf8(bytes_.substr(start, end - start));
        return !bad || Fault(place, absl::StrCat("is not UTF-8 at byte ", *bad),
                             start + *bad);
      }
      case FieldDescriptor::TYPE_MESSAGE:
        at_ = start;
        return Fields(field.message_type(), end, place, depth + 1, 0);
      default:
        return !field.is_packable() || Packed(place, start, end);
    }
  }

  bool Packed(const Place& place, size_t start, size_t end) {
    switch (WidthOf(*place.field)) {
      case 0:
        at_ = start;
        for (uint64_t value = 0; at_ < end;) {
          if (!Varint(end, place, value)) return false;
        }
        return true;
      case 4:
        return (end - start) % 4 == 0 || Fault(place, "is cut", end);
      default:
        return (end - start) % 8 == 0 || Fault(place, "is cut", end);
    }
  }

  // Bytes of one value; 0 for numbers of varying length.
  static size_t WidthOf(const FieldDescriptor& field) {
    switch (field.type()) {
      case FieldDescriptor::TYPE_FLOAT:
      case FieldDescriptor::TYPE_FIXED32:
      case FieldDescriptor::TYPE_SFIXED32:
        return 4;
      case FieldDescriptor::TYPE_DOUBLE:
      case FieldDescriptor::TYPE_FIXED64:
      case FieldDescriptor::TYPE_SFIXED64:
        return 8;
      default:
        return 0;
    }
  }

  const absl::string_view bytes_;
  size_t at_ = 0;
  std::optional<WireFault> fault_;
};

constexpr char kReason[] = "MALFORMED_MESSAGE";

}  // namespace

std::optional<WireFault> FindWireFault(absl::string_view bytes,
                                       const Descriptor& type) {
  return Walk(bytes).Run(type);
}

absl::Status ToStatus(const WireFault& fault, const Descriptor& type) {
  const absl::Status named = InvalidField(
      fault.path.empty() ? absl::string_view(type.name()) : fault.path,
      fault.what);
  absl::Status status =
      MakeError(absl::StatusCode::kInvalidArgument, kReason, named.message(),
                {{"position", absl::StrCat(fault.position)}});
  // The field by name; the reason stays the one above.
  named.ForEachPayload([&](absl::string_view url, const absl::Cord& detail) {
    if (!status.GetPayload(url)) status.SetPayload(url, detail);
  });
  return status;
}

absl::Status ExplainMalformed(absl::string_view bytes, const Descriptor& type) {
  if (const auto fault = FindWireFault(bytes, type)) {
    return ToStatus(*fault, type);
  }
  return MakeError(
      absl::StatusCode::kInvalidArgument, kReason,
      absl::StrCat("the bytes are not a valid ", type.full_name()));
}

}  // namespace mitra::rpc
