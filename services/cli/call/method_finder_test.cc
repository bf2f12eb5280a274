#include "services/cli/call/method_finder.h"

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::cli {
namespace {

TEST(FullMethodNameTest, TakesEverySpelling) {
  for (const char* name :
       {"Profiles/GetProfile", "Profiles.GetProfile",
        "mitra.v1.Profiles/GetProfile", "/mitra.v1.Profiles/GetProfile",
        "mitra.v1.Profiles.GetProfile"}) {
    const auto full = FullMethodName(name);
    MITRA_ASSERT_OK(full.status());
    EXPECT_EQ(*full, "mitra.v1.Profiles/GetProfile") << name;
  }
  EXPECT_EQ(*FullMethodName("grpc.health.v1.Health/Check"),
            "grpc.health.v1.Health/Check");
}

TEST(FullMethodNameTest, RefusesWhatIsNone) {
  for (const char* name : {"", "GetProfile", "/GetProfile", "Profiles/", "."}) {
    EXPECT_THAT(FullMethodName(name).status(), HasReason("INVALID_FIELD"))
        << name;
  }
}

TEST(KnownMethodsTest, NamesThePublicOnesInOrder) {
  const auto names = KnownMethods();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_THAT(
      names,
      ::testing::IsSupersetOf(
          {"Profiles/GetProfile", "Profiles/Import",
           "Recommendations/Recommend", "FeedbackRecords/BatchRecordFeedback",
           "Refreshes/WatchRefresh", "Rankings/GetRanking",
           "Standings/GetStanding", "Events/WatchEvents", "Archive/Export"}));
}

TEST(MethodFinderTest, KnowsItsOwnMethodsWhenNobodyAnswers) {
  Globals globals;
  globals.server = "unix:/nowhere/at/all";
  globals.timeout_seconds = .2;
  const Connection connection(globals);
  MethodFinder finder(connection);
  const auto method = finder.Find("mitra.v1.Profiles/GetProfile");
  MITRA_ASSERT_OK(method.status());
  EXPECT_FALSE(finder.from_server());
  EXPECT_NE(finder.New(*(*method)->input_type()), nullptr);
  EXPECT_THAT(finder.Find("mitra.v1.Profiles/Nothing").status(),
              HasReason("METHOD_UNKNOWN"));
}

}  // namespace
}  // namespace mitra::cli
