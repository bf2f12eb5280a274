// Kinds of faults that were met in the field, tried on the whole cluster.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/engagements_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/relations_service.grpc.pb.h"
#include "tests/integration/cluster_fixture.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace mitra {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class FaultsTest : public ClusterTest {
 protected:
  static absl::StatusOr<uint64_t> Delete(const std::string& id) {
    auto stub = v1::Profiles::NewStub(channel_);
    v1::DeleteProfileRequest request;
    request.set_profile_id(id);
    grpc::ClientContext context;
    Prepare(context);
    v1::DeleteProfileResponse response;
    const grpc::Status status =
        stub->DeleteProfile(&context, request, &response);
    if (!status.ok()) return ToStatus(status);
    return response.revision();
  }
  static absl::StatusOr<v1::Profile> Get(const std::string& id) {
    auto stub = v1::Profiles::NewStub(channel_);
    v1::GetProfileRequest request;
    request.set_profile_id(id);
    grpc::ClientContext context;
    Prepare(context);
    v1::Profile profile;
    const grpc::Status status = stub->GetProfile(&context, request, &profile);
    if (!status.ok()) return ToStatus(status);
    return profile;
  }
  static uint64_t Block(const std::string& blocker, const std::string& blocked,
                        bool remove = false) {
    auto stub = v1::Relations::NewStub(channel_);
    grpc::ClientContext context;
    Prepare(context);
    if (remove) {
      v1::DeleteBlockRequest request;
      request.set_blocker_id(blocker);
      request.set_blocked_id(blocked);
      google::protobuf::Empty response;
      EXPECT_TRUE(stub->DeleteBlock(&context, request, &response).ok());
      return 0;
    }
    v1::CreateBlockRequest request;
    request.set_blocker_id(blocker);
    request.set_blocked_id(blocked);
    v1::Block response;
    EXPECT_TRUE(stub->CreateBlock(&context, request, &response).ok());
    return response.revision();
  }
  // The seeker asks for a mentor, and takes it back.
  static absl::StatusOr<v1::Engagement> Engage(const std::string& seeker,
                                               const std::string& mentor) {
    v1::RequestEngagementRequest request;
    request.set_seeker_id(seeker);
    request.set_provider_id(mentor);
    request.set_provider_role(v1::ROLE_MENTOR);
    grpc::ClientContext context;
    Prepare(context);
    v1::Engagement response;
    const grpc::Status status =
        v1::Engagements::NewStub(channel_)->RequestEngagement(&context, request,
                                                              &response);
    if (!status.ok()) return ToStatus(status);
    return response;
  }
  static absl::StatusOr<v1::Engagement> Cancel(const v1::Engagement& asked) {
    v1::ChangeEngagementRequest request;
    request.set_engagement_id(asked.engagement_id());
    request.set_actor_id(asked.seeker_id());
    request.set_state(v1::ENGAGEMENT_STATE_CANCELLED);
    grpc::ClientContext context;
    Prepare(context);
    v1::Engagement response;
    const grpc::Status status =
        v1::Engagements::NewStub(channel_)->ChangeEngagement(&context, request,
                                                             &response);
    if (!status.ok()) return ToStatus(status);
    return response;
  }
  static std::vector<std::string> Mentors(const std::string& subject,
                                          bool fresh, uint64_t revision) {
    const auto response = Recommend(subject, 10, fresh, revision);
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<std::string> found;
    if (!response.ok()) return found;
    for (const auto& one : response->slates(0).recommendations()) {
      found.push_back(one.profile_id());
    }
    return found;
  }
  static v1::Profile Bare(const std::string& id) {
    v1::Profile profile;
    profile.set_profile_id(id);
    profile.set_kind(v1::MEMBER_KIND_BUSINESS);
    profile.set_display_name("Tanpa apa-apa");
    profile.set_region_code("33.72.01");
    profile.add_facets()->set_role(v1::ROLE_BUSINESS);
    return profile;
  }
  static testing::CommandResult Import(const std::string& content,
                                       const std::string& name,
                                       std::vector<std::string> more = {}) {
    testing::TempDir dir;
    std::ofstream(dir.File(name), std::ios::binary) << content;
    const char* bin = std::getenv("MITRA_BIN_DIR");
    std::vector<std::string> argv = {absl::StrCat(bin ? bin : ".", "/mitra"),
                                     "import", dir.File(name)};
    argv.insert(argv.end(), more.begin(), more.end());
    auto result =
        testing::RunCommand(argv, absl::Seconds(60),
                            {{"MITRA_SERVER", cluster_->target("gateway")},
                             {"MITRA_API_KEY", cluster_->key()}});
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : testing::CommandResult();
  }
};

TEST_F(FaultsTest, SearchesGoOnWhileOthersWriteAndOptionsStayApart) {
  std::atomic<bool> stop{false};
  std::atomic<int> answers{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 4; ++t) {
    readers.emplace_back([&, t] {
      const std::string subject = Business(3 + t);
      for (int i = 0; !stop; ++i) {
        // Small and large answers in turn.
        const int wanted = (i + t) % 2 == 0 ? 3 : 40;
        const auto slate = Recommend(subject, wanted, true);
        ASSERT_TRUE(slate.ok()) << slate.status();
        for (const auto& one : slate->slates()) {
          EXPECT_LE(one.recommendations_size(), wanted);
          std::set<std::string> distinct;
          for (const auto& r : one.recommendations()) {
            EXPECT_TRUE(distinct.insert(r.profile_id()).second);
            EXPECT_NE(r.profile_id(), subject);
          }
        }
        ++answers;
      }
    });
  }
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      v1::Profile profile = profiles_[i % profiles_.size()];
      profile.set_profile_id(absl::StrCat("churn-", i % 50));
      profile.clear_external_ids();
      EXPECT_THAT(Upsert(profile), IsOk());
      if (i % 3 == 0) (void)Delete(absl::StrCat("churn-", (i + 25) % 50));
    }
  });
  EXPECT_TRUE(
      testing::Eventually([&] { return answers > 200; }, absl::Seconds(60)));
  stop = true;
  writer.join();
  for (auto& reader : readers) reader.join();
}

TEST_F(FaultsTest, NobodyWhoMayNotBeShownIsInTheNextAnswer) {
  const std::string viewer = Business(10);
  const auto ids = [&](uint64_t revision) {
    const auto response = Recommend(viewer, 10, false, revision);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? Ids(*response) : std::vector<std::string>();
  };
  std::vector<std::string> shown = ids(0);
  const size_t count = shown.size();
  ASSERT_GT(count, 5u);
  EXPECT_THAT(shown, Not(Contains(viewer)));

  // Hidden.
  MITRA_ASSERT_OK_AND_ASSIGN(v1::Profile hidden, Get(shown[0]));
  hidden.set_hidden(true);
  hidden.clear_etag();
  MITRA_ASSERT_OK(Upsert(hidden));
  MITRA_ASSERT_OK_AND_ASSIGN(hidden, Get(shown[0]));
  const std::vector<std::string> without_hidden = ids(hidden.revision());
  EXPECT_THAT(without_hidden, Not(Contains(shown[0])));
  EXPECT_EQ(without_hidden.size(), count) << "topped up";

  // Deleted, and NOT_FOUND everywhere.
  MITRA_ASSERT_OK_AND_ASSIGN(const uint64_t deleted, Delete(shown[1]));
  EXPECT_THAT(ids(deleted), Not(Contains(shown[1])));
  EXPECT_THAT(Get(shown[1]).status(), HasReason("PROFILE_NOT_FOUND"));
  EXPECT_THAT(Recommend(shown[1], 10, false, deleted).status(),
              StatusIs(absl::StatusCode::kNotFound));

  // A mentor already, and free again.
  const std::vector<std::string> now = ids(0);
  const std::string mentor =
      Recommend(viewer, 10)->slates(0).recommendations(0).profile_id();
  const auto asked = Engage(viewer, mentor);
  MITRA_ASSERT_OK(asked.status());
  EXPECT_THAT(now, Contains(mentor));
  EXPECT_THAT(Mentors(viewer, false, asked->revision()), Not(Contains(mentor)));
  EXPECT_THAT(Mentors(viewer, true, asked->revision()), Not(Contains(mentor)));
  EXPECT_EQ(ids(asked->revision()).size(), count) << "topped up";
  const auto over = Cancel(*asked);
  MITRA_ASSERT_OK(over.status());
  EXPECT_THAT(Mentors(viewer, false, over->revision()), Contains(mentor));

  // Blocked, in either direction, and back again.
  EXPECT_THAT(ids(Block(viewer, shown[2])), Not(Contains(shown[2])));
  EXPECT_THAT(ids(Block(shown[3], viewer)), Not(Contains(shown[3])));
  Block(viewer, shown[2], /*remove=*/true);
  EXPECT_TRUE(testing::Eventually([&] {
    const auto again = ids(0);
    return std::find(again.begin(), again.end(), shown[2]) != again.end();
  }));
}

TEST_F(FaultsTest, MembersOfWhomLittleIsKnownGetAnAnswer) {
  EXPECT_THAT(Recommend("nobody-at-all").status(),
              StatusIs(absl::StatusCode::kNotFound));
  MITRA_ASSERT_OK(Upsert(Bare("bare")));
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Profile stored, Get("bare"));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto response,
                             Recommend("bare", 10, true, stored.revision()));
  size_t found = 0;
  for (const auto& slate : response.slates()) {
    for (const auto& r : slate.recommendations()) {
      EXPECT_TRUE(std::isfinite(r.score()));
      EXPECT_GE(r.score(), 0);
      EXPECT_LE(r.score(), 1);
      ++found;
    }
  }
  EXPECT_GT(found, 0u) << "a fallback order";
}

TEST_F(FaultsTest, PagesRepeatNobodyWhileMembersComeAndGo) {
  auto stub = v1::Recommendations::NewStub(channel_);
  v1::RecommendRequest request;
  request.set_profile_id(Business(20));
  request.add_kinds(v1::RECOMMENDATION_KIND_PARTNER);
  request.set_page_size(7);
  std::set<std::string> seen;
  for (int page = 0; page < 6; ++page) {
    grpc::ClientContext context;
    Prepare(context);
    v1::RecommendResponse response;
    const grpc::Status status = stub->Recommend(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    for (const auto& r : response.slates(0).recommendations()) {
      EXPECT_TRUE(seen.insert(r.profile_id()).second) << "page " << page;
    }
    if (page == 1) {
      MITRA_ASSERT_OK(Upsert(Bare("came-between")));
      MITRA_ASSERT_OK(Delete(Business(60)).status());
    }
    request.set_page_token(response.slates(0).next_page_token());
    if (request.page_token().empty()) break;
  }
  EXPECT_GT(seen.size(), 14u);
  // The token is bound to its subject and is not made up.
  for (const bool foreign : {true, false}) {
    v1::RecommendRequest bad = request;
    if (foreign) {
      bad.set_profile_id(Business(21));
    } else {
      bad.set_page_token("made up");
    }
    if (bad.page_token().empty()) continue;
    grpc::ClientContext context;
    Prepare(context);
    v1::RecommendResponse response;
    EXPECT_THAT(ToStatus(stub->Recommend(&context, bad, &response)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(FaultsTest, IdsAreTheSameOnEveryEntranceOrRefused) {
  for (const std::string id : {"a.b_c~d-e", "A1", "0"}) {
    MITRA_ASSERT_OK(Upsert(Bare(id)));
    EXPECT_THAT(Http(absl::StrCat("GET /v1/profiles/", id), Bearer()),
                HasSubstr(absl::StrCat("\"profileId\":\"", id, "\"")));
  }
  MITRA_ASSERT_OK(Upsert(Bare(std::string(64, 'x'))));
  const int before = static_cast<int>(Get("A1").ok());
  for (const char* path : {"team/a", "a%2Fb", "50%25", "a+b", "a%20b", "..",
                           "%C3%A9", "e%CC%81", "%ZZ", "%", "", "a%00b"}) {
    const std::string target = absl::StrCat("/v1/profiles/", path);
    for (const char* verb : {"GET", "DELETE"}) {
      const std::string answer =
          Http(absl::StrCat(verb, " ", target), Bearer());
      EXPECT_THAT(answer,
                  AnyOf(HasSubstr("HTTP/1.1 400"), HasSubstr("HTTP/1.1 404"),
                        HasSubstr("HTTP/1.1 405")))
          << verb << " " << target;
    }
  }
  EXPECT_THAT(Upsert(Bare(std::string(65, 'x'))),
              NamesField("profile.profile_id"));
  EXPECT_EQ(static_cast<int>(Get("A1").ok()), before) << "nothing was deleted";
}

TEST_F(FaultsTest, TextThatLooksLikeACommandStaysText) {
  for (const std::string name :
       {"%s%s%n", "a b", "\"quoted\" 'twice'", "FLUSHALL", "*1\\r\\n$4"}) {
    v1::Profile profile = Bare("odd-name");
    profile.set_display_name(name);
    MITRA_ASSERT_OK(Upsert(profile));
    MITRA_ASSERT_OK_AND_ASSIGN(const v1::Profile stored, Get("odd-name"));
    EXPECT_EQ(stored.display_name(), name);
    MITRA_ASSERT_OK(
        Recommend("odd-name", 5, false, stored.revision()).status());
    MITRA_ASSERT_OK(Recommend("odd-name", 5).status()) << "from the cache";
  }
  v1::Profile profile = Bare("odd-name");
  profile.set_display_name("x\r\nDEL y");
  EXPECT_THAT(Upsert(profile), NamesField("profile.display_name"));
  profile.set_display_name(std::string("nul\0inside", 10));
  EXPECT_THAT(Upsert(profile), NamesField("profile.display_name"));
}

TEST_F(FaultsTest, FilesOfEverySpreadsheetGiveTheSameMembers) {
  const auto row = [](int i) {
    return absl::StrCat("csv-", i, ",business,\"Warung ", i,
                        ", besar\",33.72.01,business");
  };
  const std::string header = "profile_id,kind,display_name,region_code,role";
  const auto file = [&](const std::string& end, bool last) {
    std::string text = header;
    for (int i = 0; i < 3; ++i) absl::StrAppend(&text, end, row(i));
    return last ? text + end : text;
  };
  EXPECT_THAT(Import(file("\n", true), "plain.csv").output,
              HasSubstr("accepted 3 (3 created), rejected 0"));
  const std::string files[] = {"\xEF\xBB\xBF" + file("\n", true),
                               file("\r\n", true), file("\n", false),
                               file("\n\n  \n", true)};
  for (const std::string& same : files) {
    const auto result = Import(same, "same.csv");
    EXPECT_THAT(result.output, HasSubstr("3 unchanged")) << result.output;
    EXPECT_THAT(result.output, HasSubstr("rejected 0"));
  }
  const std::string utf16("\xFF\xFE{\0}\0\n\0", 8);
  const auto odd = Import(utf16, "odd.ndjson");
  EXPECT_NE(odd.exit_code, 0);
  EXPECT_THAT(odd.output, HasSubstr("UTF-16"));
  const auto column = Import(header + ",colour\n", "column.csv");
  EXPECT_NE(column.exit_code, 0);
  EXPECT_THAT(column.output, HasSubstr("colour"));
  const auto over =
      Import(std::string(3 << 20, 'x') + "\n{\"nope\":1}\n\n", "long.ndjson");
  EXPECT_THAT(over.output, HasSubstr("line 1"));
  EXPECT_THAT(over.output, HasSubstr("line 2"));
  EXPECT_THAT(over.output, HasSubstr("rejected 2, blank 1, rows 3"));
}

TEST_F(FaultsTest, AFileMayNameMembersBeforeTheyCome) {
  const std::string evidence =
      "{\"evidence\":{\"authorId\":\"late-a\",\"aboutId\":\"late-b\",\"kind\":"
      "\"EVIDENCE_KIND_CONTACT\",\"eventTime\":\"2019-05-01T00:00:00Z\"}}\n";
  const std::string consent =
      "{\"consent\":{\"profileId\":\"late-a\",\"purpose\":"
      "\"CONSENT_PURPOSE_LEARNING\",\"granted\":true,\"receiptId\":\"r\"}}\n";
  std::string members;
  for (const char* id : {"late-a", "late-b"}) {
    absl::StrAppend(
        &members, "{\"profileId\":\"", id,
        "\",\"kind\":\"MEMBER_KIND_BUSINESS\",\"displayName\":\"x\","
        "\"regionCode\":\"33.72.01\",\"facets\":[{\"role\":\"ROLE_BUSINESS\"}]"
        "}\n");
  }
  const auto result = Import(evidence + consent + members, "order.ndjson");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("accepted 4"));
  const auto never = Import(
      "{\"block\":{\"blockerId\":\"late-a\",\"blockedId\":\"nobody-x\"}}\n",
      "never.ndjson");
  EXPECT_NE(never.exit_code, 0);
  EXPECT_THAT(never.output, HasSubstr("rejected 1"));
}

TEST_F(FaultsTest, ADeadlineHoldsAcrossTheServices) {
  v1::RecommendRequest request;
  request.set_profile_id(Business(30));
  request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
  auto stub = v1::Recommendations::NewStub(channel_);
  grpc::ClientContext context;
  context.AddMetadata("authorization",
                      absl::StrCat("Bearer ", cluster_->key()));
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::microseconds(200));
  v1::RecommendResponse response;
  EXPECT_EQ(stub->Recommend(&context, request, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  MITRA_EXPECT_OK(Recommend(Business(30)).status()) << "others go on";
}

// A service that hangs: whoever waits for it gives up at the caller's deadline,
// goes when the caller goes, and has a deadline even if the caller set none.
TEST_F(FaultsTest, NobodyWaitsLongerThanItsCallerForWhoHangs) {
  using std::chrono::milliseconds;
  using std::chrono::system_clock;
  v1::RecommendRequest request;
  request.set_profile_id(Business(31));
  request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
  request.set_fresh(true);
  auto stub = v1::Recommendations::NewStub(channel_);
  const auto ask = [&](grpc::ClientContext& context) {
    context.AddMetadata("authorization",
                        absl::StrCat("Bearer ", cluster_->key()));
    v1::RecommendResponse response;
    return stub->Recommend(&context, request, &response).error_code();
  };
  cluster_->Pause("matching");
  {
    grpc::ClientContext context;
    context.set_deadline(system_clock::now() + milliseconds(200));
    const absl::Time begin = absl::Now();
    EXPECT_EQ(ask(context), grpc::StatusCode::DEADLINE_EXCEEDED);
    EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
  }
  {
    // The method's own limit, 2 s; it would hang for ever without.
    grpc::ClientContext context;
    EXPECT_EQ(ask(context), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  {
    grpc::ClientContext context;
    context.set_deadline(system_clock::now() + std::chrono::seconds(20));
    std::thread leaves([&] { context.TryCancel(); });
    EXPECT_EQ(ask(context), grpc::StatusCode::CANCELLED);
    leaves.join();
  }
  cluster_->Resume("matching");
  EXPECT_TRUE(testing::Eventually([&] {
    const auto response = Recommend(Business(31), 10, true);
    return response.ok() && response->slates(0).degraded_size() == 0;
  }));
}

TEST_F(FaultsTest, TheCacheHealsAfterEverythingThatRedisDoes) {
  const std::string subject = Business(40);
  MITRA_ASSERT_OK(Recommend(subject).status());
  testing::RedisServer& redis = cluster_->redis();
  const auto command = [&](std::vector<std::string> words) {
    std::vector<std::string> argv = {"redis-cli", "-s",
                                     redis.target().substr(5)};
    argv.insert(argv.end(), words.begin(), words.end());
    const auto result = testing::RunCommand(argv, absl::Seconds(10));
    EXPECT_TRUE(result.ok()) << result.status();
  };
  for (const std::vector<std::string>& fault :
       std::vector<std::vector<std::string>>{
           {"SCRIPT", "FLUSH"},
           {"CLIENT", "KILL", "TYPE", "normal"},
           {"FLUSHALL"}}) {
    command(fault);
    // Every answer is good; soon none is degraded.
    EXPECT_TRUE(testing::Eventually([&] {
      const auto response = Recommend(subject);
      EXPECT_TRUE(response.ok()) << response.status();
      return response.ok() && response->slates(0).degraded_size() == 0;
    })) << fault[0];
  }
}

}  // namespace
}  // namespace mitra
