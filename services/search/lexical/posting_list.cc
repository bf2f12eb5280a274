#include "services/search/lexical/posting_list.h"

namespace mitra::search {
namespace {

void AppendNumber(uint32_t number, std::vector<uint8_t>& bytes) {
  for (; number >= 0x80; number >>= 7) {
    bytes.push_back(static_cast<uint8_t>(number | 0x80));
  }
  bytes.push_back(static_cast<uint8_t>(number));
}

}  // namespace

void AppendPostings(absl::Span<const Posting> postings,
                    std::vector<uint8_t>& bytes) {
  AppendNumber(static_cast<uint32_t>(postings.size()), bytes);
  uint32_t before = 0;
  for (const Posting& posting : postings) {
    AppendNumber(posting.document - before, bytes);
    bytes.push_back(posting.frequency);
    before = posting.document;
  }
}

}  // namespace mitra::search
