// kill -9 during ingest: what was acknowledged is there, everything else is
// wholly there or not at all.

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/random.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace mitra {
namespace {

constexpr int kRounds = 20;
constexpr int kWriters = 8;

v1::Profile AProfile(const std::string& id, uint64_t version) {
  v1::Profile profile;
  profile.set_profile_id(id);
  profile.set_kind(v1::MEMBER_KIND_BUSINESS);
  profile.set_display_name("Warung");
  profile.set_about(absl::StrCat(version));
  profile.set_region_code("33.72.01");
  profile.add_sectors()->set_code("56102");
  v1::Facet& facet = *profile.add_facets();
  facet.set_role(v1::ROLE_BUSINESS);
  v1::Need& need = *facet.add_needs();
  need.set_resource(v1::RESOURCE_KNOWLEDGE);
  need.set_text(absl::StrCat("kebutuhan ", version));
  return profile;
}

TEST(ProfileKillTest, NoAcknowledgedWriteIsLost) {
  auto cluster = testing::Cluster::StartProfileOnly();
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  Random random(20261125);
  // Per writer and id: the last acknowledged version, and the one that was
  // under way when the process died.
  struct Entry {
    uint64_t acknowledged = 0, attempted = 0;
  };
  std::vector<std::map<std::string, Entry>> ledgers(kWriters);
  uint64_t total = 0;
  for (int round = 0; round < kRounds; ++round) {
    auto channel = grpc::CreateChannel((*cluster)->target("profile"),
                                       grpc::InsecureChannelCredentials());
    std::atomic<uint64_t> acknowledged{0};
    std::atomic<bool> dead{false};
    std::vector<std::thread> writers;
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([&, w] {
        auto stub = v1::Profiles::NewStub(channel);
        Random choose(round * 100 + w);
        while (!dead) {
          const std::string id = absl::StrCat("w", w, "-", choose.Below(50));
          Entry& entry = ledgers[w][id];
          const uint64_t version = ++entry.attempted;
          v1::UpsertProfileRequest request;
          *request.mutable_profile() = AProfile(id, version);
          grpc::ClientContext context;
          context.set_deadline(std::chrono::system_clock::now() +
                               std::chrono::seconds(5));
          v1::Profile response;
          if (!stub->UpsertProfile(&context, request, &response).ok()) return;
          entry.acknowledged = version;
          ++acknowledged;
        }
      });
    }
    const uint64_t enough = 20 + random.Below(200);
    EXPECT_TRUE(testing::Eventually([&] { return acknowledged >= enough; }));
    (*cluster)->Kill("profile");
    dead = true;
    for (auto& writer : writers) writer.join();
    total += acknowledged;
    MITRA_ASSERT_OK((*cluster)->Restart("profile"));

    auto again = grpc::CreateChannel((*cluster)->target("profile"),
                                     grpc::InsecureChannelCredentials());
    auto stub = v1::Profiles::NewStub(again);
    for (auto& ledger : ledgers) {
      for (auto& [id, entry] : ledger) {
        v1::GetProfileRequest request;
        request.set_profile_id(id);
        grpc::ClientContext context;
        v1::Profile stored;
        const grpc::Status status =
            stub->GetProfile(&context, request, &stored);
        if (!status.ok()) {
          ASSERT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND)
              << status.error_message();
          ASSERT_EQ(entry.acknowledged, 0u) << id << " was lost";
          continue;
        }
        const uint64_t version = std::stoull(stored.about());
        ASSERT_GE(version, entry.acknowledged) << id;
        ASSERT_LE(version, entry.attempted) << id;
        ASSERT_EQ(stored.facets(0).needs(0).text(),
                  absl::StrCat("kebutuhan ", version))
            << id << " is half written";
        entry.acknowledged = version;
      }
    }
  }
  RecordProperty("acknowledged", static_cast<int>(total));
  EXPECT_GT(total, 20u * kRounds - 1);
}

}  // namespace
}  // namespace mitra
