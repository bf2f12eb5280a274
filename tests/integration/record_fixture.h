// The record as a program, for tests of what its callers see.

#ifndef MITRA_TESTS_INTEGRATION_RECORD_FIXTURE_H_
#define MITRA_TESTS_INTEGRATION_RECORD_FIXTURE_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/operations_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "tests/support/cluster.h"
#include "tests/support/grpc_status.h"

namespace mitra {

inline v1::Profile AShop(const std::string& id,
                         const std::string& about = "warung") {
  v1::Profile profile;
  profile.set_profile_id(id);
  profile.set_kind(v1::MEMBER_KIND_BUSINESS);
  profile.set_display_name("Warung " + id);
  profile.set_about(about);
  profile.set_region_code("33.72.01");
  profile.add_sectors()->set_code("56102");
  v1::Facet& facet = *profile.add_facets();
  facet.set_role(v1::ROLE_BUSINESS);
  v1::Need& need = *facet.add_needs();
  need.set_resource(v1::RESOURCE_KNOWLEDGE);
  need.set_text("pembukuan");
  return profile;
}

class RecordTest : public ::testing::Test {
 protected:
  RecordTest() : RecordTest(std::vector<std::string>()) {}
  // With these words on the program's command line.
  explicit RecordTest(std::vector<std::string> flags) {
    auto started =
        testing::Cluster::StartProfileOnly({{"profile", std::move(flags)}});
    EXPECT_TRUE(started.ok()) << started.status();
    cluster_ = *std::move(started);
    Connect();
  }
  void Connect() {
    channel_ = grpc::CreateChannel(cluster_->target("profile"),
                                   grpc::InsecureChannelCredentials());
    profiles_ = v1::Profiles::NewStub(channel_);
  }

  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                 const Request&, Response*),
                    const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
    return ToStatus((stub.*method)(&context, request, &response));
  }

  absl::StatusOr<v1::Profile> Upsert(const v1::Profile& profile,
                                     const std::string& request_id = "") {
    v1::UpsertProfileRequest request;
    *request.mutable_profile() = profile;
    request.set_request_id(request_id);
    v1::Profile stored;
    const absl::Status status =
        Call(*profiles_, &v1::Profiles::Stub::UpsertProfile, request, stored);
    if (!status.ok()) return status;
    return stored;
  }
  absl::StatusOr<v1::Profile> Get(const std::string& id) {
    v1::GetProfileRequest request;
    request.set_profile_id(id);
    v1::Profile stored;
    const absl::Status status =
        Call(*profiles_, &v1::Profiles::Stub::GetProfile, request, stored);
    if (!status.ok()) return status;
    return stored;
  }
  absl::Status Delete(const std::string& id, const std::string& etag = "") {
    v1::DeleteProfileRequest request;
    request.set_profile_id(id);
    request.set_etag(etag);
    v1::DeleteProfileResponse response;
    return Call(*profiles_, &v1::Profiles::Stub::DeleteProfile, request,
                response);
  }
  uint64_t Revision() {
    auto stub = v1::ProfileOperations::NewStub(channel_);
    v1::ServiceStatus status;
    EXPECT_THAT(Call(*stub, &v1::ProfileOperations::Stub::GetProfileStatus,
                     v1::GetStatusRequest(), status),
                IsOk());
    return status.revision();
  }

  // All ids of the record, by pages; each must come once.
  std::set<std::string> AllIds(int page_size = 7) {
    std::set<std::string> ids;
    v1::ListProfilesRequest request;
    request.set_page_size(page_size);
    do {
      v1::ListProfilesResponse page;
      EXPECT_THAT(
          Call(*profiles_, &v1::Profiles::Stub::ListProfiles, request, page),
          IsOk());
      EXPECT_LE(page.profiles_size(), page_size);
      for (const auto& profile : page.profiles()) {
        EXPECT_TRUE(ids.insert(profile.profile_id()).second)
            << profile.profile_id() << " came twice";
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }

  // Sends the rows in one stream; ends it without a word after `cut` rows.
  std::vector<v1::RowResult> Import(const std::vector<v1::Profile>& rows,
                                    bool dry_run = false,
                                    size_t cut = SIZE_MAX) {
    auto stub = v1::Profiles::NewStub(channel_);
    grpc::ClientContext context;
    auto stream = stub->Import(&context);
    std::vector<v1::RowResult> results;
    std::thread reader([&] {
      v1::ImportResponse response;
      while (stream->Read(&response)) {
        for (const auto& result : response.results()) {
          results.push_back(result);
        }
      }
    });
    uint64_t row = 0;
    for (const auto& profile : rows) {
      if (row == cut) {
        context.TryCancel();
        break;
      }
      v1::ImportRequest request;
      request.set_row(++row);
      *request.mutable_profile() = profile;
      request.set_validate_only(dry_run);
      EXPECT_TRUE(stream->Write(request) || cut != SIZE_MAX);
    }
    if (cut == SIZE_MAX) stream->WritesDone();
    reader.join();
    EXPECT_EQ(stream->Finish().ok(), cut == SIZE_MAX);
    return results;
  }

  std::unique_ptr<testing::Cluster> cluster_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Profiles::Stub> profiles_;
};

}  // namespace mitra

#endif  // MITRA_TESTS_INTEGRATION_RECORD_FIXTURE_H_
