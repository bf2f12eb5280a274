#include "services/matching/refresh/allocation_phase.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "common/base/thread_priority.h"
#include "common/status/status_macros.h"
#include "services/matching/ranking/rerank.h"
#include "services/matching/refresh/funnel.h"
#include "services/matching/refresh/hard_seats.h"
#include "services/matching/refresh/market.h"
#include "services/matching/refresh/parallel.h"
#include "services/matching/refresh/slate_figures.h"

namespace mitra::matching {
namespace {

// Candidates of each list that are weighed together; those below have no price
// of their own making but the one that others' lists give them.
constexpr size_t kWeighed = 24;
// Above, one market at a time, for memory's sake.
constexpr size_t kManyMembers = 300'000;
constexpr size_t kUnmetShown = 20;

// Chunks that are read from the disk at a time.
constexpr size_t kWindow = 16;

using List = absl::Span<const MarketCandidate>;
using ChunkPtr = std::shared_ptr<const ChunkResult>;

class Phase {
 public:
  explicit Phase(const AllocationInput& input)
      : input_(input), funnel_(input.view->members) {}

  absl::StatusOr<AllocationOutput> Run() {
    MITRA_RETURN_IF_ERROR(SolveMarkets());
    if (*input_.stop) return absl::CancelledError("stopped");
    MITRA_RETURN_IF_ERROR(OrderAll());
    if (*input_.stop) return absl::CancelledError("stopped");
    MITRA_RETURN_IF_ERROR(Measure());
    return std::move(output_);
  }

 private:
  size_t kinds() const { return input_.plan.kinds.size(); }
  const KindSpec& kind(size_t k) const { return *input_.plan.kinds[k]; }

  // A chunk of `here`, or from `log`.
  absl::StatusOr<ChunkPtr> ChunkOf(absl::Span<const ChunkResult> here,
                                   const ChunkLog* log, size_t chunk) const {
    if (!here[chunk].kinds.empty()) {
      return ChunkPtr(std::shared_ptr<void>(), &here[chunk]);
    }
    if (log == nullptr) return absl::InternalError("a chunk is missing");
    MITRA_ASSIGN_OR_RETURN(const std::string bytes,
                           log->Read(static_cast<uint32_t>(chunk)));
    const size_t count =
        std::min(kChunkMembers, input_.members.size() - chunk * kChunkMembers);
    MITRA_ASSIGN_OR_RETURN(
        ChunkResult read,
        DecodeChunk(bytes, input_.view->members, count, kinds()));
    return std::make_shared<const ChunkResult>(std::move(read));
  }
  absl::StatusOr<ChunkPtr> FoundOf(size_t chunk) const {
    return ChunkOf(input_.chunks, input_.ledger, chunk);
  }
  absl::StatusOr<ChunkPtr> SlatesOf(size_t chunk) const {
    return ChunkOf(slates_, log_.get(), chunk);
  }

  // Calls `visit(chunk, get(chunk))` for all chunks in order; some are read at
  // the same time.
  template <typename Get, typename Visit>
  absl::Status ForEachChunk(Get get, Visit visit) const {
    const size_t chunks = input_.chunks.size();
    for (size_t first = 0; first < chunks; first += kWindow) {
      if (*input_.stop) return absl::CancelledError("stopped");
      const size_t count = std::min(kWindow, chunks - first);
      std::vector<absl::StatusOr<ChunkPtr>> read(count);
      Parallel(one_by_one_ ? input_.threads : 1, count,
               [&](size_t i) { read[i] = get(first + i); });
      for (size_t i = 0; i < count; ++i) {
        MITRA_RETURN_IF_ERROR(read[i].status());
        visit(first + i, **read[i]);
      }
    }
    return absl::OkStatus();
  }

  absl::Status SolveMarkets() {
    output_.markets.resize(kinds());
    prices_.resize(kinds());
    units_.resize(kinds(), 0);
    std::vector<absl::Status> outcomes(kinds());
    one_by_one_ = input_.members.size() > kManyMembers || kinds() == 1;
    Parallel(one_by_one_ ? 1 : input_.threads, kinds(), [&](size_t k) {
      outcomes[k] = SolveOne(k);
      if (outcomes[k].ok() && input_.hard_seats) {
        outcomes[k] = GiveOutSeats(k);
      }
    });
    for (size_t k = 0; k < kinds(); ++k) {
      MITRA_RETURN_IF_ERROR(outcomes[k]);
      if (!input_.everybody) continue;
      KindPrices& made = output_.prices[kind(k).kind];
      made.prices = prices_[k];
      made.unit = units_[k];
      made.seats.reserve(prices_[k].size());
      for (MemberIndex i = 0; i < prices_[k].size(); ++i) {
        made.seats.push_back(SeatsToday(kind(k), input_.view->members.at(i)));
      }
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
    MarketInput market;
    market.kind = &kind(k);
    market.members = &members;
    market.subjects = input_.members;
    market.lists = [&](const MarketInput::TakeList& take) {
      return ForEachChunk([&](size_t chunk) { return FoundOf(chunk); },
                          [&](size_t number, const ChunkResult& chunk) {
                            TakeLists(number, chunk.kinds[k], take);
                          });
    };
    market.weighed = kWeighed;
    market.threads = one_by_one_ ? input_.threads : 1;
    MITRA_ASSIGN_OR_RETURN(MarketOutput solved, SolveMarketOf(market));
    prices = std::move(solved.prices);
    for (float& price : prices) price *= static_cast<float>(input_.fairness);
    units_[k] = solved.unit * static_cast<float>(input_.fairness);
    report = std::move(solved.report);
    return absl::OkStatus();
  }

  // The lists of a chunk; those of members who have left since are empty.
  void TakeLists(size_t chunk, const CandidateLists& of,
                 const MarketInput::TakeList& take) const {
    for (size_t i = 0; i < of.size(); ++i) {
      const bool gone = input_.members[chunk * kChunkMembers + i] == kNoMember;
      take(gone ? List() : of.of(i));
    }
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
                 if (i % 64 == 0) GiveWay();
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

  absl::Status OrderChunk(size_t chunk) {
    MITRA_ASSIGN_OR_RETURN(const ChunkPtr found, FoundOf(chunk));
    const ChunkResult& from = *found;
    ChunkResult to;
    to.first_revision = from.first_revision;
    to.last_revision = from.last_revision;
    to.subject_revisions = from.subject_revisions;
    to.kinds.resize(kinds());
    for (size_t k = 0; k < kinds(); ++k) {
      const CandidateLists& lists = from.kinds[k];
      for (size_t i = 0; i < lists.size(); ++i) {
        GiveWay();
        const size_t number = chunk * kChunkMembers + i;
        // A member that left after its chunk was done.
        const bool gone = input_.members[number] == kNoMember;
        OrderOne(number, k, gone ? List() : lists.of(i), lists.flags[i],
                 to.kinds[k]);
      }
    }
    const std::string bytes = EncodeChunk(to, input_.view->members);
    MITRA_RETURN_IF_ERROR(
        log_->Append(static_cast<uint32_t>(chunk), bytes).status());
    if ((slate_bytes_ += bytes.size()) <= input_.budget) {
      slates_[chunk] = std::move(to);
    }
    return absl::OkStatus();
  }

  absl::Status OrderAll() {
    FindGroups();
    // What an earlier run has left may be of other prices.
    input_.folder->RemoveSlates();
    const size_t chunks = input_.chunks.size();
    MITRA_ASSIGN_OR_RETURN(
        log_, input_.folder->OpenSlates(static_cast<uint32_t>(chunks)));
    slates_.resize(chunks);
    absl::Mutex mutex;
    absl::Status failure;
    Parallel(input_.threads, chunks, [&](size_t chunk) {
      if (*input_.stop) return;
      const absl::Status done = OrderChunk(chunk);
      if (done.ok()) return;
      absl::MutexLock lock(&mutex);
      failure = done;
    });
    MITRA_RETURN_IF_ERROR(failure);
    return log_->Sync();
  }

  // What is measured of one kind.
  struct Measured {
    Measured(const AllocationInput& input, const KindSpec& kind)
        : figures(input.view->members, kind, input.slate_size),
          blocking(input.view->members, kind, input.members.size()),
          envy(kind, input.members.size()) {}
    SlateFigures figures;
    BlockingPairs blocking;
    EnvySample envy;
  };

  // Everybody's slates, then everybody's lists beside them.
  absl::Status Measure() {
    output_.first_revision = UINT64_MAX;
    std::vector<std::unique_ptr<Measured>> measured;
    for (size_t k = 0; k < kinds(); ++k) {
      measured.push_back(std::make_unique<Measured>(input_, kind(k)));
    }
    MITRA_RETURN_IF_ERROR(
        ForEachChunk([&](size_t chunk) { return SlatesOf(chunk); },
                     [&](size_t chunk, const ChunkResult& slates) {
                       MeasureSlates(chunk, slates, measured);
                     }));
    absl::Status failure;
    MITRA_RETURN_IF_ERROR(
        ForEachChunk([&](size_t chunk) { return FoundOf(chunk); },
                     [&](size_t chunk, const ChunkResult& lists) {
                       const auto slates = SlatesOf(chunk);
                       failure.Update(slates.status());
                       if (!slates.ok()) return;
                       MeasureLists(chunk, lists, **slates, measured);
                     }));
    MITRA_RETURN_IF_ERROR(failure);
    for (size_t k = 0; k < kinds(); ++k) {
      v1::MarketReport& report = output_.markets[k];
      measured[k]->figures.Report(report);
      report.set_blocking_pairs(measured[k]->blocking.count());
      report.set_envy(measured[k]->envy.Share());
      output_.exposure_gini =
          std::max(output_.exposure_gini, report.exposure_gini());
    }
    output_.funnel = funnel_.Rows();
    output_.unmet_needs =
        FindUnmetNeeds(input_.view->members, input_.members, kUnmetShown);
    return absl::OkStatus();
  }

  void MeasureSlates(size_t chunk, const ChunkResult& slates,
                     absl::Span<const std::unique_ptr<Measured>> measured) {
    output_.first_revision =
        std::min(output_.first_revision, slates.first_revision);
    output_.last_revision =
        std::max(output_.last_revision, slates.last_revision);
    const size_t count = slates.subject_revisions.size();
    for (size_t i = 0; i < count; ++i) {
      GiveWay();
      const size_t number = chunk * kChunkMembers + i;
      bool full = true, empty = true;
      for (size_t k = 0; k < kinds(); ++k) {
        const CandidateLists& of = slates.kinds[k];
        const List slate = of.of(i);
        measured[k]->figures.Add(
            input_.members[number], slate, slates.subject_revisions[i] == 0,
            static_cast<uint8_t>(of.flags[i] >> kMissingShift));
        measured[k]->blocking.AddSlate(number, slate);
        measured[k]->envy.AddSlate(number, slate);
        funnel_.AddPlaces(kind(k).kind, input_.members[number],
                          std::min(slate.size(), input_.slate_size));
        full &= slate.size() >= input_.slate_size;
        empty &= slate.empty();
      }
      output_.full_slates += full;
      output_.empty_slates += empty;
    }
  }

  void MeasureLists(size_t chunk, const ChunkResult& lists,
                    const ChunkResult& slates,
                    absl::Span<const std::unique_ptr<Measured>> measured) {
    Parallel(input_.threads, kinds(), [&](size_t k) {
      for (size_t i = 0; i < lists.kinds[k].size(); ++i) {
        GiveWay();
        const size_t number = chunk * kChunkMembers + i;
        const List list = lists.kinds[k].of(i);
        measured[k]->blocking.Count(number, list, slates.kinds[k].of(i));
        measured[k]->envy.AddList(number, list);
      }
    });
  }

  const AllocationInput& input_;
  AllocationOutput output_;
  Funnel funnel_;
  std::vector<PriceList> prices_;    // by kind
  std::vector<float> units_;         // of the prices, by kind
  bool one_by_one_ = false;          // markets, for memory's sake
  std::vector<MemberIndex> groups_;  // by member
  std::vector<ChunkResult> slates_;  // by chunk; empty: only in log_
  std::unique_ptr<ChunkLog> log_;    // of the slates
  std::atomic<size_t> slate_bytes_{0};
};

}  // namespace

absl::StatusOr<AllocationOutput> AllocateSlates(const AllocationInput& input) {
  return Phase(input).Run();
}

}  // namespace mitra::matching
