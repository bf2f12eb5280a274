// Ids, text, tokens and random numbers.

#include <sys/resource.h>

#include <set>
#include <thread>

#include "common/base/byte_codec.h"
#include "common/base/fake_clock.h"
#include "common/base/ids.h"
#include "common/base/page_token.h"
#include "common/base/random.h"
#include "common/base/thread_priority.h"
#include "common/base/utf8.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra {
namespace {

using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Optional;

TEST(IdsTest, FollowsTheGrammar) {
  for (const char* id : {"a", "Z9", "a.b_c~d-e", "0", "UMKM-33.72"}) {
    EXPECT_TRUE(IsValidId(id)) << id;
  }
  for (const std::string& id :
       {std::string(), std::string(".."), std::string("-a"), std::string("a/b"),
        std::string("a b"), std::string("a%2Fb"), std::string("é"),
        std::string(65, 'a'), std::string("a\0b", 3), std::string("a+b")}) {
    EXPECT_FALSE(IsValidId(id)) << id;
    EXPECT_THAT(ValidateId("profile_id", id), NamesField("profile_id"));
  }
  EXPECT_TRUE(IsValidId(std::string(64, 'a')));
}

TEST(IdsTest, NewIdsAreValidDistinctAndOrdered) {
  std::string last;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = NewUlid();
    ASSERT_TRUE(IsValidId(id));
    ASSERT_LT(last, id);
    last = id;
  }
}

TEST(IdsTest, EvidenceIdsDependOnEveryPart) {
  const absl::Time t = absl::FromUnixSeconds(1);
  std::set<std::string> ids = {
      EvidenceIdOf("a", "b", 1, t, ""),
      EvidenceIdOf("a", "b", 2, t, ""),
      EvidenceIdOf("b", "a", 1, t, ""),
      EvidenceIdOf("ab", "", 1, t, ""),
      EvidenceIdOf("a", "b", 1, t, "x"),
      EvidenceIdOf("a", "b", 1, t + absl::Nanoseconds(1), "")};
  EXPECT_EQ(ids.size(), 6u);
  EXPECT_EQ(EvidenceIdOf("a", "b", 1, t, ""), EvidenceIdOf("a", "b", 1, t, ""));
  EXPECT_TRUE(IsValidId(*ids.begin()));
}

TEST(Utf8Test, FindsTheFirstBadByte) {
  EXPECT_EQ(FirstInvalidUtf8("kopi ☕ é 😀"), std::nullopt);
  EXPECT_THAT(FirstInvalidUtf8("ab\xc3\x28"), Optional(Eq(2u)));
  EXPECT_THAT(FirstInvalidUtf8("\xed\xa0\x80"), Optional(Eq(0u)));  // surrogate
  EXPECT_THAT(FirstInvalidUtf8("\xc0\xaf"), Optional(Eq(0u)));      // overlong
  EXPECT_THAT(FirstInvalidUtf8("\xf4\x90\x80\x80"), Optional(Eq(0u)));
  EXPECT_EQ(FirstInvalidUtf8(absl::string_view("a\0b", 3)), std::nullopt);
  EXPECT_THAT(FirstInvalidUtf8("a\xe2\x98"), Optional(Eq(1u)));  // cut
}

TEST(Utf8Test, ReplacesBadBytesOnly) {
  EXPECT_EQ(ReplaceInvalidUtf8("a\xffé"), "a\xEF\xBF\xBDé");
}

TEST(Utf8Test, NamesTheFieldAndThePosition) {
  EXPECT_THAT(ValidateText("name", "a\xff", 10), NamesField("name"));
  const absl::Status nul =
      ValidateText("name", absl::string_view("a\0b", 3), 10);
  EXPECT_THAT(nul, NamesField("name"));
  EXPECT_THAT(std::string(nul.message()), HasSubstr("NUL at byte 1"));
  EXPECT_THAT(ValidateText("name", "toolong", 3), NamesField("name"));
  EXPECT_THAT(ValidateText("name", "abc", 3), IsOk());
}

TEST(PageTokenTest, GivesThePayloadBackToTheSameQueryOnly) {
  const std::string key = NewPageTokenKey();
  FakeClock clock;
  const std::string payload("p\0q", 3);
  const std::string token =
      EncodePageToken(key, payload, 42, clock.Now() + absl::Hours(1));

  EXPECT_THAT(DecodePageToken(key, token, "page_token", 42, clock.Now()),
              IsOkAndHolds(payload));
  EXPECT_THAT(DecodePageToken(key, token, "page_token", 43, clock.Now()),
              HasReason("BAD_PAGE_TOKEN"));
  EXPECT_THAT(
      DecodePageToken(NewPageTokenKey(), token, "page_token", 42, clock.Now()),
      HasReason("BAD_PAGE_TOKEN"));
  clock.Advance(absl::Hours(2));
  EXPECT_THAT(DecodePageToken(key, token, "page_token", 42, clock.Now()),
              HasReason("PAGE_TOKEN_EXPIRED"));
}

TEST(PageTokenTest, RefusesEveryDamagedTokenNamingTheField) {
  const std::string key = NewPageTokenKey();
  const absl::Time now = absl::Now();
  const std::string token =
      EncodePageToken(key, "payload", 1, now + absl::Hours(1));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string damaged = token;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    if (damaged == token) continue;
    const auto result = DecodePageToken(key, damaged, "page_token", 1, now);
    // The last character may hold bits that base64 ignores.
    if (result.ok()) continue;
    EXPECT_THAT(result, HasReason("BAD_PAGE_TOKEN"));
    EXPECT_THAT(result, NamesField("page_token"));
  }
  for (const char* token_text : {"", "!!!", "AAAA"}) {
    EXPECT_THAT(DecodePageToken(key, token_text, "page_token", 1, now),
                HasReason("BAD_PAGE_TOKEN"));
  }
}

TEST(RandomTest, IsRepeatableAndInRange) {
  Random a(7), b(7);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(a.Next64(), b.Next64());
    EXPECT_LT(a.Below(10), 10u);
    (void)b.Below(10);
    const double d = a.Double();
    (void)b.Double();
    EXPECT_GE(d, 0);
    EXPECT_LT(d, 1);
  }
}

TEST(ByteReaderTest, ReadsWhatWasPutAndNothingBeyond) {
  std::string bytes;
  PutBytes(bytes, uint32_t{7});
  PutBytes(bytes, 2.5f);
  bytes += "abc";

  ByteReader whole(bytes);
  EXPECT_EQ(whole.Get<uint32_t>(), 7u);
  EXPECT_EQ(whole.Get<float>(), 2.5f);
  EXPECT_FALSE(whole.done());
  EXPECT_EQ(whole.Text(3), "abc");
  EXPECT_TRUE(whole.done());
  EXPECT_EQ(whole.Get<uint8_t>(), 0);
  EXPECT_FALSE(whole.ok());
  EXPECT_FALSE(whole.done());

  ByteReader cut(absl::string_view(bytes).substr(0, 6));
  EXPECT_EQ(cut.Get<uint32_t>(), 7u);
  EXPECT_EQ(cut.Get<float>(), 0);
  EXPECT_EQ(cut.Text(0), "") << "what failed stays failed";
  EXPECT_FALSE(cut.ok());
}

TEST(ThreadPriorityTest, IsLoweredForAThreadAndThoseThatItStarts) {
  const auto nice = [] { return getpriority(PRIO_PROCESS, 0); };
  const int before = nice();
  int lowered = 0, of_child = 0;
  bool given_before = true, given = false, given_by_child = false;
  std::thread([&] {
    given_before = ThisThreadGivesWay();
    LowerThreadPriority();
    LowerThreadPriority();
    lowered = nice();
    given = ThisThreadGivesWay();
    std::thread([&] {
      of_child = nice();
      given_by_child = ThisThreadGivesWay();
    }).join();
  }).join();
  EXPECT_EQ(given_before, before >= 10);
  EXPECT_TRUE(given);
  EXPECT_TRUE(given_by_child);
  EXPECT_GE(lowered, 10);
  EXPECT_EQ(of_child, lowered);
  EXPECT_EQ(nice(), before) << "others keep theirs";
}

}  // namespace
}  // namespace mitra
