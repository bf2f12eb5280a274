// What a member writes at one gateway holds in its next answer at another,
// every time: the member's client does nothing for it.

#include <grpcpp/grpcpp.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/security/api_key.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "mitra/v1/relations_service.grpc.pb.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/grpc_status.h"

namespace mitra {
namespace {

constexpr int kRounds = 1000;
constexpr int kMentors = 4;
constexpr char kSeeker[] = "sari";

class ReadYourWritesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MITRA_ASSERT_OK_AND_ASSIGN(cluster_, testing::Cluster::Start());
    MITRA_ASSERT_OK(cluster_->Restart("gateway2"));
    MITRA_ASSERT_OK_AND_ASSIGN(
        const NewKey key,
        MakeApiKey("sari", {"*"}, kSeeker, absl::InfiniteFuture()));
    MITRA_ASSERT_OK(AppendKeyRecord(cluster_->File("keys.jsonl"), key.record));
    key_ = key.text;
    for (int i = 0; i < 2; ++i) {
      channels_[i] =
          grpc::CreateChannel(cluster_->target(i == 0 ? "gateway" : "gateway2"),
                              grpc::InsecureChannelCredentials());
    }
    Put(kSeeker, v1::ROLE_BUSINESS);
    for (int i = 0; i < kMentors; ++i) Put(Mentor(i), v1::ROLE_MENTOR);
    // Gateways read their key files again every second.
    for (int gateway : {0, 1}) {
      ASSERT_TRUE(testing::Eventually([&] {
        std::set<std::string> mentors;
        return Recommend(gateway, mentors).ok() &&
               mentors.size() == static_cast<size_t>(kMentors);
      }));
    }
  }

  static std::string Mentor(int i) { return absl::StrCat("mentor-", i); }

  static void Prepare(grpc::ClientContext& context, const std::string& key) {
    context.AddMetadata("authorization", absl::StrCat("Bearer ", key));
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
  }

  void Put(const std::string& id, v1::Role role) {
    v1::UpsertProfileRequest request;
    v1::Profile& profile = *request.mutable_profile();
    profile.set_profile_id(id);
    profile.set_kind(v1::MEMBER_KIND_BUSINESS);
    profile.set_display_name(id);
    profile.set_region_code("33.72.01");
    v1::Facet& facet = *profile.add_facets();
    facet.set_role(role);
    if (role == v1::ROLE_MENTOR) facet.mutable_seats()->set_total(9);
    grpc::ClientContext context;
    Prepare(context, cluster_->key());
    v1::Profile response;
    MITRA_ASSERT_OK(
        ToStatus(v1::Profiles::NewStub(channels_[0])
                     ->UpsertProfile(&context, request, &response)));
  }

  // By the member's own key.
  absl::Status Block(int gateway, const std::string& mentor, bool block) {
    const auto stub = v1::Relations::NewStub(channels_[gateway]);
    grpc::ClientContext context;
    Prepare(context, key_);
    if (block) {
      v1::CreateBlockRequest request;
      request.set_blocker_id(kSeeker);
      request.set_blocked_id(mentor);
      v1::Block response;
      return ToStatus(stub->CreateBlock(&context, request, &response));
    }
    v1::DeleteBlockRequest request;
    request.set_blocker_id(kSeeker);
    request.set_blocked_id(mentor);
    google::protobuf::Empty response;
    return ToStatus(stub->DeleteBlock(&context, request, &response));
  }

  absl::Status Recommend(int gateway, std::set<std::string>& mentors) {
    v1::RecommendRequest request;
    request.set_profile_id(kSeeker);
    request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
    grpc::ClientContext context;
    Prepare(context, key_);
    v1::RecommendResponse response;
    const absl::Status status =
        ToStatus(v1::Recommendations::NewStub(channels_[gateway])
                     ->Recommend(&context, request, &response));
    if (!status.ok()) return status;
    for (const auto& one : response.slates(0).recommendations()) {
      mentors.insert(one.profile_id());
    }
    return absl::OkStatus();
  }

  std::unique_ptr<testing::Cluster> cluster_;
  std::shared_ptr<grpc::Channel> channels_[2];
  std::string key_;
};

TEST_F(ReadYourWritesTest, WrittenHereRecommendedThereAThousandTimes) {
  std::set<std::string> allowed;
  for (int i = 0; i < kMentors; ++i) allowed.insert(Mentor(i));
  int stale = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string mentor = Mentor(i % kMentors);
    const bool block = allowed.contains(mentor);
    MITRA_ASSERT_OK(Block(i % 2, mentor, block));
    if (block) {
      allowed.erase(mentor);
    } else {
      allowed.insert(mentor);
    }
    std::set<std::string> mentors;
    MITRA_ASSERT_OK(Recommend(1 - i % 2, mentors));
    stale += mentors != allowed;
  }
  EXPECT_EQ(stale, 0);
}

}  // namespace
}  // namespace mitra
