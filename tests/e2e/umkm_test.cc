// Real business descriptions: a food business gets food mentors, and of equal
// ones the nearer first. SKIPPED where the public data is absent.

#include <grpcpp/grpcpp.h>

#include <array>
#include <fstream>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/shared_data.h"

namespace mitra {
namespace {

constexpr int kMentorsEach = 10;

bool IsFood(absl::string_view activity) {
  const std::string lower = absl::AsciiStrToLower(activity);
  for (const char* word : {"makanan", "roti", "kue", "warung makan", "catering",
                           "katering", "soto", "bakso", "nasi"}) {
    if (absl::StrContains(lower, word)) return true;
  }
  return false;
}

v1::Profile AMentor(const std::string& id, const std::string& region,
                    const std::string& sector, const std::string& text) {
  v1::Profile profile;
  profile.set_profile_id(id);
  profile.set_kind(v1::MEMBER_KIND_PERSON);
  profile.set_display_name(absl::StrCat("Mentor ", id));
  profile.set_region_code(region);
  profile.add_sectors()->set_code(sector);
  v1::Facet& facet = *profile.add_facets();
  facet.set_role(v1::ROLE_MENTOR);
  v1::Offer& offer = *facet.add_offers();
  offer.set_resource(v1::RESOURCE_MENTORING);
  offer.set_text(text);
  facet.mutable_seats()->set_total(5);
  return profile;
}

std::vector<v1::Profile> Mentors() {
  std::vector<v1::Profile> mentors;
  for (int i = 0; i < kMentorsEach; ++i) {
    mentors.push_back(AMentor(absl::StrCat("food-near-", i), "33.72.01",
                              "56102",
                              "Bimbingan usaha makanan dan warung makan"));
    mentors.push_back(AMentor(absl::StrCat("food-far-", i), "11.71.01", "56102",
                              "Bimbingan usaha makanan dan warung makan"));
    mentors.push_back(AMentor(absl::StrCat("batik-", i), "33.72.01", "13134",
                              "Bimbingan usaha batik dan kain"));
    mentors.push_back(AMentor(absl::StrCat("repair-", i), "33.72.01", "95120",
                              "Bimbingan servis elektronik"));
  }
  return mentors;
}

TEST(UmkmTest, AFoodBusinessGetsFoodMentorsTheNearerFirst) {
  MITRA_SHARED_DATA_OR_SKIP(path, "umkm/umkm_solo_anonymised.tsv");
  std::vector<v1::Profile> rows = Mentors();
  std::vector<std::string> food;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);  // headings
  int number = 0;
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = absl::StrSplit(line, '\t');
    if (cells.size() < 2) continue;
    v1::Profile profile;
    profile.set_profile_id(absl::StrFormat("solo-%05d", ++number));
    profile.set_kind(v1::MEMBER_KIND_BUSINESS);
    profile.set_display_name(cells[0].empty() ? "Usaha"
                                              : cells[0].substr(0, 150));
    profile.set_about(cells[1].substr(0, 3000));
    profile.set_region_code(absl::StrCat("33.72.0", 1 + number % 5));
    v1::Facet& facet = *profile.add_facets();
    facet.set_role(v1::ROLE_BUSINESS);
    v1::Need& need = *facet.add_needs();
    need.set_resource(v1::RESOURCE_MENTORING);
    need.set_text(absl::StrCat("Bimbingan usaha ", cells[1].substr(0, 1500)));
    if (IsFood(cells[1])) {
      profile.add_sectors()->set_code("56102");
      if (food.size() < 40 && number % 37 == 0) {
        food.push_back(profile.profile_id());
      }
    }
    rows.push_back(std::move(profile));
  }
  ASSERT_GT(number, 7000);
  ASSERT_GT(food.size(), 10u);

  auto cluster = testing::Cluster::Start();
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  auto channel = grpc::CreateChannel((*cluster)->target("gateway"),
                                     grpc::InsecureChannelCredentials());
  const auto prepare = [&](grpc::ClientContext& context) {
    context.AddMetadata("authorization",
                        absl::StrCat("Bearer ", (*cluster)->key()));
  };
  auto records = v1::Profiles::NewStub(channel);
  grpc::ClientContext import_context;
  prepare(import_context);
  auto stream = records->Import(&import_context);
  int rejected = 0, verdicts = 0;
  std::string why;
  std::thread reader([&] {
    v1::ImportResponse response;
    while (stream->Read(&response)) {
      for (const auto& result : response.results()) {
        ++verdicts;
        if (result.verdict() == v1::ROW_VERDICT_REJECTED) {
          ++rejected;
          why = result.status().message();
        }
      }
    }
  });
  v1::ImportRequest request;
  for (const v1::Profile& profile : rows) {
    *request.mutable_profile() = profile;
    EXPECT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  reader.join();
  ASSERT_TRUE(stream->Finish().ok());
  EXPECT_EQ(verdicts, static_cast<int>(rows.size()));
  EXPECT_EQ(rejected, 0) << why;

  auto recommendations = v1::Recommendations::NewStub(channel);
  const auto mentors_of = [&](const std::string& id,
                              v1::RecommendResponse& response) {
    v1::RecommendRequest ask;
    ask.set_profile_id(id);
    ask.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
    ask.set_page_size(10);
    ask.set_fresh(true);
    grpc::ClientContext context;
    prepare(context);
    return recommendations->Recommend(&context, ask, &response).ok();
  };
  v1::RecommendResponse response;
  ASSERT_TRUE(testing::Eventually([&] {
    return mentors_of(rows.back().profile_id(), response) &&
           response.slates(0).recommendations_size() == 10;
  }));
  int food_first = 0, near_first = 0;
  for (const std::string& id : food) {
    ASSERT_TRUE(mentors_of(id, response));
    const auto& slate = response.slates(0).recommendations();
    ASSERT_EQ(slate.size(), 10);
    int food_in_five = 0, near_in_five = 0;
    for (int i = 0; i < 5; ++i) {
      food_in_five += absl::StartsWith(slate[i].profile_id(), "food-");
      near_in_five += absl::StartsWith(slate[i].profile_id(), "food-near-");
    }
    food_first += food_in_five == 5;
    near_first += near_in_five == 5;
  }
  const int asked = static_cast<int>(food.size());
  RecordProperty("food_first", food_first);
  EXPECT_GE(food_first * 10, asked * 9) << food_first << " of " << asked;
  EXPECT_GE(near_first * 10, asked * 9) << near_first << " of " << asked;
}

}  // namespace
}  // namespace mitra
