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
  board.Publish(kMentor, {0, 0, 0, -1.5f});
  EXPECT_FLOAT_EQ(board.LogPriceOf(kMentor, 3), -1.5f);
  EXPECT_EQ(board.LogPriceOf(kMentor, 4), 0) << "came later";
  EXPECT_EQ(board.LogPriceOf(v1::RECOMMENDATION_KIND_PARTNER, 3), 0);
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
  const std::string blob =
      EncodePrices({{kMentor, prices}}, before.view().members);

  World after;  // in another order
  const MemberIndex new_b = after.AddMentor("b");
  const MemberIndex new_a = after.AddMentor("a");
  MITRA_ASSERT_OK_AND_ASSIGN(const PricesByKind found,
                             DecodePrices(blob, after.view().members));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FLOAT_EQ(found.at(kMentor)[new_a], -2);
  EXPECT_FLOAT_EQ(found.at(kMentor)[new_b], 1);
}

TEST(PriceBlobTest, DamageIsSeen) {
  World world;
  const MemberIndex a = world.AddMentor("a");
  const std::string blob =
      EncodePrices({{kMentor, PriceList(a + 1, 5)}}, world.view().members);
  for (size_t i = 0; i < blob.size(); ++i) {
    std::string bytes = blob;
    bytes[i] ^= 1;
    EXPECT_FALSE(DecodePrices(bytes, world.view().members).ok()) << i;
    EXPECT_FALSE(DecodePrices(blob.substr(0, i), world.view().members).ok());
  }
}

}  // namespace
}  // namespace mitra::matching
