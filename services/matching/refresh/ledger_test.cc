// What a refresh keeps on disk survives what may happen to it.

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/testing.h"
#include "services/matching/refresh/candidate_lists.h"
#include "services/matching/refresh/chunk_log.h"
#include "tests/support/temp_dir.h"

namespace mitra::matching {
namespace {

Ranked ARanked(const World& world, MemberIndex member, float key) {
  Ranked ranked;
  ranked.member = member;
  ranked.role = v1::ROLE_MENTOR;
  ranked.sources = kFromTrust | kFromEmbedding;
  ranked.newcomer = key > 1;
  ranked.incarnation = world.view().members.at(member).incarnation;
  ranked.similarity = {.25f, std::numeric_limits<float>::quiet_NaN()};
  ranked.trust = .5f;
  ranked.score = {.75f, .5f, .375f, key};
  return ranked;
}

// Two members with a list each; the second's is empty.
ChunkResult AChunk(const World& world, const std::vector<MemberIndex>& listed) {
  ChunkResult chunk;
  chunk.first_revision = 7;
  chunk.last_revision = 9;
  chunk.subject_revisions = {3, 0};
  CandidateLists lists;
  std::vector<MarketCandidate> rows;
  float key = 2;
  for (const MemberIndex member : listed) {
    rows.push_back(CandidateOf(ARanked(world, member, key)));
    key -= 1.5f;
  }
  lists.Add(rows, kListExhausted | kMissingTies << kMissingShift);
  lists.Add({}, 0);
  chunk.kinds.push_back(lists);
  return chunk;
}

TEST(CandidateListsTest, ACandidateComesBackAsItWas) {
  World world;
  const MemberIndex a = world.AddMentor("a");
  const Ranked before = ARanked(world, a, -3.25f);
  const Ranked after = RankedOf(world.view().members, CandidateOf(before));
  EXPECT_EQ(after.member, before.member);
  EXPECT_EQ(after.role, before.role);
  EXPECT_EQ(after.sources, before.sources);
  EXPECT_EQ(after.newcomer, before.newcomer);
  EXPECT_EQ(after.incarnation, before.incarnation);
  EXPECT_EQ(after.score.key, before.score.key);
  EXPECT_EQ(after.score.wants, before.score.wants);
  EXPECT_NEAR(after.similarity.give, .25, 1e-4);
  EXPECT_TRUE(std::isnan(after.similarity.take)) << "not known stays so";
  EXPECT_NEAR(after.trust, .5, 1e-4);
}

TEST(CandidateListsTest, AnotherProcessReadsAChunkByIds) {
  World here;
  const MemberIndex a = here.AddMentor("a");
  const MemberIndex gone = here.AddMentor("gone");
  const MemberIndex b = here.AddMentor("b");
  const std::string bytes =
      EncodeChunk(AChunk(here, {a, gone, b}), here.view().members);
  World there;
  const MemberIndex other_b = there.AddMentor("b");
  const MemberIndex other_a = there.AddMentor("a");
  MITRA_ASSERT_OK_AND_ASSIGN(const ChunkResult chunk,
                             DecodeChunk(bytes, there.view().members, 2, 1));
  EXPECT_EQ(chunk.first_revision, 7u);
  EXPECT_EQ(chunk.last_revision, 9u);
  EXPECT_THAT(chunk.subject_revisions, ::testing::ElementsAre(3, 0));
  const CandidateLists& lists = chunk.kinds[0];
  ASSERT_EQ(lists.of(0).size(), 2u) << "who is gone is left out";
  EXPECT_EQ(lists.of(0)[0].member, other_a);
  EXPECT_EQ(lists.of(0)[1].member, other_b);
  EXPECT_TRUE(lists.of(1).empty());
  EXPECT_EQ(lists.flags[0], kListExhausted | kMissingTies << kMissingShift);
}

TEST(CandidateListsTest, WhatIsNoChunkIsRefused) {
  World world;
  const MemberIndex a = world.AddMentor("a");
  const MemberView members = world.view().members;
  const std::string bytes = EncodeChunk(AChunk(world, {a}), members);
  MITRA_ASSERT_OK(DecodeChunk(bytes, members, 2, 1));
  EXPECT_FALSE(DecodeChunk(bytes, members, 3, 1).ok());
  EXPECT_FALSE(DecodeChunk(bytes, members, 2, 2).ok());
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_FALSE(DecodeChunk(bytes.substr(0, cut), members, 2, 1).ok()) << cut;
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string wrong = bytes;
    wrong[i] = '\xff';
    (void)DecodeChunk(wrong, members, 2, 1);  // whatever it says, no harm
  }
}

TEST(ChunkLogTest, KeepsEachChunkOnceOverARestart) {
  const mitra::testing::TempDir dir;
  {
    MITRA_ASSERT_OK_AND_ASSIGN(const auto log,
                               ChunkLog::Open(dir.File("log"), 4));
    MITRA_ASSERT_OK_AND_ASSIGN(const bool first, log->Append(2, "two"));
    MITRA_ASSERT_OK_AND_ASSIGN(const bool again, log->Append(2, "other"));
    EXPECT_TRUE(first);
    EXPECT_FALSE(again);
    MITRA_ASSERT_OK(log->Append(0, std::string(100'000, 'x')));
    EXPECT_FALSE(log->Append(4, "").ok());
  }
  MITRA_ASSERT_OK_AND_ASSIGN(const auto log,
                             ChunkLog::Open(dir.File("log"), 4));
  EXPECT_EQ(log->count(), 2u);
  EXPECT_TRUE(log->Has(0));
  EXPECT_FALSE(log->Has(1));
  EXPECT_THAT(log->Read(2), IsOkAndHolds("two"));
  EXPECT_EQ(log->Read(0)->size(), 100'000u);
  EXPECT_THAT(log->Read(1), StatusIs(absl::StatusCode::kNotFound));
}

TEST(ChunkLogTest, WhatIsCutOrDamagedIsNotThere) {
  const mitra::testing::TempDir dir;
  const std::string path = dir.File("log");
  {
    MITRA_ASSERT_OK_AND_ASSIGN(const auto log, ChunkLog::Open(path, 3));
    MITRA_ASSERT_OK(log->Append(0, "first"));
    MITRA_ASSERT_OK(log->Append(1, "second"));
  }
  const std::string whole = mitra::testing::ReadFileOrEmpty(path);
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    mitra::testing::WriteFileOrDie(path, whole.substr(0, cut));
    MITRA_ASSERT_OK_AND_ASSIGN(const auto log, ChunkLog::Open(path, 3));
    EXPECT_EQ(log->count(), cut >= whole.size() / 2 ? 1u : 0u) << cut;
    MITRA_ASSERT_OK(log->Append(2, "third"));
    EXPECT_THAT(log->Read(2), IsOkAndHolds("third"));
  }
  std::string damaged = whole;
  damaged.back() ^= 1;
  mitra::testing::WriteFileOrDie(path, damaged);
  MITRA_ASSERT_OK_AND_ASSIGN(const auto log, ChunkLog::Open(path, 3));
  EXPECT_TRUE(log->Has(0));
  EXPECT_FALSE(log->Has(1)) << "its checksum is wrong";
}

}  // namespace
}  // namespace mitra::matching
