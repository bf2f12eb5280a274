// A whole matching process against a record and a search that are servers in
// this test.

#include "services/matching/rpc/matching_process.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/feed/follower.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "mitra/v1/operations_service.pb.h"
#include "mitra/v1/recommendations_service.pb.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "mitra/v1/retrieval_service.pb.h"
#include "services/matching/members/testing.h"
#include "services/matching/slates/timer.h"

namespace mitra::matching {
namespace {

using ::testing::Contains;
using ::testing::Not;

constexpr char kHashKey[] = "0123456789abcdef";

// The record and search in one server.
class FakeNeighbours {
 public:
  FakeNeighbours() {
    Add(AProfile("sari"));
    for (int i = 0; i < 20; ++i) {
      Add(AProfile(absl::StrCat("m", 10 + i), v1::ROLE_MENTOR));
    }
    rpc::Server::Builder builder({});
    builder.Unary<v1::ReadSnapshotRequest, v1::ReadSnapshotResponse>(
        "/mitra.v1.ChangeFeed/ReadSnapshot",
        [this](rpc::CallContext&, const v1::ReadSnapshotRequest&,
               v1::ReadSnapshotResponse& response) -> rpc::Task<absl::Status> {
          absl::MutexLock lock(&mutex_);
          *response.mutable_header() = Header();
          for (const v1::Change& change : changes_) {
            *response.add_changes() = change;
          }
          response.set_start_revision(changes_.size() + 1);
          co_return absl::OkStatus();
        });
    builder.ServerStreaming<v1::WatchRequest, v1::WatchResponse>(
        "/mitra.v1.ChangeFeed/Watch",
        [this](rpc::CallContext& call, const v1::WatchRequest& request,
               rpc::Writer<v1::WatchResponse>& writer) {
          return Watch(call, request, writer);
        });
    builder.Unary<v1::RetrieveBatchRequest, v1::RetrieveBatchResponse>(
        "/mitra.v1.Retrieval/RetrieveBatch",
        [this](rpc::CallContext&, const v1::RetrieveBatchRequest& request,
               v1::RetrieveBatchResponse& response) -> rpc::Task<absl::Status> {
          ++retrievals;
          if (search_away) co_return absl::UnavailableError("away");
          for (const auto& one : request.requests()) {
            auto& answer = *response.add_answers();
            const int count = std::min(20, static_cast<int>(one.k()));
            for (int i = 0; i < count; ++i) {
              answer.mutable_profile_ids()->append(absl::StrCat("\3m", 10 + i));
              answer.mutable_roles()->push_back(v1::ROLE_MENTOR);
              answer.add_give(.5f);
              answer.add_take(.2f);
            }
            answer.set_retrieved(static_cast<uint32_t>(count));
            answer.set_eligible(20);
          }
          response.set_revision(1'000'000);
          co_return absl::OkStatus();
        });
    auto server = builder.Start();
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  void Add(const v1::Profile& profile) {
    v1::Change change;
    *change.mutable_profile()->mutable_profile() = profile;
    change.mutable_profile()->set_incarnation(1);
    Append(std::move(change));
  }
  void Delete(const std::string& id) {
    v1::Change change;
    change.mutable_profile_deletion()->set_id_hash(feed::IdHash(kHashKey, id));
    change.mutable_profile_deletion()->set_incarnation(1);
    Append(std::move(change));
  }
  uint64_t revision() {
    absl::MutexLock lock(&mutex_);
    return changes_.size();
  }
  const std::string& address() const { return server_->addresses()[0]; }

  std::atomic<int> retrievals{0};
  std::atomic<bool> search_away{false};

 private:
  void Append(v1::Change change) {
    absl::MutexLock lock(&mutex_);
    change.set_revision(changes_.size() + 1);
    changes_.push_back(std::move(change));
  }
  v1::FeedHeader Header() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    v1::FeedHeader header;
    header.set_record_incarnation(77);
    header.set_head_revision(changes_.size());
    header.set_space("hashing-v1/128/1");
    header.set_dimension(128);
    header.set_id_hash_key(kHashKey);
    return header;
  }
  rpc::Task<absl::Status> Watch(rpc::CallContext& call,
                                const v1::WatchRequest& request,
                                rpc::Writer<v1::WatchResponse>& writer) {
    uint64_t next = request.start_revision();
    while (call.CheckAlive().ok()) {
      v1::WatchResponse batch;
      {
        absl::MutexLock lock(&mutex_);
        *batch.mutable_header() = Header();
        for (; next <= changes_.size(); ++next) {
          *batch.add_changes() = changes_[next - 1];
        }
        batch.set_watermark(changes_.size());
      }
      const bool open = co_await writer.Write(batch);
      if (!open) break;
      auto pause = [this](std::function<void(bool)> done) {
        timer_.At(absl::Now() + absl::Milliseconds(5),
                  [done = std::move(done)] { done(true); });
      };
      (void)co_await rpc::Callback<bool>(pause);
    }
    co_return absl::OkStatus();
  }

  absl::Mutex mutex_;
  std::vector<v1::Change> changes_ ABSL_GUARDED_BY(mutex_);
  Timer timer_;
  std::unique_ptr<rpc::Server> server_;
};

class MatchingProcessTest : public testing::Test {
 protected:
  MatchingProcessTest() {
    directory_ = absl::StrCat(
        std::filesystem::temp_directory_path().string(), "/mitra-matching-",
        getpid(), "-",
        testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
    config_.data_dir = directory_;
    config_.feed_target = neighbours_.address();
    config_.search_target = neighbours_.address();
    Start();
  }
  ~MatchingProcessTest() override {
    process_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Start() {
    auto process = MatchingProcess::Start(config_, shutdown_);
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
    channel_ = rpc::Channel::Create(process_->addresses().grpc[0]);
  }
  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(const std::string& method,
                                const Request& request) {
    rpc::CallContext call;
    return rpc::SyncWait(
        channel_->Call<Response>(call, "/mitra.v1." + method, request));
  }
  // Asks again while the process says that it is not ready.
  absl::StatusOr<v1::RecommendResponse> Recommend(uint64_t min_revision = 0) {
    v1::RecommendRequest request;
    request.set_profile_id("sari");
    request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
    request.set_min_revision(min_revision);
    const absl::Time until = absl::Now() + absl::Seconds(20);
    while (true) {
      auto response =
          Call<v1::RecommendResponse>("Recommendations/Recommend", request);
      if (response.ok() || ReasonOf(response.status()) != "NOT_READY" ||
          absl::Now() > until) {
        return response;
      }
    }
  }
  static std::vector<std::string> Ids(const v1::RecommendResponse& response) {
    std::vector<std::string> ids;
    for (const auto& one : response.slates(0).recommendations()) {
      ids.push_back(one.profile_id());
    }
    return ids;
  }

  rpc::ShutdownSignal shutdown_;
  FakeNeighbours neighbours_;
  std::string directory_;
  MatchingConfig config_;
  std::unique_ptr<MatchingProcess> process_;
  std::shared_ptr<rpc::Channel> channel_;
};

TEST_F(MatchingProcessTest, FollowsRetrievesRanksAndExplains) {
  const auto response = Recommend();

  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->slates_size(), 1);
  EXPECT_EQ(response->slates(0).recommendations_size(), 10);
  EXPECT_GT(response->slates(0).recommendations(0).reasons_size(), 0);
  EXPECT_GE(neighbours_.retrievals, 1);
}

TEST_F(MatchingProcessTest, ADeletedCandidateIsGoneFromTheNextAnswer) {
  auto response = Recommend();
  ASSERT_TRUE(response.ok()) << response.status();
  const std::string first = Ids(*response)[0];
  neighbours_.Delete(first);

  response = Recommend(neighbours_.revision());

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(Ids(*response), Not(Contains(first)));
  EXPECT_THAT(Ids(*response), testing::SizeIs(10));
}

TEST_F(MatchingProcessTest, AnswersFromTheSnapshotAfterARestart) {
  const auto before = Recommend();
  ASSERT_TRUE(before.ok()) << before.status();
  const auto written = Call<v1::WriteSnapshotResponse>(
      "MatchingOperations/WriteMatchingSnapshot", v1::WriteSnapshotRequest());
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->revision(), neighbours_.revision());
  EXPECT_GT(written->bytes(), 0u);
  channel_.reset();
  process_.reset();

  Start();
  const auto after = Recommend();

  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(Ids(*after), Ids(*before));
}

TEST_F(MatchingProcessTest, SearchThatIsAwayDegradesAndIsSaid) {
  ASSERT_TRUE(Recommend().ok());
  neighbours_.search_away = true;
  v1::RecommendRequest request;
  request.set_profile_id("sari");
  request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
  request.set_fresh(true);

  const auto response =
      Call<v1::RecommendResponse>("Recommendations/Recommend", request);

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(response->slates(0).degraded(),
              Contains(v1::DEGRADED_REASON_SEARCH_UNAVAILABLE));
}

TEST_F(MatchingProcessTest, ARefreshIsWatchedToItsEnd) {
  ASSERT_TRUE(Recommend().ok());
  // The search of this test knows mentors only.
  v1::StartRefreshRequest mentors;
  mentors.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
  const auto started = Call<v1::Refresh>("Refreshes/StartRefresh", mentors);
  ASSERT_TRUE(started.ok()) << started.status();
  rpc::CallContext call;
  auto last = rpc::SyncWait([](rpc::Channel& channel, rpc::CallContext& context,
                               std::string id) -> rpc::Task<v1::Refresh> {
    std::string method = "/mitra.v1.Refreshes/WatchRefresh";
    auto stream = co_await channel.OpenStream(context, std::move(method));
    v1::WatchRefreshRequest request;
    request.set_refresh_id(id);
    rpc::RawMessage raw = rpc::RawMessage::Of(request);
    (void)co_await stream->Write(std::move(raw));
    (void)co_await stream->WritesDone();
    v1::Refresh latest;
    while (true) {
      auto message = co_await stream->Read();
      if (!message.has_value()) break;
      (void)message->ParseTo(latest);
    }
    (void)co_await stream->Finish();
    co_return latest;
  }(*channel_, call, started->refresh_id()));

  EXPECT_EQ(last.state(), v1::REFRESH_STATE_PUBLISHED);
  EXPECT_EQ(last.members_done(), last.members_total());
  const auto response = Recommend();
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->slates(0).source(), v1::SLATE_SOURCE_PUBLISHED);
}

TEST_F(MatchingProcessTest, TellsHowItIs) {
  ASSERT_TRUE(Recommend().ok());
  const auto status = Call<v1::ServiceStatus>(
      "MatchingOperations/GetMatchingStatus", v1::GetStatusRequest());
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->service(), "matching");
  EXPECT_TRUE(status->ready());
  EXPECT_EQ(status->revision(), neighbours_.revision());
  bool members = false;
  for (const auto& component : status->components()) {
    EXPECT_TRUE(component.ok()) << component.name();
    const auto at = component.figures().find("members");
    members |= at != component.figures().end() && at->second == 21;
  }
  EXPECT_TRUE(members);
}

TEST_F(MatchingProcessTest, DrainsCleanly) {
  ASSERT_TRUE(Recommend().ok());
  MITRA_EXPECT_OK(process_->Drain());
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/matching.snapshot"));
}

}  // namespace
}  // namespace mitra::matching
