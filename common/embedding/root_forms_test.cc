#include "common/embedding/root_forms.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::embedding {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::vector<std::string> Roots(absl::string_view word) {
  std::vector<std::string> roots;
  ForEachRootForm(word, [&](absl::string_view root) {
    roots.emplace_back(root.data(), root.size());
  });
  return roots;
}

TEST(RootFormsTest, GivesTheRootBehindSuffixAndPrefix) {
  EXPECT_THAT(Roots("makanan"), UnorderedElementsAre("makan"));
  EXPECT_THAT(Roots("berjualan"), Contains("jual"));
  EXPECT_THAT(Roots("penjualannya"), Contains("jual"));
  EXPECT_THAT(Roots("melayani"), Contains("layani"));
}

TEST(RootFormsTest, GivesBackTheConsonantThatANasalSwallowed) {
  EXPECT_THAT(Roots("pemotongan"), Contains("potong"));
  EXPECT_THAT(Roots("pengeringan"), Contains("kering"));
  EXPECT_THAT(Roots("menyapu"), UnorderedElementsAre("sapu"));
  EXPECT_THAT(Roots("penanaman"), Contains("tanam"));
  EXPECT_THAT(Roots("pengecatan"), Contains("cat"));
}

TEST(RootFormsTest, TakesBothReadingsOfAnAmbiguousEnding) {
  EXPECT_THAT(Roots("pembatikan"), Contains("batik"));
  EXPECT_THAT(Roots("pembatikan"), Contains("bati"));
}

TEST(RootFormsTest, LeavesShortWordsNumbersAndOtherScriptsAlone) {
  for (const char* word : {"", "di", "ikan", "es2000", "caf\xc3\xa9s"}) {
    EXPECT_THAT(Roots(word), IsEmpty()) << word;
  }
}

TEST(RootFormsTest, NeverGivesTheWordItselfNorOneTwice) {
  for (const char* word :
       {"mengembangkannya", "penyelenggaraan", "keanekaragamannya"}) {
    auto roots = Roots(word);
    EXPECT_THAT(roots, Not(Contains(word)));
    EXPECT_LE(roots.size(), 16u);
    const size_t n = roots.size();
    std::sort(roots.begin(), roots.end());
    roots.erase(std::unique(roots.begin(), roots.end()), roots.end());
    EXPECT_THAT(roots, SizeIs(n));
  }
}

}  // namespace
}  // namespace mitra::embedding
