#include "services/matching/trust/forward_push.h"

#include <algorithm>
#include <array>
#include <utility>

namespace mitra::matching {
namespace {

constexpr double kResidualScore = 1e-3;

// Two bits of a Bloom filter for one member; `bits` is a power of two.
std::pair<uint64_t, uint64_t> FilterBits(MemberIndex member, uint64_t bits) {
  const uint64_t hash = (member + 1) * 0x9E3779B97F4A7C15u;
  return {(hash >> 32) & (bits - 1), hash & 0xFFFFFFFF & (bits - 1)};
}

// By member. Radix sort: some thousands of random keys cost a comparing sort as
// much as a third of the walk.
void SortByMember(std::vector<TrustEntry>& entries) {
  constexpr size_t kFew = 256;
  constexpr int kBits = 11, kPasses = 3;
  constexpr uint32_t kBuckets = 1u << kBits;
  if (entries.size() <= kFew) {
    std::sort(entries.begin(), entries.end(),
              [](const TrustEntry& a, const TrustEntry& b) {
                return a.member < b.member;
              });
    return;
  }
  std::vector<TrustEntry> other(entries.size());
  for (int pass = 0; pass < kPasses; ++pass) {
    const int shift = pass * kBits;
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

}  // namespace

struct PushWorkspace::Impl {
  struct Cell {
    double settled = 0;
    double residual = 0;
    uint32_t stamp = 0;
    bool queued = false;
  };
  std::vector<Cell> cells;
  std::vector<MemberIndex> touched;
  std::vector<MemberIndex> queue;
  uint32_t stamp = 0;

  void Begin(size_t members) {
    if (cells.size() < members) cells.resize(members);
    if (++stamp == 0) {
      for (Cell& cell : cells) cell.stamp = 0;
      stamp = 1;
    }
    touched.clear();
    queue.clear();
  }
  Cell& At(MemberIndex member) {
    Cell& cell = cells[member];
    if (cell.stamp != stamp) {
      cell = Cell();
      cell.stamp = stamp;
      touched.push_back(member);
    }
    return cell;
  }
};

PushWorkspace::PushWorkspace() : impl_(std::make_unique<Impl>()) {}
PushWorkspace::~PushWorkspace() = default;

PushWorkspace& PushWorkspace::ForThisThread() {
  static thread_local PushWorkspace workspace;
  return workspace;
}

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
  work.Begin(graph.size());
  // The walk waits for memory: lists are loaded some members ahead, cells some
  // edges ahead. Who has too little to be pushed whatever its degree is not
  // queued, so that its list is not looked up in vain.
  constexpr size_t kPlacesAhead = 12, kListsAhead = 6, kCellsAhead = 12;
  const auto enqueue = [&](MemberIndex member,
                           PushWorkspace::Impl::Cell& cell) {
    if (cell.queued || cell.residual <= options.rmax) return;
    cell.queued = true;
    work.queue.push_back(member);
  };
  PushWorkspace::Impl::Cell& start = work.At(subject);
  start.residual = 1;
  start.queued = true;
  work.queue.push_back(subject);
  size_t head = 0;
  while (head < work.queue.size()) {
    if (head + kPlacesAhead < work.queue.size()) {
      graph.PrefetchPlace(work.queue[head + kPlacesAhead]);
    }
    if (head + kListsAhead < work.queue.size()) {
      graph.PrefetchList(work.queue[head + kListsAhead]);
    }
    const MemberIndex member = work.queue[head++];
    PushWorkspace::Impl::Cell& cell = work.At(member);
    cell.queued = false;
    const Neighbours n = graph.of(member);
    if (cell.residual <=
        options.rmax * std::max<uint32_t>(1, n.node->walk_degree)) {
      continue;
    }
    if (trust.edges_pushed >= options.edge_budget) {
      trust.truncated = true;
      break;
    }
    const double moving = (1 - options.alpha) * cell.residual;
    cell.settled += options.alpha * cell.residual;
    cell.residual = 0;
    double given = 0;
    for (uint32_t i = 0; i < n.size; ++i) {
      if (i + kCellsAhead < n.size) {
        __builtin_prefetch(&work.cells[n.edges[i + kCellsAhead].to], 1);
      }
      const WalkEdge& edge = n.edges[i];
      if (edge.share <= 0) continue;
      PushWorkspace::Impl::Cell& to = work.At(edge.to);
      to.residual += moving * edge.share;
      given += edge.share;
      enqueue(edge.to, to);
    }
    trust.edges_pushed += n.size;
    // What has nowhere to go returns to the subject.
    const double rest = moving * std::max(0.0, 1 - given);
    if (rest > 0) {
      PushWorkspace::Impl::Cell& back = work.At(subject);
      back.residual += rest;
      enqueue(subject, back);
    }
  }

  trust.touched = static_cast<uint32_t>(work.touched.size());
  uint64_t words = 1;
  while (words * 64 < uint64_t{8} * work.touched.size()) words *= 2;
  trust.members_filter.assign(words, 0);
  trust.entries.reserve(work.touched.size());
  for (MemberIndex member : work.touched) {
    const PushWorkspace::Impl::Cell& cell = work.cells[member];
    trust.settled += cell.settled;
    trust.residual += cell.residual;
    const auto [a, b] = FilterBits(member, words * 64);
    trust.members_filter[a / 64] |= uint64_t{1} << (a % 64);
    trust.members_filter[b / 64] |= uint64_t{1} << (b % 64);
    if (member == subject) {
      trust.subject_mass = cell.settled;
      continue;
    }
    const double mass = cell.settled + kResidualScore * cell.residual;
    if (mass > 0) {
      trust.entries.push_back({member, static_cast<float>(mass)});
    }
  }
  if (options.max_members > 0 && trust.entries.size() > options.max_members) {
    std::nth_element(trust.entries.begin(),
                     trust.entries.begin() + options.max_members,
                     trust.entries.end(), MoreMass);
    trust.entries.resize(options.max_members);
  }
  SortByMember(trust.entries);
  return trust;
}

double TrustVector::MassOf(MemberIndex member) const {
  const auto at = std::lower_bound(
      entries.begin(), entries.end(), member,
      [](const TrustEntry& entry, MemberIndex m) { return entry.member < m; });
  return at != entries.end() && at->member == member ? at->mass : 0;
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
  std::partial_sort(top.begin(), top.begin() + static_cast<ptrdiff_t>(n),
                    top.end(), MoreMass);
  top.resize(n);
  return top;
}

size_t TrustVector::bytes() const {
  return sizeof *this + entries.capacity() * sizeof(TrustEntry) +
         heaviest.capacity() * sizeof(TrustEntry) +
         members_filter.capacity() * sizeof(uint64_t);
}

}  // namespace mitra::matching
