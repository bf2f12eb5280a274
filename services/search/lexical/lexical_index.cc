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

bool Before(const LexicalSegment::Posting& a,
            const LexicalSegment::Posting& b) {
  return a.term != b.term ? a.term < b.term : a.document < b.document;
}

}  // namespace

LexicalSegment::LexicalSegment(std::vector<LexicalDocument> documents,
                               std::vector<float> lengths,
                               std::vector<Posting> postings)
    : documents_(std::move(documents)), lengths_(std::move(lengths)) {
  // A merge brings them in order already.
  if (!std::is_sorted(postings.begin(), postings.end(), Before)) {
    std::sort(postings.begin(), postings.end(), Before);
  }
  for (float length : lengths_) total_length_ += double{length};
  postings_.reserve(postings.size());
  frequencies_.reserve(postings.size());
  for (const Posting& posting : postings) {
    if (terms_.empty() || terms_.back() != posting.term) {
      terms_.push_back(posting.term);
      starts_.push_back(static_cast<uint32_t>(postings_.size()));
    }
    postings_.push_back(posting.document);
    frequencies_.push_back(static_cast<uint8_t>(
        std::clamp(std::lround(posting.frequency * kSteps), 1L, 255L)));
  }
  starts_.push_back(static_cast<uint32_t>(postings_.size()));
  terms_.shrink_to_fit();
  starts_.shrink_to_fit();
}

LexicalSegment::Range LexicalSegment::Find(TermHash term) const {
  const auto it = std::lower_bound(terms_.begin(), terms_.end(), term);
  if (it == terms_.end() || *it != term) return {};
  const auto at = static_cast<size_t>(it - terms_.begin());
  return {starts_[at], starts_[at + 1]};
}

std::shared_ptr<const LexicalSegment> LexicalSegment::Merge(
    const std::vector<std::shared_ptr<const LexicalSegment>>& segments,
    absl::FunctionRef<bool(const LexicalDocument&)> alive) {
  constexpr uint32_t kDead = UINT32_MAX;
  std::vector<LexicalDocument> documents;
  std::vector<float> lengths;
  std::vector<Posting> postings;
  for (const auto& segment : segments) {
    std::vector<uint32_t> moved(segment->documents_.size(), kDead);
    for (size_t i = 0; i < moved.size(); ++i) {
      if (!alive(segment->documents_[i])) continue;
      moved[i] = static_cast<uint32_t>(documents.size());
      documents.push_back(segment->documents_[i]);
      lengths.push_back(segment->lengths_[i]);
    }
    const auto sorted = static_cast<ptrdiff_t>(postings.size());
    for (size_t t = 0; t < segment->terms_.size(); ++t) {
      for (size_t p = segment->starts_[t]; p < segment->starts_[t + 1]; ++p) {
        const uint32_t document = moved[segment->postings_[p]];
        if (document == kDead) continue;
        postings.push_back(
            {segment->terms_[t], document,
             static_cast<float>(segment->frequencies_[p]) / kSteps});
      }
    }
    std::inplace_merge(postings.begin(), postings.begin() + sorted,
                       postings.end(), Before);
  }
  return std::make_shared<const LexicalSegment>(
      std::move(documents), std::move(lengths), std::move(postings));
}

LexicalSegment::Parts LexicalSegment::ToParts() const {
  return {documents_, lengths_, terms_, starts_, postings_, frequencies_};
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
  for (uint32_t document : parts.postings) {
    if (document >= parts.documents.size()) return damaged();
  }
  double total = 0;
  for (float length : parts.lengths) {
    if (!(length >= 0 && length < 1e9F)) return damaged();
    total += double{length};
  }
  std::shared_ptr<LexicalSegment> segment(new LexicalSegment());
  segment->documents_ = std::move(parts.documents);
  segment->lengths_ = std::move(parts.lengths);
  segment->total_length_ = total;
  segment->terms_ = std::move(parts.terms);
  segment->starts_ = std::move(parts.starts);
  segment->postings_ = std::move(parts.postings);
  segment->frequencies_ = std::move(parts.frequencies);
  return segment;
}

bool LexicalIndex::MembersBelow(uint32_t members) const {
  for (const auto& segment : segments_) {
    for (const LexicalDocument& document : segment->documents_) {
      if (document.member >= members) return false;
    }
  }
  return true;
}

size_t LexicalSegment::bytes() const {
  return documents_.size() * (sizeof(LexicalDocument) + sizeof(float)) +
         terms_.size() * (sizeof(TermHash) + sizeof(uint32_t)) +
         postings_.size() * (sizeof(uint32_t) + 1);
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
  std::vector<std::vector<LexicalSegment::Range>> ranges(segments_->size());
  for (size_t s = 0; s < segments_->size(); ++s) {
    ranges[s].resize(terms);
    for (size_t t = 0; t < terms; ++t) {
      ranges[s][t] = (*segments_)[s]->Find(query.terms[t].term);
    }
  }
  for (size_t t = 0; t < terms; ++t) {
    double with = 0;
    for (const auto& range : ranges) {
      with += static_cast<double>(range[t].end - range[t].begin);
    }
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
      for (size_t p = ranges[s][t].begin; p < ranges[s][t].end; ++p) {
        const uint32_t document = segment.postings_[p];
        const float frequency =
            static_cast<float>(segment.frequencies_[p]) / kSteps;
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
    const LexicalSegment::Range names =
        query.name == 0 ? LexicalSegment::Range() : segment.Find(query.name);
    if (names.begin != names.end) {
      named.resize(segment.size());
      for (size_t p = names.begin; p < names.end; ++p) {
        const uint32_t document = segment.postings_[p];
        named[document] = true;
        if (scores[document] == 0) touched.push_back(document);
      }
    }
    for (uint32_t document : touched) {
      hit(segment.documents_[document],
          ceiling > 0 ? std::min(scores[document] / ceiling, kMostScore) : 0,
          !named.empty() && named[document]);
    }
  }
}

void LexicalIndex::Add(const LexicalDocument& document,
                       const DocumentText& text) {
  const auto at = static_cast<uint32_t>(documents_.size());
  for (const DocumentTerm& term : text.terms) {
    postings_.push_back({term.term, at, term.frequency});
  }
  documents_.push_back(document);
  lengths_.push_back(text.length);
  if (postings_.size() >= kPending) Seal();
}

void LexicalIndex::Seal() {
  if (documents_.empty()) return;
  segments_.push_back(std::make_shared<const LexicalSegment>(
      std::exchange(documents_, {}), std::exchange(lengths_, {}),
      std::exchange(postings_, {})));
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
  size_t bytes = postings_.size() * sizeof(LexicalSegment::Posting);
  for (const auto& segment : segments_) bytes += segment->bytes();
  return bytes;
}

size_t LexicalIndex::documents() const {
  size_t documents = documents_.size();
  for (const auto& segment : segments_) documents += segment->size();
  return documents;
}

}  // namespace mitra::search
