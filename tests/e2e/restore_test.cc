// The restore drill: a backup made while the cluster is loaded comes back
// without a difference, and those deleted since stay deleted everywhere.

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/archive_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "services/cli/sample/network.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace mitra {
namespace {

using ::testing::HasSubstr;

class RestoreTest : public ::testing::Test {
 protected:
  RestoreTest() {
    auto started = testing::Cluster::Start(
        {{"profile", {"--backup.dir=" + dir_.File("backups")}}});
    EXPECT_TRUE(started.ok()) << started.status();
    cluster_ = *std::move(started);
    Connect();
  }

  void Connect() {
    channel_ = grpc::CreateChannel(cluster_->target("profile"),
                                   grpc::InsecureChannelCredentials());
    profiles_ = v1::Profiles::NewStub(channel_);
  }

  void Import() {
    grpc::ClientContext context;
    auto stream = profiles_->Import(&context);
    std::thread reader([&] {
      v1::ImportResponse response;
      while (stream->Read(&response)) {
      }
    });
    v1::ImportRequest row;
    cli::MakeSampleNetwork({.members = 400, .evidence = 3000},
                           {.profile =
                                [&](const v1::Profile& p) {
                                  *row.mutable_profile() = p;
                                  stream->Write(row);
                                },
                            .evidence =
                                [&](const v1::Evidence& e) {
                                  *row.mutable_evidence() = e;
                                  stream->Write(row);
                                },
                            .consent = nullptr});
    stream->WritesDone();
    reader.join();
    ASSERT_TRUE(stream->Finish().ok());
  }

  // Every row of the record by what it is; the revision says which state.
  std::map<std::string, std::string> Export() {
    std::map<std::string, std::string> rows;
    auto stub = v1::Archive::NewStub(channel_);
    grpc::ClientContext context;
    v1::ExportRequest request;
    request.set_include_contacts(true);
    auto stream = stub->Export(&context, request);
    v1::ExportResponse page;
    while (stream->Read(&page)) {
      for (const v1::ExportRow& row : page.rows()) {
        const std::string key =
            row.has_profile()
                ? absl::StrCat("p/", row.profile().profile_id())
                : absl::StrCat("e/", row.evidence().evidence_id());
        rows[key] = row.SerializeAsString();
      }
    }
    EXPECT_TRUE(stream->Finish().ok());
    return rows;
  }

  bool Delete(const std::string& id) {
    grpc::ClientContext context;
    v1::DeleteProfileRequest request;
    request.set_profile_id(id);
    v1::DeleteProfileResponse response;
    return profiles_->DeleteProfile(&context, request, &response).ok();
  }

  // `mitra` with arguments; its output, whatever comes of it.
  testing::CommandResult Mitra(std::vector<std::string> arguments) {
    const char* bin = std::getenv("MITRA_BIN_DIR");
    std::vector<std::string> argv = {absl::StrCat(bin ? bin : ".", "/mitra")};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    auto result =
        testing::RunCommand(argv, absl::Seconds(60),
                            {{"MITRA_SERVER", cluster_->target("gateway")},
                             {"MITRA_API_KEY", cluster_->key()}});
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : testing::CommandResult();
  }

  // Candidates for a business, as the gateway answers.
  std::vector<std::string> Recommend(const std::string& id) {
    auto stub = v1::Recommendations::NewStub(grpc::CreateChannel(
        cluster_->target("gateway"), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + cluster_->key());
    v1::RecommendRequest request;
    request.set_profile_id(id);
    request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
    request.set_page_size(50);
    v1::RecommendResponse response;
    std::vector<std::string> ids;
    if (!stub->Recommend(&context, request, &response).ok()) return ids;
    for (const auto& slate : response.slates()) {
      for (const auto& item : slate.recommendations()) {
        ids.push_back(item.profile_id());
      }
    }
    return ids;
  }

  testing::TempDir dir_;
  std::unique_ptr<testing::Cluster> cluster_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Profiles::Stub> profiles_;
};

TEST_F(RestoreTest, ABackupMadeUnderLoadComesBackWithoutADifference) {
  Import();
  const std::map<std::string, std::string> before = Export();
  ASSERT_GT(before.size(), 3000u);
  // Load: new members come all the time; those before do not change.
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      v1::UpsertProfileRequest request;
      v1::Profile& profile = *request.mutable_profile();
      profile.set_profile_id(absl::StrCat("load-", i));
      profile.set_kind(v1::MEMBER_KIND_BUSINESS);
      profile.set_display_name("Beban");
      profile.set_region_code("33.72.01");
      profile.add_facets()->set_role(v1::ROLE_BUSINESS);
      grpc::ClientContext context;
      v1::Profile stored;
      written += profiles_->UpsertProfile(&context, request, &stored).ok();
    }
  });
  EXPECT_TRUE(testing::Eventually([&] { return written > 20; }));
  const auto created = Mitra({"backup", "create", "--name", "drill"});
  stop = true;
  writer.join();
  EXPECT_EQ(created.exit_code, 0) << created.output;
  const auto good = Mitra({"backup", "verify", dir_.File("backups"), "drill"});
  EXPECT_EQ(good.exit_code, 0) << good.output;

  const std::string subject = "umkm-000010";
  const std::vector<std::string> candidates = Recommend(subject);
  ASSERT_FALSE(candidates.empty());
  const std::string deleted = candidates[0];
  ASSERT_TRUE(Delete(deleted));
  ASSERT_TRUE(Delete("umkm-000011"));

  // Everything of the record is lost but the folder of backups.
  cluster_->Kill("profile");
  std::filesystem::remove_all(cluster_->data_dir("profile"));
  const auto restored =
      Mitra({"backup", "restore", dir_.File("backups"), "drill", "--into",
             cluster_->data_dir("profile")});
  EXPECT_EQ(restored.exit_code, 0) << restored.output;
  EXPECT_THAT(restored.output, HasSubstr("2 deleted since stay deleted"));
  MITRA_ASSERT_OK(cluster_->Restart("profile"));
  Connect();

  std::map<std::string, std::string> after = Export();
  size_t differences = 0;
  for (const auto& [key, row] : before) {
    v1::ExportRow parsed;
    parsed.ParseFromString(row);
    const v1::Evidence& e = parsed.evidence();
    const auto gone = [&](const std::string& id) {
      return id == deleted || id == "umkm-000011";
    };
    const bool erased = gone(parsed.profile().profile_id()) ||
                        gone(e.author_id()) || gone(e.about_id());
    const auto found = after.find(key);
    if (erased ? found != after.end()
               : found == after.end() || found->second != row) {
      ++differences;
      ADD_FAILURE() << key;
      if (differences > 5) break;
    }
  }
  EXPECT_EQ(differences, 0u);

  // Search and matching start afresh with the new incarnation.
  EXPECT_TRUE(testing::Eventually([&] {
    const std::vector<std::string> now = Recommend(subject);
    return now.size() > 3;
  }));
  const std::vector<std::string> now = Recommend(subject);
  EXPECT_THAT(now, ::testing::Not(::testing::Contains(deleted)));
}

}  // namespace
}  // namespace mitra
