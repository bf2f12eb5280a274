// What search keeps of a member besides the rows of its facets.

#ifndef MITRA_SERVICES_SEARCH_INDEX_MEMBER_H_
#define MITRA_SERVICES_SEARCH_INDEX_MEMBER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "services/search/persistent/cow_vector.h"

namespace mitra::search {

// Roles are the values of v1::Role, 1 to 9.
inline constexpr int kRoles = 10;

struct FacetRow {
  uint8_t role;
  uint32_t row;  // in the role's rows
};

// The texts of a member in one piece of memory: there are a million of them.
class MemberText {
 public:
  MemberText() = default;
  // At most 255 bytes of the id and of the region code and 65,535 of the name
  // are kept.
  MemberText(absl::string_view id, absl::string_view name,
             absl::string_view region)
      : id_size_(static_cast<uint8_t>(std::min<size_t>(id.size(), 255))),
        region_size_(
            static_cast<uint8_t>(std::min<size_t>(region.size(), 255))),
        name_size_(static_cast<uint16_t>(std::min<size_t>(name.size(), 65535))),
        bytes_(new char[size()]) {
    std::memcpy(bytes_.get(), id.data(), id_size_);
    std::memcpy(bytes_.get() + id_size_, region.data(), region_size_);
    std::memcpy(bytes_.get() + id_size_ + region_size_, name.data(),
                name_size_);
  }

  absl::string_view id() const { return {bytes_.get(), id_size_}; }
  absl::string_view region_code() const {
    return {bytes_.get() + id_size_, region_size_};
  }
  absl::string_view display_name() const {
    return {bytes_.get() + id_size_ + region_size_, name_size_};
  }
  const char* data() const { return bytes_.get(); }
  size_t size() const { return size_t{id_size_} + region_size_ + name_size_; }

 private:
  uint8_t id_size_ = 0;
  uint8_t region_size_ = 0;
  uint16_t name_size_ = 0;
  std::unique_ptr<char[]> bytes_;
};

// Immutable; a change makes a new one.
struct Member {
  MemberText text;
  uint64_t incarnation = 0;
  uint64_t revision = 0;
  // Names the text of this member in the lexical index; 0 for none.
  uint64_t text_serial = 0;
  uint64_t text_hash = 0;
  absl::InlinedVector<FacetRow, 2> facets;
  bool hidden = false;

  absl::string_view id() const { return text.id(); }
  absl::string_view display_name() const { return text.display_name(); }
  absl::string_view region_code() const { return text.region_code(); }
};

// By dense member number; null where no member is.
using MemberVector = CowVector<std::shared_ptr<const Member>, 64>;

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_INDEX_MEMBER_H_
