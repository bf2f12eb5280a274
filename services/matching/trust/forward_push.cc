#include "services/matching/trust/forward_push.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "services/matching/trust/walk_state.h"

namespace mitra::matching {
namespace {

constexpr double kResidualScore = 1e-3;

// Two bits of a Bloom filter for one member; `bits` is a power of two.
std::pair<uint64_t, uint64_t> FilterBits(MemberIndex member, uint64_t bits) {
  const uint64_t hash = (member + 1) * 0x9E3779B97F4A7C15u;
  return {(hash >> 32) & (bits - 1), hash & 0xFFFFFFFF & (bits - 1)};
}

// By member; `other` is working memory. Radix sort: some thousands of random
// keys cost a comparing sort as much as a third of the walk.
void SortByMember(std::vector<TrustEntry>& entries,
                  std::vector<TrustEntry>& other) {
  constexpr size_t kFew = 256;
  constexpr int kBits = 11;
  constexpr uint32_t kBuckets = 1u << kBits;
  if (entries.size() <= kFew) {
    std::sort(entries.begin(), entries.end(),
              [](const TrustEntry& a, const TrustEntry& b) {
                return a.member < b.member;
              });
    return;
  }
  MemberIndex all = 0;
  for (const TrustEntry& entry : entries) all |= entry.member;
  other.resize(entries.size());
  for (int shift = 0; shift < 32 && all >> shift != 0; shift += kBits) {
    std::array<uint32_t, kBuckets> at{};
    for (const TrustEntry& entry : entries) {
      ++at[(entry.member >> shift) & (kBuckets - 1)];
    }
    uint32_t begin = 0;
    for (uint32_t& place : at) begin += std::exchange(place, begin);
    for (const TrustEntry& entry : entries) {
      other[at[(entry.member >> shift) & (kBuckets - 1)]++] = entry;
    }
    entries.swap(other);
  }
}

bool MoreMass(const TrustEntry& a, const TrustEntry& b) {
  return a.mass != b.mass ? a.mass > b.mass : a.member < b.member;
}

// The `n` entries with most mass, in any order; equal mass by member. Positive
// floats are ordered as their bits are: counting them by the first bits tells
// where the border runs, and only entries on the border are compared.
void KeepHeaviest(std::vector<TrustEntry>& entries, size_t n) {
  if (entries.size() <= n) return;
  constexpr int kShift = 19;
  constexpr size_t kBuckets = size_t{1} << (31 - kShift);
  const auto bucket = [](const TrustEntry& entry) {
    uint32_t bits = 0;
    std::memcpy(&bits, &entry.mass, sizeof bits);
    return bits >> kShift;
  };
  std::array<uint32_t, kBuckets> count{};
  for (const TrustEntry& entry : entries) ++count[bucket(entry)];
  size_t border = kBuckets - 1, above = 0;
  while (above + count[border] <= n) above += count[border--];
  const auto heavy = std::partition(
      entries.begin(), entries.end(),
      [&](const TrustEntry& entry) { return bucket(entry) > border; });
  const auto light = std::partition(
      heavy, entries.end(),
      [&](const TrustEntry& entry) { return bucket(entry) == border; });
  std::nth_element(heavy, entries.begin() + static_cast<ptrdiff_t>(n), light,
                   MoreMass);
  entries.resize(n);
}

}  // namespace

struct PushWorkspace::Impl {
  WalkState walk;
  std::vector<TrustEntry> entries;
};

PushWorkspace::PushWorkspace() : impl_(std::make_unique<Impl>()) {}
PushWorkspace::~PushWorkspace() = default;

PushWorkspace& PushWorkspace::ForThisThread() {
  static thread_local PushWorkspace workspace;
  return workspace;
}

namespace {

// The walk itself, until no residual exceeds what is allowed or the budget is
// used up.
class Push {
 public:
  Push(const GraphView& graph, MemberIndex subject, const PushOptions& options,
       WalkState& walk, TrustVector& trust)
      : graph_(graph), options_(options), walk_(walk), trust_(trust) {
    walk_.Begin(ThresholdOf(1));
    start_ = walk_.Find(subject);
    Receive(start_, 1);
  }

  void Run() {
    while (true) {
      Drain();
      if (trust_.truncated || stage_ == 1) return;
      stage_ = std::max(1.F, stage_ / kStageStep);
      for (WalkState::CellNumber c = 0; c < walk_.size(); ++c) {
        walk_.cell(c).threshold =
            std::max(walk_.cell(c).threshold / kStageStep, ThresholdOf(1));
        Receive(c, 0);
      }
    }
  }

 private:
  // Residuals that are far too large go first: what is small then has grown by
  // the time that it is passed on, which saves a third of the edges.
  static constexpr float kFirstStage = 64, kStageStep = 8;
  static constexpr float kWaiting = std::numeric_limits<float>::infinity();
  // The walk waits for memory: where lists lie is loaded some members ahead,
  // then the lists of those that have enough.
  static constexpr size_t kPlacesAhead = 24, kListsAhead = 10;

  float ThresholdOf(uint32_t degree) const {
    return static_cast<float>(options_.rmax) * stage_ *
           static_cast<float>(std::max<uint32_t>(1, degree));
  }

  void Receive(WalkState::CellNumber number, double mass) {
    WalkState::Cell& cell = walk_.cell(number);
    cell.residual += mass;
    if (cell.residual <= double{cell.threshold}) return;
    cell.threshold = kWaiting;
    walk_.queue().push_back(number);
  }

  void Drain() {
    std::vector<WalkState::CellNumber>& queue = walk_.queue();
    for (size_t head = 0; head < queue.size(); ++head) {
      if (head + kPlacesAhead < queue.size()) {
        graph_.PrefetchPlace(walk_.cell(queue[head + kPlacesAhead]).member);
      }
      if (head + kListsAhead < queue.size()) {
        const WalkState::Cell& later = walk_.cell(queue[head + kListsAhead]);
        const uint32_t degree = graph_.WalkDegreeOf(later.member);
        if (later.residual > double{ThresholdOf(degree)}) {
          graph_.PrefetchWalk(later.member);
        }
      }
      WalkState::Cell& cell = walk_.cell(queue[head]);
      cell.threshold = ThresholdOf(graph_.WalkDegreeOf(cell.member));
      if (cell.residual <= double{cell.threshold}) continue;
      if (trust_.edges_pushed >= options_.edge_budget) {
        trust_.truncated = true;
        return;
      }
      Settle(queue[head]);
    }
    queue.clear();
  }

  void Settle(WalkState::CellNumber number) {
    const double residual = walk_.cell(number).residual;
    const MemberIndex member = walk_.cell(number).member;
    walk_.cell(number).residual = 0;
    walk_.settled(number) += options_.alpha * residual;
    const double moving = (1 - options_.alpha) * residual;
    double given = 0;
    const absl::Span<const WalkEdge> edges = graph_.WalkOf(member);
    for (const WalkEdge& edge : edges) {
      if (edge.share <= 0) continue;
      const auto share = double{edge.share};
      Receive(walk_.Find(edge.to), moving * share);
      given += share;
    }
    trust_.edges_pushed += static_cast<uint32_t>(edges.size());
    // What has nowhere to go returns to the subject.
    const double rest = moving * std::max(0.0, 1 - given);
    if (rest > 0) Receive(start_, rest);
  }

  const GraphView& graph_;
  const PushOptions& options_;
  WalkState& walk_;
  TrustVector& trust_;
  WalkState::CellNumber start_ = 0;
  float stage_ = kFirstStage;
};

// Makes the vector of what has arrived; `entries` is working memory.
void Collect(const PushOptions& options, WalkState& walk,
             std::vector<TrustEntry>& entries, TrustVector& trust) {
  trust.touched = static_cast<uint32_t>(walk.size());
  uint64_t words = 1;
  while (words * 64 < uint64_t{8} * walk.size()) words *= 2;
  trust.members_filter.assign(words, 0);
  entries.clear();
  for (WalkState::CellNumber c = 0; c < walk.size(); ++c) {
    const WalkState::Cell& cell = walk.cell(c);
    const double settled = walk.settled(c);
    trust.settled += settled;
    trust.residual += cell.residual;
    const auto [a, b] = FilterBits(cell.member, words * 64);
    trust.members_filter[a / 64] |= uint64_t{1} << (a % 64);
    trust.members_filter[b / 64] |= uint64_t{1} << (b % 64);
    if (cell.member == trust.subject) {
      trust.subject_mass = settled;
      continue;
    }
    const double mass = settled + kResidualScore * cell.residual;
    if (mass > 0) entries.push_back({cell.member, static_cast<float>(mass)});
  }
  if (options.max_members > 0) KeepHeaviest(entries, options.max_members);
  trust.entries.assign(entries.begin(), entries.end());
  SortByMember(trust.entries, entries);
}

}  // namespace

TrustVector ForwardPush(const GraphView& graph, MemberIndex subject,
                        const PushOptions& options, PushWorkspace& workspace) {
  TrustVector trust;
  trust.subject = subject;
  trust.graph_epoch = graph.epoch();
  const Neighbours own = graph.of(subject);
  trust.out_epoch = own.node->out_epoch;
  if (own.node->walk_degree == 0) {
    trust.subject_mass = trust.settled = 1;
    return trust;
  }
  PushWorkspace::Impl& work = *workspace.impl_;
  Push(graph, subject, options, work.walk, trust).Run();
  Collect(options, work.walk, work.entries, trust);
  return trust;
}

void TrustVector::MakeIndex() {
  constexpr size_t kPerBucket = 4;
  begins.clear();
  if (entries.empty()) return;
  const MemberIndex last = entries.back().member;
  const size_t buckets = entries.size() / kPerBucket + 1;
  begin_shift = 0;
  while ((last >> begin_shift) >= buckets) ++begin_shift;
  begins.assign((last >> begin_shift) + 2,
                static_cast<uint32_t>(entries.size()));
  for (size_t i = entries.size(); i-- > 0;) {
    begins[entries[i].member >> begin_shift] = static_cast<uint32_t>(i);
  }
  for (size_t bucket = begins.size() - 1; bucket-- > 0;) {
    begins[bucket] = std::min(begins[bucket], begins[bucket + 1]);
  }
}

double TrustVector::MassOf(MemberIndex member) const {
  const TrustEntry* at = entries.data();
  size_t left = entries.size();
  if (!begins.empty()) {
    const size_t bucket = member >> begin_shift;
    if (bucket + 1 >= begins.size()) return 0;
    at += begins[bucket];
    left = begins[bucket + 1] - begins[bucket];
  }
  if (left == 0) return 0;
  // Without branches: which way a search goes cannot be foretold.
  while (left > 1) {
    const size_t half = left / 2;
    at = at[half].member <= member ? at + half : at;
    left -= half;
  }
  return at->member == member ? at->mass : 0;
}

bool TrustVector::MayContain(MemberIndex member) const {
  if (member == subject) return true;
  if (members_filter.empty()) return false;
  const auto [a, b] = FilterBits(member, members_filter.size() * 64);
  return (members_filter[a / 64] >> (a % 64) & 1) != 0 &&
         (members_filter[b / 64] >> (b % 64) & 1) != 0;
}

std::vector<TrustEntry> TrustVector::Top(size_t n) const {
  std::vector<TrustEntry> top = entries;
  n = std::min(n, top.size());
  const auto end = top.begin() + static_cast<ptrdiff_t>(n);
  if (end != top.end()) std::nth_element(top.begin(), end, top.end(), MoreMass);
  top.erase(end, top.end());
  std::sort(top.begin(), top.end(), MoreMass);
  top.shrink_to_fit();
  return top;
}

size_t TrustVector::bytes() const {
  return sizeof *this + entries.capacity() * sizeof(TrustEntry) +
         heaviest.capacity() * sizeof(TrustEntry) +
         begins.capacity() * sizeof(uint32_t) +
         members_filter.capacity() * sizeof(uint64_t);
}

}  // namespace mitra::matching
