#include "services/matching/refresh/market.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "common/base/thread_priority.h"
#include "common/status/status_macros.h"
#include "services/matching/allocation/symmetric_market.h"
#include "services/matching/allocation/transferable_utility.h"
#include "services/matching/refresh/list_worth.h"
#include "services/matching/refresh/offsets.h"
#include "services/matching/refresh/place_fitting.h"
#include "services/matching/refresh/spreading.h"

namespace mitra::matching {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr size_t kScarceShown = 10;

// Numbers 0, 1, … for members, in the order in which they are seen.
class Numbering {
 public:
  explicit Numbering(size_t members) : number_of_(members, kNone) {}
  uint32_t Of(MemberIndex member) {
    uint32_t& number = number_of_[member];
    if (number == kNone) {
      number = static_cast<uint32_t>(members_.size());
      members_.push_back(member);
    }
    return number;
  }
  const std::vector<MemberIndex>& members() const { return members_; }
  uint32_t size() const { return static_cast<uint32_t>(members_.size()); }

 private:
  std::vector<uint32_t> number_of_;
  std::vector<MemberIndex> members_;
};

// The pairs that are weighed, by left, then right: 16 bytes each.
struct Flat {
  std::vector<uint32_t> begin = {0};  // by left, and the end
  std::vector<uint32_t> right;
  std::vector<float> key, wants, accepts;
  absl::flat_hash_map<MemberIndex, uint32_t> pins;  // of each candidate
  uint64_t without = 0;                             // lists without anybody

  uint32_t lefts() const { return static_cast<uint32_t>(begin.size() - 1); }
};

// Takes the lists in, one after the other.
class Flattener {
 public:
  Flattener(const MarketInput& input, Numbering& rights, Flat& flat)
      : input_(input), rights_(rights), flat_(flat) {
    const size_t expected =
        std::min<size_t>(input.weighed, 64) * input.subjects.size();
    flat.begin.reserve(input.subjects.size() + 1);
    flat.right.reserve(expected);
    for (auto* numbers : {&flat.key, &flat.wants, &flat.accepts}) {
      numbers->reserve(expected);
    }
  }

  void Add(absl::Span<const MarketCandidate> list) {
    GiveWay();
    flat_.without += list.empty();
    rows_.clear();
    for (const MarketCandidate& candidate : list.subspan(0, input_.weighed)) {
      if (candidate.pinned()) {
        ++flat_.pins[candidate.member];
        continue;
      }
      rows_.push_back({rights_.Of(candidate.member), &candidate});
    }
    std::sort(rows_.begin(), rows_.end(),
              [](const Row& a, const Row& b) { return a.right < b.right; });
    for (const Row& row : rows_) {
      flat_.right.push_back(row.right);
      flat_.key.push_back(row.candidate->key);
      flat_.wants.push_back(row.candidate->wants);
      flat_.accepts.push_back(row.candidate->accepts);
    }
    flat_.begin.push_back(static_cast<uint32_t>(flat_.right.size()));
  }

 private:
  struct Row {
    uint32_t right;
    const MarketCandidate* candidate;
  };
  const MarketInput& input_;
  Numbering& rights_;
  Flat& flat_;
  std::vector<Row> rows_;
};

// Places by candidate, stated ones as they are; who states none has an even
// share of the demand, at least one.
std::vector<double> Seats(const MarketInput& input, const Flat& flat,
                          const std::vector<MemberIndex>& candidates,
                          double demand) {
  const double even =
      std::max(1.0, demand / std::max<double>(1, double(candidates.size())));
  std::vector<double> seats;
  seats.reserve(candidates.size());
  for (const MemberIndex member : candidates) {
    const double stated = SeatsOf(*input.kind, input.members->at(member));
    const auto pins = flat.pins.find(member);
    const double taken = pins == flat.pins.end() ? 0 : pins->second;
    seats.push_back(stated >= 0 ? std::max(0.0, stated - taken) : even);
  }
  return seats;
}

// What is shared out is attention. Where seats are fewer than is asked for,
// all the attention there is goes to the candidates in proportion to their
// seats; else each gets what its seats can take.
std::vector<double> Attention(const std::vector<double>& seats, double demand) {
  const double total = std::accumulate(seats.begin(), seats.end(), 0.0);
  const double scale = total > 0 ? std::max(1.0, demand / total) : 1;
  std::vector<double> attention = seats;
  for (double& amount : attention) amount *= scale;
  return attention;
}

struct Solved {
  MarketPrices prices;  // in log units of the market, then in those of the key
  int sweeps = 0;
  bool converged = false;
};

// How keys become utilities.
//
// Outside option: log probabilities are all below 0, as if staying alone were
// better than any pair; hardly anybody would meet, no seat would be scarce and
// no price would say anything. So nearly all of the listed pairs are worth more
// than staying alone.
//
// Temperature: what matters is how far the listed pairs lie apart, and that
// depends on the ranking profile. The middle 80 % of them span kSpan log units
// in the market, whatever they span as keys; prices are scaled back.
//
// The span was chosen on sample networks of other seeds than those that
// `scripts/bench refresh` quotes.
constexpr double kWorthwhile = .9;
constexpr double kSpan = 20;

struct Scale {
  double outside = 0;
  double factor = 1;  // of a utility over a key
};

Scale ScaleOf(std::vector<float> sorted) {
  const auto quantile = [&](double q) -> double {
    const auto at =
        sorted.begin() +
        static_cast<ptrdiff_t>(q * static_cast<double>(sorted.size() - 1));
    std::nth_element(sorted.begin(), at, sorted.end());
    return *at;
  };
  Scale scale;
  scale.outside = quantile(1 - kWorthwhile);
  const double spread = quantile(.9) - quantile(.1);
  scale.factor = std::clamp(kSpan / std::max(spread, 1e-6), .01, 1e3);
  return scale;
}

// Utilities are log K already.
constexpr MarketOptions kOptions = {
    .beta = .5, .max_sweeps = 30, .tolerance = 1e-3, .prices_only = true};

float UtilityOf(float key, const Scale& scale) {
  return static_cast<float>((key - scale.outside) * scale.factor);
}

double DemandOf(const MarketInput& input, const Flat& flat) {
  return WantedPartners(*input.kind) * static_cast<double>(flat.lefts());
}

// `seats`: by candidate.
absl::StatusOr<Solved> SolveTwoSides(const MarketInput& input, const Flat& flat,
                                     const Scale& scale,
                                     const Numbering& rights,
                                     std::vector<double> seats) {
  const std::vector<double> left(flat.lefts(), WantedPartners(*input.kind));
  const double demand = DemandOf(input, flat);
  Solved solved;
  solved.prices.seats = std::move(seats);
  std::vector<CandidatePair> weighed;
  weighed.reserve(flat.right.size());
  for (uint32_t l = 0; l < flat.lefts(); ++l) {
    for (uint32_t p = flat.begin[l]; p < flat.begin[l + 1]; ++p) {
      weighed.push_back({l, flat.right[p], UtilityOf(flat.key[p], scale)});
    }
  }
  MITRA_ASSIGN_OR_RETURN(
      const PairLists pairs,
      PairLists::Sparse(flat.lefts(), rights.size(), std::move(weighed)));
  MITRA_ASSIGN_OR_RETURN(
      MarketSolution market,
      SolveMarket(pairs, left, Attention(solved.prices.seats, demand),
                  kOptions));
  solved.prices.left = std::move(market.log_price_left);
  solved.prices.right = std::move(market.log_price_right);
  solved.sweeps = market.sweeps;
  solved.converged = market.converged;
  return solved;
}

// Both orders of every pair of people, each with the mean of the utilities that
// were found for it (they differ where only one direction was found).
class BothOrders {
 public:
  BothOrders(const Flat& flat, const Scale& scale,
             const std::vector<uint32_t>& person_of_left, uint32_t people)
      : flat_(flat), scale_(scale), left_of_(people, kNone) {
    for (uint32_t l = 0; l < person_of_left.size(); ++l) {
      if (person_of_left[l] != kNone) left_of_[person_of_left[l]] = l;
    }
    std::vector<uint32_t> count(people, 0);
    for (const uint32_t right : flat.right) ++count[right];
    back_begin_ = OffsetsOf(count);
    back_.resize(flat.right.size());
    std::vector<uint32_t> next(back_begin_.begin(), back_begin_.end() - 1);
    for (uint32_t a = 0; a < people; ++a) {
      for (uint32_t p = FirstOf(a); p < EndOf(a); ++p) {
        back_[next[flat.right[p]]++] = {a, UtilityOf(flat.key[p], scale)};
      }
    }
  }

  SymmetricPairs Take() {
    SymmetricPairs both;
    both.begin.reserve(left_of_.size() + 1);
    both.other.reserve(2 * flat_.right.size());
    both.utility.reserve(2 * flat_.right.size());
    for (uint32_t a = 0; a < left_of_.size(); ++a) {
      Merge(a, both);
      both.begin.push_back(static_cast<uint32_t>(both.other.size()));
    }
    return both;
  }

 private:
  struct From {
    uint32_t person;
    float utility;
  };
  uint32_t FirstOf(uint32_t person) const {
    return left_of_[person] == kNone ? 0 : flat_.begin[left_of_[person]];
  }
  uint32_t EndOf(uint32_t person) const {
    return left_of_[person] == kNone ? 0 : flat_.begin[left_of_[person] + 1];
  }

  // Whom one person found and by whom it was found, in order.
  void Merge(uint32_t person, SymmetricPairs& both) const {
    uint32_t f = FirstOf(person), b = back_begin_[person];
    const uint32_t f_end = EndOf(person), b_end = back_begin_[person + 1];
    while (f < f_end || b < b_end) {
      const uint32_t to = f < f_end ? flat_.right[f] : kNone;
      const uint32_t from = b < b_end ? back_[b].person : kNone;
      float utility = 0;
      if (to == from) {
        utility = (UtilityOf(flat_.key[f++], scale_) + back_[b++].utility) / 2;
      } else if (to < from) {
        utility = UtilityOf(flat_.key[f++], scale_);
      } else {
        utility = back_[b++].utility;
      }
      const uint32_t other = std::min(to, from);
      if (other == person) continue;
      both.other.push_back(other);
      both.utility.push_back(utility);
    }
  }

  const Flat& flat_;
  const Scale& scale_;
  std::vector<uint32_t> left_of_;  // by person; kNone: no subject
  std::vector<uint32_t> back_begin_;
  std::vector<From> back_;
};

// Subjects and candidates are the same people: each pair once.
absl::StatusOr<Solved> SolveOnePopulation(const MarketInput& input,
                                          const Flat& flat, const Scale& scale,
                                          Numbering& people) {
  std::vector<uint32_t> person_of_left;
  person_of_left.reserve(input.subjects.size());
  for (const MemberIndex subject : input.subjects) {
    // Who has left has no list.
    person_of_left.push_back(
        subject < input.members->size() ? people.Of(subject) : kNone);
  }
  Solved solved;
  solved.prices.seats.assign(people.size(), WantedPartners(*input.kind));
  MITRA_ASSIGN_OR_RETURN(
      SymmetricSolution market,
      SolveSymmetricMarket(
          BothOrders(flat, scale, person_of_left, people.size()).Take(),
          solved.prices.seats, kOptions));
  solved.prices.right = std::move(market.log_price);
  for (const uint32_t person : person_of_left) {
    solved.prices.left.push_back(person == kNone ? 0
                                                 : solved.prices.right[person]);
  }
  solved.sweeps = market.sweeps;
  solved.converged = market.converged;
  return solved;
}

double MedianOf(std::vector<double> values) {
  values.erase(std::remove_if(values.begin(), values.end(),
                              [](double v) { return !std::isfinite(v); }),
               values.end());
  if (values.empty()) return 0;
  const auto middle =
      values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// From units of the market to those of keys.
void ToKeys(const Scale& scale, Solved& solved) {
  for (double& price : solved.prices.right) price /= scale.factor;
  for (double& price : solved.prices.left) price /= scale.factor;
}

// How far looks are spread in a market with stated seats is decided by the same
// market with the same seats for everybody. If it were decided by what is
// stated, a candidate could state fewer seats, spoil everybody's spreading and
// so get back the first places that its price had cost it.
absl::StatusOr<Spreading> SpreadingOf(const MarketInput& input,
                                      const Flat& flat, const Scale& scale,
                                      const Numbering& rights,
                                      const Spreader& spreader) {
  const double even =
      std::max(1.0, DemandOf(input, flat) / static_cast<double>(rights.size()));
  MITRA_ASSIGN_OR_RETURN(
      Solved solved, SolveTwoSides(input, flat, scale, rights,
                                   std::vector<double>(rights.size(), even)));
  ToKeys(scale, solved);
  Spreading spreading;
  (void)spreader.FitWhileItPays(/*seats_differ=*/true, solved.prices,
                                spreading);
  return spreading;
}

void Report(const MarketInput& input, const Flat& flat, const Numbering& rights,
            const ListWorth& worth_of, const Worth& alone,
            const Worth& together, const Solved& solved, double median,
            v1::MarketReport& report) {
  report.set_kind(input.kind->kind);
  report.set_subjects(input.subjects.size());
  report.set_candidates(rights.size());
  report.set_pairs(flat.right.size());
  report.set_sweeps(solved.sweeps);
  report.set_converged(solved.converged);
  report.set_without_candidates(flat.without);
  for (const auto& [member, pins] : flat.pins) {
    report.set_fixed_pairs(report.fixed_pairs() + pins);
  }
  double free = 0;
  for (const MemberIndex right : rights.members()) {
    free += std::max(0.0, SeatsOf(*input.kind, input.members->at(right)));
  }
  report.set_seats_per_seeker(free /
                              static_cast<double>(input.subjects.size()));
  report.set_expected_matches_alone(alone.matches);
  report.set_exposure_gini_alone(alone.gini);
  report.set_expected_matches(together.matches);
  report.set_exposure_gini(together.gini);

  std::vector<uint32_t> by_price(rights.size());
  std::iota(by_price.begin(), by_price.end(), 0);
  const size_t shown = std::min(kScarceShown, by_price.size());
  std::partial_sort(
      by_price.begin(), by_price.begin() + static_cast<ptrdiff_t>(shown),
      by_price.end(), [&](uint32_t a, uint32_t b) {
        return std::pair(solved.prices.right[a], rights.members()[a]) <
               std::pair(solved.prices.right[b], rights.members()[b]);
      });
  for (size_t i = 0; i < shown; ++i) {
    const uint32_t right = by_price[i];
    if (worth_of.lists_with(right) == 0) continue;
    const Member& member = input.members->at(rights.members()[right]);
    v1::ScarceCandidate& scarce = *report.add_scarce();
    scarce.set_profile_id(std::string(member.id.view()));
    scarce.set_display_name(std::string(member.display_name.view()));
    scarce.set_log_price(solved.prices.right[right] - median);
    scarce.set_seats(solved.prices.seats[right]);
    scarce.set_wanted_by(worth_of.lists_with(right));
  }
}

}  // namespace

double SeatsOf(const KindSpec& kind, const Member& member) {
  if (kind.pool != CapacityPool::kFacetSeats) return -1;
  double seats = -1;
  for (const Facet& facet : member.facets) {
    if ((kind.candidate_roles >> facet.role & 1) == 0) continue;
    if (!facet.seats_counted) continue;
    seats = std::max(seats, static_cast<double>(facet.seats_free));
  }
  return seats;
}

double WantedPartners(const KindSpec& kind) {
  return kind.costly_to_accept ? 2 : 5;
}

absl::StatusOr<MarketOutput> SolveMarketOf(const MarketInput& input) {
  Numbering rights(input.members->size());
  Flat flat;
  Flattener flattener(input, rights, flat);
  MITRA_RETURN_IF_ERROR(input.lists(
      [&](absl::Span<const MarketCandidate> list) { flattener.Add(list); }));
  if (flat.lefts() != input.subjects.size()) {
    return absl::InternalError("market: not a list for each subject");
  }
  MarketOutput output;
  output.prices.assign(input.members->size(), 0);
  if (flat.right.empty()) {
    output.report.set_kind(input.kind->kind);
    output.report.set_subjects(input.subjects.size());
    output.report.set_without_candidates(input.subjects.size());
    return output;
  }
  const Scale scale = ScaleOf(flat.key);
  Numbering people = rights;  // the same numbers, more people
  MITRA_ASSIGN_OR_RETURN(
      Solved solved, input.kind->same_population
                         ? SolveOnePopulation(input, flat, scale, people)
                         : SolveTwoSides(input, flat, scale, rights,
                                         Seats(input, flat, rights.members(),
                                               DemandOf(input, flat))));
  solved.prices.right.resize(rights.size());
  solved.prices.seats.resize(rights.size());
  ToKeys(scale, solved);
  const PlaceLists lists = {flat.begin, flat.right, flat.key};
  const ListWorth worth_of(lists, flat.wants, flat.accepts,
                           solved.prices.seats);
  const Spreader spreader(lists, worth_of, 1 / scale.factor, input.threads);
  Spreading spreading;
  Worth together;
  if (input.kind->same_population) {
    // Everybody has the same seats.
    together = spreader.FitWhileItPays(/*seats_differ=*/false, solved.prices,
                                       spreading);
  } else {
    MITRA_ASSIGN_OR_RETURN(spreading,
                           SpreadingOf(input, flat, scale, rights, spreader));
    together = spreader.Spread(spreading, solved.prices);
  }
  output.unit = static_cast<float>(1 / scale.factor);
  const double median = MedianOf(solved.prices.right);
  for (uint32_t right = 0; right < rights.size(); ++right) {
    const double price = solved.prices.right[right] - median;
    // A candidate without a seat is not eligible; its price says nothing.
    output.prices[rights.members()[right]] =
        std::isfinite(price) ? static_cast<float>(price) : 0;
  }
  Report(input, flat, rights, worth_of, spreader.alone(), together, solved,
         median, output.report);
  return output;
}

}  // namespace mitra::matching
