#include "services/matching/refresh/price_board.h"

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"
#include "tests/support/temp_dir.h"

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

TEST(PriceBoardTest, ARestartFindsThePricesByIds) {
  const testing::TempDir dir;
  const std::string path = dir.File("prices");
  World before;
  const MemberIndex a = before.AddMentor("a");
  const MemberIndex b = before.AddMentor("b");
  const MemberIndex gone = before.AddMentor("gone");
  PriceList prices(gone + 1, 0);
  prices[a] = -2;
  prices[b] = 1;
  prices[gone] = 3;
  PriceBoard board;
  board.Publish(kMentor, prices);
  MITRA_ASSERT_OK(board.Save(path, before.view().members));

  World after;  // in another order
  const MemberIndex new_b = after.AddMentor("b");
  const MemberIndex new_a = after.AddMentor("a");
  PriceBoard restored;
  MITRA_ASSERT_OK(restored.Load(path, after.view().members));
  EXPECT_FLOAT_EQ(restored.LogPriceOf(kMentor, new_a), -2);
  EXPECT_FLOAT_EQ(restored.LogPriceOf(kMentor, new_b), 1);
}

TEST(PriceBoardTest, ADamagedFileChangesNothing) {
  const testing::TempDir dir;
  const std::string path = dir.File("prices");
  World world;
  const MemberIndex a = world.AddMentor("a");
  PriceBoard board;
  board.Publish(kMentor, PriceList(a + 1, 5));
  EXPECT_THAT(board.Load(path, world.view().members),
              StatusIs(absl::StatusCode::kNotFound));
  MITRA_ASSERT_OK(board.Save(path, world.view().members));
  std::string bytes = testing::ReadFileOrEmpty(path);
  bytes[bytes.size() / 2] ^= 1;
  testing::WriteFileOrDie(path, bytes);
  EXPECT_FALSE(board.Load(path, world.view().members).ok());
  EXPECT_FLOAT_EQ(board.LogPriceOf(kMentor, a), 5);
}

}  // namespace
}  // namespace mitra::matching
