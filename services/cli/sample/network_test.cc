#include "services/cli/sample/network.h"

#include <map>
#include <set>

#include "common/base/ids.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "gtest/gtest.h"
#include "services/cli/sample/trade.h"

namespace mitra::cli {
namespace {

struct Network {
  std::vector<v1::Profile> profiles;
  std::vector<v1::Evidence> evidence;
  std::vector<v1::Consent> consents;
};

Network Make(uint64_t seed, uint64_t members, uint64_t evidence) {
  Network network;
  MakeSampleNetwork(
      {.seed = seed, .members = members, .evidence = evidence},
      {.profile = [&](const auto& p) { network.profiles.push_back(p); },
       .evidence = [&](const auto& e) { network.evidence.push_back(e); },
       .consent = [&](const auto& c) { network.consents.push_back(c); }});
  return network;
}

TEST(TradeTest, EverySectorIsOfTheTaxonomy) {
  for (const Trade& trade : Trades()) {
    EXPECT_TRUE(taxonomy::IsValidSector(trade.sector, v1::KBLI_EDITION_2020))
        << trade.name << " " << trade.sector;
    EXPECT_TRUE(
        taxonomy::IsValidSector(trade.supplier_sector, v1::KBLI_EDITION_2020))
        << trade.name << " " << trade.supplier_sector;
  }
}

TEST(SampleNetworkTest, IsTheSameForTheSameSeed) {
  const Network a = Make(3, 500, 2000), b = Make(3, 500, 2000);
  ASSERT_EQ(a.profiles.size(), b.profiles.size());
  for (size_t i = 0; i < a.profiles.size(); ++i) {
    EXPECT_EQ(a.profiles[i].SerializeAsString(),
              b.profiles[i].SerializeAsString());
  }
  const Network c = Make(4, 500, 2000);
  EXPECT_NE(a.profiles[20].SerializeAsString(),
            c.profiles[20].SerializeAsString());
}

TEST(SampleNetworkTest, HasExactSizesValidCodesAndDistinctIds) {
  const Network network = Make(1, 5000, 20'000);
  EXPECT_EQ(network.profiles.size(), 5000u);
  EXPECT_EQ(network.evidence.size(), 20'000u);
  std::set<std::string> ids;
  std::map<int, int> roles;
  for (const v1::Profile& profile : network.profiles) {
    EXPECT_TRUE(IsValidId(profile.profile_id()));
    EXPECT_TRUE(ids.insert(profile.profile_id()).second);
    EXPECT_TRUE(taxonomy::IsValidRegion(profile.region_code()));
    for (const v1::Sector& sector : profile.sectors()) {
      EXPECT_TRUE(taxonomy::IsValidSector(sector.code(), sector.edition()))
          << sector.code();
    }
    for (const v1::Facet& facet : profile.facets()) ++roles[facet.role()];
  }
  for (int role = v1::ROLE_BUSINESS; role <= v1::ROLE_FACILITATOR; ++role) {
    EXPECT_GT(roles[role], 0) << v1::Role_Name(role);
  }
  std::set<std::string> evidence_ids;
  for (const v1::Evidence& evidence : network.evidence) {
    EXPECT_NE(evidence.author_id(), evidence.about_id());
    EXPECT_TRUE(ids.contains(evidence.author_id()));
    EXPECT_TRUE(ids.contains(evidence.about_id()));
    EXPECT_TRUE(evidence_ids.insert(evidence.evidence_id()).second);
  }
}

TEST(SampleNetworkTest, MakesTinyNetworks) {
  EXPECT_TRUE(Make(1, 0, 10).evidence.empty());
  EXPECT_TRUE(Make(1, 1, 10).evidence.empty());
  EXPECT_EQ(Make(1, 2, 10).evidence.size(), 10u);
}

}  // namespace
}  // namespace mitra::cli
