#include "services/gateway/console/console_data.h"

#include <nlohmann/json.hpp>

#include "gtest/gtest.h"
#include "mitra/v1/member.pb.h"

namespace mitra::gateway {
namespace {

TEST(ConsoleDataTest, EveryRoleHasItsWordsInBothLanguages) {
  const auto names = nlohmann::json::parse(NamesJson());
  EXPECT_EQ(names["Role"].size(),
            static_cast<size_t>(v1::Role_descriptor()->value_count()));
  EXPECT_EQ(names["Role"]["ROLE_INVESTOR"][0], "pemodal");
  EXPECT_EQ(names["Role"]["ROLE_INVESTOR"][1], "investor");
  for (const auto& [type, words] : names.items()) {
    for (const auto& [value, pair] : words.items()) {
      EXPECT_EQ(pair.size(), 2u) << value;
      EXPECT_NE(pair[0], "") << value;
    }
  }
}

TEST(ConsoleDataTest, RegionsAreNamedDownToTheDistrict) {
  const auto regions = nlohmann::json::parse(RegionsJson());
  EXPECT_EQ(regions["33"], "Jawa Tengah");
  EXPECT_EQ(regions["33.72"], "Kota Surakarta");
  EXPECT_EQ(regions["33.72.01"], "Laweyan");
}

TEST(ConsoleDataTest, SectorsHaveTheTitlesOfKbli2020) {
  const auto sectors = nlohmann::json::parse(SectorsJson());
  EXPECT_TRUE(sectors.contains("10"));
  EXPECT_TRUE(sectors.contains("10710"));
  EXPECT_GT(sectors.size(), 2000u);
}

}  // namespace
}  // namespace mitra::gateway
