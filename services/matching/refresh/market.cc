#include "services/matching/refresh/market.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "common/status/status_macros.h"
#include "services/matching/allocation/market_measures.h"
#include "services/matching/allocation/transferable_utility.h"

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

// Directed pairs as the measures want them: by left, then right.
struct Directed {
  std::vector<CandidatePair> pairs;
  std::vector<float> wants, accepts;
  std::vector<double> key;
  absl::flat_hash_map<MemberIndex, uint32_t> pins;  // of each candidate
};

Directed Flatten(const MarketInput& input, Numbering& rights) {
  size_t total = 0;
  for (const auto& list : input.lists) {
    total += std::min(list.size(), input.weighed);
  }
  Directed flat;
  flat.pairs.reserve(total);
  flat.wants.reserve(total);
  flat.accepts.reserve(total);
  flat.key.reserve(total);
  struct Row {
    uint32_t right;
    const MarketCandidate* candidate;
  };
  std::vector<Row> rows;
  for (uint32_t left = 0; left < input.lists.size(); ++left) {
    rows.clear();
    for (const MarketCandidate& candidate :
         input.lists[left].subspan(0, input.weighed)) {
      if (candidate.pinned()) {
        ++flat.pins[candidate.member];
        continue;
      }
      rows.push_back({rights.Of(candidate.member), &candidate});
    }
    std::sort(rows.begin(), rows.end(),
              [](const Row& a, const Row& b) { return a.right < b.right; });
    for (const Row& row : rows) {
      flat.pairs.push_back({left, row.right, row.candidate->key});
      flat.wants.push_back(row.candidate->wants);
      flat.accepts.push_back(row.candidate->accepts);
      flat.key.push_back(row.candidate->key);
    }
  }
  return flat;
}

// Places by candidate, stated ones as they are; who states none has an even
// share of the demand, at least one.
std::vector<double> Seats(const MarketInput& input, const Directed& flat,
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
  std::vector<double> left;   // log price by subject number
  std::vector<double> right;  // by candidate number
  std::vector<double> seats;  // by candidate number
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
// Chosen together with kRounds below on sample networks of other seeds than
// those that `scripts/bench refresh` quotes. At 20,000 members, seed 7, against
// each list alone, matches and Gini of exposure for each seat: without rounds
// mentors .94 and .50, partners 1.60 and .52 (span 8); 1.11 and .61, 1.63 and
// .60 (24). With 6 rounds .98 and .47, 1.63 and .44 (16); 1.03 and .51, 1.65
// and .48 (24).
constexpr double kWorthwhile = .9;
constexpr double kSpan = 20;

struct Scale {
  double outside = 0;
  double factor = 1;  // of a utility over a key
};

Scale ScaleOf(const std::vector<double>& keys) {
  std::vector<double> sorted = keys;
  const auto quantile = [&](double q) {
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

std::vector<CandidatePair> Utilities(const Directed& flat, const Scale& scale) {
  std::vector<CandidatePair> pairs = flat.pairs;
  for (CandidatePair& pair : pairs) {
    pair.utility =
        static_cast<float>((pair.utility - scale.outside) * scale.factor);
  }
  return pairs;
}

absl::StatusOr<Solved> SolveTwoSides(const MarketInput& input,
                                     const Directed& flat, const Scale& scale,
                                     const Numbering& rights) {
  const double wanted = WantedPartners(*input.kind);
  const std::vector<double> left(input.lists.size(), wanted);
  const double demand = wanted * static_cast<double>(left.size());
  Solved solved;
  solved.seats = Seats(input, flat, rights.members(), demand);
  MITRA_ASSIGN_OR_RETURN(
      const PairLists pairs,
      PairLists::Sparse(static_cast<uint32_t>(input.lists.size()),
                        rights.size(), Utilities(flat, scale)));
  MITRA_ASSIGN_OR_RETURN(
      MarketSolution market,
      SolveMarket(pairs, left, Attention(solved.seats, demand), kOptions));
  solved.left = std::move(market.log_price_left);
  solved.right = std::move(market.log_price_right);
  solved.sweeps = market.sweeps;
  solved.converged = market.converged;
  return solved;
}

// Where each number's rows begin, for rows counted by number.
std::vector<uint32_t> Begins(std::vector<uint32_t> counts) {
  std::vector<uint32_t> begin(counts.size() + 1, 0);
  std::partial_sum(counts.begin(), counts.end(), begin.begin() + 1);
  return begin;
}

// Both orders of every pair of people, each with the mean of the keys that
// were found for it, by left, then right. `directed` by left (numbers of
// subjects), then right (numbers of people).
std::vector<CandidatePair> BothOrders(
    const std::vector<CandidatePair>& directed,
    const std::vector<uint32_t>& person_of_left, uint32_t people) {
  std::vector<uint32_t> forward_count(people, 0), backward_count(people, 0);
  for (const CandidatePair& pair : directed) {
    ++forward_count[person_of_left[pair.left]];
    ++backward_count[pair.right];
  }
  std::vector<uint32_t> first(people, 0);  // in `directed`, by person
  for (uint32_t i = static_cast<uint32_t>(directed.size()); i-- > 0;) {
    first[person_of_left[directed[i].left]] = i;
  }
  const std::vector<uint32_t> begin = Begins(std::move(backward_count));
  struct From {
    uint32_t person;
    float utility;
  };
  std::vector<From> backward(directed.size());
  std::vector<uint32_t> next(begin.begin(), begin.end() - 1);
  for (uint32_t a = 0; a < people; ++a) {
    for (uint32_t i = first[a]; i < first[a] + forward_count[a]; ++i) {
      backward[next[directed[i].right]++] = {a, directed[i].utility};
    }
  }
  std::vector<CandidatePair> both;
  both.reserve(2 * directed.size());
  for (uint32_t a = 0; a < people; ++a) {
    uint32_t f = first[a], b = begin[a];
    const uint32_t f_end = f + forward_count[a], b_end = begin[a + 1];
    while (f < f_end || b < b_end) {
      const uint32_t to = f < f_end ? directed[f].right : kNone;
      const uint32_t from = b < b_end ? backward[b].person : kNone;
      float utility = 0;
      if (to == from) {
        utility = (directed[f++].utility + backward[b++].utility) / 2;
      } else if (to < from) {
        utility = directed[f++].utility;
      } else {
        utility = backward[b++].utility;
      }
      const uint32_t other = std::min(to, from);
      if (other != a) both.push_back({a, other, utility});
    }
  }
  return both;
}

// Subjects and candidates are the same people: each pair once, its two keys
// averaged (they differ where only one direction was found).
absl::StatusOr<Solved> SolveOnePopulation(const MarketInput& input,
                                          const Directed& flat,
                                          const Scale& scale,
                                          Numbering& people) {
  std::vector<uint32_t> person_of_left;
  person_of_left.reserve(input.subjects.size());
  for (const MemberIndex subject : input.subjects) {
    person_of_left.push_back(people.Of(subject));
  }
  MITRA_ASSIGN_OR_RETURN(
      const PairLists lists,
      PairLists::DoubleCover(
          people.size(),
          BothOrders(Utilities(flat, scale), person_of_left, people.size())));
  Solved solved;
  solved.seats.assign(people.size(), WantedPartners(*input.kind));
  MITRA_ASSIGN_OR_RETURN(
      MarketSolution market,
      SolveMarket(lists, solved.seats, solved.seats, kOptions));
  solved.right = std::move(market.log_price_right);
  for (const uint32_t person : person_of_left) {
    solved.left.push_back(solved.right[person]);
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

// What an order of all lists is worth.
void Measure(const PairLists& pairs, const Directed& flat,
             const std::vector<double>& left_key,
             const std::vector<double>& right_key,
             const std::vector<double>& seats, double& matches, double& gini) {
  const std::vector<uint32_t> left = RanksOfLeft(pairs, left_key);
  const std::vector<uint32_t> right = RanksOfRight(pairs, right_key);
  matches = ExpectedMatches(flat.wants, flat.accepts, left, right);
  std::vector<double> per_seat = ExposureOfRight(pairs, left);
  for (size_t i = 0; i < per_seat.size(); ++i) {
    per_seat[i] = seats[i] > 0 ? per_seat[i] / seats[i] : 0;
  }
  gini = GiniCoefficient(std::move(per_seat));
}

// The last rounds fit prices to what is shown. The prices above fill seats with
// expected matches, but people read lists from the top: attention by place is
// steeper than chances are, and falls on few. Who is shown more than its seats'
// share of all attention gets dearer, who is shown less gets cheaper (dual
// ascent, TRUST 1.6). kFloor keeps a candidate that is hardly shown from being
// driven to the top of every list.
constexpr int kRounds = 6;
constexpr double kStep = .35;
constexpr double kFloor = .1;

void FitToPlaces(const PairLists& pairs, const Directed& flat,
                 const Scale& scale, Solved& solved) {
  const size_t rights = solved.right.size();
  const double seats =
      std::accumulate(solved.seats.begin(), solved.seats.end(), 0.0);
  if (!(seats > 0)) return;
  std::vector<double> key(flat.key.size());
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < flat.pairs.size(); ++i) {
      key[i] = flat.key[i] + solved.right[flat.pairs[i].right];
    }
    const std::vector<double> looks =
        ExposureOfRight(pairs, RanksOfLeft(pairs, key));
    const double even =
        std::accumulate(looks.begin(), looks.end(), 0.0) / seats;
    if (!(even > 0)) return;
    for (size_t r = 0; r < rights; ++r) {
      if (!(solved.seats[r] > 0)) continue;
      const double load = looks[r] / solved.seats[r] / even;
      solved.right[r] -=
          kStep / scale.factor * std::log((load + kFloor) / (1 + kFloor));
    }
  }
}

void Report(const MarketInput& input, const Directed& flat,
            const PairLists& pairs, const Numbering& rights,
            const Solved& solved, double median, v1::MarketReport& report) {
  report.set_kind(input.kind->kind);
  report.set_subjects(input.subjects.size());
  report.set_candidates(rights.size());
  report.set_pairs(flat.pairs.size());
  report.set_sweeps(solved.sweeps);
  report.set_converged(solved.converged);
  uint64_t without = 0;
  for (const auto& list : input.lists) without += list.empty();
  report.set_without_candidates(without);
  for (const auto& [member, pins] : flat.pins) {
    report.set_fixed_pairs(report.fixed_pairs() + pins);
  }
  double free = 0;
  for (const MemberIndex right : rights.members()) {
    free += std::max(0.0, SeatsOf(*input.kind, input.members->at(right)));
  }
  report.set_seats_per_seeker(free /
                              static_cast<double>(input.subjects.size()));
  double matches = 0;
  double gini = 0;
  Measure(pairs, flat, flat.key, flat.key, solved.seats, matches, gini);
  report.set_expected_matches_alone(matches);
  report.set_exposure_gini_alone(gini);
  std::vector<double> left_key = flat.key;
  std::vector<double> right_key = flat.key;
  for (size_t i = 0; i < flat.pairs.size(); ++i) {
    left_key[i] += solved.right[flat.pairs[i].right];
    right_key[i] += solved.left[flat.pairs[i].left];
  }
  Measure(pairs, flat, left_key, right_key, solved.seats, matches, gini);
  report.set_expected_matches(matches);
  report.set_exposure_gini(gini);

  std::vector<uint32_t> wanted_by(rights.size(), 0);
  for (const CandidatePair& pair : flat.pairs) ++wanted_by[pair.right];
  std::vector<uint32_t> by_price(rights.size());
  std::iota(by_price.begin(), by_price.end(), 0);
  const size_t shown = std::min(kScarceShown, by_price.size());
  std::partial_sort(by_price.begin(),
                    by_price.begin() + static_cast<ptrdiff_t>(shown),
                    by_price.end(), [&](uint32_t a, uint32_t b) {
                      return std::pair(solved.right[a], rights.members()[a]) <
                             std::pair(solved.right[b], rights.members()[b]);
                    });
  for (size_t i = 0; i < shown; ++i) {
    const uint32_t right = by_price[i];
    if (wanted_by[right] == 0) continue;
    const Member& member = input.members->at(rights.members()[right]);
    v1::ScarceCandidate& scarce = *report.add_scarce();
    scarce.set_profile_id(std::string(member.id.view()));
    scarce.set_display_name(std::string(member.display_name.view()));
    scarce.set_log_price(solved.right[right] - median);
    scarce.set_seats(solved.seats[right]);
    scarce.set_wanted_by(wanted_by[right]);
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
  const Directed flat = Flatten(input, rights);
  MarketOutput output;
  output.prices.assign(input.members->size(), 0);
  if (flat.pairs.empty()) {
    output.report.set_kind(input.kind->kind);
    output.report.set_subjects(input.subjects.size());
    output.report.set_without_candidates(input.subjects.size());
    return output;
  }
  const Scale scale = ScaleOf(flat.key);
  Numbering people = rights;  // the same numbers, more people
  MITRA_ASSIGN_OR_RETURN(Solved solved,
                         input.kind->same_population
                             ? SolveOnePopulation(input, flat, scale, people)
                             : SolveTwoSides(input, flat, scale, rights));
  solved.right.resize(rights.size());
  solved.seats.resize(rights.size());
  for (double& price : solved.right) price /= scale.factor;
  for (double& price : solved.left) price /= scale.factor;
  MITRA_ASSIGN_OR_RETURN(
      const PairLists pairs,
      PairLists::Sparse(static_cast<uint32_t>(input.lists.size()),
                        rights.size(), flat.pairs));
  FitToPlaces(pairs, flat, scale, solved);
  const double median = MedianOf(solved.right);
  for (uint32_t right = 0; right < rights.size(); ++right) {
    const double price = solved.right[right] - median;
    // A candidate without a seat is not eligible; its price says nothing.
    output.prices[rights.members()[right]] =
        std::isfinite(price) ? static_cast<float>(price) : 0;
  }
  Report(input, flat, pairs, rights, solved, median, output.report);
  return output;
}

}  // namespace mitra::matching
