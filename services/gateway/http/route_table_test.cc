#include "services/gateway/http/route_table.h"

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class RouteTableTest : public ::testing::Test {
 protected:
  RouteTableTest()
      : methods_(MethodTable::Create().value()),
        routes_(RouteTable::Create(methods_).value()) {}

  // "Service/Method" that a request reaches, or the reason why none.
  std::string Reach(absl::string_view verb, absl::string_view path) {
    const absl::StatusOr<Route> route = routes_.Match(verb, path);
    if (!route.ok()) return ReasonOf(route.status());
    return route->method->name.substr(sizeof("/mitra.v1.") - 1);
  }

  // The value of the path's only variable.
  std::string Id(absl::string_view path) {
    const absl::StatusOr<Route> route = routes_.Match("GET", path);
    if (!route.ok()) return ReasonOf(route.status());
    EXPECT_EQ(route->variables.size(), 1u);
    return route->variables.at(0).second;
  }

  const MethodTable methods_;
  const RouteTable routes_;
};

TEST_F(RouteTableTest, EveryBindingReachesItsMethod) {
  size_t bindings = 0;
  for (const auto& method : methods_.methods()) {
    for (const HttpBinding& binding : method->bindings) {
      ++bindings;
      const auto route = routes_.Match(binding.verb, binding.path);
      ASSERT_THAT(route, IsOk()) << binding.path;
      EXPECT_EQ(route->method, method.get()) << binding.path;
      EXPECT_EQ(route->binding, &binding);
      EXPECT_EQ(route->path_template, binding.path);
    }
  }
  EXPECT_GE(bindings, 40u);
}

TEST_F(RouteTableTest, TellsVerbsAndCollectionsApart) {
  EXPECT_EQ(Reach("GET", "/v1/profiles"), "Profiles/ListProfiles");
  EXPECT_EQ(Reach("GET", "/v1/profiles/search"), "Profiles/GetProfile");
  EXPECT_EQ(Reach("GET", "/v1/profiles:search"), "Search/SearchProfiles");
  EXPECT_EQ(Reach("POST", "/v1/profiles:search"), "Search/SearchProfiles");
  EXPECT_EQ(Reach("GET", "/v1/profiles/m1:explain"),
            "Recommendations/ExplainPair");
  EXPECT_EQ(Reach("PUT", "/v1/profiles/a/blocks/b"), "Relations/CreateBlock");
}

TEST_F(RouteTableTest, SplitsBeforeItDecodes) {
  EXPECT_EQ(Id("/v1/profiles/a%2Fb"), "a/b");
  EXPECT_EQ(Id("/v1/profiles/a+b"), "a+b");
  EXPECT_EQ(Id("/v1/profiles/50%25"), "50%");
  EXPECT_EQ(Id("/v1/profiles/a%20b"), "a b");
  EXPECT_EQ(Id("/v1/profiles/.."), "..");
  EXPECT_EQ(Id("/v1/profiles/%2e%2e"), "..");
  EXPECT_EQ(Id("/v1/profiles/caf%C3%A9"), "caf\xC3\xA9");
  EXPECT_EQ(Id("/v1/profiles/a%3Aexplain"), "a:explain");
  EXPECT_EQ(Id("/v1/profiles/%2525"), "%25");
}

TEST_F(RouteTableTest, NeverLetsAnEmptyIdThrough) {
  for (const char* path :
       {"/v1/profiles/", "/v1/profiles//", "/v1//profiles", "//v1/profiles",
        "/v1/profiles/:explain", "/v1/profiles/a/", "/v1/profiles/a/blocks/",
        "/v1/profiles//blocks/b", "/v1/profiles/a:", "", "/", "v1/profiles",
        "/v1/profiles/a/b", "/V1/profiles", "/v1/profiles/a:nosuch",
        "/v1/profiles/../profiles"}) {
    EXPECT_EQ(Reach("GET", path), "ROUTE_NOT_FOUND") << path;
    EXPECT_EQ(Reach("DELETE", path), "ROUTE_NOT_FOUND") << path;
  }
}

TEST_F(RouteTableTest, RefusesWrongEscapesNamingTheField) {
  for (const char* path : {"/v1/profiles/%ZZ", "/v1/profiles/%4",
                           "/v1/profiles/%", "/v1/profiles/a%C3%28",
                           "/v1/profiles/%ED%A0%80", "/v1/profiles/%C0%AF"}) {
    EXPECT_THAT(routes_.Match("GET", path), NamesField("profile_id")) << path;
  }
}

TEST_F(RouteTableTest, TellsWhichVerbsAPathTakes) {
  EXPECT_EQ(Reach("POST", "/v1/profiles/m1"), "METHOD_NOT_ALLOWED");
  EXPECT_EQ(Reach("HEAD", "/v1/profiles"), "METHOD_NOT_ALLOWED");
  EXPECT_EQ(Reach("OPTIONS", "/v1/profiles"), "METHOD_NOT_ALLOWED");
  EXPECT_EQ(Reach("get", "/v1/profiles"), "METHOD_NOT_ALLOWED");
  EXPECT_THAT(routes_.Allowed("/v1/profiles/m1"),
              ElementsAre("DELETE", "GET", "PATCH", "PUT"));
  EXPECT_THAT(routes_.Allowed("/v1/nothing"), IsEmpty());
}

TEST_F(RouteTableTest, BindsNestedVariables) {
  const auto route = routes_.Match("PUT", "/v1/profiles/m1");

  ASSERT_THAT(route, IsOk());
  EXPECT_EQ(route->method->name, "/mitra.v1.Profiles/UpsertProfile");
  EXPECT_THAT(route->variables, ElementsAre(Pair("profile.profile_id", "m1")));
}

}  // namespace
}  // namespace mitra::gateway
