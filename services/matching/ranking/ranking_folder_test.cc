#include "services/matching/ranking/ranking_folder.h"

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace mitra::matching {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

RankingProfile Named(const std::string& id, float bias) {
  RankingProfile profile = RankingProfile::Default();
  profile.id = id;
  profile.kinds[1].wants.bias += bias;
  return profile;
}

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

TEST(RankingFolderTest, AnotherBoardServesAsTheFirstOneDid) {
  const testing::TempDir dir;
  RankingBoard first;
  const auto plan =
      first.Apply({Named("a", .25F), Named("b", .5F)}, {{"a", .3}, {"b", .7}});
  ASSERT_TRUE(plan.ok());
  RankingFolder folder(dir.path() + "/rankings");
  ASSERT_TRUE(folder.Save(*plan).ok());

  RankingBoard second;
  RankingFolder same(dir.path() + "/rankings");
  const auto loaded = same.Load(second);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(*loaded);
  for (const char* subject : {"m1", "m2", "m3", "m4", "m5", "m6"}) {
    EXPECT_EQ(second.Find("", subject)->id, first.Find("", subject)->id);
  }
  EXPECT_TRUE(SameWeights(*second.Find("b", ""), *first.Find("b", "")));
  EXPECT_FALSE(*same.Load(second));  // nothing new
}

TEST(RankingFolderTest, ReadsWhatAnotherWroteMeanwhile) {
  const testing::TempDir dir;
  RankingBoard mine, other;
  RankingFolder folder(dir.path()), their_folder(dir.path());
  EXPECT_FALSE(*folder.Load(mine));
  ASSERT_TRUE(
      their_folder.Save(*other.Apply({Named("a", .1F)}, {{"a", 1}})).ok());
  EXPECT_TRUE(*folder.Load(mine));
  EXPECT_EQ(mine.Find("", "m1")->id, "a");
}

TEST(RankingFolderTest, ABrokenFileChangesNothingAndIsNamedOnce) {
  const testing::TempDir dir;
  RankingBoard board;
  RankingFolder folder(dir.path());
  const std::string shipped = RankingProfile::Default().id;
  for (const char* arms : {"[[arm]]\nprofile = \"missing\"\nshare = 1.0\n",
                           "[[arm]]\nprofile = \"../x\"\nshare = 1.0\n",
                           "arm = 3\n", "[[arm]]\nprofile = \"x\"\n", "[[arm\n",
                           "[[arm]]\nprofile = \"x\"\nshare = 1\nwho = 2\n"}) {
    Write(dir.path() + "/arms.toml", arms);
    const auto loaded = folder.Load(board);
    ASSERT_FALSE(loaded.ok()) << arms;
    EXPECT_THAT(std::string(loaded.status().message()), HasSubstr(".toml"));
    EXPECT_FALSE(*folder.Load(board)) << arms;
    EXPECT_EQ(board.Find("", "m1")->id, shipped);
  }
}

TEST(RankingFolderTest, ArmsReadBackAsTheyWere) {
  const auto arms =
      ParseRankingArms(RankingArmsToml({{"a", .125}, {"b", .875}}));
  ASSERT_TRUE(arms.ok()) << arms.status();
  ASSERT_THAT(*arms, SizeIs(2));
  EXPECT_EQ((*arms)[0].profile, "a");
  EXPECT_EQ((*arms)[0].share, .125);
  EXPECT_EQ((*arms)[1].share, .875);
}

}  // namespace
}  // namespace mitra::matching
