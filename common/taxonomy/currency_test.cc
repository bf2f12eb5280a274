#include "common/taxonomy/currency.h"

#include "gtest/gtest.h"

namespace mitra::taxonomy {
namespace {

TEST(CurrencyTest, KnowsMoneyAndNothingElse) {
  for (const char* code :
       {"IDR", "USD", "EUR", "SGD", "MYR", "JPY", "CNY", "AUD", "XOF", "ZWG"}) {
    EXPECT_TRUE(IsValidCurrency(code)) << code;
  }
  // Made up, withdrawn, for tests, none at all, a metal, another case.
  for (const char* code :
       {"XQX", "DEM", "XTS", "XXX", "XAU", "idr", "Rp", "??", "", "IDRX"}) {
    EXPECT_FALSE(IsValidCurrency(code)) << code;
  }
}

}  // namespace
}  // namespace mitra::taxonomy
