#include "services/gateway/http/gzip.h"

#include <random>

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra::gateway {
namespace {

constexpr size_t kMany = 1 << 30;

TEST(GzipTest, WhatGoesInComesOut) {
  std::mt19937 random(7);
  for (size_t size : {0, 1, 100, 65'535, 65'536, 65'537, 1'000'000}) {
    std::string text(size, 'a');
    for (size_t i = 0; i < size; i += 3) text[i] = static_cast<char>(random());
    MITRA_ASSERT_OK_AND_ASSIGN(const std::string back,
                               Gunzip(Gzip(text), kMany));
    EXPECT_EQ(back, text);
  }
}

TEST(GzipTest, MembersAfterOneAnotherAreOneText) {
  const std::string packed = Gzip("satu ") + Gzip("") + Gzip("dua");
  EXPECT_THAT(Gunzip(packed, kMany), IsOkAndHolds("satu dua"));
  EXPECT_THAT(Gunzip(packed, 7), HasReason("MESSAGE_TOO_LARGE"))
      << "the limit is for all of them together";
}

TEST(GzipTest, ABombIsRefusedWhenTheLimitIsReached) {
  const std::string bomb = Gzip(std::string(512 << 20, '\0'));
  EXPECT_LT(bomb.size(), 4u << 20);
  EXPECT_THAT(Gunzip(bomb, 4 << 20), HasReason("MESSAGE_TOO_LARGE"));
}

TEST(GzipTest, WhatIsCutOrBrokenIsRefused) {
  const std::string good = Gzip("tidak semua yang berkilau itu emas");
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THAT(Gunzip(good.substr(0, size), kMany),
                HasReason("MALFORMED_GZIP"))
        << size;
  }
  EXPECT_THAT(Gunzip("{\"displayName\":\"a\"}", kMany),
              HasReason("MALFORMED_GZIP"));
  EXPECT_THAT(Gunzip(good + "rest", kMany), HasReason("MALFORMED_GZIP"));
  std::string changed = good;
  changed[good.size() - 6] ^= 1;  // in the checksum
  EXPECT_THAT(Gunzip(changed, kMany), HasReason("MALFORMED_GZIP"));
}

TEST(GzipTest, AReaderGivesNoMoreThanItIsAskedFor) {
  const std::string packed = Gzip(std::string(1000, 'a'));
  GzipReader reader(packed);
  std::string text;
  int pieces = 0;
  for (bool more = true; more; ++pieces) {
    const size_t before = text.size();
    MITRA_ASSERT_OK_AND_ASSIGN(more, reader.Read(100, text));
    EXPECT_LE(text.size() - before, 100u);
  }
  EXPECT_EQ(text, std::string(1000, 'a'));
  EXPECT_GE(pieces, 10);
}

TEST(AcceptsGzipTest, ReadsTheHeader) {
  for (const char* yes : {"gzip", "GZIP", "deflate, gzip;q=0.5", "*",
                          "br;q=1.0, gzip;q=0.8, *;q=0.1"}) {
    EXPECT_TRUE(AcceptsGzip(yes)) << yes;
  }
  for (const char* no : {"", "identity", "gzip;q=0", "br", "*;q=0",
                         "gzip;q=0, *", "gzip;level=9", "xgzip"}) {
    EXPECT_FALSE(AcceptsGzip(no)) << no;
  }
}

}  // namespace
}  // namespace mitra::gateway
