#include "common/embedding/hashing_embedder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/need_offer.pb.h"

namespace mitra::embedding {
namespace {

using ::testing::Each;

std::unique_ptr<HashingEmbedder> AnEmbedder(size_t dimension = 128) {
  return *HashingEmbedder::Create(dimension);
}

std::vector<float> Embed(const Embedder& embedder, absl::string_view text) {
  std::vector<float> out(embedder.dimension(), 7);
  embedder.Embed(text, absl::MakeSpan(out));
  return out;
}

std::vector<float> EmbedFacet(const Embedder& embedder,
                              const FacetText& facet) {
  std::vector<float> out(embedder.dimension(), 7);
  embedder.EmbedFacet(facet, absl::MakeSpan(out));
  return out;
}

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
  return sum;
}

FacetText Facet(absl::string_view text, absl::string_view sector,
                v1::Resource resource) {
  FacetText facet;
  if (!text.empty()) facet.texts = {{text, 1}};
  if (!sector.empty()) facet.sectors = {{sector, 1}};
  facet.resources = {{resource, 1}};
  return facet;
}

TEST(HashingEmbedderTest, ChecksTheDimension) {
  EXPECT_EQ(AnEmbedder()->dimension(), 128);
  EXPECT_EQ(AnEmbedder()->id(), "hashing-v1");
  for (const size_t bad : {0, 8, 100, 8192}) {
    EXPECT_THAT(HashingEmbedder::Create(bad).status(), NamesField("dimension"))
        << bad;
  }
}

TEST(HashingEmbedderTest, GivesUnitVectorsOrZero) {
  for (const size_t dimension : {16, 128, 512, 4096}) {
    const auto embedder = AnEmbedder(dimension);
    for (const absl::string_view text :
         {"roti", "Kopi susu gula aren", "x", "кофе", "12"}) {
      const auto v = Embed(*embedder, text);
      EXPECT_NEAR(Dot(v, v), 1, 1e-5) << text << " at " << dimension;
    }
    for (const absl::string_view text :
         {"", " ... ", "yang dan di", "\xff\xff"}) {
      EXPECT_THAT(Embed(*embedder, text), Each(0)) << text;
    }
    EXPECT_THAT(EmbedFacet(*embedder, {}), Each(0));
  }
}

TEST(HashingEmbedderTest, DoesNotDependOnOrderCaseOrThread) {
  const auto embedder = AnEmbedder();
  std::vector<std::string> words = {"tepung", "terigu", "gula",    "aren",
                                    "kopi",   "susu",   "kemasan", "kertas"};
  const auto expected = Embed(*embedder, absl::StrJoin(words, " "));
  std::mt19937 random(3);
  for (int i = 0; i < 50; ++i) {
    std::shuffle(words.begin(), words.end(), random);
    ASSERT_EQ(Embed(*embedder, absl::StrJoin(words, ", ")), expected);
  }
  EXPECT_EQ(
      Embed(*embedder, "TEPUNG Terigu gula aren KOPI susu kemasan kertas"),
      expected);

  std::vector<std::thread> threads;
  std::vector<std::vector<float>> results(4);
  for (size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 100; ++round) {
        results[i] = Embed(*embedder, absl::StrJoin(words, " "));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(results, Each(expected));
}

// A vector that was stored must be what the same text gives later: a change
// here needs a new id.
TEST(HashingEmbedderTest, StaysWhatItsIdPromises) {
  const auto embedder = AnEmbedder(16);
  const auto v = EmbedFacet(*embedder, Facet("Kopi bubuk Toraja", "10761",
                                             v1::RESOURCE_RAW_MATERIAL));
  std::vector<std::string> shown;
  for (const float value : v) {
    shown.push_back(absl::StrCat(std::lround(value * 10000)));
  }
  EXPECT_EQ(absl::StrJoin(shown, " "),
            "-331 -5265 1741 -918 -995 -694 -2914 2106 1132 -852 -2582 -254 "
            "-2828 1450 5874 -744");
}

TEST(HashingEmbedderTest, BringsTheSameNeedAndOfferTogether) {
  const auto embedder = AnEmbedder();
  const auto need = EmbedFacet(
      *embedder, Facet("Kami mencari pemasok tepung terigu 500 kg per bulan",
                       "10710", v1::RESOURCE_RAW_MATERIAL));
  const auto flour =
      EmbedFacet(*embedder, Facet("Menjual tepung terigu protein tinggi",
                                  "10616", v1::RESOURCE_RAW_MATERIAL));
  const auto cloth =
      EmbedFacet(*embedder, Facet("Menjual kain katun dan benang jahit",
                                  "13121", v1::RESOURCE_RAW_MATERIAL));
  const auto loan = EmbedFacet(
      *embedder, Facet("Pinjaman modal kerja", "64127", v1::RESOURCE_CAPITAL));

  EXPECT_GT(Dot(need, flour), Dot(need, cloth) + .15);
  EXPECT_GT(Dot(need, flour), Dot(need, loan) + .25);
  EXPECT_GT(Dot(need, cloth), Dot(need, loan));
}

TEST(HashingEmbedderTest, BringsAFoodBusinessToAFoodMentor) {
  const auto embedder = AnEmbedder();
  const auto need =
      EmbedFacet(*embedder, Facet("Butuh bimbingan agar omzet warung naik",
                                  "56102", v1::RESOURCE_MENTORING));
  const auto food =
      EmbedFacet(*embedder, Facet("Berpengalaman mengelola rumah makan",
                                  "56101", v1::RESOURCE_MENTORING));
  const auto garment =
      EmbedFacet(*embedder, Facet("Berpengalaman mengelola konveksi", "14111",
                                  v1::RESOURCE_MENTORING));
  const auto food_trainer = EmbedFacet(
      *embedder, Facet("Pelatihan memasak", "56101", v1::RESOURCE_TRAINING));
  const auto food_lender = EmbedFacet(
      *embedder, Facet("Modal warung", "64127", v1::RESOURCE_CAPITAL));

  EXPECT_GT(Dot(need, food), Dot(need, garment) + .1);
  EXPECT_GT(Dot(need, food_trainer), Dot(need, food_lender));
}

TEST(HashingEmbedderTest, SectorsComeNearByCommonPrefix) {
  const auto embedder = AnEmbedder(4096);
  const auto of = [&](absl::string_view code) {
    FacetText facet;
    facet.sectors = {{code, 1}};
    return EmbedFacet(*embedder, facet);
  };
  const auto cocoa = of("10731");
  EXPECT_NEAR(Dot(cocoa, of("10732")), .8, .05);  // class
  EXPECT_NEAR(Dot(cocoa, of("10710")), .6, .05);  // group
  EXPECT_NEAR(Dot(cocoa, of("10110")), .4, .05);  // division
  EXPECT_NEAR(Dot(cocoa, of("14111")), .1, .05);  // section
  EXPECT_NEAR(Dot(cocoa, of("56101")), 0, .05);
  EXPECT_THAT(of("99999"), Each(0));
  EXPECT_THAT(of("not a code"), Each(0));
}

TEST(HashingEmbedderTest, ATextQueryFindsFacetsByTheirWords) {
  const auto embedder = AnEmbedder();
  const auto query = Embed(*embedder, "tepung terigu");
  const auto flour = EmbedFacet(*embedder, Facet("Tepung terigu curah", "10616",
                                                 v1::RESOURCE_RAW_MATERIAL));
  const auto soap = EmbedFacet(
      *embedder, Facet("Sabun cuci cair", "20231", v1::RESOURCE_RAW_MATERIAL));
  EXPECT_GT(Dot(query, flour), Dot(query, soap) + .2);
}

TEST(HashingEmbedderTest, InflectedAndMisspelledWordsStayNear) {
  const auto embedder = AnEmbedder(1024);
  const auto text = Embed(*embedder, "pengolahan singkong");
  EXPECT_GT(Dot(text, Embed(*embedder, "mengolah singkong")), .9);
  EXPECT_GT(Dot(text, Embed(*embedder, "pengolahan singkonk")), .6);
  EXPECT_LT(Dot(text, Embed(*embedder, "bengkel motor")), .2);
}

TEST(HashingEmbedderTest, WeightsOrderTheParts) {
  const auto embedder = AnEmbedder(1024);
  FacetText facet;
  facet.texts = {{"kopi", 3}, {"sepatu", 1}};
  const auto v = EmbedFacet(*embedder, facet);
  EXPECT_GT(Dot(v, Embed(*embedder, "kopi")),
            Dot(v, Embed(*embedder, "sepatu")) + .3);
}

TEST(HashingEmbedderTest, BadWeightsAndHugeTextsStayFinite) {
  const auto embedder = AnEmbedder();
  FacetText facet;
  const std::string huge(1 << 20, 'a');
  std::string many;
  for (int i = 0; i < 20000; ++i) absl::StrAppend(&many, "kata", i, " ");
  facet.texts = {{huge, std::numeric_limits<float>::infinity()},
                 {many, 1e30f},
                 {"roti", std::numeric_limits<float>::quiet_NaN()},
                 {"kue", -1}};
  facet.sectors = {{"10710", std::numeric_limits<float>::quiet_NaN()},
                   {"10616", 1e38f}};
  facet.resources = {{static_cast<v1::Resource>(99), 1},
                     {v1::RESOURCE_CAPITAL, 1e38f}};

  const auto v = EmbedFacet(*embedder, facet);

  for (const float value : v) ASSERT_TRUE(std::isfinite(value));
  EXPECT_NEAR(Dot(v, v), 1, 1e-5);
}

}  // namespace
}  // namespace mitra::embedding
