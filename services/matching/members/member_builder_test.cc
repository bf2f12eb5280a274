#include "services/matching/members/member_builder.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/members/testing.h"

namespace mitra::matching {
namespace {

using ::testing::ElementsAre;

v1::Profile ARichProfile() {
  v1::Profile profile = AProfile("toko-1");
  profile.add_languages("id");
  profile.add_languages("jv");
  profile.add_languages("tlh");
  v1::Norm* halal = profile.add_norms();
  halal->set_kind(v1::NORM_KIND_HALAL);
  halal->set_status(v1::NORM_STATUS_VERIFIED);
  v1::Norm* permit = profile.add_norms();
  permit->set_kind(v1::NORM_KIND_SPP_IRT);
  permit->set_expired(true);
  v1::Facet* facet = profile.mutable_facets(0);
  facet->set_headline("Roti rumahan");
  v1::Need* need = facet->add_needs();
  need->set_need_id("n1");
  need->set_resource(v1::RESOURCE_RAW_MATERIAL);
  need->set_text("Tepung terigu");
  need->mutable_quantity()->set_amount(250);
  need->mutable_quantity()->set_unit("kg");
  v1::Need* old = facet->add_needs();
  old->set_need_id("n2");
  old->set_resource(v1::RESOURCE_CAPITAL);
  old->set_expired(true);
  v1::Offer* offer = facet->add_offers();
  offer->set_offer_id("o1");
  offer->set_resource(v1::RESOURCE_COLLABORATION);
  offer->mutable_money()->set_currency_code("IDR");
  offer->mutable_money()->set_units(5'000'000);
  return profile;
}

TEST(MemberBuilderTest, KeepsWhatScoringAndReasonsNeed) {
  const OwnedMember member =
      MakeMember(ARichProfile(), {.incarnation = 3, .revision = 9});

  EXPECT_EQ(member->id.view(), "toko-1");
  EXPECT_EQ(member->display_name.view(), "Usaha toko-1");
  EXPECT_EQ(member->region, taxonomy::RegionIndex("33.72.01"));
  EXPECT_THAT(absl::Span<const taxonomy::SectorNumber>(member->sectors),
              ElementsAre(taxonomy::SectorIndex("10710")));
  EXPECT_EQ(member->languages, LanguageBit("id") | LanguageBit("jv"));
  EXPECT_EQ(member->norm_bits, BitOf(v1::NORM_KIND_HALAL));
  EXPECT_EQ(member->verified_norm_bits, BitOf(v1::NORM_KIND_HALAL));
  ASSERT_EQ(member->facets.size(), 1u);
  const Facet& facet = member->facets[0];
  EXPECT_EQ(facet.need_bits, BitOf(v1::RESOURCE_RAW_MATERIAL));
  EXPECT_EQ(facet.offer_bits, BitOf(v1::RESOURCE_COLLABORATION));
  ASSERT_EQ(facet.needs.size(), 2u);
  EXPECT_EQ(facet.needs[0].text.view(), "Tepung terigu");
  EXPECT_EQ(facet.needs[0].quantity, 250);
  EXPECT_STREQ(facet.needs[0].unit, "kg");
  EXPECT_TRUE(facet.needs[1].expired);
  EXPECT_EQ(facet.offers[0].money_units, 5'000'000);
  EXPECT_STREQ(facet.offers[0].currency, "IDR");
}

TEST(MemberBuilderTest, CutsLongTextAtACharacter) {
  v1::Profile profile = ARichProfile();
  std::string text;
  while (text.size() < 400) text += "é";
  profile.mutable_facets(0)->mutable_needs(0)->set_text(text);

  const OwnedMember member = MakeMember(profile, {});

  const absl::string_view kept = member->facets[0].needs[0].text.view();
  EXPECT_LE(kept.size(), 160u);
  EXPECT_EQ(kept.size() % 2, 0u);
}

TEST(MemberBuilderTest, SurvivesTheLargestProfile) {
  v1::Profile profile = AProfile("big");
  for (int f = 0; f < 9; ++f) {
    v1::Facet* facet = profile.add_facets();
    facet->set_role(v1::ROLE_SUPPLIER);
    for (int i = 0; i < 100; ++i) {
      v1::Need* need = facet->add_needs();
      need->set_need_id(std::string(64, 'n'));
      need->set_text(std::string(2000, 't'));
      for (int s = 0; s < 50; ++s) need->add_sectors()->set_code("10710");
    }
    for (int i = 0; i < 5000; ++i) {
      facet->mutable_acceptance()->add_region_codes("33");
    }
  }

  const OwnedMember member = MakeMember(profile, {});

  EXPECT_EQ(member->facets.size(), 4u);
  EXPECT_EQ(member->facets[3].needs.size(), 16u);
}

TEST(MemberBuilderTest, BytesMakeTheSameMemberElsewhere) {
  const OwnedMember member = MakeMember(ARichProfile(), {.revision = 9});
  const std::string bytes(BytesOf(*member));

  const OwnedMember again = MemberFromBytes(bytes);

  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->facets[0].needs[0].text.view(), "Tepung terigu");
  EXPECT_EQ(BytesOf(*again), bytes);
}

TEST(MemberBuilderTest, RefusesBytesThatPointOutside) {
  const OwnedMember member = MakeMember(ARichProfile(), {});
  const std::string bytes(BytesOf(*member));

  EXPECT_EQ(MemberFromBytes(""), nullptr);
  EXPECT_EQ(MemberFromBytes(bytes.substr(0, bytes.size() - 8)), nullptr);
  // Any damage either is refused or leaves every list inside the block.
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x5a);
    const OwnedMember read = MemberFromBytes(damaged);
    if (read == nullptr) continue;
    size_t sum = read->display_name.view().size();
    for (const Facet& facet : read->facets) {
      for (const Item& item : facet.needs) {
        for (const char c : item.text.view()) sum += static_cast<uint8_t>(c);
      }
    }
    EXPECT_GE(sum, 0u);
  }
}

TEST(MemberBuilderTest, UnknownPlacesInRulesAcceptNobody) {
  v1::Profile profile = AProfile("m", v1::ROLE_MENTOR);
  profile.mutable_facets(0)->mutable_acceptance()->add_region_codes("99");

  const OwnedMember member = MakeMember(profile, {});

  ASSERT_EQ(member->facets[0].acceptance.regions.size(), 1u);
  EXPECT_FALSE(member->facets[0].acceptance.regions[0].Contains(
      taxonomy::RegionIndex("33.72")));
}

TEST(MemberBuilderTest, AnswersAreShrunkToOneHalf) {
  v1::Profile profile;
  profile.set_profile_id("ani");
  const auto rate = [&](uint32_t answered, uint32_t unanswered) {
    return MakeMember(profile, {.answered = answered, .unanswered = unanswered})
        ->responsiveness();
  };
  EXPECT_LT(rate(0, 0), 0) << "nobody has asked";
  EXPECT_NEAR(rate(1, 0), .6, .01);
  EXPECT_NEAR(rate(0, 1), .4, .01);
  EXPECT_NEAR(rate(5, 5), .5, .01);
  EXPECT_GT(rate(1000, 0), .99);
  EXPECT_LT(rate(0, 1000), .01);
}

}  // namespace
}  // namespace mitra::matching
