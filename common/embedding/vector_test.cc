#include "common/embedding/vector.h"

#include <limits>
#include <vector>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::embedding {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(ValidateVectorTest, AcceptsFiniteVectorsOfTheDimension) {
  MITRA_EXPECT_OK(ValidateVector("v", std::vector<float>{3, -4}, 2));
  MITRA_EXPECT_OK(ValidateVector("v", std::vector<float>{0, 1e-18f}, 2));
  MITRA_EXPECT_OK(ValidateVector("v", std::vector<float>{1e18f, 1e18f}, 2));
}

TEST(ValidateVectorTest, NamesTheFieldOfAWrongLength) {
  const auto status =
      ValidateVector("facets[0].need_vector", std::vector<float>{1, 2, 3}, 2);
  EXPECT_THAT(status, NamesField("facets[0].need_vector"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 values, has 3"));
  EXPECT_THAT(ValidateVector("v", {}, 2), NamesField("v"));
}

TEST(ValidateVectorTest, NamesTheFirstPositionThatIsNotFinite) {
  for (const float bad : {kNan, -kNan, kInf, -kInf}) {
    const auto status =
        ValidateVector("v", std::vector<float>{1, 2, bad, bad}, 4);
    EXPECT_THAT(status, NamesField("v"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("position 2"));
  }
}

TEST(ValidateVectorTest, RefusesLengthsThatCannotBeDividedBy) {
  EXPECT_THAT(ValidateVector("v", std::vector<float>{0, -0.f}, 2),
              NamesField("v"));
  EXPECT_THAT(ValidateVector("v", std::vector<float>{1e-30f, 1e-30f}, 2),
              NamesField("v"));
  EXPECT_THAT(
      ValidateVector("v", {std::numeric_limits<float>::denorm_min()}, 1),
      NamesField("v"));
  EXPECT_THAT(ValidateVector("v", std::vector<float>{3e38f, 3e38f}, 2),
              NamesField("v"));
}

TEST(NormaliseTest, ScalesToLengthOne) {
  std::vector<float> v = {3, -4};
  EXPECT_TRUE(Normalise(absl::MakeSpan(v)));
  EXPECT_THAT(v, ElementsAre(.6f, -.8f));
}

TEST(NormaliseTest, LeavesWhatHasNoDirectionUnchanged) {
  for (const float bad : {0.f, 1e-30f, kInf}) {
    std::vector<float> v = {bad, 0};
    EXPECT_FALSE(Normalise(absl::MakeSpan(v))) << bad;
    EXPECT_EQ(v[0], bad);
  }
  std::vector<float> v = {kNan, 1};
  EXPECT_FALSE(Normalise(absl::MakeSpan(v)));
  EXPECT_FALSE(Normalise({}));
}

}  // namespace
}  // namespace mitra::embedding
