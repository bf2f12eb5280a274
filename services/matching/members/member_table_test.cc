#include "services/matching/members/member_table.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/members/testing.h"

namespace mitra::matching {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MemberTableTest, ShowsChangesOnlyAfterPublication) {
  MemberTable table;
  const MemberIndex a = Put(table, AProfile("a"));
  const MemberView before = table.view();
  table.Publish();
  const MemberView after = table.view();

  EXPECT_EQ(before.Find("a"), kNoMember);
  EXPECT_EQ(after.Find("a"), a);
  EXPECT_EQ(after.at(a).id.view(), "a");
  EXPECT_EQ(after.live(), 1u);
}

TEST(MemberTableTest, FindsManyAsItFindsEach) {
  MemberTable table;
  std::vector<std::string> ids;
  for (int i = 0; i < 3000; ++i) {
    ids.push_back(absl::StrCat("m", i));
    Put(table, AProfile(ids.back()), 1, 1);
    if (i % 7 == 0) table.Delete(TestHash(ids.back()), 1, 2);
    if (i == 2000) table.Publish();
  }
  // Of a view that does not know the last ones yet.
  const MemberView view = table.view();
  ids.push_back("nobody");
  const std::vector<absl::string_view> asked(ids.begin(), ids.end());
  const std::vector<MemberIndex> found = view.FindAll(asked);
  ASSERT_EQ(found.size(), asked.size());
  size_t known = 0;
  for (size_t i = 0; i < asked.size(); ++i) {
    EXPECT_EQ(found[i], view.Find(asked[i])) << asked[i];
    known += found[i] != kNoMember;
  }
  EXPECT_EQ(known, 2001u - 286u);
  EXPECT_THAT(view.FindAll({}), IsEmpty());
}

TEST(MemberTableTest, KeepsTheNewerRevision) {
  MemberTable table;
  v1::Profile profile = AProfile("a");
  profile.set_display_name("new");
  const MemberIndex a = Put(table, profile, 8);
  profile.set_display_name("old");

  EXPECT_EQ(Put(table, profile, 7), kNoMember);
  EXPECT_EQ(Put(table, profile, 8), kNoMember);
  EXPECT_EQ(table.at(a).display_name.view(), "new");
}

TEST(MemberTableTest, DeletionLeavesNothingButTheLife) {
  MemberTable table;
  const MemberIndex a = Put(table, AProfile("a"), 1, 5);
  const MemberIndex b = Put(table, AProfile("b"), 2, 6);
  table.SetBlock(a, b, true);

  EXPECT_EQ(table.Delete(TestHash("a"), 5, 3), a);
  EXPECT_EQ(table.Delete(TestHash("a"), 5, 3), kNoMember);
  table.Publish();

  const MemberView view = table.view();
  EXPECT_EQ(view.Find("a"), kNoMember);
  EXPECT_TRUE(view.at(a).deleted);
  EXPECT_TRUE(view.at(a).id.empty());
  EXPECT_THAT(view.BlockedWith(b), IsEmpty());
  EXPECT_EQ(view.live(), 1u);
  // The old life does not come back; a new one has the same index.
  EXPECT_EQ(Put(table, AProfile("a"), 9, 5), kNoMember);
  EXPECT_EQ(Put(table, AProfile("a"), 10, 11), a);
  table.Publish();
  EXPECT_EQ(table.view().Find("a"), a);
  EXPECT_THAT(table.view().BlockedWith(a), IsEmpty());
}

TEST(MemberTableTest, LateDeletionOfAnEarlierLifeChangesNothing) {
  MemberTable table;
  const MemberIndex a = Put(table, AProfile("a"), 9, 2);

  EXPECT_EQ(table.Delete(TestHash("a"), 1, 5), kNoMember);
  EXPECT_FALSE(table.at(a).deleted);
}

TEST(MemberTableTest, ConsentsStayWithTheLife) {
  MemberTable table;
  const MemberIndex a = Put(table, AProfile("a"), 1, 1);
  EXPECT_TRUE(table.SetConsent(a, v1::ROLE_MENTOR, true));
  EXPECT_FALSE(table.SetConsent(a, v1::ROLE_MENTOR, true));

  Put(table, AProfile("a"), 2, 1);
  EXPECT_EQ(table.at(a).consent_bits, BitOf(v1::ROLE_MENTOR));
  Put(table, AProfile("a"), 3, 2);
  EXPECT_EQ(table.at(a).consent_bits, 0u);
}

TEST(MemberTableTest, BlocksHoldInBothDirectionsUntilBothAreGone) {
  MemberTable table;
  const MemberIndex a = Put(table, AProfile("a"));
  const MemberIndex b = Put(table, AProfile("b"));
  table.SetBlock(a, b, true);
  table.SetBlock(b, a, true);
  table.SetBlock(a, b, false);
  table.Publish();

  EXPECT_TRUE(table.view().Blocked(a, b));
  EXPECT_TRUE(table.view().Blocked(b, a));
  EXPECT_THAT(table.BlockedBy(b), ElementsAre(a));
  table.SetBlock(b, a, false);
  table.Publish();
  EXPECT_FALSE(table.view().Blocked(a, b));
}

TEST(MemberTableTest, FindsEveryoneWhileTheIndexGrows) {
  MemberTable table;
  for (int i = 0; i < 5000; ++i) Put(table, AProfile(absl::StrCat("m", i)));
  table.Publish();

  const MemberView view = table.view();
  for (int i = 0; i < 5000; ++i) {
    const MemberIndex index = view.Find(absl::StrCat("m", i));
    ASSERT_NE(index, kNoMember);
    EXPECT_EQ(view.at(index).id.view(), absl::StrCat("m", i));
  }
  EXPECT_EQ(view.Find("m5000"), kNoMember);
}

// Each write gives all members the same scale and their revision as name; a
// view must never show two states. Run under TSan as well.
TEST(MemberTableTest, ReadersSeeOneStateWhileTheWriterWorks) {
  constexpr int kMembers = 1500;
  constexpr int kWrites = 60;
  MemberTable table;
  const auto write = [&](uint64_t revision) {
    for (int i = 0; i < kMembers; ++i) {
      v1::Profile profile = AProfile(absl::StrCat("m", i));
      profile.set_display_name(absl::StrCat(revision));
      Put(table, profile, revision);
    }
    // Members who come and go.
    Put(table, AProfile(absl::StrCat("x", revision)), revision);
    table.Delete(TestHash(absl::StrCat("x", revision - 1)), 1, revision);
    table.Publish();
  };
  write(1);
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      while (!done) {
        const MemberView view = table.view();
        const uint64_t revision = view.at(view.Find("m0")).revision;
        for (int i = 0; i < kMembers; i += 7) {
          const Member& member = view.at(view.Find(absl::StrCat("m", i)));
          if (member.revision != revision ||
              member.display_name.view() != absl::StrCat(revision)) {
            ++torn;
          }
        }
        if (view.live() != kMembers + 1) ++torn;
      }
    });
  }

  for (uint64_t revision = 2; revision <= kWrites; ++revision) write(revision);
  done = true;
  for (std::thread& reader : readers) reader.join();

  EXPECT_EQ(torn, 0);
}

}  // namespace
}  // namespace mitra::matching
