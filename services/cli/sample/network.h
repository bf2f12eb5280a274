// A believable Indonesian network, made from a seed: the same seed and sizes
// give the same members and evidence on every machine.
//
// Businesses cluster by trade and regency; each cluster has a cooperative with
// members, mentors with few seats, suppliers of its materials; cities have
// investors, enterprises, agencies, universities, facilitators, events and
// programmes. Evidence follows the clusters, with a few ties across. A small
// share of members earns complaints, and one ring of made-up accounts praises
// itself.

#ifndef MITRA_SERVICES_CLI_SAMPLE_NETWORK_H_
#define MITRA_SERVICES_CLI_SAMPLE_NETWORK_H_

#include <cstdint>
#include <functional>

#include "absl/time/time.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/profile.pb.h"
#include "mitra/v1/relation.pb.h"

namespace mitra::cli {

struct SampleOptions {
  uint64_t seed = 1;
  uint64_t members = 20'000;
  uint64_t evidence = 200'000;
  // Everything is dated before this time; event and intake dates follow it.
  absl::Time now = absl::FromUnixSeconds(1'764'000'000);
};

struct SampleSink {
  std::function<void(const v1::Profile&)> profile;
  std::function<void(const v1::Evidence&)> evidence;
  std::function<void(const v1::Consent&)> consent;
};

// Writes exactly `options.members` profiles, then exactly `options.evidence`
// pieces of evidence (none if there are fewer than two members), then consents
// of about two in three members.
void MakeSampleNetwork(const SampleOptions& options, const SampleSink& sink);

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_SAMPLE_NETWORK_H_
