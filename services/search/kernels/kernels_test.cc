#include "services/search/kernels/kernels.h"

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::search {
namespace {

std::vector<const Kernels*> Variants() {
  std::vector<const Kernels*> variants = {&ScalarKernels()};
  if (Avx2Kernels() != nullptr) variants.push_back(Avx2Kernels());
  if (Avx512Kernels() != nullptr) variants.push_back(Avx512Kernels());
  return variants;
}

class KernelsTest : public testing::TestWithParam<const Kernels*> {};

INSTANTIATE_TEST_SUITE_P(All, KernelsTest, testing::ValuesIn(Variants()),
                         [](const auto& param) {
                           return std::string(param.param->name);
                         });

TEST_P(KernelsTest, DotOfCodesEqualsReferenceForAnyLengthAndAlignment) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> code(-128, 127);
  std::vector<int8_t> a(700), b(700);
  for (auto& v : a) v = static_cast<int8_t>(code(random));
  for (auto& v : b) v = static_cast<int8_t>(code(random));

  for (size_t n = 0; n <= 520; ++n) {
    const size_t shift_a = n % 61;
    const size_t shift_b = (n * 7) % 59;
    ASSERT_EQ(GetParam()->dot_i8(a.data() + shift_a, b.data() + shift_b, n),
              ScalarKernels().dot_i8(a.data() + shift_a, b.data() + shift_b, n))
        << "n = " << n;
  }
}

TEST_P(KernelsTest, DotOfExtremeCodesDoesNotSaturate) {
  for (int left : {-128, -127, 0, 127}) {
    for (int right : {-128, -127, 0, 127}) {
      const std::vector<int8_t> a(1000, static_cast<int8_t>(left));
      const std::vector<int8_t> b(1000, static_cast<int8_t>(right));
      EXPECT_EQ(GetParam()->dot_i8(a.data(), b.data(), 1000),
                left * right * 1000);
    }
  }
}

TEST_P(KernelsTest, RowsAndPicksEqualReference) {
  std::mt19937 random(8);
  std::uniform_int_distribution<int> code(-128, 127);
  for (size_t n : {1, 8, 63, 64, 65, 128, 200, 256}) {
    const size_t stride = (n + 63) / 64 * 64;
    std::vector<int8_t> rows(stride * 100 + 1);
    std::vector<int8_t> query(n + 3);
    for (auto& v : rows) v = static_cast<int8_t>(code(random));
    for (auto& v : query) v = static_cast<int8_t>(code(random));
    const std::vector<uint32_t> picks = {99, 0, 3, 3, 50, 98, 7, 8, 9, 10, 11};
    std::vector<int32_t> all(100), picked(picks.size());

    // One byte off any alignment.
    GetParam()->dot_i8_rows(query.data() + 3, n, rows.data() + 1, stride,
                            nullptr, 100, all.data());
    GetParam()->dot_i8_rows(query.data() + 3, n, rows.data() + 1, stride,
                            picks.data(), picks.size(), picked.data());

    std::vector<const int8_t*> pointers;
    for (uint32_t pick : picks) {
      pointers.push_back(rows.data() + 1 + pick * stride);
    }
    std::vector<int32_t> gathered(picks.size());
    GetParam()->dot_i8_gather(query.data() + 3, n, pointers.data(),
                              pointers.size(), gathered.data());
    EXPECT_EQ(gathered, picked);

    for (size_t j = 0; j < 100; ++j) {
      ASSERT_EQ(all[j], ScalarKernels().dot_i8(query.data() + 3,
                                               rows.data() + 1 + j * stride, n))
          << "n = " << n << ", row " << j;
    }
    for (size_t j = 0; j < picks.size(); ++j) {
      ASSERT_EQ(picked[j], all[picks[j]]);
    }
  }
}

TEST_P(KernelsTest, TilesEqualReferenceForAnyNumberOfQuestionsAndRows) {
  std::mt19937 random(10);
  std::uniform_int_distribution<int> code(-128, 127);
  for (size_t n : {1, 64, 100, 256, 516}) {
    const size_t stride = (n + 63) / 64 * 64;
    std::vector<int8_t> rows(stride * 37 + 1);
    for (auto& v : rows) v = static_cast<int8_t>(code(random));
    std::vector<std::vector<int8_t>> questions(35);
    std::vector<const int8_t*> pointers;
    for (auto& question : questions) {
      question.resize(n);
      for (auto& v : question) v = static_cast<int8_t>(code(random));
      pointers.push_back(question.data());
    }
    for (size_t asked : {0, 1, 3, 4, 8, 11, 16, 35}) {
      for (size_t count : {0, 1, 4, 7, 20, 37}) {
        std::vector<int32_t> out(asked * count + 1, 4242);
        GetParam()->dot_i8_tile(pointers.data(), asked, n, rows.data() + 1,
                                stride, count, out.data());
        for (size_t q = 0; q < asked; ++q) {
          for (size_t j = 0; j < count; ++j) {
            ASSERT_EQ(out[q * count + j],
                      ScalarKernels().dot_i8(pointers[q],
                                             rows.data() + 1 + j * stride, n))
                << n << " codes, question " << q << ", row " << j;
          }
        }
        EXPECT_EQ(out.back(), 4242) << "written beyond the end";
      }
    }
  }
}

TEST_P(KernelsTest, SelectKeepsOrderAndWritesNothingBeyondItsRoom) {
  std::mt19937 random(9);
  std::uniform_int_distribution<int> dot(-1000, 1000);
  for (size_t count : {0, 1, 7, 8, 15, 16, 17, 100}) {
    std::vector<int32_t> dots(count);
    std::vector<float> scales(count + 1);
    std::vector<uint32_t> picks(count);
    for (auto& v : dots) v = dot(random);
    for (auto& v : scales) v = 0.001F * static_cast<float>(1 + dot(random) % 9);
    for (size_t j = 0; j < count; ++j) {
      picks[j] = static_cast<uint32_t>((j * 7) % (count + 1));
    }
    for (const uint32_t* chosen :
         {static_cast<const uint32_t*>(nullptr),
          static_cast<const uint32_t*>(picks.data())}) {
      std::vector<uint32_t> at(count + 1, 4242), want_at(count + 1, 4242);
      std::vector<float> values(count + 1, -7), want_values(count + 1, -7);

      const size_t got =
          GetParam()->select(dots.data(), scales.data(), chosen, count, 0.5F,
                             0.1F, at.data(), values.data());
      const size_t want = ScalarKernels().select(
          dots.data(), scales.data(), chosen, count, 0.5F, 0.1F, want_at.data(),
          want_values.data());

      ASSERT_EQ(got, want) << "count = " << count;
      for (size_t j = 0; j < got; ++j) {
        EXPECT_EQ(at[j], want_at[j]);
        EXPECT_EQ(values[j], want_values[j]);
      }
      EXPECT_EQ(at[count], 4242U);
      EXPECT_EQ(values[count], -7);
    }
  }
}

TEST_P(KernelsTest, ValueDotAgreesWithDoublesForAnyLength) {
  std::mt19937 random(10);
  std::normal_distribution<float> normal(0, 1);
  std::uniform_int_distribution<int> byte(-128, 127);
  std::vector<float> a(600);
  std::vector<int8_t> high(600);
  // Whatever stands behind the end must not count.
  std::vector<uint8_t> lows(600);
  for (auto& v : a) v = normal(random);
  for (auto& v : high) v = static_cast<int8_t>(byte(random));
  for (auto& v : lows) v = static_cast<uint8_t>(byte(random));
  for (size_t n = 0; n <= 300; ++n) {
    double want = 0;
    double size = 1;
    for (size_t i = 0; i < n; ++i) {
      const double product =
          double{a[i + 1]} * (16.0 * high[i + 3] + LowAt(lows.data() + 5, i));
      want += product;
      size += std::fabs(product);
    }
    ASSERT_NEAR(
        GetParam()->dot_i12(a.data() + 1, high.data() + 3, lows.data() + 5, n),
        want, 1e-6 * size)
        << "n = " << n;
  }
}

TEST(HalfBytesTest, ComeOutAsTheyWentIn) {
  for (const size_t n : {1, 16, 17, 32, 33, 128}) {
    std::vector<uint8_t> lows(LowBytes(n));
    for (size_t i = 0; i < n; ++i) {
      PackLow(lows.data(), i, static_cast<int>(i * 7 % 16) - 8);
    }
    for (size_t i = 0; i < n; ++i) {
      EXPECT_EQ(LowAt(lows.data(), i), static_cast<int>(i * 7 % 16) - 8);
    }
  }
  EXPECT_EQ(LowBytes(128), 64U);
  EXPECT_EQ(LowBytes(1), 16U);
}

TEST(KernelsByNameTest, RefusesUnknownNamesAndFindsTheBest) {
  EXPECT_THAT(KernelsByName("sse9"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(KernelsByName("scalar"), IsOkAndHolds(&ScalarKernels()));
  EXPECT_THAT(KernelsByName(""), IsOkAndHolds(Variants().back()));
}

}  // namespace
}  // namespace mitra::search
