#include "services/gateway/http/json_memo.h"

#include <gtest/gtest.h>

#include "mitra/v1/profile.pb.h"

namespace mitra::gateway {
namespace {

std::shared_ptr<const JsonText> Text(const std::string& body) {
  return std::make_shared<const JsonText>(JsonText{body, ""});
}

TEST(JsonMemoTest, FindsByBytesAndType) {
  const auto* profile = v1::Profile::descriptor();
  const auto* facet = v1::Facet::descriptor();
  JsonMemo memo;
  EXPECT_EQ(memo.Find(profile, "bytes"), nullptr);
  memo.Put(profile, "bytes", Text("{}"));
  ASSERT_NE(memo.Find(profile, "bytes"), nullptr);
  EXPECT_EQ(memo.Find(profile, "bytes")->body, "{}");
  EXPECT_EQ(memo.Find(profile, "other"), nullptr);
  EXPECT_EQ(memo.Find(facet, "bytes"), nullptr);
}

TEST(JsonMemoTest, LetsTheLeastUsedGoWhenItIsFull) {
  const auto* type = v1::Profile::descriptor();
  JsonMemo memo(/*max_bytes=*/5000);
  memo.Put(type, "first", Text(std::string(1000, 'a')));
  memo.Put(type, "second", Text(std::string(1000, 'b')));
  for (int i = 0; i < 10; ++i) {
    ASSERT_NE(memo.Find(type, "first"), nullptr) << i;
    memo.Put(type, std::to_string(i), Text(std::string(1000, 'c')));
  }
  EXPECT_EQ(memo.Find(type, "second"), nullptr);
}

TEST(JsonMemoTest, FindsByIdentity) {
  const auto* profile = v1::Profile::descriptor();
  JsonMemo memo;
  EXPECT_EQ(memo.FindSame(profile, 7), nullptr);
  memo.PutSame(profile, 7, Text("{}"));
  ASSERT_NE(memo.FindSame(profile, 7), nullptr);
  EXPECT_EQ(memo.FindSame(profile, 7)->body, "{}");
  EXPECT_EQ(memo.FindSame(v1::Facet::descriptor(), 7), nullptr);
  memo.PutSame(profile, 0, Text("{}"));
  EXPECT_EQ(memo.FindSame(profile, 0), nullptr) << "0 is no identity";
  for (uint64_t i = 8; i < 5000; ++i) memo.PutSame(profile, i, Text("{}"));
  EXPECT_EQ(memo.FindSame(profile, 7), nullptr);
}

}  // namespace
}  // namespace mitra::gateway
