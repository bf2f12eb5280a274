#include "common/base/attribution_token.h"

#include "common/base/byte_codec.h"
#include "common/base/page_token.h"
#include "common/base/sealed_token.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

Attribution Some() {
  return {.subject_id = "umkm-000508",
          .subject_incarnation = 12,
          .candidate_id = "mentor-000361",
          .candidate_incarnation = 1'700'000,
          .kind = 1,
          .slate_id = 0xabcdef0123456789u,
          .position = 4,
          .ranking_profile = "fixed-3"};
}

TEST(AttributionTokenTest, WhatWasGivenOutComesBack) {
  const std::string key = NewPageTokenKey();
  const std::string token = EncodeAttribution(key, Some(), kNow);

  MITRA_ASSERT_OK_AND_ASSIGN(
      const Attribution back,
      DecodeAttribution(key, token, "token", kNow + absl::Hours(24 * 30)));

  EXPECT_EQ(back.subject_id, "umkm-000508");
  EXPECT_EQ(back.subject_incarnation, 12u);
  EXPECT_EQ(back.candidate_id, "mentor-000361");
  EXPECT_EQ(back.candidate_incarnation, 1'700'000u);
  EXPECT_EQ(back.kind, 1);
  EXPECT_EQ(back.slate_id, 0xabcdef0123456789u);
  EXPECT_EQ(back.position, 4u);
  EXPECT_EQ(back.ranking_profile, "fixed-3");
}

TEST(AttributionTokenTest, ChanceIsRememberedAndFormerTokensReadOn) {
  const std::string key = NewPageTokenKey();
  Attribution drawn = Some();
  drawn.randomised = true;
  MITRA_ASSERT_OK_AND_ASSIGN(
      const Attribution back,
      DecodeAttribution(key, EncodeAttribution(key, drawn, kNow), "token",
                        kNow));
  EXPECT_TRUE(back.randomised);
  // As tokens were before they knew of chance.
  std::string payload;
  PutBytes(payload, char{1});
  for (const char* id : {"umkm-1", "umkm-2"}) {
    PutBytes(payload, static_cast<uint8_t>(6));
    payload += id;
    PutBytes(payload, uint64_t{7});
  }
  PutBytes(payload, uint8_t{1});
  PutBytes(payload, uint64_t{5});
  PutBytes(payload, uint32_t{3});
  PutBytes(payload, static_cast<uint8_t>(7));
  payload += "fixed-2";
  MITRA_ASSERT_OK_AND_ASSIGN(
      const Attribution former,
      DecodeAttribution(
          key, SealToken(key, "attribution", payload, kNow + absl::Hours(1)),
          "token", kNow));
  EXPECT_EQ(former.candidate_id, "umkm-2");
  EXPECT_EQ(former.ranking_profile, "fixed-2");
  EXPECT_FALSE(former.randomised);
}

TEST(AttributionTokenTest, TheLongestIdsFit) {
  Attribution longest = Some();
  longest.subject_id = std::string(64, 's');
  longest.candidate_id = std::string(64, 'c');
  longest.ranking_profile = std::string(64, 'p');
  const std::string key = NewPageTokenKey();
  const std::string token = EncodeAttribution(key, longest, kNow);
  EXPECT_LE(token.size(), 400u);
  MITRA_EXPECT_OK(DecodeAttribution(key, token, "token", kNow));
}

TEST(AttributionTokenTest, ForeignAndForgedAndOldOnesAreNamed) {
  const std::string key = NewPageTokenKey();
  const std::string token = EncodeAttribution(key, Some(), kNow);
  const auto read = [&](absl::string_view k, absl::string_view t) {
    return DecodeAttribution(k, t, "rows[2].token", kNow).status();
  };
  EXPECT_THAT(read(NewPageTokenKey(), token),
              HasReason("BAD_ATTRIBUTION_TOKEN"));
  EXPECT_THAT(read("", token), HasReason("BAD_ATTRIBUTION_TOKEN"));
  EXPECT_THAT(read(key, "made-up"), HasReason("BAD_ATTRIBUTION_TOKEN"));
  EXPECT_THAT(read(key, ""), HasReason("BAD_ATTRIBUTION_TOKEN"));
  // A page token is another thing, though under the same key.
  EXPECT_THAT(read(key, EncodePageToken(key, token, 7, kNow + absl::Hours(1))),
              HasReason("BAD_ATTRIBUTION_TOKEN"));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string damaged = token;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    // The last character may carry bits that nobody reads.
    if (read(key, damaged).ok()) {
      EXPECT_EQ(i, token.size() - 1);
      continue;
    }
    EXPECT_THAT(read(key, damaged), NamesField("rows[2].token"));
  }
  EXPECT_THAT(
      DecodeAttribution(key, token, "token", kNow + absl::Hours(24 * 30 + 1))
          .status(),
      HasReason("ATTRIBUTION_TOKEN_EXPIRED"));
}

TEST(AttributionTokenTest, WithoutAKeyThereIsNoToken) {
  EXPECT_EQ(EncodeAttribution("", Some(), kNow), "");
}

}  // namespace
}  // namespace mitra
