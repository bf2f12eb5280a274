#include "services/matching/refresh/list_worth.h"

#include <algorithm>
#include <random>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

struct Market {
  std::vector<uint32_t> begin = {0}, right;
  std::vector<float> key, wants, accepts;
  std::vector<double> seats;
  PlaceLists lists() const { return {begin, right, key}; }
};

// `lefts` lists of `length` candidates each; few different keys, so that many
// are equal.
Market MakeMarket(uint32_t lefts, uint32_t length, uint32_t rights) {
  std::mt19937 random(7);
  Market market;
  for (uint32_t l = 0; l < lefts; ++l) {
    std::vector<uint32_t> all(rights);
    for (uint32_t r = 0; r < rights; ++r) all[r] = r;
    std::shuffle(all.begin(), all.end(), random);
    all.resize(length);
    std::sort(all.begin(), all.end());
    for (const uint32_t r : all) {
      market.right.push_back(r);
      market.key.push_back(static_cast<float>(random() % 9));
      market.wants.push_back(static_cast<float>(1 + random() % 4) / 8);
      market.accepts.push_back(static_cast<float>(1 + random() % 4) / 8);
    }
    market.begin.push_back(static_cast<uint32_t>(market.right.size()));
  }
  market.seats.assign(rights, 1);
  return market;
}

// By the definition: who stands where is found by sorting each list.
double MatchesOf(const Market& market, const std::vector<double>& left_price,
                 const std::vector<double>& right_price) {
  const size_t pairs = market.right.size();
  std::vector<uint32_t> left(pairs);
  std::vector<std::vector<size_t>> of_left(market.begin.size() - 1);
  std::vector<std::vector<size_t>> of_right(market.seats.size());
  for (uint32_t l = 0; l + 1 < market.begin.size(); ++l) {
    for (size_t p = market.begin[l]; p < market.begin[l + 1]; ++p) {
      left[p] = l;
      of_left[l].push_back(p);
      of_right[market.right[p]].push_back(p);
    }
  }
  const auto look = [&](std::vector<size_t>& list, auto score,
                        std::vector<double>& looks) {
    std::stable_sort(list.begin(), list.end(),
                     [&](size_t a, size_t b) { return score(a) > score(b); });
    for (size_t i = 0; i < list.size(); ++i) {
      looks[list[i]] = 1 / (static_cast<double>(i) + 1);
    }
  };
  std::vector<double> there(pairs), back(pairs);
  for (auto& list : of_left) {
    look(
        list,
        [&](size_t p) { return market.key[p] + right_price[market.right[p]]; },
        there);
  }
  for (auto& list : of_right) {
    look(
        list, [&](size_t p) { return market.key[p] + left_price[left[p]]; },
        back);
  }
  double matches = 0;
  for (size_t p = 0; p < pairs; ++p) {
    matches += double{market.wants[p]} * there[p] * market.accepts[p] * back[p];
  }
  return matches;
}

// Short lists are ranked by counting, long ones by sorting: here 8 and 160
// candidates a list, and lists of candidates that are 4 and 200 long.
TEST(ListWorthTest, RanksEqualOnesAsTheyCameWhateverALengthIs) {
  for (const auto& [lefts, length, rights] :
       {std::tuple(40u, 8u, 80u), std::tuple(250u, 160u, 200u)}) {
    const Market market = MakeMarket(lefts, length, rights);
    std::vector<double> left_price(lefts), right_price(rights);
    for (uint32_t l = 0; l < lefts; ++l) left_price[l] = l % 3;
    for (uint32_t r = 0; r < rights; ++r) right_price[r] = r % 4;

    const Worth worth =
        ListWorth(market.lists(), market.wants, market.accepts, market.seats)
            .Of(left_price, right_price);

    EXPECT_NEAR(worth.matches, MatchesOf(market, left_price, right_price),
                1e-9 * worth.matches)
        << length << " candidates a list";
    EXPECT_GT(worth.matches, 0);
  }
}

}  // namespace
}  // namespace mitra::matching
