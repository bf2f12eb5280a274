// A cluster with a sample network, for tests across the services.

#ifndef MITRA_TESTS_INTEGRATION_CLUSTER_FIXTURE_H_
#define MITRA_TESTS_INTEGRATION_CLUSTER_FIXTURE_H_

#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/operations_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "services/cli/sample/network.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/grpc_status.h"

namespace mitra {

// One cluster with one sample network for all tests of this file; each test
// takes a subject of its own.
class ClusterTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = testing::Cluster::Start();
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = started->release();
    Connect();
    cli::MakeSampleNetwork(
        {.seed = 5, .members = 800, .evidence = 6000},
        {.profile = [](const auto& p) { profiles_.push_back(p); },
         .evidence = [](const auto& e) { evidence_.push_back(e); },
         .consent = nullptr});
    Import();
  }
  static void TearDownTestSuite() {
    delete cluster_;
    cluster_ = nullptr;
  }

  static void Connect() {
    channel_ = grpc::CreateChannel(cluster_->target("gateway"),
                                   grpc::InsecureChannelCredentials());
  }

  static void Prepare(grpc::ClientContext& context) {
    context.AddMetadata("authorization",
                        absl::StrCat("Bearer ", cluster_->key()));
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
  }

  static void Import() {
    auto stub = v1::Profiles::NewStub(channel_);
    grpc::ClientContext context;
    Prepare(context);
    auto stream = stub->Import(&context);
    uint64_t verdicts = 0;
    std::thread reader([&] {
      v1::ImportResponse response;
      while (stream->Read(&response)) {
        for (const auto& result : response.results()) {
          EXPECT_EQ(result.row(), verdicts + 1) << "in the order of rows";
          EXPECT_EQ(result.verdict(), v1::ROW_VERDICT_CREATED)
              << result.status().message();
          ++verdicts;
        }
      }
    });
    uint64_t row = 0;
    v1::ImportRequest request;
    for (const auto& profile : profiles_) {
      request.set_row(++row);
      *request.mutable_profile() = profile;
      EXPECT_TRUE(stream->Write(request));
    }
    for (const auto& evidence : evidence_) {
      request.set_row(++row);
      *request.mutable_evidence() = evidence;
      EXPECT_TRUE(stream->Write(request));
    }
    stream->WritesDone();
    reader.join();
    EXPECT_THAT(ToStatus(stream->Finish()), IsOk());
    EXPECT_EQ(verdicts, row);
  }

  // The n-th business of the sample.
  static std::string Business(int n) {
    for (const auto& profile : profiles_) {
      if (profile.profile_id().substr(0, 4) == "umkm" && n-- == 0) {
        return profile.profile_id();
      }
    }
    return "";
  }

  static absl::StatusOr<v1::RecommendResponse> Recommend(
      const std::string& id, int count = 10, bool fresh = false,
      uint64_t min_revision = 0) {
    v1::RecommendRequest request;
    request.set_profile_id(id);
    request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
    request.add_kinds(v1::RECOMMENDATION_KIND_PARTNER);
    request.set_page_size(count);
    request.set_fresh(fresh);
    request.set_min_revision(min_revision);
    auto stub = v1::Recommendations::NewStub(channel_);
    grpc::ClientContext context;
    Prepare(context);
    v1::RecommendResponse response;
    const grpc::Status status = stub->Recommend(&context, request, &response);
    if (!status.ok()) return ToStatus(status);
    return response;
  }

  static std::vector<std::string> Ids(const v1::RecommendResponse& response) {
    std::vector<std::string> ids;
    for (const auto& slate : response.slates()) {
      for (const auto& r : slate.recommendations())
        ids.push_back(r.profile_id());
    }
    return ids;
  }

  // Ids once the cluster answers again.
  static std::vector<std::string> IdsWhenBack(const std::string& id) {
    std::vector<std::string> ids;
    EXPECT_TRUE(testing::Eventually([&] {
      const auto response = Recommend(id, 10, true);
      if (!response.ok() || response->slates(0).degraded_size() > 0) {
        return false;
      }
      ids = Ids(*response);
      return true;
    }));
    return ids;
  }

  // Of "search" or "matching".
  static absl::Status WriteSnapshot(absl::string_view service) {
    grpc::ClientContext context;
    Prepare(context);
    const v1::WriteSnapshotRequest request;
    v1::WriteSnapshotResponse response;
    if (service == "search") {
      return ToStatus(
          v1::SearchOperations::NewStub(channel_)->WriteSearchSnapshot(
              &context, request, &response));
    }
    return ToStatus(
        v1::MatchingOperations::NewStub(channel_)->WriteMatchingSnapshot(
            &context, request, &response));
  }

  static v1::ServiceStatus MatchingStatus() {
    grpc::ClientContext context;
    Prepare(context);
    v1::ServiceStatus status;
    EXPECT_THAT(
        ToStatus(v1::MatchingOperations::NewStub(channel_)->GetMatchingStatus(
            &context, {}, &status)),
        IsOk());
    return status;
  }
  // Of any component; 0 if there is none of the name.
  static double Figure(const v1::ServiceStatus& status,
                       const std::string& name) {
    for (const auto& component : status.components()) {
      const auto found = component.figures().find(name);
      if (found != component.figures().end()) return found->second;
    }
    return 0;
  }

  // The whole answer to an HTTP request.
  static std::string Http(const std::string& request_line,
                          const std::string& headers = "",
                          const std::string& body = "") {
    const std::string address = cluster_->http_address();
    const size_t colon = address.rfind(':');
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address.substr(colon + 1), &port));
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    const std::string text =
        absl::StrCat(request_line, " HTTP/1.1\r\nHost: x\r\n", headers,
                     "Connection: close\r\n\r\n", body);
    EXPECT_EQ(write(fd, text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
    std::string answer;
    char buffer[16384];
    ssize_t n = 0;
    while ((n = read(fd, buffer, sizeof buffer)) > 0) answer.append(buffer, n);
    close(fd);
    return answer;
  }
  static std::string Bearer() {
    return absl::StrCat("Authorization: Bearer ", cluster_->key(), "\r\n");
  }

  static absl::Status Upsert(const v1::Profile& profile) {
    auto stub = v1::Profiles::NewStub(channel_);
    v1::UpsertProfileRequest request;
    *request.mutable_profile() = profile;
    grpc::ClientContext context;
    Prepare(context);
    v1::Profile response;
    return ToStatus(stub->UpsertProfile(&context, request, &response));
  }

  inline static testing::Cluster* cluster_ = nullptr;
  inline static std::shared_ptr<grpc::Channel> channel_;
  inline static std::vector<v1::Profile> profiles_;
  inline static std::vector<v1::Evidence> evidence_;
};

}  // namespace mitra

#endif  // MITRA_TESTS_INTEGRATION_CLUSTER_FIXTURE_H_
