#include "services/matching/refresh/slate_figures.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/taxonomy/names.h"
#include "common/taxonomy/sector.h"
#include "services/matching/allocation/market_measures.h"
#include "services/matching/refresh/market.h"

namespace mitra::matching {
namespace {

constexpr size_t kEnvySample = 300;
constexpr size_t kGroupsShown = 40;

// The facet in which a member may stand in a slate of the kind; null: none.
const Facet* CandidateFacet(const KindSpec& kind, const Member& member) {
  if (member.deleted || member.hidden ||
      (kind.member_kinds >> member.kind & 1) == 0) {
    return nullptr;
  }
  for (const Facet& facet : member.facets) {
    if ((kind.candidate_roles >> facet.role & 1) == 0 || facet.paused) continue;
    if (kind.pool == CapacityPool::kFacetSeats && facet.full()) continue;
    return &facet;
  }
  return nullptr;
}

std::string DivisionOf(const Member& member) {
  if (member.sectors.empty()) return "";
  return std::string(taxonomy::SectorCodeAt(member.sectors[0]).substr(0, 2));
}

std::string RoleWord(int role) {
  return v1::Role_Name(static_cast<v1::Role>(role)).substr(sizeof("ROLE_") - 1);
}

// Attention by group.
class Groups {
 public:
  void Add(std::string group, double looks, double seats) {
    One& one = groups_[std::move(group)];
    one.looks += looks;
    one.per_seat.push_back(looks / seats);
    total_ += looks;
  }
  void Fill(google::protobuf::RepeatedPtrField<v1::GroupExposure>& out) {
    std::vector<std::pair<std::string, One>> sorted(groups_.begin(),
                                                    groups_.end());
    std::stable_sort(
        sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
          return a.second.per_seat.size() > b.second.per_seat.size();
        });
    if (sorted.size() > kGroupsShown) sorted.resize(kGroupsShown);
    for (auto& [name, one] : sorted) {
      v1::GroupExposure& exposure = *out.Add();
      exposure.set_group(name);
      exposure.set_candidates(one.per_seat.size());
      exposure.set_exposure_share(total_ > 0 ? one.looks / total_ : 0);
      exposure.set_gini(GiniCoefficient(std::move(one.per_seat)));
    }
  }

 private:
  struct One {
    double looks = 0;
    std::vector<double> per_seat;
  };
  std::map<std::string, One> groups_;
  double total_ = 0;
};

size_t Wanted(const KindSpec& kind) {
  return static_cast<size_t>(WantedPartners(kind));
}

absl::Span<const MarketCandidate> Given(
    const KindSpec& kind, absl::Span<const MarketCandidate> slate) {
  return slate.subspan(0, Wanted(kind));
}

void AddUnmatched(const char* reason, uint64_t count,
                  v1::MarketReport& report) {
  if (count == 0) return;
  v1::UnmatchedMembers& unmatched = *report.add_unmatched();
  unmatched.set_reason(reason);
  unmatched.set_members(count);
}

}  // namespace

SlateFigures::SlateFigures(const MemberView& members, const KindSpec& kind,
                           size_t slate_size)
    : members_(members),
      kind_(kind),
      slate_size_(slate_size),
      looks_(members.size(), 0),
      parent_(members.size()) {
  for (uint32_t i = 0; i < parent_.size(); ++i) parent_[i] = i;
}

uint32_t SlateFigures::RootOf(uint32_t member) const {
  while (parent_[member] != member) {
    parent_[member] = parent_[parent_[member]];
    member = parent_[member];
  }
  return member;
}

void SlateFigures::Join(MemberIndex a, MemberIndex b) {
  const uint32_t root_a = RootOf(a), root_b = RootOf(b);
  parent_[std::max(root_a, root_b)] = std::min(root_a, root_b);
}

void SlateFigures::Add(MemberIndex subject,
                       absl::Span<const MarketCandidate> slate, bool gone,
                       uint8_t missing) {
  slate = slate.subspan(0, slate_size_);
  full_ += slate.size() == slate_size_;
  empty_ += slate.empty();
  if (slate.empty()) {
    ++(gone                               ? gone_
       : (missing & kMissingVectors) != 0 ? no_vectors_
                                          : no_candidate_);
  }
  if (gone || subject == kNoMember) return;
  subjects_.push_back(subject);
  for (size_t rank = 0; rank < slate.size(); ++rank) {
    looks_[slate[rank].member] += Look(rank);
    ++places_;
    newcomer_places_ += slate[rank].newcomer();
    Join(subject, slate[rank].member);
  }
}

double SlateFigures::Fragmentation() const {
  if (subjects_.empty()) return 0;
  absl::flat_hash_map<uint32_t, size_t> sizes;
  size_t largest = 0;
  for (const MemberIndex subject : subjects_) {
    largest = std::max(largest, ++sizes[RootOf(subject)]);
  }
  return 1 -
         static_cast<double>(largest) / static_cast<double>(subjects_.size());
}

void SlateFigures::Report(v1::MarketReport& report) const {
  Groups by_role, by_region, by_sector;
  uint64_t candidates = 0, shown = 0;
  for (MemberIndex i = 0; i < members_.size(); ++i) {
    const Member& member = members_.at(i);
    const Facet* facet = CandidateFacet(kind_, member);
    if (facet == nullptr) continue;
    ++candidates;
    shown += looks_[i] > 0;
    const double looks =
        static_cast<double>(looks_[i]) / static_cast<double>(Look(0));
    const double seats = std::max(1.0, SeatsOf(kind_, member));
    by_role.Add(RoleWord(facet->role), looks, seats);
    by_region.Add(std::string(member.region_code.view().substr(0, 2)), looks,
                  seats);
    by_sector.Add(DivisionOf(member), looks, seats);
  }
  const auto share = [](uint64_t part, uint64_t whole) {
    return whole == 0 ? 0
                      : static_cast<double>(part) / static_cast<double>(whole);
  };
  report.set_coverage(share(shown, candidates));
  report.set_empty_share(
      share(empty_, std::max<uint64_t>(empty_, subjects_.size() + gone_)));
  report.set_fragmentation(Fragmentation());
  report.set_newcomer_share(share(newcomer_places_, places_));
  by_role.Fill(*report.mutable_by_role());
  by_region.Fill(*report.mutable_by_region());
  by_sector.Fill(*report.mutable_by_sector());
  if (const int role = GuideOf(kind_); role != 0) {
    for (const SeatSupply::Pause& pause : members_.supply().PausesOf(role)) {
      v1::SeatSupply& says = *report.add_pauses();
      says.set_region_code(pause.place);
      says.set_seats_per_seeker(pause.balance.per_seeker());
      says.set_seats_per_seeker_with_standby(pause.balance.with_standby());
      says.set_standby_below(members_.supply().levels().standby_below);
      says.set_pause_below(members_.supply().levels().pause_below);
      says.set_paused(true);
    }
  }
  AddUnmatched("NO_CANDIDATE", no_candidate_, report);
  AddUnmatched("NO_VECTORS", no_vectors_, report);
  AddUnmatched("GONE", gone_, report);
}

BlockingPairs::BlockingPairs(const MemberView& members, const KindSpec& kind,
                             size_t lefts)
    : members_(members), kind_(kind), right_(members.size()), left_(lefts) {}

void BlockingPairs::AddSlate(size_t left,
                             absl::Span<const MarketCandidate> slate) {
  for (const MarketCandidate& one : Given(kind_, slate)) {
    Side& right = right_[one.member];
    right.worst = std::min(right.worst, one.accepts);
    ++right.got;
    left_[left].worst = std::min(left_[left].worst, one.wants);
    ++left_[left].got;
  }
}

void BlockingPairs::Count(size_t left, absl::Span<const MarketCandidate> list,
                          absl::Span<const MarketCandidate> slate) {
  const auto given = Given(kind_, slate);
  for (const MarketCandidate& one : list) {
    if (left_[left].got >= Wanted(kind_) && one.wants <= left_[left].worst) {
      continue;
    }
    if (std::any_of(given.begin(), given.end(), [&](const auto& other) {
          return other.member == one.member;
        })) {
      continue;
    }
    const Side& right = right_[one.member];
    const double seats = SeatsOf(kind_, members_.at(one.member));
    count_ += (seats < 0 || right.got < seats) || one.accepts > right.worst;
  }
}

EnvySample::EnvySample(const KindSpec& kind, size_t lefts) : kind_(kind) {
  const size_t n = std::min(kEnvySample, lefts);
  for (size_t i = 0; i < n; ++i) numbers_.push_back(i * lefts / n);
  sample_.resize(n);
}

EnvySample::One* EnvySample::Find(size_t left) {
  const auto at = std::lower_bound(numbers_.begin(), numbers_.end(), left);
  if (at == numbers_.end() || *at != left) return nullptr;
  return &sample_[static_cast<size_t>(at - numbers_.begin())];
}

void EnvySample::AddList(size_t left, absl::Span<const MarketCandidate> list) {
  One* one = Find(left);
  if (one == nullptr) return;
  for (const MarketCandidate& candidate : list) {
    one->value[candidate.member] = candidate.wants;
  }
}

void EnvySample::AddSlate(size_t left,
                          absl::Span<const MarketCandidate> slate) {
  One* one = Find(left);
  if (one == nullptr) return;
  for (const MarketCandidate& candidate : Given(kind_, slate)) {
    one->given.push_back(candidate.member);
  }
}

double EnvySample::Share() const {
  const size_t n = sample_.size();
  if (n < 2) return 0;
  uint64_t envious = 0;
  for (size_t i = 0; i < n; ++i) {
    const auto worth = [&](const One& other) {
      double sum = 0;
      for (const MemberIndex member : other.given) {
        const auto found = sample_[i].value.find(member);
        if (found != sample_[i].value.end()) sum += found->second;
      }
      return sum;
    };
    const double own = worth(sample_[i]);
    for (size_t j = 0; j < n; ++j) {
      envious += j != i && worth(sample_[j]) > own + 1e-9;
    }
  }
  return static_cast<double>(envious) / static_cast<double>(n * (n - 1));
}

std::vector<v1::UnmetNeed> FindUnmetNeeds(
    const MemberView& members, absl::Span<const MemberIndex> subjects,
    size_t count) {
  struct Balance {
    uint64_t seekers = 0, givers = 0;
  };
  std::map<std::pair<int, std::string>, Balance> balances;
  const auto each = [&](uint32_t bits, const std::string& division,
                        uint64_t Balance::*side) {
    for (; bits != 0; bits &= bits - 1) {
      ++(balances[{std::countr_zero(bits), division}].*side);
    }
  };
  for (const MemberIndex subject : subjects) {
    if (subject == kNoMember) continue;
    const Member& member = members.at(subject);
    uint32_t bits = 0;
    for (const Facet& facet : member.facets) bits |= facet.need_bits;
    each(bits, DivisionOf(member), &Balance::seekers);
  }
  for (MemberIndex i = 0; i < members.size(); ++i) {
    const Member& member = members.at(i);
    if (member.deleted || member.hidden) continue;
    uint32_t bits = 0;
    for (const Facet& facet : member.facets) bits |= facet.offer_bits;
    each(bits, DivisionOf(member), &Balance::givers);
  }
  std::vector<v1::UnmetNeed> unmet;
  for (const auto& [key, balance] : balances) {
    if (balance.seekers <= balance.givers) continue;
    v1::UnmetNeed& need = unmet.emplace_back();
    need.set_resource(static_cast<v1::Resource>(key.first));
    need.set_sector_division(key.second);
    need.set_seekers(balance.seekers);
    need.set_givers(balance.givers);
  }
  std::stable_sort(unmet.begin(), unmet.end(),
                   [](const auto& a, const auto& b) {
                     return a.seekers() - a.givers() > b.seekers() - b.givers();
                   });
  if (unmet.size() > count) unmet.resize(count);
  return unmet;
}

v1::RefreshGuards WithDefaults(const v1::RefreshGuards& guards) {
  v1::RefreshGuards all;
  all.set_min_coverage(.02);
  all.set_max_gini(.95);
  all.set_max_empty_share(.5);
  all.set_max_fragmentation(.5);
  all.set_min_seats_per_seeker(0);
  all.MergeFrom(guards);
  return all;
}

std::vector<std::string> FailedGuards(
    const v1::RefreshGuards& guards,
    absl::Span<const v1::MarketReport* const> reports) {
  std::vector<std::string> failed;
  const auto check = [&](bool good, const v1::MarketReport& report,
                         absl::string_view name, double is, double limit) {
    if (good) return;
    failed.push_back(absl::StrFormat("%s: %s is %.3f, the limit is %.3f",
                                     FindKind(report.kind())->name, name, is,
                                     limit));
  };
  for (const v1::MarketReport* report : reports) {
    const v1::MarketReport& r = *report;
    check(r.coverage() >= guards.min_coverage(), r, "coverage", r.coverage(),
          guards.min_coverage());
    check(r.exposure_gini() <= guards.max_gini(), r, "exposure Gini",
          r.exposure_gini(), guards.max_gini());
    check(r.empty_share() <= guards.max_empty_share(), r,
          "share of empty slates", r.empty_share(), guards.max_empty_share());
    check(r.fragmentation() <= guards.max_fragmentation(), r, "fragmentation",
          r.fragmentation(), guards.max_fragmentation());
    check(GuideOf(*FindKind(r.kind())) == 0 ||
              r.seats_per_seeker() >= guards.min_seats_per_seeker(),
          r, "free seats for each seeker", r.seats_per_seeker(),
          guards.min_seats_per_seeker());
  }
  return failed;
}

}  // namespace mitra::matching
