#include "services/matching/ranking/impression_book.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kNow = 1'780'000'000, kDay = 86'400;
constexpr MemberLife kSari = {1, 1}, kBudi = {2, 1}, kTono = {3, 1};

double TimesOf(const ImpressionBook& book, const MemberLife& subject,
               const MemberLife& candidate, int64_t now = kNow) {
  for (const auto& shown : book.Of(subject, now)) {
    if (shown.candidate == candidate) return shown.times;
  }
  return 0;
}

TEST(ImpressionBookTest, AddsUpAndFadesByHalfInAWeek) {
  ImpressionBook book;
  for (int day = 0; day < 3; ++day) book.Note(kSari, kBudi, kNow);
  EXPECT_DOUBLE_EQ(TimesOf(book, kSari, kBudi), 1) << "reported again at once";
  book.Note(kSari, kBudi, kNow + 7 * kDay);
  EXPECT_DOUBLE_EQ(TimesOf(book, kSari, kBudi, kNow + 7 * kDay), 1.5);
  EXPECT_DOUBLE_EQ(TimesOf(book, kSari, kBudi, kNow + 14 * kDay), .75);
  EXPECT_THAT(book.Of(kSari, kNow + 365 * kDay), IsEmpty());
}

TEST(ImpressionBookTest, OrderOfReportsDoesNotMatter) {
  ImpressionBook forwards, backwards;
  for (int day = 0; day < 5; ++day) {
    forwards.Note(kSari, kBudi, kNow + day * kDay);
    backwards.Note(kSari, kBudi, kNow + (4 - day) * kDay);
  }
  EXPECT_NEAR(TimesOf(forwards, kSari, kBudi, kNow + 5 * kDay),
              TimesOf(backwards, kSari, kBudi, kNow + 5 * kDay), 1e-9);
}

TEST(ImpressionBookTest, AClockThatGoesBackChangesNothing) {
  ImpressionBook book;
  book.Note(kSari, kBudi, kNow);
  EXPECT_DOUBLE_EQ(TimesOf(book, kSari, kBudi, kNow - 1000 * kDay), 1);
}

TEST(ImpressionBookTest, SubjectsAndLivesAreApart) {
  ImpressionBook book;
  book.Note(kSari, kBudi, kNow);
  EXPECT_THAT(book.Of(kTono, kNow), IsEmpty());
  EXPECT_THAT(book.Of({kSari.member, 2}, kNow), IsEmpty());
  EXPECT_EQ(TimesOf(book, kSari, {kBudi.member, 2}), 0);
}

TEST(ImpressionBookTest, MemoryIsBounded) {
  ImpressionBook book(160);
  for (MemberIndex subject = 0; subject < 10'000; ++subject) {
    book.Note({subject, 1}, kBudi, kNow);
  }
  EXPECT_LE(book.subjects(), 160u);
  EXPECT_THAT(book.Of({9'999, 1}, kNow), SizeIs(1)) << "the latest stay";
  for (int i = 0; i < 3; ++i) book.Note(kSari, kBudi, kNow + i * 3600);
  for (MemberIndex candidate = 100; candidate < 1000; ++candidate) {
    book.Note(kSari, {candidate, 1}, kNow);
  }
  EXPECT_THAT(book.Of(kSari, kNow), SizeIs(ImpressionBook::kCandidates));
  EXPECT_GT(TimesOf(book, kSari, kBudi), 2) << "the most tiring stay";
}

TEST(ImpressionBookTest, ClearForgetsAll) {
  ImpressionBook book;
  book.Note(kSari, kBudi, kNow);
  book.Clear();
  EXPECT_EQ(book.subjects(), 0u);
  EXPECT_THAT(book.Of(kSari, kNow), IsEmpty());
}

TEST(ImpressionBookTest, TwoShowingsAreFree) {
  EXPECT_EQ(FatigueOf(0, .3), 0);
  EXPECT_EQ(FatigueOf(2, .3), 0);
  EXPECT_NEAR(FatigueOf(10, .3), .3 * 2.197, 1e-3);
  EXPECT_EQ(FatigueOf(10, 0), 0);
}

}  // namespace
}  // namespace mitra::matching
