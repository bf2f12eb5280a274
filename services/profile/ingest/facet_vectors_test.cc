#include "services/profile/ingest/facet_vectors.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "common/embedding/hashing_embedder.h"
#include "common/status/status_matchers.h"
#include "common/validation/profile_testing.h"
#include "gtest/gtest.h"
#include "mitra/v1/change_feed_service.pb.h"

namespace mitra::profile {
namespace {

v1::ProfileChange Parse(const std::string& vectors) {
  v1::ProfileChange change;
  EXPECT_TRUE(change.ParseFromString(vectors));
  return change;
}

float Dot(const std::string& a, const std::string& b) {
  EXPECT_EQ(a.size(), b.size());
  float sum = 0;
  for (size_t i = 0; i + 3 < a.size(); i += sizeof(float)) {
    float x = 0, y = 0;
    std::memcpy(&x, a.data() + i, sizeof x);
    std::memcpy(&y, b.data() + i, sizeof y);
    sum += x * y;
  }
  return sum;
}

class FacetVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto embedder = embedding::HashingEmbedder::Create(128);
    ASSERT_TRUE(embedder.ok()) << embedder.status();
    embedder_ = *std::move(embedder);
  }
  v1::ProfileChange Embed(const v1::Profile& profile) {
    return Parse(EmbedFacets(profile, *embedder_));
  }
  std::unique_ptr<embedding::HashingEmbedder> embedder_;
};

TEST_F(FacetVectorsTest, EachFacetGetsUnitVectorsOfItsSides) {
  const v1::ProfileChange change = Embed(ABakery("a"));

  ASSERT_EQ(change.vectors_size(), 1);
  EXPECT_EQ(change.vectors(0).role(), v1::ROLE_BUSINESS);
  EXPECT_EQ(change.vectors(0).need().size(), 512u);
  EXPECT_NEAR(Dot(change.vectors(0).need(), change.vectors(0).need()), 1, 1e-5);
  EXPECT_NEAR(Dot(change.vectors(0).offer(), change.vectors(0).offer()), 1,
              1e-5);
}

TEST_F(FacetVectorsTest, AMentorWhoSellsCakesIsNotFoundAsMentorForTheCakes) {
  v1::Profile member = ABakery("a");
  v1::Product& product = *member.add_products();
  product.set_product_id("p");
  product.set_name("kue lapis legit");
  v1::Facet& mentor = *member.add_facets();
  mentor.set_role(v1::ROLE_MENTOR);
  v1::Offer& offer = *mentor.add_offers();
  offer.set_resource(v1::RESOURCE_MENTORING);
  offer.set_text("pembukuan dan izin edar");

  const v1::ProfileChange change = Embed(member);

  ASSERT_EQ(change.vectors_size(), 2);
  const v1::ProfileChange seeker = Embed(ABakery("b"));
  EXPECT_GT(Dot(seeker.vectors(0).need(), change.vectors(1).offer()),
            Dot(seeker.vectors(0).need(), change.vectors(0).offer()));
  EXPECT_TRUE(change.vectors(1).need().empty()) << "the mentor seeks nothing";
}

TEST_F(FacetVectorsTest, WhatHasExpiredDoesNotCount) {
  v1::Profile profile = ABakery("a");
  profile.mutable_facets(0)->mutable_needs(0)->set_expired(true);

  EXPECT_TRUE(Embed(profile).vectors(0).need().empty());
}

TEST_F(FacetVectorsTest, UnchangedTextKeepsItsVector) {
  v1::Profile renamed = ABakery("a");
  renamed.set_display_name("Nama Lain");

  EXPECT_EQ(EmbedFacets(renamed, *embedder_),
            EmbedFacets(ABakery("a"), *embedder_));
}

TEST(CallerVectorsTest, AreScaledAndComeBack) {
  v1::Profile profile = ABakery("a");
  for (const float value : {3.0f, 0.0f, 4.0f, 0.0f}) {
    profile.mutable_facets(0)->mutable_offer_vector()->add_values(value);
  }
  const std::string stored = TakeVectors(profile);

  v1::Profile updated = ABakery("a");
  RestoreVectors(stored, "caller", updated);

  ASSERT_EQ(updated.facets(0).offer_vector().values_size(), 4);
  EXPECT_FLOAT_EQ(updated.facets(0).offer_vector().values(0), 0.6f);
  EXPECT_FLOAT_EQ(updated.facets(0).offer_vector().values(2), 0.8f);
  EXPECT_FALSE(updated.facets(0).has_need_vector());
  EXPECT_EQ(TakeVectors(updated), stored);
}

}  // namespace
}  // namespace mitra::profile
