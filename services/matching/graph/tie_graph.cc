#include "services/matching/graph/tie_graph.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "services/matching/graph/list_arena.h"
#include "services/matching/graph/list_packing.h"
#include "services/matching/graph/reputation_sums.h"
#include "services/matching/graph/tie_sums.h"
#include "services/matching/graph/walk_shares.h"

namespace mitra::matching {
namespace {

// All quiet weights are brought up to date within this time.
constexpr int64_t kRefreshPeriodSeconds = 43'200;
// Members that one publication brings up to new weights of their raters.
constexpr size_t kStalePerPublish = 20'000;

uint64_t PairKey(MemberIndex author, MemberIndex about) {
  return (static_cast<uint64_t>(author) << 32) | about;
}

}  // namespace

struct TieGraph::Impl {
  struct Piece {
    MemberIndex author = kNoMember;
    MemberIndex about = kNoMember;
    uint32_t author_life = 0;
    uint32_t about_life = 0;
    int64_t event_time = 0;
    double quality = 0;
    uint64_t revision = 0;
    uint8_t kind = 0;
    bool counts = false;
  };
  // One member on the writer's side.
  struct Node {
    std::vector<MemberIndex> neighbours;  // unsorted, each once
    uint32_t life = 0;                    // grows when the member is removed
    uint32_t out_epoch = 0;
    RaterBias bias;
  };

  absl::flat_hash_map<uint64_t, PairSums> pairs;
  absl::flat_hash_map<EvidenceKey, Piece> pieces;
  std::vector<Node> nodes;
  absl::flat_hash_set<MemberIndex> dirty;
  absl::flat_hash_set<MemberIndex> dirty_out;  // own ties changed
  std::shared_ptr<ListArena> arena = std::make_shared<ListArena>();
  Garbage garbage;  // frees into the arena
  VersionedArray<GraphView::ListRef> lists{garbage};
  uint64_t epoch = 0;
  uint64_t ties = 0;
  uint64_t refused = 0;
  size_t list_bytes = 0;
  MemberIndex refresh_cursor = 0;
  int64_t last_publish = 0;
  double refresh_debt = 0;
  std::shared_ptr<const std::vector<float>> rater_weights;
  std::vector<MemberIndex> stale;  // to be rebuilt, in turn from the end

  float RaterWeight(MemberIndex member) const {
    if (rater_weights == nullptr) return 1;
    return member < rater_weights->size() ? (*rater_weights)[member] : 0;
  }

  ~Impl() {
    for (uint32_t i = 0; i < lists.size(); ++i) {
      const GraphView::ListRef& list = lists.at(i);
      if (list.data != nullptr) garbage.Retire(list.data, ListArena::Free);
    }
  }

  Node& NodeOf(MemberIndex member) {
    if (member >= nodes.size()) nodes.resize(member + 1);
    return nodes[member];
  }

  bool Alive(const Piece& piece) {
    return piece.author != kNoMember && piece.counts &&
           NodeOf(piece.author).life == piece.author_life &&
           NodeOf(piece.about).life == piece.about_life;
  }

  void Touch(MemberIndex author, MemberIndex about) {
    dirty.insert(author);
    dirty.insert(about);
    dirty_out.insert(author);
  }

  void Add(const TieOptions& options, const Piece& piece, int sign) {
    const uint64_t key = PairKey(piece.author, piece.about);
    const bool linked = pairs.contains(key) ||
                        pairs.contains(PairKey(piece.about, piece.author));
    PairSums& sums = pairs[key];
    if (sums.empty()) ++ties;
    const EvidenceKindOptions& rule = options.kinds[piece.kind];
    const EndDay end = EndOf(rule, piece.event_time, piece.quality);
    auto at = PlaceIn(sums, piece.kind, end);
    if (at == sums.end() || at->kind != piece.kind || at->end != end) {
      KindSums fresh;
      fresh.kind = piece.kind;
      fresh.end = end;
      at = sums.insert(at, fresh);
    }
    Node& author = NodeOf(piece.author);
    const double bias = author.bias.value();
    if (rule.graded) author.bias.Add(*at, -1);
    at->Add(rule, piece.event_time, piece.quality, sign);
    if (rule.graded) author.bias.Add(*at, 1);
    if (author.bias.value() != bias) {
      dirty.insert(author.neighbours.begin(), author.neighbours.end());
    }
    if (at->pieces == 0) sums.erase(at);
    if (!linked) {
      NodeOf(std::max(piece.author, piece.about));
      nodes[piece.author].neighbours.push_back(piece.about);
      nodes[piece.about].neighbours.push_back(piece.author);
    }
    if (sums.empty()) {
      pairs.erase(key);
      --ties;
      if (!pairs.contains(PairKey(piece.about, piece.author))) {
        Unlink(piece.author, piece.about);
        Unlink(piece.about, piece.author);
      }
    }
    Touch(piece.author, piece.about);
  }

  // What `author` said of a member that is gone no longer tells how it speaks.
  void ForgetBias(const TieOptions& options, MemberIndex author,
                  MemberIndex about) {
    const PairSums* sums = SumsOf(author, about);
    if (sums == nullptr) return;
    Node& node = nodes[author];
    const double bias = node.bias.value();
    for (const KindSums& kind : *sums) {
      if (options.kinds[kind.kind].graded) node.bias.Add(kind, -1);
    }
    if (node.bias.value() != bias) {
      dirty.insert(node.neighbours.begin(), node.neighbours.end());
    }
  }

  void Unlink(MemberIndex from, MemberIndex to) {
    auto& list = nodes[from].neighbours;
    const auto at = std::find(list.begin(), list.end(), to);
    if (at == list.end()) return;
    *at = list.back();
    list.pop_back();
  }

  const PairSums* SumsOf(MemberIndex author, MemberIndex about) const {
    const auto it = pairs.find(PairKey(author, about));
    return it == pairs.end() ? nullptr : &it->second;
  }

  TieValue ValueOf(const TieOptions& options, MemberIndex author,
                   MemberIndex about, int64_t now) const {
    const PairSums* sums = SumsOf(author, about);
    return sums == nullptr ? TieValue() : Evaluate(*sums, options, now);
  }

  // Working memory of BuildList.
  std::vector<MemberIndex> listed;  // neighbours whose ties still count
  std::vector<TieValue> outs, ins;  // the same order
  std::vector<Cause> causes;
  WalkShares walk_shares;

  // Evaluates the ties of a member, and what they add up to.
  NodeFacts Evaluated(const TieOptions& options, MemberIndex member,
                      int64_t now) {
    listed.clear();
    outs.clear();
    ins.clear();
    NodeFacts facts;
    ReputationSums reputation(options);
    for (const MemberIndex other : nodes[member].neighbours) {
      const TieValue out = ValueOf(options, member, other, now);
      const PairSums* said = SumsOf(other, member);
      const TieValue in =
          said == nullptr ? TieValue() : Evaluate(*said, options, now);
      // All that the two said of each other were complaints that have ended.
      if (out.kind == 0 && in.kind == 0) continue;
      listed.push_back(other);
      outs.push_back(out);
      ins.push_back(in);
      if (said != nullptr) {
        reputation.Add(*said, now, double{RaterWeight(other)},
                       nodes[other].bias.value());
      }
      facts.out_degree += out.kind != 0;
      facts.in_degree += in.kind != 0;
      facts.group_size += in.kind != 0 && in.to_group;
      facts.in_evidence += in.pieces;
      if (!in.to_group) {
        facts.in_positive += static_cast<float>(in.positive);
        facts.in_negative += static_cast<float>(in.negative);
      }
      if (!out.to_group) {
        facts.out_positive += static_cast<float>(out.positive);
        facts.out_negative += static_cast<float>(out.negative);
      }
    }
    reputation.Finish(facts, causes);
    return facts;
  }

  // Weights are those at the end of the day of `now`: they change so slowly
  // that nobody is hurt, and lists that are built within a day, by whichever
  // process, are the same to the bit.
  void BuildList(const TieOptions& options, MemberIndex member, int64_t now) {
    now = (now / kDaySeconds + 1) * kDaySeconds;
    Node& node = NodeOf(member);
    std::sort(node.neighbours.begin(), node.neighbours.end());
    NodeFacts facts = Evaluated(options, member, now);
    const auto shares = walk_shares.Of(options, outs, ins);
    facts.out_epoch = node.out_epoch;
    for (const double share : shares) facts.walk_degree += share > 0;
    PackedList list;
    if (!listed.empty()) {
      list = PackList({.facts = facts,
                       .neighbours = listed,
                       .outs = outs,
                       .ins = ins,
                       .shares = shares,
                       .causes = causes},
                      *arena);
      list_bytes += ListBytes(list, facts.causes);
    }
    SetList(member, list);
  }

  void SetList(MemberIndex member, const PackedList& list) {
    GraphView::ListRef& slot = lists.Mutable(member);
    if (slot.data != nullptr) {
      const auto* facts = reinterpret_cast<const NodeFacts*>(slot.data);
      list_bytes -=
          ListBytes({slot.data, slot.size, slot.walk_degree, slot.compact != 0},
                    facts->causes);
      garbage.Retire(slot.data, ListArena::Free);
    }
    slot.data = list.data;
    slot.size = list.size;
    slot.walk_degree = list.walk_degree & 0x7fffffffu;
    slot.compact = list.compact ? 1 : 0;
  }
};

TieGraph::TieGraph(const TieOptions& options)
    : options_(options), impl_(std::make_unique<Impl>()) {}
TieGraph::~TieGraph() = default;

TieGraph::Folded TieGraph::Fold(const EvidencePiece& given) {
  Impl::Piece piece;
  piece.author = given.author;
  piece.about = given.about;
  piece.event_time = given.event_time;
  piece.revision = given.revision;
  piece.counts = given.counts;
  if (given.author == given.about || given.author == kNoMember ||
      given.about == kNoMember || given.kind <= 0 ||
      given.kind >= kEvidenceKinds ||
      (given.quality && !(*given.quality >= 0 && *given.quality <= 1))) {
    ++impl_->refused;
    return Folded::kNothing;
  }
  piece.kind = static_cast<uint8_t>(given.kind);
  const EvidenceKindOptions& kind = options_.kinds[given.kind];
  piece.quality =
      std::min(given.quality.value_or(kind.default_quality), kind.max_quality);
  piece.author_life = impl_->NodeOf(piece.author).life;
  piece.about_life = impl_->NodeOf(piece.about).life;

  const auto it = impl_->pieces.find(given.key);
  bool counted = false;
  if (it != impl_->pieces.end()) {
    if (it->second.revision >= given.revision) return Folded::kNothing;
    counted = impl_->Alive(it->second);
    const Impl::Piece& old = it->second;
    if (counted && piece.counts && old.author == piece.author &&
        old.about == piece.about && old.kind == piece.kind &&
        old.event_time == piece.event_time && old.quality == piece.quality) {
      it->second.revision = piece.revision;
      return Folded::kNothing;
    }
    if (counted) impl_->Add(options_, old, -1);
    it->second = piece;
  } else {
    impl_->pieces.emplace(given.key, piece);
  }
  if (piece.counts && kind.weight > 0) impl_->Add(options_, piece, 1);
  if (counted) return Folded::kLowered;
  return piece.counts ? Folded::kChanged : Folded::kNothing;
}

std::optional<MemberIndex> TieGraph::Withdraw(EvidenceKey key,
                                              uint64_t revision) {
  Impl::Piece& piece = impl_->pieces[key];
  if (piece.revision >= revision && piece.revision != 0) return std::nullopt;
  std::optional<MemberIndex> author;
  if (impl_->Alive(piece)) {
    author = piece.author;
    impl_->Add(options_, piece, -1);
  }
  piece = Impl::Piece();
  piece.revision = revision;
  return author;
}

std::vector<MemberIndex> TieGraph::RemoveMember(MemberIndex member) {
  Impl::Node& node = impl_->NodeOf(member);
  ++node.life;
  node.bias = RaterBias();
  std::vector<MemberIndex> former = std::move(node.neighbours);
  node.neighbours.clear();
  for (MemberIndex neighbour : former) {
    impl_->ties -= impl_->pairs.erase(PairKey(member, neighbour));
    impl_->ForgetBias(options_, neighbour, member);
    impl_->ties -= impl_->pairs.erase(PairKey(neighbour, member));
    impl_->Unlink(neighbour, member);
    impl_->Touch(neighbour, member);
  }
  impl_->dirty.insert(member);
  impl_->dirty_out.insert(member);
  return former;
}

TieSums TieGraph::SumsOf(MemberIndex author, MemberIndex about, int kind,
                         int64_t now) const {
  TieSums result;
  const PairSums* sums = impl_->SumsOf(author, about);
  if (sums == nullptr) return result;
  ForEachKind(*sums, options_, now, [&](const KindLeft& left) {
    if (left.kind == kind) {
      result = {left.positive, left.negative, left.pieces, left.last_end};
    }
  });
  return result;
}

std::optional<Tie> TieGraph::TieOf(MemberIndex author, MemberIndex about,
                                   int64_t now) const {
  const TieValue value = impl_->ValueOf(options_, author, about, now);
  if (value.kind == 0) return std::nullopt;
  return Tie{value.trust, value.certainty, value.kind, value.to_group};
}

void TieGraph::SetRaterWeights(
    std::shared_ptr<const std::vector<float>> weights) {
  Impl& impl = *impl_;
  const auto before = std::exchange(impl.rater_weights, std::move(weights));
  const auto old_of = [&](MemberIndex m) {
    if (before == nullptr) return 1.f;
    return m < before->size() ? (*before)[m] : 0.f;
  };
  absl::flat_hash_set<MemberIndex> stale(impl.stale.begin(), impl.stale.end());
  for (MemberIndex m = 0; m < impl.nodes.size(); ++m) {
    if (impl.RaterWeight(m) == old_of(m)) continue;
    stale.insert(impl.nodes[m].neighbours.begin(),
                 impl.nodes[m].neighbours.end());
  }
  impl.stale.assign(stale.begin(), stale.end());
}

size_t TieGraph::stale() const { return impl_->stale.size(); }

void TieGraph::Publish(int64_t now, MemberIndex members) {
  Impl& impl = *impl_;
  ++impl.epoch;
  if (members > 0) impl.NodeOf(members - 1);
  impl.lists.Resize(static_cast<uint32_t>(impl.nodes.size()));
  for (MemberIndex member : impl.dirty_out) {
    impl.nodes[member].out_epoch = static_cast<uint32_t>(impl.epoch);
  }
  for (size_t i = 0; i < kStalePerPublish && !impl.stale.empty(); ++i) {
    impl.dirty.insert(impl.stale.back());
    impl.stale.pop_back();
  }
  // As of the end of the half day: lists that were built at different times of
  // it, or after a restart, are the same, bit for bit.
  const int64_t as_of =
      (now / kRefreshPeriodSeconds + 1) * kRefreshPeriodSeconds;
  for (MemberIndex member : impl.dirty) impl.BuildList(options_, member, as_of);
  // Quiet members in turn, so that all weights are renewed twice a day.
  if (impl.last_publish != 0 && now > impl.last_publish &&
      !impl.nodes.empty()) {
    const double count = static_cast<double>(impl.nodes.size());
    impl.refresh_debt = std::min(
        count, impl.refresh_debt +
                   count * static_cast<double>(now - impl.last_publish) /
                       static_cast<double>(kRefreshPeriodSeconds));
    for (; impl.refresh_debt >= 1; impl.refresh_debt -= 1) {
      impl.refresh_cursor = (impl.refresh_cursor + 1) %
                            static_cast<MemberIndex>(impl.nodes.size());
      if (!impl.nodes[impl.refresh_cursor].neighbours.empty()) {
        impl.BuildList(options_, impl.refresh_cursor, as_of);
      }
    }
  }
  impl.last_publish = now;
  impl.dirty.clear();
  impl.dirty_out.clear();
  auto state = std::make_shared<GraphView::State>();
  state->lists = impl.lists.Publish();
  state->arena = impl.arena;
  state->garbage = impl.garbage.Publish();
  state->rater_weights = impl.rater_weights;
  state->epoch = impl.epoch;
  state->ties = impl.ties;
  absl::MutexLock lock(&mutex_);
  published_ = GraphView(std::move(state));
}

GraphView TieGraph::view() const {
  absl::MutexLock lock(&mutex_);
  return published_;
}

void TieGraph::Refresh(int64_t now, MemberIndex members) {
  for (MemberIndex m = 0; m < impl_->nodes.size(); ++m) {
    if (!impl_->nodes[m].neighbours.empty()) impl_->dirty.insert(m);
  }
  Publish(now, members);
}

void TieGraph::Clear() {
  const uint64_t epoch = impl_->epoch;
  impl_ = std::make_unique<Impl>();
  impl_->epoch = epoch;
  Publish(0, 0);
}

TieGraph::Stats TieGraph::stats() const {
  Stats stats;
  stats.ties = impl_->ties;
  stats.evidence = impl_->pieces.size();
  stats.refused = impl_->refused;
  stats.sum_bytes = impl_->pairs.capacity() * (sizeof(PairSums) + 9);
  stats.evidence_bytes = impl_->pieces.capacity() * (sizeof(Impl::Piece) + 9);
  stats.list_bytes =
      std::max(impl_->list_bytes, impl_->arena->bytes()) + impl_->lists.bytes();
  return stats;
}

void TieGraph::VisitEvidence(
    const std::function<void(const EvidencePiece&)>& visit) const {
  for (const auto& [key, piece] : impl_->pieces) {
    const bool known = piece.author != kNoMember;
    const bool current =
        known && impl_->NodeOf(piece.author).life == piece.author_life &&
        impl_->NodeOf(piece.about).life == piece.about_life;
    if (known && !current) continue;  // of a life that is over
    visit({.key = key,
           .author = piece.author,
           .about = piece.about,
           .kind = piece.kind,
           .event_time = piece.event_time,
           .quality = piece.quality,
           .counts = piece.counts,
           .revision = piece.revision});
  }
}

void TieGraph::Restore(const EvidencePiece& piece) {
  if (piece.author == kNoMember) {
    (void)Withdraw(piece.key, piece.revision);
  } else {
    (void)Fold(piece);
  }
}

}  // namespace mitra::matching
