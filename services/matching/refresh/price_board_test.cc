#include "services/matching/refresh/price_board.h"

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"

namespace mitra::matching {
namespace {

constexpr auto kMentor = v1::RECOMMENDATION_KIND_MENTOR;

TEST(PriceBoardTest, NobodyHasAPriceUntilOneIsPublished) {
  PriceBoard board;
  EXPECT_EQ(board.LogPriceOf(kMentor, 3), 0);
  board.Publish(kMentor, {.prices = {0, 0, 0, -1.5f}});
  EXPECT_FLOAT_EQ(board.LogPriceOf(kMentor, 3), -1.5f);
  EXPECT_EQ(board.LogPriceOf(kMentor, 4), 0) << "came later";
  EXPECT_EQ(board.LogPriceOf(v1::RECOMMENDATION_KIND_PARTNER, 3), 0);
}

TEST(PriceBoardTest, APriceFollowsTheSeatsThatAreTakenAndFreed) {
  World world;
  const MemberIndex mentor = world.AddMentor("mentor");
  const MemberIndex other = world.AddMentor("other");
  const uint16_t seats =
      SeatsToday(*FindKind(kMentor), world.view().members.at(mentor));
  ASSERT_GT(seats, 0);
  KindPrices made;
  made.prices.assign(other + 1, 1);
  made.unit = .5f;
  // As if the one had one seat more then, the other as many as now.
  made.seats.assign(other + 1, seats);
  made.seats[mentor] = static_cast<uint16_t>(seats + 1);
  PriceBoard board;
  board.Publish(kMentor, made);

  board.Follow(world.view().members);
  EXPECT_FLOAT_EQ(board.LogPriceOf(kMentor, mentor),
                  1 + .5f * DriftOf(static_cast<uint16_t>(seats + 1), seats));
  EXPECT_LT(board.LogPriceOf(kMentor, mentor), 1) << "scarcer is dearer";
  EXPECT_EQ(board.LogPriceOf(kMentor, other), 1);

  // Not added up: the same seats give the same price.
  board.Follow(world.view().members);
  EXPECT_FLOAT_EQ(board.LogPriceOf(kMentor, mentor),
                  1 + .5f * DriftOf(static_cast<uint16_t>(seats + 1), seats));
}

TEST(PriceBoardTest, ADriftIsBoundedAndGoesBothWays) {
  EXPECT_EQ(DriftOf(3, 3), 0);
  EXPECT_FLOAT_EQ(DriftOf(1, 4), -DriftOf(4, 1));
  EXPECT_EQ(DriftOf(60'000, 0), -2);
}

TEST(PriceBlobTest, AnotherProcessFindsThePricesByIds) {
  World before;
  const MemberIndex a = before.AddMentor("a");
  const MemberIndex b = before.AddMentor("b");
  const MemberIndex gone = before.AddMentor("gone");
  PriceList prices(gone + 1, 0);
  prices[a] = -2;
  prices[b] = 1;
  prices[gone] = 3;
  const std::string blob = EncodePrices(
      {{kMentor, {prices, std::vector<uint16_t>(gone + 1, 4), .25f}}},
      before.view().members);

  World after;  // in another order
  const MemberIndex new_b = after.AddMentor("b");
  const MemberIndex new_a = after.AddMentor("a");
  MITRA_ASSERT_OK_AND_ASSIGN(const PricesByKind found,
                             DecodePrices(blob, after.view().members));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FLOAT_EQ(found.at(kMentor).prices[new_a], -2);
  EXPECT_FLOAT_EQ(found.at(kMentor).prices[new_b], 1);
  EXPECT_EQ(found.at(kMentor).seats[new_b], 4);
  EXPECT_FLOAT_EQ(found.at(kMentor).unit, .25f);
}

TEST(PriceBlobTest, DamageIsSeen) {
  World world;
  const MemberIndex a = world.AddMentor("a");
  const std::string blob = EncodePrices(
      {{kMentor, {.prices = PriceList(a + 1, 5)}}}, world.view().members);
  for (size_t i = 0; i < blob.size(); ++i) {
    std::string bytes = blob;
    bytes[i] ^= 1;
    EXPECT_FALSE(DecodePrices(bytes, world.view().members).ok()) << i;
    EXPECT_FALSE(DecodePrices(blob.substr(0, i), world.view().members).ok());
  }
}

}  // namespace
}  // namespace mitra::matching
