#include "services/gateway/edge/resource.h"

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"

namespace mitra::gateway {
namespace {

class ResourceTest : public ::testing::Test {
 protected:
  ResourceTest() : table_(*MethodTable::Create()) {}
  const Method& Find(const char* name) { return *table_.Find(name); }
  const MethodTable table_;
};

TEST_F(ResourceTest, BytesAndMessagesTellTheSame) {
  v1::UpsertProfileRequest request;
  request.set_request_id("not this");
  request.mutable_profile()->set_display_name("nor this");
  request.mutable_profile()->set_profile_id("sari");
  const Method& method = Find("/mitra.v1.Profiles/UpsertProfile");
  EXPECT_EQ(ResourceOf(method, request), "sari");
  EXPECT_EQ(ResourceOf(method, request.SerializeAsString()), "sari");
}

TEST_F(ResourceTest, WhatIsNoIdIsNothing) {
  v1::DeleteProfileRequest request;
  request.set_profile_id("a b\n{}");
  const Method& method = Find("/mitra.v1.Profiles/DeleteProfile");
  EXPECT_EQ(ResourceOf(method, request), "");
  EXPECT_EQ(ResourceOf(method, request.SerializeAsString()), "");
  EXPECT_EQ(ResourceOf(method, v1::DeleteProfileRequest()), "");
  EXPECT_EQ(ResourceOf(Find("/mitra.v1.Profiles/BatchUpsertProfiles"),
                       v1::BatchUpsertProfilesRequest()),
            "");
}

TEST_F(ResourceTest, BrokenBytesAreNothing) {
  v1::UpsertProfileRequest request;
  request.mutable_profile()->set_profile_id("sari");
  const std::string good = request.SerializeAsString();
  const Method& method = Find("/mitra.v1.Profiles/UpsertProfile");
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(ResourceOf(method, good.substr(0, size)), "");
  }
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      bad[at] = static_cast<char>(byte);
      (void)ResourceOf(method, bad);  // must not read beyond its end
    }
  }
}

}  // namespace
}  // namespace mitra::gateway
