#include "services/search/lexical/lexical_index.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace mitra::search {
namespace {

// Texts of members are short: a word said again tells less than in the articles
// that 1.2 is for. Chosen as the weights of lexical_terms.cc are.
constexpr float kSaturation = 0.8F;    // k1
constexpr float kLengthShare = 0.75F;  // b

// Frequencies are kept in steps of 1 / kSteps, in one byte.
constexpr float kSteps = 16;

// Related words may bring a score beyond what the typed ones can reach.
constexpr float kMostScore = 0.9999F;

// Segments up to this many documents are merged at once by the writer.
constexpr size_t kSmall = 20000;
// Postings that are kept unsorted at most.
constexpr size_t kPending = 2000000;

uint8_t StepsOf(float frequency) {
  return static_cast<uint8_t>(
      std::clamp(std::lround(frequency * kSteps), 1L, 255L));
}

}  // namespace

LexicalSegment::LexicalSegment(absl::Span<const LexicalDocument> documents,
                               std::vector<float> lengths,
                               std::vector<Occurrence> occurrences) {
  for (size_t i = 0; i < documents.size(); ++i) {
    AddDocument(documents[i], lengths[i]);
  }
  std::sort(occurrences.begin(), occurrences.end(),
            [](const Occurrence& a, const Occurrence& b) {
              return a.term != b.term ? a.term < b.term
                                      : a.document < b.document;
            });
  std::vector<Posting> postings;
  for (auto at = occurrences.begin(); at != occurrences.end();) {
    const TermHash term = at->term;
    postings.clear();
    for (; at != occurrences.end() && at->term == term; ++at) {
      postings.push_back({at->document, StepsOf(at->frequency)});
    }
    AddTerm(term, postings);
  }
  Finish();
}

void LexicalSegment::AddDocument(const LexicalDocument& document,
                                 float length) {
  members_.push_back(document.member);
  serials_.push_back(document.serial);
  lengths_.push_back(length);
  total_length_ += double{length};
}

void LexicalSegment::AddTerm(TermHash term,
                             absl::Span<const Posting> postings) {
  terms_.push_back(term);
  starts_.push_back(static_cast<uint32_t>(lists_.size()));
  AppendPostings(postings, lists_);
}

void LexicalSegment::Finish() {
  members_.shrink_to_fit();
  serials_.shrink_to_fit();
  lengths_.shrink_to_fit();
  terms_.shrink_to_fit();
  starts_.shrink_to_fit();
  lists_.shrink_to_fit();
}

PostingReader LexicalSegment::Find(TermHash term) const {
  const auto it = std::lower_bound(terms_.begin(), terms_.end(), term);
  if (it == terms_.end() || *it != term) return {};
  return ListAt(static_cast<size_t>(it - terms_.begin()));
}

std::shared_ptr<const LexicalSegment> LexicalSegment::Merge(
    const std::vector<std::shared_ptr<const LexicalSegment>>& segments,
    absl::FunctionRef<bool(const LexicalDocument&)> alive) {
  constexpr uint32_t kDead = UINT32_MAX;
  std::shared_ptr<LexicalSegment> merged(new LexicalSegment());
  std::vector<std::vector<uint32_t>> moved(segments.size());
  for (size_t s = 0; s < segments.size(); ++s) {
    const LexicalSegment& segment = *segments[s];
    moved[s].resize(segment.size(), kDead);
    for (size_t i = 0; i < segment.size(); ++i) {
      if (!alive(segment.document(i))) continue;
      moved[s][i] = static_cast<uint32_t>(merged->size());
      merged->AddDocument(segment.document(i), segment.lengths_[i]);
    }
  }
  // Term by term; documents of a later segment come behind those of earlier
  // ones.
  std::vector<size_t> next(segments.size());
  std::vector<Posting> postings;
  while (true) {
    const TermHash* least = nullptr;
    for (size_t s = 0; s < segments.size(); ++s) {
      const std::vector<TermHash>& terms = segments[s]->terms_;
      if (next[s] == terms.size()) continue;
      if (least == nullptr || terms[next[s]] < *least) least = &terms[next[s]];
    }
    if (least == nullptr) break;
    const TermHash term = *least;
    postings.clear();
    for (size_t s = 0; s < segments.size(); ++s) {
      const LexicalSegment& segment = *segments[s];
      if (next[s] == segment.terms_.size()) continue;
      if (segment.terms_[next[s]] != term) continue;
      PostingReader list = segment.ListAt(next[s]++);
      while (list.left() > 0) {
        const Posting posting = list.Next();
        const uint32_t document = moved[s][posting.document];
        if (document == kDead) continue;
        postings.push_back({document, posting.frequency});
      }
    }
    if (!postings.empty()) merged->AddTerm(term, postings);
  }
  merged->Finish();
  return merged;
}

LexicalSegment::Parts LexicalSegment::ToParts() const {
  Parts parts;
  parts.lengths = lengths_;
  parts.terms = terms_;
  for (size_t i = 0; i < size(); ++i) parts.documents.push_back(document(i));
  for (size_t t = 0; t < terms_.size(); ++t) {
    parts.starts.push_back(static_cast<uint32_t>(parts.postings.size()));
    PostingReader list = ListAt(t);
    while (list.left() > 0) {
      const Posting posting = list.Next();
      parts.postings.push_back(posting.document);
      parts.frequencies.push_back(posting.frequency);
    }
  }
  parts.starts.push_back(static_cast<uint32_t>(parts.postings.size()));
  return parts;
}

absl::StatusOr<std::shared_ptr<const LexicalSegment>> LexicalSegment::FromParts(
    Parts parts) {
  const auto damaged = [] {
    return absl::DataLossError("text: segment does not fit together");
  };
  if (parts.lengths.size() != parts.documents.size() ||
      parts.starts.size() != parts.terms.size() + 1 ||
      parts.starts.front() != 0 ||
      parts.starts.back() != parts.postings.size() ||
      parts.frequencies.size() != parts.postings.size() ||
      !std::is_sorted(parts.starts.begin(), parts.starts.end()) ||
      std::adjacent_find(parts.terms.begin(), parts.terms.end(),
                         std::greater_equal<>()) != parts.terms.end()) {
    return damaged();
  }
  std::shared_ptr<LexicalSegment> segment(new LexicalSegment());
  for (size_t i = 0; i < parts.documents.size(); ++i) {
    if (!(parts.lengths[i] >= 0 && parts.lengths[i] < 1e9F)) return damaged();
    segment->AddDocument(parts.documents[i], parts.lengths[i]);
  }
  std::vector<Posting> postings;
  for (size_t t = 0; t < parts.terms.size(); ++t) {
    postings.clear();
    for (size_t p = parts.starts[t]; p < parts.starts[t + 1]; ++p) {
      const uint32_t document = parts.postings[p];
      if (document >= parts.documents.size() ||
          (!postings.empty() && document <= postings.back().document)) {
        return damaged();
      }
      postings.push_back({document, parts.frequencies[p]});
    }
    segment->AddTerm(parts.terms[t], postings);
  }
  segment->Finish();
  return std::shared_ptr<const LexicalSegment>(std::move(segment));
}

bool LexicalIndex::MembersBelow(uint32_t members) const {
  for (const auto& segment : segments_) {
    for (uint32_t member : segment->members_) {
      if (member >= members) return false;
    }
  }
  return true;
}

size_t LexicalSegment::bytes() const {
  return members_.capacity() * sizeof(uint32_t) +
         serials_.capacity() * sizeof(uint64_t) +
         lengths_.capacity() * sizeof(float) +
         terms_.capacity() * sizeof(TermHash) +
         starts_.capacity() * sizeof(uint32_t) + lists_.capacity();
}

void LexicalView::Search(
    const LexicalQuery& query,
    absl::FunctionRef<void(const LexicalDocument&, float, bool)> hit) const {
  if (segments_ == nullptr) return;
  double documents = 0;
  double length = 0;
  for (const auto& segment : *segments_) {
    documents += static_cast<double>(segment->size());
    length += segment->total_length();
  }
  if (documents == 0) return;
  const auto mean_length =
      static_cast<float>(std::max(length / documents, 1.0));
  const size_t terms = query.terms.size();
  std::vector<float> importance(terms);  // inverse document frequency × weight
  std::vector<std::vector<PostingReader>> lists(segments_->size());
  for (size_t s = 0; s < segments_->size(); ++s) {
    for (const LexicalQuery::Term& term : query.terms) {
      lists[s].push_back((*segments_)[s]->Find(term.term));
    }
  }
  for (size_t t = 0; t < terms; ++t) {
    double with = 0;
    for (const auto& list : lists) with += list[t].left();
    importance[t] = query.terms[t].weight *
                    static_cast<float>(
                        std::log(1 + (documents - with + 0.5) / (with + 0.5)));
  }
  float ceiling = 0;
  for (size_t t = 0; t < terms; ++t) {
    if (!query.terms[t].related) ceiling += importance[t] * (kSaturation + 1);
  }
  std::vector<float> scores;
  std::vector<uint32_t> touched;
  for (size_t s = 0; s < segments_->size(); ++s) {
    const LexicalSegment& segment = *(*segments_)[s];
    scores.assign(segment.size(), 0);
    touched.clear();
    for (size_t t = 0; t < terms; ++t) {
      PostingReader list = lists[s][t];
      while (list.left() > 0) {
        const auto [document, steps] = list.Next();
        const float frequency = static_cast<float>(steps) / kSteps;
        const float norm =
            kSaturation *
            (1 - kLengthShare +
             kLengthShare * segment.lengths_[document] / mean_length);
        if (scores[document] == 0) touched.push_back(document);
        scores[document] +=
            importance[t] * frequency * (kSaturation + 1) / (frequency + norm);
      }
    }
    std::vector<bool> named;
    PostingReader names =
        query.name == 0 ? PostingReader() : segment.Find(query.name);
    if (names.left() > 0) {
      named.resize(segment.size());
      while (names.left() > 0) {
        const uint32_t document = names.Next().document;
        named[document] = true;
        if (scores[document] == 0) touched.push_back(document);
      }
    }
    for (uint32_t document : touched) {
      hit(segment.document(document),
          ceiling > 0 ? std::min(scores[document] / ceiling, kMostScore) : 0,
          !named.empty() && named[document]);
    }
  }
}

void LexicalIndex::Add(const LexicalDocument& document,
                       const DocumentText& text) {
  const auto at = static_cast<uint32_t>(documents_.size());
  for (const DocumentTerm& term : text.terms) {
    occurrences_.push_back({term.term, at, term.frequency});
  }
  documents_.push_back(document);
  lengths_.push_back(text.length);
  if (occurrences_.size() >= kPending) Seal();
}

void LexicalIndex::Seal() {
  if (documents_.empty()) return;
  segments_.push_back(std::make_shared<const LexicalSegment>(
      documents_, std::exchange(lengths_, {}),
      std::exchange(occurrences_, {})));
  documents_.clear();
}

LexicalView LexicalIndex::Freeze(
    absl::FunctionRef<bool(const LexicalDocument&)> alive) {
  Seal();
  // Each document takes part in about log2(kSmall) of these merges.
  while (segments_.size() >= 2) {
    const auto& last = segments_.back();
    const auto& before = segments_[segments_.size() - 2];
    if (2 * last->size() < before->size() ||
        last->size() + before->size() > kSmall) {
      break;
    }
    auto merged = LexicalSegment::Merge({before, last}, alive);
    segments_.pop_back();
    segments_.back() = std::move(merged);
  }
  LexicalView view;
  view.segments_ = std::make_shared<const Segments>(segments_);
  return view;
}

LexicalIndex::Segments LexicalIndex::MergeCandidates(size_t live) const {
  // Too much of it is dead: all of it.
  if (documents() > live + live / 4 + 1000) return segments_;
  // From the end on, as long as the next one is not much larger than all
  // behind it.
  constexpr size_t kMaxSegments = 8;
  if (segments_.size() <= kMaxSegments) return {};
  size_t first = segments_.size() - 1;
  size_t behind = segments_.back()->size();
  while (first > 0 && (segments_[first - 1]->size() <= 4 * behind ||
                       segments_.size() - first < kMaxSegments / 2)) {
    --first;
    behind += segments_[first]->size();
  }
  return Segments(segments_.begin() + static_cast<ptrdiff_t>(first),
                  segments_.end());
}

void LexicalIndex::Replace(const Segments& old,
                           std::shared_ptr<const LexicalSegment> merged) {
  // The writer may have merged some of them meanwhile; then the work is lost.
  const auto at =
      std::search(segments_.begin(), segments_.end(), old.begin(), old.end());
  if (at == segments_.end()) return;
  *at = std::move(merged);
  segments_.erase(at + 1, at + static_cast<ptrdiff_t>(old.size()));
}

size_t LexicalIndex::bytes() const {
  size_t bytes = occurrences_.size() * sizeof(LexicalSegment::Occurrence);
  for (const auto& segment : segments_) bytes += segment->bytes();
  return bytes;
}

size_t LexicalIndex::documents() const {
  size_t documents = documents_.size();
  for (const auto& segment : segments_) documents += segment->size();
  return documents;
}

}  // namespace mitra::search
