// How long a test that can go on for hours is to go on: the short form by
// default, the full one in scripts/campaign.

#ifndef MITRA_TESTS_SUPPORT_CAMPAIGN_H_
#define MITRA_TESTS_SUPPORT_CAMPAIGN_H_

#include <cstdint>
#include <cstdlib>

namespace mitra::testing {

// The number in an environment variable, or `otherwise` without it.
inline uint64_t NumberFromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise
                                          : std::strtoull(text, nullptr, 10);
}

// Cases, kills or operations of a campaign.
inline uint64_t CampaignCases(uint64_t short_form) {
  return NumberFromEnvironment("MITRA_CASES", short_form);
}
// Where its random numbers begin.
inline uint64_t CampaignSeed() {
  return NumberFromEnvironment("MITRA_SEED", 20261126);
}

}  // namespace mitra::testing

#endif  // MITRA_TESTS_SUPPORT_CAMPAIGN_H_
