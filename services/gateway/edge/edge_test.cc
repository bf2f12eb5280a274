#include "absl/time/clock.h"
#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/gateway/edge/admission.h"
#include "services/gateway/edge/authenticator.h"
#include "services/gateway/edge/call_headers.h"
#include "services/gateway/edge/key_file_source.h"
#include "tests/support/temp_dir.h"

namespace mitra::gateway {
namespace {

v1::MethodPolicy Policy(v1::Criticality criticality, uint32_t cost = 1) {
  v1::MethodPolicy policy;
  policy.set_criticality(criticality);
  policy.set_cost(cost);
  return policy;
}

TEST(AdmissionTest, ShedsWhatNobodyWaitsForFirst) {
  Admission admission({.max_in_flight = 100});
  const absl::Time now = absl::FromUnixSeconds(1000);
  std::vector<Admission::Ticket> open;
  const auto fill = [&](int calls) {
    while (admission.in_flight() < calls) {
      auto ticket = admission.Enter("c", Quota(),
                                    Policy(v1::CRITICALITY_INTERACTIVE), now);
      ASSERT_TRUE(ticket.ok());
      open.push_back(*std::move(ticket));
    }
  };
  const auto enters = [&](v1::Criticality criticality) {
    return admission.Enter("c", Quota(), Policy(criticality), now).status();
  };
  fill(70);
  EXPECT_THAT(enters(v1::CRITICALITY_BACKGROUND), HasReason("OVERLOADED"));
  EXPECT_THAT(enters(v1::CRITICALITY_BATCH), IsOk());
  fill(85);
  EXPECT_THAT(enters(v1::CRITICALITY_BATCH), HasReason("OVERLOADED"));
  EXPECT_THAT(enters(v1::CRITICALITY_INTERACTIVE), IsOk());
  fill(100);
  const absl::Status full = enters(v1::CRITICALITY_INTERACTIVE);
  EXPECT_THAT(full, HasReason("OVERLOADED"));
  EXPECT_GT(RetryDelayOf(full), absl::ZeroDuration());
  EXPECT_EQ(admission.in_flight(), 100) << "a refused call leaves again";
  open.clear();
  EXPECT_EQ(admission.in_flight(), 0);
}

TEST(AdmissionTest, QuotaFlowsInOverTime) {
  Admission admission({.units_per_second = 10, .burst_units = 20});
  absl::Time now = absl::FromUnixSeconds(1000);
  const auto enter = [&](uint32_t cost) {
    return admission
        .Enter("c", Quota(), Policy(v1::CRITICALITY_INTERACTIVE, cost), now)
        .status();
  };
  MITRA_EXPECT_OK(enter(20));
  const absl::Status refused = enter(5);
  EXPECT_THAT(refused, HasReason("QUOTA_EXCEEDED"));
  EXPECT_EQ(RetryDelayOf(refused), absl::Milliseconds(500));
  now += absl::Milliseconds(500);
  MITRA_EXPECT_OK(enter(5));
  now -= absl::Hours(1);  // a clock that jumps back gives nothing
  EXPECT_THAT(enter(5), HasReason("QUOTA_EXCEEDED"));
  now += absl::Hours(2);
  MITRA_EXPECT_OK(enter(500)) << "dearer than the bucket, when it is full";
}

TEST(CallHeadersTest, ReadsTimeouts) {
  EXPECT_EQ(ParseTimeout("250ms"), absl::Milliseconds(250));
  EXPECT_EQ(ParseTimeout("5s"), absl::Seconds(5));
  EXPECT_EQ(ParseTimeout("2m"), absl::Minutes(2));
  EXPECT_EQ(ParseTimeout("1.5"), absl::Milliseconds(1500));
  for (const char* bad : {"", "0", "-1s", "1e400s", "nan", "inf", "s", "5 s",
                          "5h", "86401", "0x5s", "5s5s"}) {
    EXPECT_EQ(ParseTimeout(bad), std::nullopt) << bad;
  }
}

TEST(CallHeadersTest, RequestIdsAreLegalAndDistinct) {
  const std::string a = NewRequestId();
  EXPECT_TRUE(rpc::IsRequestId(a)) << a;
  EXPECT_NE(a, NewRequestId());
}

TEST(AdmissionTest, ACredentialMayHaveAQuotaOfItsOwn) {
  Admission admission({.units_per_second = 1, .burst_units = 1});
  const absl::Time now = absl::FromUnixSeconds(1000);
  const auto passed = [&](const char* credential, const Quota& quota) {
    int count = 0;
    for (int i = 0; i < 20; ++i) {
      count += admission
                   .Enter(credential, quota,
                          Policy(v1::CRITICALITY_INTERACTIVE), now)
                   .ok();
    }
    return count;
  };
  EXPECT_EQ(passed("plain", {}), 1);
  EXPECT_EQ(passed("large", {5, 12}), 12);
  EXPECT_EQ(passed("no burst said", {5, 0}), 5);
}

TEST(AdmissionTest, ABurstThatDoesNotHoldASecondIsAnError) {
  MITRA_EXPECT_OK(Admission::Check({.units_per_second = 10}));
  MITRA_EXPECT_OK(
      Admission::Check({.units_per_second = 10, .burst_units = 10}));
  EXPECT_THAT(Admission::Check({.units_per_second = 10, .burst_units = 9}),
              NamesField("limits.burst_units"));
}

using TextFile = ReloadedFile<std::string>;

absl::StatusOr<TextFile::Value> LoadText(const std::string& path) {
  return std::make_shared<const std::string>(testing::ReadFileOrEmpty(path));
}

TEST(ReloadedFileTest, AChangeWhileItIsReadIsAChange) {
  const testing::TempDir dir;
  const std::string path = dir.File("text");
  testing::WriteFileOrDie(path, "before");
  const auto load = [&](const std::string& file) {
    auto text = LoadText(file);
    if (**text == "before") testing::WriteFileOrDie(path, "afterwards");
    return text;
  };
  MITRA_ASSERT_OK_AND_ASSIGN(const auto file,
                             TextFile::Open(path, load, absl::Hours(1)));
  EXPECT_EQ(*file->Get(), "before");
  file->Poll();
  EXPECT_EQ(*file->Get(), "afterwards");
}

TEST(ReloadedFileTest, WhatCannotBeReadIsTriedAgain) {
  const testing::TempDir dir;
  const std::string path = dir.File("text");
  testing::WriteFileOrDie(path, "a");
  bool broken = false;
  const auto load =
      [&](const std::string& file) -> absl::StatusOr<TextFile::Value> {
    if (broken) return absl::NotFoundError("no more descriptors");
    return LoadText(file);
  };
  MITRA_ASSERT_OK_AND_ASSIGN(const auto file,
                             TextFile::Open(path, load, absl::Hours(1)));
  testing::WriteFileOrDie(path, "changed");
  broken = true;
  file->Poll();
  EXPECT_EQ(*file->Get(), "a");
  broken = false;
  file->Poll();
  EXPECT_EQ(*file->Get(), "changed");
}

TEST(KeyFileTest, TakesUpChangesAndKeepsTheLastGoodFile) {
  const testing::TempDir dir;
  const std::string path = dir.File("keys.jsonl");
  testing::WriteFileOrDie(path, "");
  MITRA_ASSERT_OK_AND_ASSIGN(const auto source,
                             KeyFileSource::Open(path, absl::Hours(1)));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const NewKey key,
      MakeApiKey("shop", {"profiles:read"}, "", absl::InfiniteFuture()));
  EXPECT_FALSE(source->Find(key.text).has_value());
  MITRA_ASSERT_OK(AppendKeyRecord(path, key.record));
  source->Poll();
  ASSERT_TRUE(source->Find(key.text).has_value());
  EXPECT_EQ(source->Find(key.text)->identity.credential,
            "key:" + key.record.id);
  testing::WriteFileOrDie(path, "not a key file\n");
  source->Poll();
  EXPECT_TRUE(source->Find(key.text).has_value());
  EXPECT_FALSE(KeyFileSource::Open(path).ok()) << "wrong from the start";
}

}  // namespace
}  // namespace mitra::gateway
