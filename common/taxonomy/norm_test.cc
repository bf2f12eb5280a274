#include "common/taxonomy/norm.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/member.pb.h"

namespace mitra::taxonomy {
namespace {

using ::testing::UnorderedElementsAre;

std::vector<v1::NormKind> Kinds(absl::string_view sector, v1::Scale scale) {
  std::vector<v1::NormKind> kinds;
  for (const NormRule& rule : NormsFor(sector, scale)) {
    kinds.push_back(rule.kind);
  }
  return kinds;
}

TEST(NormTest, AsksASmallBakeryForHouseholdFoodPermitAndHalal) {
  EXPECT_EQ(DemandFor(v1::NORM_KIND_SPP_IRT, "10710", v1::SCALE_MICRO),
            NormDemand::kRequired);
  EXPECT_EQ(DemandFor(v1::NORM_KIND_HALAL, "10710", v1::SCALE_MICRO),
            NormDemand::kRequired);
  EXPECT_EQ(DemandFor(v1::NORM_KIND_BPOM_MD, "10710", v1::SCALE_MICRO),
            NormDemand::kExpected);
  EXPECT_EQ(DemandFor(v1::NORM_KIND_BPJS_TK, "10710", v1::SCALE_MICRO),
            NormDemand::kExpected);
}

TEST(NormTest, AsksALargeBakeryForADistributionPermitInstead) {
  EXPECT_EQ(DemandFor(v1::NORM_KIND_SPP_IRT, "10710", v1::SCALE_LARGE),
            NormDemand::kNone);
  EXPECT_EQ(DemandFor(v1::NORM_KIND_BPOM_MD, "10710", v1::SCALE_LARGE),
            NormDemand::kRequired);
}

TEST(NormTest, LongerPrefixOverridesShorter) {
  // Dairy cannot have the household permit, whatever its size.
  EXPECT_EQ(DemandFor(v1::NORM_KIND_SPP_IRT, "10510", v1::SCALE_MICRO),
            NormDemand::kNone);
  EXPECT_EQ(DemandFor(v1::NORM_KIND_BPOM_MD, "10510", v1::SCALE_MICRO),
            NormDemand::kRequired);
  // Spirits cannot be halal.
  EXPECT_EQ(DemandFor(v1::NORM_KIND_HALAL, "11010", v1::SCALE_SMALL),
            NormDemand::kNone);
  EXPECT_EQ(DemandFor(v1::NORM_KIND_SNI, "11051", v1::SCALE_LARGE),
            NormDemand::kRequired);
}

TEST(NormTest, AsksCosmeticsForHalalAndGarmentsNot) {
  EXPECT_EQ(DemandFor(v1::NORM_KIND_HALAL, "20232", v1::SCALE_SMALL),
            NormDemand::kRequired);
  EXPECT_EQ(DemandFor(v1::NORM_KIND_HALAL, "14111", v1::SCALE_SMALL),
            NormDemand::kNone);
}

TEST(NormTest, ListsRequiredFirstWithoutTheNorms) {
  const std::vector<NormRule> rules = NormsFor("10710", v1::SCALE_SMALL);

  NormDemand last = NormDemand::kRequired;
  for (const NormRule& rule : rules) {
    EXPECT_LE(rule.demand, last);
    EXPECT_NE(rule.demand, NormDemand::kNone);
    EXPECT_FALSE(rule.basis.empty());
    last = rule.demand;
  }
  EXPECT_THAT(Kinds("10710", v1::SCALE_SMALL),
              UnorderedElementsAre(v1::NORM_KIND_HALAL, v1::NORM_KIND_SPP_IRT,
                                   v1::NORM_KIND_BPOM_MD, v1::NORM_KIND_SNI,
                                   v1::NORM_KIND_BPJS_TK));
}

TEST(NormTest, ReadsUnspecifiedScaleAsMicroAndUnknownSectorsGenerally) {
  EXPECT_EQ(Kinds("10710", v1::SCALE_UNSPECIFIED),
            Kinds("10710", v1::SCALE_MICRO));
  EXPECT_THAT(
      Kinds("", v1::SCALE_MEDIUM),
      UnorderedElementsAre(v1::NORM_KIND_BPJS_TK, v1::NORM_KIND_ETHICS_PLEDGE,
                           v1::NORM_KIND_PAYMENT_TERMS));
  EXPECT_EQ(DemandFor(static_cast<v1::NormKind>(99), "10", v1::SCALE_SMALL),
            NormDemand::kNone);
}

}  // namespace
}  // namespace mitra::taxonomy
