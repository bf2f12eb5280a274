#include "services/matching/slates/slate.h"

#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

Slate ASlate() {
  Slate slate;
  slate.slate_id = 42;
  slate.subject_state = 7;
  slate.subject_incarnation = 3;
  slate.revision = 9;
  slate.compute_time = absl::FromUnixMillis(1'780'000'000'123);
  slate.published = true;
  slate.exhausted = true;
  slate.missing = kMissingTies;
  for (int i = 0; i < 3; ++i) {
    SlateEntry entry;
    entry.id = "mentor-" + std::to_string(i);
    entry.incarnation = 5;
    entry.role = v1::ROLE_MENTOR;
    entry.sources = kFromTrust;
    entry.give = i == 0 ? std::numeric_limits<float>::quiet_NaN() : .5f;
    entry.wants = .6f;
    entry.accepts = .7f;
    entry.key = -1.5f;
    slate.entries.push_back(entry);
  }
  return slate;
}

TEST(SlateTest, ComesBackAsItWas) {
  const Slate slate = ASlate();

  const auto decoded = DecodeSlate(EncodeSlate(slate));

  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->slate_id, slate.slate_id);
  EXPECT_EQ(decoded->subject_state, slate.subject_state);
  EXPECT_EQ(decoded->subject_incarnation, slate.subject_incarnation);
  EXPECT_EQ(decoded->revision, slate.revision);
  EXPECT_EQ(decoded->compute_time, slate.compute_time);
  EXPECT_TRUE(decoded->published);
  EXPECT_TRUE(decoded->exhausted);
  EXPECT_EQ(decoded->missing, kMissingTies);
  ASSERT_EQ(decoded->entries.size(), 3u);
  EXPECT_EQ(decoded->entries[2].id, "mentor-2");
  EXPECT_TRUE(std::isnan(decoded->entries[0].give));
  EXPECT_EQ(decoded->entries[1].key, -1.5f);
}

TEST(SlateTest, RefusesEveryCutAndEveryTail) {
  const std::string bytes = EncodeSlate(ASlate());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeSlate(bytes.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(DecodeSlate(bytes + "x").has_value());
}

TEST(SlateTest, SurvivesDamage) {
  const std::string bytes = EncodeSlate(ASlate());
  std::mt19937 random(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = bytes;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    const auto decoded = DecodeSlate(damaged);
    if (!decoded) continue;
    for (const SlateEntry& entry : decoded->entries) {
      ASSERT_TRUE(entry.wants >= 0 && entry.wants <= 1);
      ASSERT_TRUE(entry.accepts >= 0 && entry.accepts <= 1);
      ASSERT_TRUE(std::isfinite(entry.key));
      ASSERT_LE(entry.id.size(), 64u);
    }
  }
}

}  // namespace
}  // namespace mitra::matching
