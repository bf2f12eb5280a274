#include "common/taxonomy/names.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/member.pb.h"
#include "mitra/v1/need_offer.pb.h"
#include "mitra/v1/recommendation.pb.h"

namespace mitra::taxonomy {
namespace {

// All values of an enum have names of their own in both languages.
template <typename Enum, typename NameOf>
void ExpectNamed(int size, NameOf name_of) {
  for (const Language language : {Language::kIndonesian, Language::kEnglish}) {
    absl::flat_hash_set<std::string> seen;
    for (int value = 0; value < size; ++value) {
      const std::string name(name_of(static_cast<Enum>(value), language));
      EXPECT_FALSE(name.empty()) << value;
      EXPECT_TRUE(seen.insert(name).second) << name;
    }
    EXPECT_EQ(name_of(static_cast<Enum>(999), language),
              name_of(static_cast<Enum>(0), language));
    EXPECT_EQ(name_of(static_cast<Enum>(-1), language),
              name_of(static_cast<Enum>(0), language));
  }
}

TEST(NamesTest, NamesEveryValue) {
  ExpectNamed<v1::Resource>(v1::Resource_ARRAYSIZE, ResourceName);
  ExpectNamed<v1::Role>(v1::Role_ARRAYSIZE, RoleName);
  ExpectNamed<v1::MemberKind>(v1::MemberKind_ARRAYSIZE, KindName);
  ExpectNamed<v1::Scale>(v1::Scale_ARRAYSIZE, ScaleName);
  ExpectNamed<v1::NormKind>(v1::NormKind_ARRAYSIZE, NormName);
  ExpectNamed<v1::RecommendationKind>(v1::RecommendationKind_ARRAYSIZE,
                                      RecommendationKindName);
  ExpectNamed<v1::EvidenceKind>(v1::EvidenceKind_ARRAYSIZE, EvidenceKindName);
}

TEST(NamesTest, SpeaksIndonesianAndEnglish) {
  EXPECT_EQ(ResourceName(v1::RESOURCE_RAW_MATERIAL, Language::kIndonesian),
            "bahan baku");
  EXPECT_EQ(ResourceName(v1::RESOURCE_RAW_MATERIAL, Language::kEnglish),
            "raw material");
  EXPECT_EQ(RoleName(v1::ROLE_FACILITATOR, Language::kIndonesian),
            "pendamping");
}

TEST(NamesTest, ReadsLanguageTags) {
  EXPECT_EQ(LanguageOf("en"), Language::kEnglish);
  EXPECT_EQ(LanguageOf("EN-gb"), Language::kEnglish);
  EXPECT_EQ(LanguageOf("id"), Language::kIndonesian);
  EXPECT_EQ(LanguageOf(""), Language::kIndonesian);
  EXPECT_EQ(LanguageOf("enm"), Language::kIndonesian);
}

}  // namespace
}  // namespace mitra::taxonomy
