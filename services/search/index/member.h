// What search keeps of a member besides the rows of its facets.

#ifndef MITRA_SERVICES_SEARCH_INDEX_MEMBER_H_
#define MITRA_SERVICES_SEARCH_INDEX_MEMBER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/search/persistent/cow_vector.h"

namespace mitra::search {

// Roles are the values of v1::Role, 1 to 9.
inline constexpr int kRoles = 10;

struct FacetRow {
  uint8_t role;
  uint32_t row;  // in the role's rows
};

class MemberRef;

// Immutable; a change makes a new one. Facets and texts lie behind the object
// in the same piece of memory: there are a million of them, and answers name
// members from all over memory.
class Member {
 public:
  struct Fields {
    // At most 255 bytes of the id and of the region code and 65,535 of the name
    // are kept.
    absl::string_view id;
    absl::string_view display_name;
    absl::string_view region_code;
    uint64_t incarnation = 0;
    uint64_t revision = 0;
    // Names the text of this member in the lexical index; 0 for none.
    uint64_t text_serial = 0;
    uint64_t text_hash = 0;
    bool hidden = false;
  };
  // At most 255 facets are kept.
  static MemberRef Create(const Fields& fields,
                          absl::Span<const FacetRow> facets);
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  absl::string_view id() const { return {texts(), id_size_}; }
  absl::string_view region_code() const {
    return {texts() + id_size_, region_size_};
  }
  absl::string_view display_name() const {
    return {texts() + id_size_ + region_size_, name_size_};
  }
  absl::Span<const FacetRow> facets() const {
    return {reinterpret_cast<const FacetRow*>(this + 1), facet_count_};
  }
  uint64_t incarnation() const { return incarnation_; }
  uint64_t revision() const { return revision_; }
  uint64_t text_serial() const { return text_serial_; }
  uint64_t text_hash() const { return text_hash_; }
  bool hidden() const { return hidden_; }
  // Bytes of it.
  size_t bytes() const;

 private:
  friend class MemberRef;
  explicit Member(const Fields& fields, size_t facets);
  ~Member() = default;
  const char* texts() const {
    return reinterpret_cast<const char*>(facets().end());
  }
  void Drop() const;

  const uint64_t incarnation_;
  const uint64_t revision_;
  const uint64_t text_serial_;
  const uint64_t text_hash_;
  mutable std::atomic<uint32_t> holders_{0};
  const uint16_t name_size_;
  const uint8_t id_size_;
  const uint8_t region_size_;
  const uint8_t facet_count_;
  const bool hidden_;
};

// Keeps a member alive; null where no member is. As thread-safe as
// std::shared_ptr, at half its size.
class MemberRef {
 public:
  MemberRef() = default;
  MemberRef(std::nullptr_t) {}  // NOLINT: like a pointer
  MemberRef(const MemberRef& other) : member_(other.member_) { Hold(); }
  MemberRef(MemberRef&& other) noexcept
      : member_(std::exchange(other.member_, nullptr)) {}
  MemberRef& operator=(MemberRef other) noexcept {
    std::swap(member_, other.member_);
    return *this;
  }
  ~MemberRef() {
    if (member_ != nullptr) member_->Drop();
  }

  const Member* get() const { return member_; }
  const Member& operator*() const { return *member_; }
  const Member* operator->() const { return member_; }
  friend bool operator==(const MemberRef& a, std::nullptr_t) {
    return a.member_ == nullptr;
  }

 private:
  friend class Member;
  explicit MemberRef(const Member* member) : member_(member) { Hold(); }
  void Hold() const {
    if (member_ == nullptr) return;
    member_->holders_.fetch_add(1, std::memory_order_relaxed);
  }

  const Member* member_ = nullptr;
};

// By dense member number.
using MemberVector = CowVector<MemberRef, 64>;

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_INDEX_MEMBER_H_
