#include "services/matching/refresh/allocation_phase.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "common/status/status_macros.h"
#include "services/matching/allocation/market_measures.h"
#include "services/matching/ranking/rerank.h"
#include "services/matching/refresh/funnel.h"
#include "services/matching/refresh/hard_seats.h"
#include "services/matching/refresh/market.h"
#include "services/matching/refresh/slate_figures.h"

namespace mitra::matching {
namespace {

// Candidates of each list that are weighed together; those below have no price
// of their own making but the one that others' lists give them.
constexpr size_t kWeighed = 24;
// Above, one market at a time, for memory's sake.
constexpr size_t kManyRows = 20'000'000;
constexpr size_t kUnmetShown = 20;

using List = absl::Span<const MarketCandidate>;

// One kind's lists of all members, by number.
std::vector<List> ListsOf(absl::Span<const ChunkResult> chunks, size_t kind,
                          size_t members) {
  std::vector<List> lists;
  lists.reserve(members);
  for (const ChunkResult& chunk : chunks) {
    const CandidateLists& of = chunk.kinds[kind];
    for (size_t i = 0; i < of.size(); ++i) lists.push_back(of.of(i));
  }
  return lists;
}

// Runs `work(i)` for 0 to `count` - 1 on some threads.
template <typename Work>
void Parallel(int threads, size_t count, Work work) {
  std::atomic<size_t> next{0};
  const auto loop = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(loop);
  loop();
  for (std::thread& thread : others) thread.join();
}

class Phase {
 public:
  explicit Phase(const AllocationInput& input)
      : input_(input), funnel_(input.view->members) {}

  absl::StatusOr<AllocationOutput> Run() {
    MITRA_RETURN_IF_ERROR(SolveMarkets());
    if (*input_.stop) return absl::CancelledError("stopped");
    MITRA_RETURN_IF_ERROR(OrderAll());
    if (*input_.stop) return absl::CancelledError("stopped");
    Measure();
    return std::move(output_);
  }

 private:
  size_t kinds() const { return input_.plan.kinds.size(); }
  const KindSpec& kind(size_t k) const { return *input_.plan.kinds[k]; }

  absl::Status SolveMarkets() {
    output_.markets.resize(kinds());
    prices_.resize(kinds());
    size_t rows = 0;
    for (const ChunkResult& chunk : input_.chunks) {
      for (const CandidateLists& lists : chunk.kinds) rows += lists.rows.size();
    }
    std::vector<absl::Status> outcomes(kinds());
    Parallel(rows > kManyRows ? 1 : input_.threads, kinds(), [&](size_t k) {
      outcomes[k] = SolveOne(k);
      if (outcomes[k].ok() && input_.hard_seats) {
        outcomes[k] = GiveOutSeats(k);
      }
    });
    for (size_t k = 0; k < kinds(); ++k) {
      MITRA_RETURN_IF_ERROR(outcomes[k]);
      if (input_.everybody) output_.prices[kind(k).kind] = prices_[k];
    }
    return absl::OkStatus();
  }

  absl::Status SolveOne(size_t k) {
    const MemberView& members = input_.view->members;
    v1::MarketReport& report = output_.markets[k];
    report.set_kind(kind(k).kind);
    report.set_subjects(input_.members.size());
    PriceList& prices = prices_[k];
    if (!input_.everybody) {
      prices.resize(members.size());
      for (MemberIndex i = 0; i < prices.size(); ++i) {
        prices[i] = input_.prices->LogPriceOf(kind(k).kind, i);
      }
      return absl::OkStatus();
    }
    const std::vector<List> lists =
        ListsOf(input_.chunks, k, input_.members.size());
    MarketInput market;
    market.kind = &kind(k);
    market.members = &members;
    market.subjects = input_.members;
    market.lists = lists;
    market.weighed = kWeighed;
    MITRA_ASSIGN_OR_RETURN(MarketOutput solved, SolveMarketOf(market));
    prices = std::move(solved.prices);
    for (float& price : prices) price *= static_cast<float>(input_.fairness);
    report = std::move(solved.report);
    return absl::OkStatus();
  }

  absl::Status GiveOutSeats(size_t k) {
    std::vector<absl::Span<MarketCandidate>> lists;
    lists.reserve(input_.members.size());
    for (ChunkResult& chunk : input_.chunks) {
      CandidateLists& of = chunk.kinds[k];
      const auto rows = absl::MakeSpan(of.rows);
      for (size_t i = 0; i < of.size(); ++i) {
        lists.push_back(
            rows.subspan(of.begin[i], of.begin[i + 1] - of.begin[i]));
      }
    }
    MITRA_ASSIGN_OR_RETURN(
        const GivenSeats seats,
        GiveSeats(kind(k), input_.view->members, prices_[k], lists));
    output_.markets[k].set_seats_given(seats.given);
    output_.markets[k].set_seat_blocking_pairs(seats.blocking);
    return absl::OkStatus();
  }

  // Each member's main group, found once: a member stands on many lists.
  void FindGroups() {
    constexpr size_t kBlock = 4096;
    const MemberView& members = input_.view->members;
    groups_.assign(members.size(), kNoMember);
    if (!input_.plan.arms.Any([](const RankingProfile& profile) {
          return profile.group_cap > 0 || profile.bridging_share > 0;
        })) {
      return;
    }
    Parallel(input_.threads, (members.size() + kBlock - 1) / kBlock,
             [&](size_t block) {
               const size_t end =
                   std::min<size_t>(members.size(), (block + 1) * kBlock);
               for (size_t i = block * kBlock; i < end; ++i) {
                 const auto member = static_cast<MemberIndex>(i);
                 if (members.at(member).role_bits == 0) continue;
                 groups_[i] = MainGroup(*input_.view, member);
               }
             });
  }

  // What was settled comes first, then who has a seat, then all others.
  static int ClassOf(const MarketCandidate& row) {
    return row.pinned() ? 0 : row.has_seat() ? 1 : 2;
  }

  const Member& SubjectOf(size_t number) const {
    return input_.view->members.at(input_.members[number]);
  }
  const RankingProfile& ProfileOf(size_t number) const {
    return input_.plan.arms.Of(SubjectOf(number).id.view());
  }

  // What the key of each row is lowered by because the member has seen it
  // often; empty if it has seen nobody.
  std::vector<float> Tiredness(size_t number, List list) const {
    std::vector<float> tired;
    if (input_.impressions == nullptr) return tired;
    const auto shown = input_.impressions->Of(
        {input_.members[number], SubjectOf(number).incarnation}, input_.now);
    const double phi = ProfileOf(number).fatigue;
    if (shown.empty() || phi == 0) return tired;
    tired.resize(list.size());
    for (size_t i = 0; i < list.size(); ++i) {
      const MemberLife life = {
          list[i].member, input_.view->members.at(list[i].member).incarnation};
      for (const ImpressionBook::Shown& one : shown) {
        if (!(one.candidate == life)) continue;
        tired[i] = static_cast<float>(FatigueOf(one.times, phi));
      }
    }
    return tired;
  }

  // The rows of a list: by class, the settled as they stand, the others by key
  // and price less tiredness, equal ones by id. `priced`: keys
  // with prices only.
  std::vector<uint32_t> ByKey(size_t number, size_t k, List list,
                              std::vector<float>& priced) const {
    std::vector<uint32_t> rows(list.size());
    priced.resize(list.size());
    for (uint32_t i = 0; i < list.size(); ++i) {
      rows[i] = i;
      priced[i] = list[i].key + prices_[k][list[i].member];
    }
    std::vector<float> keys = priced;
    const std::vector<float> tired = Tiredness(number, list);
    for (size_t i = 0; i < tired.size(); ++i) keys[i] -= tired[i];
    std::sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
      const int class_a = ClassOf(list[a]), class_b = ClassOf(list[b]);
      if (class_a != class_b) return class_a < class_b;
      if (class_a == 0) return a < b;
      if (keys[a] != keys[b]) return keys[a] > keys[b];
      const MemberView& members = input_.view->members;
      return a != b && members.at(list[a].member).id.view() <
                           members.at(list[b].member).id.view();
    });
    return rows;
  }

  // The first places of a list with prices, as OrderRanked would have them but
  // for what is settled.
  void OrderOne(size_t number, size_t k, List list, uint8_t flags,
                CandidateLists& out) const {
    const size_t kept = std::min(list.size(), input_.slate_size + kSparePlaces);
    if (kept < list.size()) flags &= static_cast<uint8_t>(~kListExhausted);
    if (list.empty()) return out.Add({}, flags);
    std::vector<float> keys;
    const std::vector<uint32_t> by_key = ByKey(number, k, list, keys);
    size_t settled = 0;
    while (settled < kept && ClassOf(list[by_key[settled]]) < 2) ++settled;
    std::vector<MarketCandidate> ordered;
    ordered.reserve(kept);
    const auto place = [&](uint32_t row, bool introduced) {
      ordered.push_back(list[row]);
      ordered.back().key = keys[row];
      if (introduced) ordered.back().sources |= kFromNewcomers;
    };
    for (size_t i = 0; i < settled; ++i) place(by_key[i], false);
    const absl::Span<const uint32_t> rest =
        absl::MakeConstSpan(by_key).subspan(settled);
    const RerankResult result =
        RerankRows(number, k, list, rest, kept - settled);
    for (size_t i = 0; i < kept - settled; ++i) {
      const uint32_t rank = result.order[i];
      place(rest[rank],
            std::find(result.introduced.begin(), result.introduced.end(),
                      rank) != result.introduced.end());
      if (i < result.drawn) {
        ordered.back().role |= MarketCandidate::kDrawnBit;
      }
    }
    out.Add(ordered, flags);
  }

  RerankResult RerankRows(size_t number, size_t k, List list,
                          absl::Span<const uint32_t> rows, size_t depth) const {
    const RankingProfile& profile = ProfileOf(number);
    const Member& subject = SubjectOf(number);
    const bool local = profile.local_shares != RankingProfile().local_shares;
    std::vector<RerankItem> items(rows.size());
    for (uint32_t i = 0; i < items.size(); ++i) {
      const MarketCandidate& row = list[rows[i]];
      const MemberIndex group = groups_[row.member];
      items[i].rank = i;
      items[i].newcomer = row.newcomer();
      items[i].group = group;
      items[i].bridge = row.stranger() && group != kNoMember;
      if (local) {
        items[i].nearness = taxonomy::RegionDistance(
            subject.region, input_.view->members.at(row.member).region);
      }
    }
    return Rerank(items, RulesOf(profile, RerankSeed(subject), kind(k).kind,
                                 input_.now, depth));
  }

  absl::Status OrderChunk(ChunkLog& log, size_t chunk) {
    const ChunkResult& from = input_.chunks[chunk];
    ChunkResult to;
    to.first_revision = from.first_revision;
    to.last_revision = from.last_revision;
    to.subject_revisions = from.subject_revisions;
    to.kinds.resize(kinds());
    for (size_t k = 0; k < kinds(); ++k) {
      const CandidateLists& lists = from.kinds[k];
      for (size_t i = 0; i < lists.size(); ++i) {
        const size_t number = chunk * kChunkMembers + i;
        // A member that left after its chunk was done.
        const bool gone = input_.members[number] == kNoMember;
        OrderOne(number, k, gone ? List() : lists.of(i), lists.flags[i],
                 to.kinds[k]);
      }
    }
    MITRA_RETURN_IF_ERROR(log.Append(static_cast<uint32_t>(chunk),
                                     EncodeChunk(to, input_.view->members))
                              .status());
    slates_[chunk] = std::move(to);
    return absl::OkStatus();
  }

  absl::Status OrderAll() {
    FindGroups();
    // What an earlier run has left may be of other prices.
    input_.folder->RemoveSlates();
    const size_t chunks = input_.chunks.size();
    MITRA_ASSIGN_OR_RETURN(const auto log, input_.folder->OpenSlates(
                                               static_cast<uint32_t>(chunks)));
    slates_.resize(chunks);
    absl::Mutex mutex;
    absl::Status failure;
    Parallel(input_.threads, chunks, [&](size_t chunk) {
      if (*input_.stop) return;
      const absl::Status done = OrderChunk(*log, chunk);
      if (done.ok()) return;
      absl::MutexLock lock(&mutex);
      failure = done;
    });
    MITRA_RETURN_IF_ERROR(failure);
    return log->Sync();
  }

  void Measure() {
    output_.first_revision = UINT64_MAX;
    std::vector<uint8_t> full(input_.members.size(), 1);
    std::vector<uint8_t> empty(input_.members.size(), 1);
    for (const ChunkResult& chunk : slates_) {
      output_.first_revision =
          std::min(output_.first_revision, chunk.first_revision);
      output_.last_revision =
          std::max(output_.last_revision, chunk.last_revision);
    }
    for (size_t k = 0; k < kinds(); ++k) MeasureKind(k, full, empty);
    output_.funnel = funnel_.Rows();
    for (size_t i = 0; i < full.size(); ++i) {
      output_.full_slates += full[i];
      output_.empty_slates += empty[i];
    }
    double worst = 0;
    for (const v1::MarketReport& market : output_.markets) {
      worst = std::max(worst, market.exposure_gini());
    }
    output_.exposure_gini = worst;
    output_.unmet_needs =
        FindUnmetNeeds(input_.view->members, input_.members, kUnmetShown);
  }

  void MeasureKind(size_t k, std::vector<uint8_t>& full,
                   std::vector<uint8_t>& empty) {
    const MemberView& members = input_.view->members;
    const size_t count = input_.members.size();
    const std::vector<List> lists = ListsOf(input_.chunks, k, count);
    const std::vector<List> slates = ListsOf(slates_, k, count);
    SlateFigures figures(members, kind(k), input_.slate_size);
    for (size_t i = 0; i < count; ++i) {
      const ChunkResult& chunk = slates_[i / kChunkMembers];
      const uint8_t flags = chunk.kinds[k].flags[i % kChunkMembers];
      figures.Add(input_.members[i], slates[i],
                  chunk.subject_revisions[i % kChunkMembers] == 0,
                  static_cast<uint8_t>(flags >> kMissingShift));
      funnel_.AddPlaces(kind(k).kind, input_.members[i],
                        std::min(slates[i].size(), input_.slate_size));
      full[i] &= slates[i].size() >= input_.slate_size;
      empty[i] &= slates[i].empty();
    }
    v1::MarketReport& report = output_.markets[k];
    figures.Report(report);
    report.set_blocking_pairs(CountBlocking(members, kind(k), lists, slates));
    report.set_envy(SampleEnvy(kind(k), lists, slates));
  }

  const AllocationInput& input_;
  AllocationOutput output_;
  Funnel funnel_;
  std::vector<PriceList> prices_;    // by kind
  std::vector<MemberIndex> groups_;  // by member
  std::vector<ChunkResult> slates_;  // by chunk
};

}  // namespace

absl::StatusOr<AllocationOutput> AllocateSlates(const AllocationInput& input) {
  return Phase(input).Run();
}

}  // namespace mitra::matching
