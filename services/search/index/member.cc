#include "services/search/index/member.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace mitra::search {
namespace {

// As much as fits into a size of type T.
template <typename T>
T Cut(size_t size) {
  return static_cast<T>(std::min<size_t>(size, std::numeric_limits<T>::max()));
}

}  // namespace

Member::Member(const Fields& fields, size_t facets)
    : incarnation_(fields.incarnation),
      revision_(fields.revision),
      text_serial_(fields.text_serial),
      text_hash_(fields.text_hash),
      name_size_(Cut<uint16_t>(fields.display_name.size())),
      id_size_(Cut<uint8_t>(fields.id.size())),
      region_size_(Cut<uint8_t>(fields.region_code.size())),
      facet_count_(Cut<uint8_t>(facets)),
      hidden_(fields.hidden) {}

MemberRef Member::Create(const Fields& fields,
                         absl::Span<const FacetRow> facets) {
  static_assert(alignof(FacetRow) <= alignof(Member));
  const size_t count = Cut<uint8_t>(facets.size());
  const size_t texts = size_t{Cut<uint8_t>(fields.id.size())} +
                       Cut<uint8_t>(fields.region_code.size()) +
                       Cut<uint16_t>(fields.display_name.size());
  const size_t bytes = sizeof(Member) + count * sizeof(FacetRow) + texts;
  auto* member = new (::operator new(bytes)) Member(fields, facets.size());
  auto* rows = reinterpret_cast<FacetRow*>(member + 1);
  std::uninitialized_copy_n(facets.begin(), count, rows);
  char* to = reinterpret_cast<char*>(rows + count);
  to = std::copy_n(fields.id.data(), member->id_size_, to);
  to = std::copy_n(fields.region_code.data(), member->region_size_, to);
  std::copy_n(fields.display_name.data(), member->name_size_, to);
  return MemberRef(member);
}

size_t Member::bytes() const {
  return sizeof(Member) + facet_count_ * sizeof(FacetRow) + id_size_ +
         region_size_ + name_size_;
}

void Member::Drop() const {
  if (holders_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  this->~Member();
  ::operator delete(const_cast<Member*>(this));
}

}  // namespace mitra::search
