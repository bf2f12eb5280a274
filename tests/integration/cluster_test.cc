// The four services together, as programs, over their real links.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <limits>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/evidence_service.grpc.pb.h"
#include "mitra/v1/operations_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "mitra/v1/relations_service.grpc.pb.h"
#include "mitra/v1/search_service.grpc.pb.h"
#include "tests/integration/cluster_fixture.h"

namespace mitra {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(ClusterTest, RecommendsDistinctMembersWithReasons) {
  const std::string subject = Business(0);
  // The first answers may be degraded, and say so, while links come up.
  ASSERT_TRUE(testing::Eventually([&] {
    const auto first = Recommend(subject, 10, true);
    return first.ok() && first->slates(0).degraded_size() == 0;
  }));
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
  using Slates = std::vector<std::vector<std::string>>;
  const auto ask = [] {
    Slates slates;
    for (int i = 20; i < 30; ++i) slates.push_back(IdsWhenBack(Business(i)));
    return slates;
  };
  // Whose word counts is settled in the background, once the record is at
  // rest, and takes effect with a commit, of which a snapshot is the sign.
  ASSERT_TRUE(testing::Eventually([] {
    const v1::ServiceStatus status = MatchingStatus();
    return Figure(status, "vouching_revision") >=
           static_cast<double>(status.revision());
  }));
  MITRA_ASSERT_OK(WriteSnapshot("matching"));
  const Slates before = ask();
  for (const char* service : {"search", "matching"}) {
    MITRA_ASSERT_OK(WriteSnapshot(service));
    cluster_->Kill(service);
    MITRA_ASSERT_OK(cluster_->Restart(service));
    EXPECT_EQ(ask(), before) << service;
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
