// kill -9 of who computes a refresh, of who coordinates it and of Redis, at
// random moments: the slates in the end are those of an undisturbed refresh,
// and nobody is ever served a mixture of two epochs.
//
// MITRA_REFRESH_KILLS sets how many are killed (scripts/campaign: 50).

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "mitra/v1/refreshes_service.grpc.pb.h"
#include "services/cli/sample/network.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace mitra {
namespace {

// Read before the services start: they refuse variables that they do not know.
int KillsWanted() {
  static const int kills = [] {
    int wanted = 5;
    if (const char* text = std::getenv("MITRA_REFRESH_KILLS")) {
      EXPECT_TRUE(absl::SimpleAtoi(text, &wanted));
      unsetenv("MITRA_REFRESH_KILLS");
    }
    return wanted;
  }();
  return kills;
}

constexpr auto kMentor = v1::RECOMMENDATION_KIND_MENTOR;

class RefreshKillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    (void)KillsWanted();
    // One thread and small pauses between chunks leave time to kill in.
    auto started =
        testing::Cluster::Start({{"matching", {"--refresh.threads=1"}},
                                 {"matching2", {"--refresh.threads=1"}}});
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = *std::move(started);
    gateway_ = grpc::CreateChannel(cluster_->target("gateway"),
                                   grpc::InsecureChannelCredentials());
    Import();
    // Both have read the record in the same order.
    cluster_->Kill("matching");
    MITRA_ASSERT_OK(cluster_->Restart("matching"));
    MITRA_ASSERT_OK(cluster_->Restart("matching2"));
  }

  void Import() {
    auto channel = grpc::CreateChannel(cluster_->target("profile"),
                                       grpc::InsecureChannelCredentials());
    auto stub = v1::Profiles::NewStub(channel);
    grpc::ClientContext context;
    auto stream = stub->Import(&context);
    std::thread reader([&] {
      v1::ImportResponse response;
      while (stream->Read(&response)) {
      }
    });
    uint64_t row = 0;
    v1::ImportRequest request;
    cli::MakeSampleNetwork(
        {.seed = 11, .members = 3000, .evidence = 20'000},
        {.profile =
             [&](const auto& profile) {
               request.set_row(++row);
               *request.mutable_profile() = profile;
               EXPECT_TRUE(stream->Write(request));
               if (profile.profile_id().substr(0, 4) == "umkm") {
                 subjects_.push_back(profile.profile_id());
               }
             },
         .evidence =
             [&](const auto& evidence) {
               request.set_row(++row);
               *request.mutable_evidence() = evidence;
               EXPECT_TRUE(stream->Write(request));
             },
         .consent = nullptr});
    stream->WritesDone();
    reader.join();
    ASSERT_TRUE(stream->Finish().ok());
  }

  void Prepare(grpc::ClientContext& context) const {
    context.AddMetadata("authorization",
                        absl::StrCat("Bearer ", cluster_->key()));
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
    context.set_wait_for_ready(true);
  }

  template <typename Request>
  absl::StatusOr<v1::Refresh> Call(
      grpc::Status (v1::Refreshes::Stub::*method)(grpc::ClientContext*,
                                                  const Request&, v1::Refresh*),
      const Request& request) {
    auto stub = v1::Refreshes::NewStub(gateway_);
    grpc::ClientContext context;
    Prepare(context);
    v1::Refresh refresh;
    const grpc::Status status = ((*stub).*method)(&context, request, &refresh);
    if (!status.ok()) {
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
    }
    return refresh;
  }

  absl::StatusOr<v1::Refresh> Get(const std::string& id) {
    v1::GetRefreshRequest request;
    request.set_refresh_id(id);
    return Call(&v1::Refreshes::Stub::GetRefresh, request);
  }

  // Starts one; an earlier answer may have been lost with the process.
  v1::Refresh Begin(int round) {
    v1::StartRefreshRequest request;
    request.set_request_id(absl::StrCat("round-", round));
    // Nothing changes from round to round; there must be work to disturb.
    request.set_fresh(true);
    v1::Refresh refresh;
    EXPECT_TRUE(testing::Eventually(
        [&] {
          const auto started =
              Call(&v1::Refreshes::Stub::StartRefresh, request);
          if (!started.ok()) return false;
          refresh = *started;
          return true;
        },
        absl::Seconds(60)));
    return refresh;
  }

  v1::Refresh WaitFor(const std::string& id) {
    v1::Refresh refresh;
    EXPECT_TRUE(testing::Eventually(
        [&] {
          const auto now = Get(id);
          if (!now.ok() || !now->has_end_time()) return false;
          refresh = *now;
          return true;
        },
        absl::Seconds(120)));
    return refresh;
  }

  // All slates by member and kind, as text.
  std::map<std::string, std::string> Export(const std::string& id) {
    std::map<std::string, std::string> slates;
    auto stub = v1::Refreshes::NewStub(gateway_);
    grpc::ClientContext context;
    Prepare(context);
    v1::ExportSlatesRequest request;
    request.set_refresh_id(id);
    auto reader = stub->ExportSlates(&context, request);
    v1::SlateLine line;
    while (reader->Read(&line)) {
      line.clear_epoch();
      slates[absl::StrCat(line.profile_id(), "/", line.kind())] =
          line.ShortDebugString();
    }
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return slates;
  }

  // The mentors of a member as they are served now; nothing while they are
  // computed or nobody answers.
  std::optional<std::vector<std::string>> Published(const std::string& id) {
    auto stub = v1::Recommendations::NewStub(gateway_);
    v1::RecommendRequest request;
    request.set_profile_id(id);
    request.add_kinds(kMentor);
    grpc::ClientContext context;
    Prepare(context);
    v1::RecommendResponse response;
    if (!stub->Recommend(&context, request, &response).ok() ||
        response.slates_size() != 1 ||
        response.slates(0).source() != v1::SLATE_SOURCE_PUBLISHED) {
      return std::nullopt;
    }
    std::vector<std::string> ids;
    for (const auto& one : response.slates(0).recommendations()) {
      ids.push_back(one.profile_id());
    }
    return ids;
  }

  std::unique_ptr<testing::Cluster> cluster_;
  std::shared_ptr<grpc::Channel> gateway_;
  std::vector<std::string> subjects_;
};

TEST_F(RefreshKillTest, TheEndIsThatOfAnUndisturbedRefresh) {
  const v1::Refresh undisturbed = WaitFor(Begin(0).refresh_id());
  ASSERT_EQ(undisturbed.state(), v1::REFRESH_STATE_PUBLISHED)
      << undisturbed.ShortDebugString();
  const auto expected = Export(undisturbed.refresh_id());
  ASSERT_GT(expected.size(), 4000u);

  Random random(20261126);
  const int kills = KillsWanted();
  size_t differences = 0;
  int resumed = 0, helped = undisturbed.chunks_from_others() > 0;
  for (int kill = 1; kill <= kills; ++kill) {
    const v1::Refresh started = Begin(kill);
    const std::string id = started.refresh_id();
    // At a moment between the start and somewhat after the usual end.
    const uint64_t chunks = random.Below(undisturbed.chunks_total() + 3);
    (void)testing::Eventually(
        [&] {
          const auto now = Get(id);
          return now.ok() && (now->chunks_done() >= chunks ||
                              now->phase() == "publish" || now->has_end_time());
        },
        absl::Seconds(20));
    switch (kill % 3) {
      case 0:
        cluster_->redis().Kill();
        MITRA_ASSERT_OK(cluster_->redis().Restart());
        break;
      case 1:
        cluster_->Kill("matching");
        MITRA_ASSERT_OK(cluster_->Restart("matching"));
        break;
      default:
        cluster_->Kill("matching2");
        MITRA_ASSERT_OK(cluster_->Restart("matching2"));
        break;
    }
    const v1::Refresh ended = WaitFor(id);
    ASSERT_EQ(ended.state(), v1::REFRESH_STATE_PUBLISHED)
        << "kill " << kill << ": " << ended.ShortDebugString();
    resumed += ended.restarts() > 0;
    helped += ended.chunks_from_others() > 0;

    const auto slates = Export(id);
    ASSERT_EQ(slates.size(), expected.size()) << "kill " << kill;
    size_t different = 0;
    for (const auto& [key, slate] : expected) {
      const auto at = slates.find(key);
      different += at == slates.end() || at->second != slate;
    }
    EXPECT_EQ(different, 0u) << "kill " << kill << " of " << slates.size();
    differences += different;

    // Whoever is served a published slate is served this one.
    for (int i = 0; i < 20; ++i) {
      const std::string& subject = subjects_[random.Below(subjects_.size())];
      const auto shown = Published(subject);
      if (!shown) continue;
      const std::string& line =
          expected.at(absl::StrCat(subject, "/", kMentor));
      size_t at = 0;
      for (const std::string& one : *shown) {
        at = line.find(absl::StrCat("\"", one, "\""), at);
        EXPECT_NE(at, std::string::npos) << subject << ": " << one;
        if (at == std::string::npos) break;
      }
    }
  }
  RecordProperty("kills", kills);
  RecordProperty("resumed", resumed);
  RecordProperty("helped", helped);
  std::printf(
      "%d kills, %d refreshes resumed, %d helped by another process, "
      "%zu of %zu slates different\n",
      kills, resumed, helped, differences,
      static_cast<size_t>(kills) * expected.size());
}

}  // namespace
}  // namespace mitra
