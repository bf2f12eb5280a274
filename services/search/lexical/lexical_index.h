// An inverted index over the words of members, ranked by BM25 (Robertson &
// Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009).
//
// Text comes in immutable segments; each commit adds one and small ones are
// merged, so that readers hold a frozen list of segments. A member's text is
// named by a serial number: text whose serial is no longer the member's own is
// dead and disappears when its segment is merged.

#ifndef MITRA_SERVICES_SEARCH_LEXICAL_LEXICAL_INDEX_H_
#define MITRA_SERVICES_SEARCH_LEXICAL_LEXICAL_INDEX_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/search/lexical/lexical_terms.h"
#include "services/search/lexical/posting_list.h"

namespace mitra::search {

struct LexicalDocument {
  uint32_t member;
  uint64_t serial;
};

// Immutable.
class LexicalSegment {
 public:
  struct Occurrence {
    TermHash term;
    uint32_t document;  // its position in `documents`
    float frequency;
  };
  LexicalSegment(absl::Span<const LexicalDocument> documents,
                 std::vector<float> lengths,
                 std::vector<Occurrence> occurrences);

  // One segment with what is alive of several. Takes little more memory than
  // the result.
  static std::shared_ptr<const LexicalSegment> Merge(
      const std::vector<std::shared_ptr<const LexicalSegment>>& segments,
      absl::FunctionRef<bool(const LexicalDocument&)> alive);

  // The segment as plain arrays, for snapshots.
  struct Parts {
    std::vector<LexicalDocument> documents;
    std::vector<float> lengths;
    std::vector<TermHash> terms;
    std::vector<uint32_t> starts;
    std::vector<uint32_t> postings;
    std::vector<uint8_t> frequencies;
  };
  Parts ToParts() const;
  // DATA_LOSS if the parts do not fit together.
  static absl::StatusOr<std::shared_ptr<const LexicalSegment>> FromParts(
      Parts parts);

  size_t size() const { return members_.size(); }
  double total_length() const { return total_length_; }
  size_t bytes() const;

 private:
  friend class LexicalView;
  friend class LexicalIndex;
  LexicalSegment() = default;
  LexicalDocument document(size_t i) const {
    return {members_[i], serials_[i]};
  }
  void AddDocument(const LexicalDocument& document, float length);
  // Terms are added in order.
  void AddTerm(TermHash term, absl::Span<const Posting> postings);
  void Finish();
  PostingReader ListAt(size_t term) const {
    return PostingReader(lists_.data() + starts_[term]);
  }
  PostingReader Find(TermHash term) const;

  // Documents.
  std::vector<uint32_t> members_;
  std::vector<uint64_t> serials_;
  std::vector<float> lengths_;
  double total_length_ = 0;
  std::vector<TermHash> terms_;  // sorted
  // Where the list of each term begins. Lists of 4 GiB together are those of
  // about 50 million members.
  std::vector<uint32_t> starts_;
  std::vector<uint8_t> lists_;  // frequencies in sixteenths
};

// A frozen list of segments. Cheap to copy.
class LexicalView {
 public:
  // Calls `hit` for each document with one of the terms, dead ones included, in
  // no order. Scores are BM25 as a share of what the typed words could reach at
  // most, in [0, 1); related ones add to it. O(postings of the terms).
  void Search(const LexicalQuery& query,
              absl::FunctionRef<void(const LexicalDocument&, float score,
                                     bool exact_name)>
                  hit) const;
  // For snapshots.
  absl::Span<const std::shared_ptr<const LexicalSegment>> segments() const {
    if (segments_ == nullptr) return {};
    return *segments_;
  }

 private:
  friend class LexicalIndex;
  std::shared_ptr<const std::vector<std::shared_ptr<const LexicalSegment>>>
      segments_;
};

// For one writer at a time.
class LexicalIndex {
 public:
  void Add(const LexicalDocument& document, const DocumentText& text);

  // Seals what was added and returns the list of segments. `alive` is asked
  // about documents of small segments that are merged on the way.
  LexicalView Freeze(absl::FunctionRef<bool(const LexicalDocument&)> alive);

  // Segments that should be merged by somebody who has the time; empty if none.
  using Segments = std::vector<std::shared_ptr<const LexicalSegment>>;
  // `live` is how many documents are alive.
  Segments MergeCandidates(size_t live) const;
  // Puts `merged` in the place of `old`, which MergeCandidates gave.
  void Replace(const Segments& old,
               std::shared_ptr<const LexicalSegment> merged);

  // All documents belong to members below `members`.
  bool MembersBelow(uint32_t members) const;
  // Segments of a snapshot, in their order there.
  void Restore(Segments segments) { segments_ = std::move(segments); }

  size_t bytes() const;
  size_t documents() const;

 private:
  void Seal();

  Segments segments_;  // large to small
  std::vector<LexicalDocument> documents_;
  std::vector<float> lengths_;
  std::vector<LexicalSegment::Occurrence> occurrences_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_LEXICAL_LEXICAL_INDEX_H_
