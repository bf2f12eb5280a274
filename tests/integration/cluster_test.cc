// The four services together, as programs, over their real links.

#include "tests/support/cluster.h"

#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <set>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "mitra/v1/evidence_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "mitra/v1/relations_service.grpc.pb.h"
#include "mitra/v1/search_service.grpc.pb.h"
#include "services/cli/sample/network.h"
#include "tests/support/eventually.h"

namespace mitra {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

absl::Status ToStatus(const grpc::Status& status) {
  google::rpc::Status proto;
  if (!status.ok() && proto.ParseFromString(status.error_details())) {
    return FromRpcStatus(proto);
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

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

  // The whole answer to an HTTP request.
  static std::string Http(const std::string& request_line,
                          const std::string& headers = "") {
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
                     "Connection: close\r\n\r\n");
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

  static testing::Cluster* cluster_;
  static std::shared_ptr<grpc::Channel> channel_;
  static std::vector<v1::Profile> profiles_;
  static std::vector<v1::Evidence> evidence_;
};

testing::Cluster* ClusterTest::cluster_ = nullptr;
std::shared_ptr<grpc::Channel> ClusterTest::channel_;
std::vector<v1::Profile> ClusterTest::profiles_;
std::vector<v1::Evidence> ClusterTest::evidence_;

TEST_F(ClusterTest, RecommendsDistinctMembersWithReasons) {
  const std::string subject = Business(0);
  ASSERT_TRUE(testing::Eventually([&] { return Recommend(subject).ok(); }));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto response, Recommend(subject, 10, true));
  ASSERT_THAT(response.slates(), SizeIs(2));
  for (const auto& slate : response.slates()) {
    EXPECT_EQ(slate.degraded_size(), 0);
    EXPECT_GE(slate.recommendations_size(), 5);
    std::set<std::string> distinct;
    for (const auto& r : slate.recommendations()) {
      EXPECT_TRUE(distinct.insert(r.profile_id()).second);
      EXPECT_NE(r.profile_id(), subject);
      EXPECT_GE(r.score(), 0);
      EXPECT_LE(r.score(), 1);
      EXPECT_GT(r.reasons_size(), 0);
      EXPECT_FALSE(r.path().text().empty());
    }
  }
}

TEST_F(ClusterTest, HttpGivesTheSameSlateAndWantsAKey) {
  const std::string subject = Business(1);
  const std::string line =
      absl::StrCat("GET /v1/profiles/", subject,
                   ":recommend?kinds=RECOMMENDATION_KIND_MENTOR&pageSize=5");
  EXPECT_THAT(Http(line), HasSubstr("HTTP/1.1 401"));
  const std::string answer = Http(line, Bearer());
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200"));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto response, Recommend(subject, 5));
  size_t at = 0;
  for (const auto& r : response.slates(0).recommendations()) {
    at =
        answer.find(absl::StrCat("\"profileId\":\"", r.profile_id(), "\""), at);
    EXPECT_NE(at, std::string::npos) << r.profile_id() << " in this order";
  }
  EXPECT_THAT(Http("GET /v1/profiles/a%2Fb", Bearer()),
              HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(Http("GET /v1/nothing", Bearer()), HasSubstr("ROUTE_NOT_FOUND"));
}

TEST_F(ClusterTest, WhoIsDeletedOrBlockedIsNotInTheNextAnswer) {
  const std::string subject = Business(2);
  MITRA_ASSERT_OK_AND_ASSIGN(const auto before, Recommend(subject));
  const std::vector<std::string> ids = Ids(before);
  ASSERT_GE(ids.size(), 3u);

  auto records = v1::Profiles::NewStub(channel_);
  v1::DeleteProfileRequest request;
  request.set_profile_id(ids[0]);
  grpc::ClientContext context;
  Prepare(context);
  v1::DeleteProfileResponse deleted;
  ASSERT_TRUE(records->DeleteProfile(&context, request, &deleted).ok());
  MITRA_ASSERT_OK_AND_ASSIGN(const auto after,
                             Recommend(subject, 10, false, deleted.revision()));
  EXPECT_THAT(Ids(after), Not(Contains(ids[0])));
  EXPECT_EQ(after.slates(0).recommendations_size(),
            before.slates(0).recommendations_size())
      << "topped up";

  auto relations = v1::Relations::NewStub(channel_);
  v1::CreateBlockRequest block;
  block.set_blocker_id(ids[1]);  // the candidate blocks the subject
  block.set_blocked_id(subject);
  grpc::ClientContext block_context;
  Prepare(block_context);
  v1::Block made;
  ASSERT_TRUE(relations->CreateBlock(&block_context, block, &made).ok());
  MITRA_ASSERT_OK_AND_ASSIGN(const auto blocked,
                             Recommend(subject, 10, false, made.revision()));
  EXPECT_THAT(Ids(blocked), Not(Contains(ids[1])));
}

TEST_F(ClusterTest, BadInputNamesItsFieldAndStoresNothing) {
  const v1::Profile good = profiles_[20];
  const auto with = [&](auto change) {
    v1::Profile profile = good;
    profile.set_profile_id("bad-input");
    change(profile);
    return Upsert(profile);
  };
  EXPECT_THAT(with([](auto& p) { p.set_profile_id("a/b"); }),
              NamesField("profile.profile_id"));
  EXPECT_THAT(with([](auto& p) { p.set_region_code("99.99"); }),
              NamesField("profile.region_code"));
  EXPECT_THAT(with([](auto& p) { p.mutable_sectors(0)->set_code("00000"); }),
              NamesField("profile.sectors[0].code"));
  EXPECT_THAT(
      with([](auto& p) { p.set_kind(static_cast<v1::MemberKind>(99)); }),
      NamesField("profile.kind"));
  EXPECT_THAT(with([](auto& p) { p.set_about(std::string(5000, 'x')); }),
              NamesField("profile.about"));
  EXPECT_THAT(with([](auto& p) {
                auto* need = p.mutable_facets(0)->add_needs();
                need->set_resource(v1::RESOURCE_RAW_MATERIAL);
                need->mutable_quantity()->set_unit("kg");
                need->mutable_quantity()->set_amount(-1);
              }),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(with([](auto& p) {
                auto* need = p.mutable_facets(0)->add_needs();
                need->set_resource(v1::RESOURCE_RAW_MATERIAL);
                need->mutable_quantity()->set_unit("kg");
                need->mutable_quantity()->set_amount(
                    std::numeric_limits<double>::quiet_NaN());
              }),
              StatusIs(absl::StatusCode::kInvalidArgument));

  auto evidence = v1::EvidenceRecords::NewStub(channel_);
  v1::CreateEvidenceRequest self;
  *self.mutable_evidence() = evidence_[0];
  self.mutable_evidence()->set_evidence_id("self");
  self.mutable_evidence()->set_about_id(evidence_[0].author_id());
  grpc::ClientContext context;
  Prepare(context);
  v1::Evidence made;
  EXPECT_THAT(ToStatus(evidence->CreateEvidence(&context, self, &made)),
              StatusIs(absl::StatusCode::kInvalidArgument));

  auto records = v1::Profiles::NewStub(channel_);
  v1::GetProfileRequest get;
  get.set_profile_id("bad-input");
  grpc::ClientContext get_context;
  Prepare(get_context);
  v1::Profile stored;
  EXPECT_THAT(ToStatus(records->GetProfile(&get_context, get, &stored)),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ClusterTest, FindsMembersByWords) {
  auto stub = v1::Search::NewStub(channel_);
  v1::SearchProfilesRequest request;
  request.set_query(profiles_[30].display_name());
  v1::SearchProfilesResponse response;
  ASSERT_TRUE(testing::Eventually([&] {
    grpc::ClientContext context;
    Prepare(context);
    return stub->SearchProfiles(&context, request, &response).ok() &&
           response.hits_size() > 0;
  }));
  EXPECT_EQ(response.hits(0).display_name(), profiles_[30].display_name());
}

TEST_F(ClusterTest, SearchAndMatchingComeBackWithTheSameAnswers) {
  const std::string subject = Business(3);
  const std::vector<std::string> before = IdsWhenBack(subject);
  for (const char* service : {"search", "matching"}) {
    cluster_->Kill(service);
    MITRA_ASSERT_OK(cluster_->Restart(service));
    // The walk is an approximation whose rounding follows the order in which
    // members came, so neighbours of almost equal score may change places.
    const std::vector<std::string> after = IdsWhenBack(subject);
    ASSERT_EQ(after.size(), before.size());
    const auto common =
        std::count_if(before.begin(), before.end(), [&](const auto& id) {
          return std::find(after.begin(), after.end(), id) != after.end();
        });
    EXPECT_GE(common * 10, static_cast<int64_t>(before.size()) * 9) << service;
    EXPECT_EQ(after[0], before[0]) << service;
  }
}

TEST_F(ClusterTest, WithoutRedisAnswersGoOnAndSaySo) {
  cluster_->redis().Kill();
  const std::string subject = Business(4);
  bool marked = false;
  ASSERT_TRUE(testing::Eventually([&] {
    const auto response = Recommend(subject);
    if (!response.ok() || response->slates(0).recommendations_size() == 0) {
      return false;
    }
    for (const int reason : response->slates(0).degraded()) {
      marked = marked || reason == v1::DEGRADED_REASON_CACHE_UNAVAILABLE;
    }
    return marked;
  }));
  MITRA_ASSERT_OK(cluster_->redis().Restart());
  (void)IdsWhenBack(subject);
}

}  // namespace
}  // namespace mitra
