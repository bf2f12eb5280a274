// The documents of one term with frequencies, in few bytes: a count, then for
// each document its distance from the one before and its frequency. Distances
// are numbers of seven bits a byte; frequent words have distances of one byte.

#ifndef MITRA_SERVICES_SEARCH_LEXICAL_POSTING_LIST_H_
#define MITRA_SERVICES_SEARCH_LEXICAL_POSTING_LIST_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace mitra::search {

struct Posting {
  uint32_t document;
  uint8_t frequency;
};

// Appends a list to `bytes`; documents must ascend, each once.
void AppendPostings(absl::Span<const Posting> postings,
                    std::vector<uint8_t>& bytes);

// Reads what AppendPostings wrote; nothing else may be given to it.
class PostingReader {
 public:
  // Of an empty list.
  PostingReader() = default;
  explicit PostingReader(const uint8_t* list) : at_(list) { left_ = Number(); }

  // How many are left.
  uint32_t left() const { return left_; }
  // The next one; there must be one.
  Posting Next() {
    --left_;
    document_ += Number();
    return {document_, *at_++};
  }

 private:
  uint32_t Number() {
    uint32_t number = *at_ & 0x7f;
    for (unsigned shift = 7; (*at_++ & 0x80) != 0; shift += 7) {
      number |= uint32_t{*at_ & 0x7fU} << shift;
    }
    return number;
  }

  const uint8_t* at_ = nullptr;
  uint32_t left_ = 0;
  uint32_t document_ = 0;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_LEXICAL_POSTING_LIST_H_
