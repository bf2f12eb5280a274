#include "common/security/api_key.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra {
namespace {

using ::testing::IsNull;
using ::testing::NotNull;

class ApiKeyTest : public ::testing::Test {
 protected:
  ApiKeyTest() : path_(absl::StrCat(::testing::TempDir(), "/keys_", getpid())) {
    unlink(path_.c_str());
  }
  ~ApiKeyTest() override {
    unlink(path_.c_str());
    unlink((path_ + ".lock").c_str());
  }

  NewKey Make(absl::Time expires = absl::InfiniteFuture()) {
    auto key = MakeApiKey("solo", {"profiles:read"}, "", expires);
    EXPECT_THAT(key, IsOk());
    return *key;
  }

  std::string path_;
};

TEST_F(ApiKeyTest, VerifiesWhatItMadeAndNothingElse) {
  const NewKey key = Make();
  MITRA_ASSERT_OK(AppendKeyRecord(path_, key.record));
  MITRA_ASSERT_OK(AppendKeyRecord(path_, Make().record));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto set, LoadKeyFile(path_));
  const absl::Time now = absl::Now();

  const KeyRecord* record = set->Verify(key.text, now);
  ASSERT_THAT(record, NotNull());
  EXPECT_EQ(record->label, "solo");

  EXPECT_THAT(set->Verify(key.text + "x", now), IsNull());
  EXPECT_THAT(set->Verify(key.text.substr(0, key.text.size() - 1), now),
              IsNull());
  for (const char* text : {"", "mk_", "mk_aaaaaaaa_", "Bearer x"}) {
    EXPECT_THAT(set->Verify(text, now), IsNull()) << text;
  }
}

// A secret is hashed once; what is known of it must prove nothing else.
TEST_F(ApiKeyTest, AKeyThatFittedOnceIsNoOtherKey) {
  const NewKey key = Make();
  const NewKey other = Make();
  MITRA_ASSERT_OK(AppendKeyRecord(path_, key.record));
  MITRA_ASSERT_OK(AppendKeyRecord(path_, other.record));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto set, LoadKeyFile(path_));
  const absl::Time now = absl::Now();
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int j = 0; j < 100; ++j) {
        ASSERT_THAT(set->Verify(key.text, now), NotNull());
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  // The other's secret under this id, and every secret one letter off.
  EXPECT_THAT(set->Verify(key.text.substr(0, 12) + other.text.substr(12), now),
              IsNull());
  for (size_t i = 12; i < key.text.size(); ++i) {
    std::string wrong = key.text;
    wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
    EXPECT_THAT(set->Verify(wrong, now), IsNull()) << i;
  }
  // Nothing of it outlives its end.
  MITRA_ASSERT_OK(RevokeKey(path_, key.record.id));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto later, LoadKeyFile(path_));
  EXPECT_THAT(later->Verify(key.text, now), IsNull());
}

TEST_F(ApiKeyTest, AKeyThatFittedExpiresAllTheSame) {
  const absl::Time now = absl::Now();
  const NewKey key = Make(now + absl::Seconds(5));
  MITRA_ASSERT_OK(AppendKeyRecord(path_, key.record));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto set, LoadKeyFile(path_));
  EXPECT_THAT(set->Verify(key.text, now), NotNull());
  EXPECT_THAT(set->Verify(key.text, now + absl::Seconds(6)), IsNull());
}

TEST_F(ApiKeyTest, TheFileHoldsNoSecretAndIsPrivate) {
  const NewKey key = Make();
  MITRA_ASSERT_OK(AppendKeyRecord(path_, key.record));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto set, LoadKeyFile(path_));
  EXPECT_EQ(key.text.find(set->records()[0].hash), std::string::npos);
  struct stat info = {};
  stat(path_.c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ApiKeyTest, ExpiredAndRevokedKeysDoNotVerify) {
  const absl::Time now = absl::Now();
  const NewKey old = Make(now - absl::Seconds(5));
  const NewKey key = Make();
  MITRA_ASSERT_OK(AppendKeyRecord(path_, old.record));
  MITRA_ASSERT_OK(AppendKeyRecord(path_, key.record));
  MITRA_ASSERT_OK(RevokeKey(path_, key.record.id));

  MITRA_ASSERT_OK_AND_ASSIGN(const auto set, LoadKeyFile(path_));

  EXPECT_THAT(set->Verify(old.text, now), IsNull());
  EXPECT_THAT(set->Verify(key.text, now), IsNull());
  EXPECT_THAT(RevokeKey(path_, "zzzzzzzz"), HasReason("KEY_NOT_FOUND"));
}

TEST_F(ApiKeyTest, AppendsToAFileWhoseLastLineHasNoEnd) {
  const NewKey first = Make();
  MITRA_ASSERT_OK(AppendKeyRecord(path_, first.record));
  struct stat info = {};
  stat(path_.c_str(), &info);
  ASSERT_EQ(truncate(path_.c_str(), info.st_size - 1), 0);

  MITRA_ASSERT_OK(AppendKeyRecord(path_, Make().record));

  MITRA_ASSERT_OK_AND_ASSIGN(const auto set, LoadKeyFile(path_));
  EXPECT_EQ(set->records().size(), 2u);
  EXPECT_THAT(set->Verify(first.text, absl::Now()), NotNull());
}

// Every writer reads the file and replaces it, so that without a lock one would
// undo what another has just done.
TEST_F(ApiKeyTest, ManyWritersLoseNothing) {
  constexpr int kWriters = 4;
  constexpr int kKeys = 25;
  std::vector<NewKey> keys;
  for (int i = 0; i < kWriters * kKeys; ++i) keys.push_back(Make());
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kKeys; ++i) {
        const KeyRecord& record = keys[writer * kKeys + i].record;
        MITRA_EXPECT_OK(AppendKeyRecord(path_, record));
        if (i % 2 == 0) {
          MITRA_EXPECT_OK(RevokeKey(path_, record.id));
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  MITRA_ASSERT_OK_AND_ASSIGN(const auto set, LoadKeyFile(path_));
  for (size_t i = 0; i < keys.size(); ++i) {
    const bool revoked = i % kKeys % 2 == 0;
    EXPECT_EQ(set->Verify(keys[i].text, absl::Now()) == nullptr, revoked) << i;
  }
  EXPECT_EQ(set->records().size(), keys.size());
}

mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(stat(path.c_str(), &info), 0);
  return info.st_mode & 0777;
}

TEST_F(ApiKeyTest, NeitherOldFilesNorTheMaskOpenItToOthers) {
  const mode_t mask = umask(0);
  // What an older version may have left behind.
  std::ofstream(path_ + ".tmp") << "left behind";
  chmod((path_ + ".tmp").c_str(), 0666);
  const NewKey key = Make();
  MITRA_EXPECT_OK(AppendKeyRecord(path_, key.record));
  MITRA_EXPECT_OK(RevokeKey(path_, key.record.id));
  EXPECT_EQ(ModeOf(path_), 0600u);
  chmod(path_.c_str(), 0664);
  MITRA_EXPECT_OK(RevokeKey(path_, key.record.id));
  EXPECT_EQ(ModeOf(path_), 0640u) << "a group that reads it goes on reading";
  umask(mask);
  unlink((path_ + ".tmp").c_str());
}

TEST_F(ApiKeyTest, LeavesNoTemporaryFileAndKeepsASymbolicLink) {
  const std::string folder = path_ + ".d";
  std::filesystem::create_directory(folder);
  const std::string file = folder + "/real.jsonl";
  symlink(file.c_str(), path_.c_str());
  const NewKey key = Make();
  MITRA_ASSERT_OK(AppendKeyRecord(file, key.record));
  MITRA_ASSERT_OK(RevokeKey(path_, key.record.id));
  MITRA_ASSERT_OK(AppendKeyRecord(path_, Make().record));
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto set, LoadKeyFile(file));
  EXPECT_EQ(set->records().size(), 2u);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files += entry.path().extension() != ".lock";
  }
  EXPECT_EQ(files, 1);
  std::filesystem::remove_all(folder);
}

TEST_F(ApiKeyTest, NamesTheLineThatIsWrong) {
  EXPECT_THAT(KeySet::Parse("\n{\"id\":3}"), NamesField("line 2.id"));
  EXPECT_THAT(KeySet::Parse("nonsense"), NamesField("line 1"));
  EXPECT_THAT(KeySet::Parse("{}"), NamesField("line 1.id"));
  EXPECT_THAT(KeySet::Parse("{\"id\":\"abcdefgh\",\"hash\":\"x\"}"),
              NamesField("line 1.hash"));
  EXPECT_THAT(KeySet::Parse("{\"color\":\"red\"}"), NamesField("line 1.color"));
}

TEST_F(ApiKeyTest, RefusesScopesAndLabelsThatMakeNoSense) {
  const absl::Time never = absl::InfiniteFuture();
  EXPECT_THAT(MakeApiKey("", {"*"}, "", never), NamesField("label"));
  EXPECT_THAT(MakeApiKey("x", {"Profiles"}, "", never), NamesField("scopes"));
  EXPECT_THAT(MakeApiKey("x", {"*"}, "a/b", never), NamesField("member_id"));
  for (const char* label : {"jwt:https://a/b", "JWT:x", "key:abcdefgh"}) {
    EXPECT_THAT(MakeApiKey(label, {"*"}, "", never), NamesField("label"));
  }
}

TEST_F(ApiKeyTest, KeysOfOneLabelAreApartUnlessOneReplacesTheOther) {
  const NewKey first = Make();
  NewKey second = Make();
  EXPECT_EQ(first.record.label, second.record.label);
  EXPECT_NE(first.record.Identity(), second.record.Identity());
  MITRA_ASSERT_OK(AppendKeyRecord(path_, first.record));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto set, LoadKeyFile(path_));
  MITRA_ASSERT_OK(TakeOverIdentity(*set, first.record.id, second.record));
  EXPECT_EQ(second.record.Identity(), first.record.Identity());
  MITRA_ASSERT_OK(AppendKeyRecord(path_, second.record));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto both, LoadKeyFile(path_));
  EXPECT_EQ(both->Verify(second.text, absl::Now())->Identity(),
            first.record.Identity());
  EXPECT_THAT(TakeOverIdentity(*set, "zzzzzzzz", second.record),
              HasReason("KEY_NOT_FOUND"));
  second.record.member_id = "sari";
  EXPECT_THAT(TakeOverIdentity(*set, first.record.id, second.record),
              NamesField("member_id"));
}

TEST_F(ApiKeyTest, KeysOfFormerVersionsGoByTheirLabel) {
  const std::string line =
      absl::StrCat(R"({"id":"abcdefgh","label":"solo","scopes":["*"],"hash":")",
                   std::string(64, 'a'), "\"}");
  MITRA_ASSERT_OK_AND_ASSIGN(const auto set, KeySet::Parse(line));
  EXPECT_EQ(set->records()[0].Identity(), "solo");
}

TEST_F(ApiKeyTest, AQuotaOfItsOwnIsKeptAndChecked) {
  NewKey key = Make();
  MITRA_ASSERT_OK(SetKeyQuota(2.5, 10, key.record));
  MITRA_ASSERT_OK(AppendKeyRecord(path_, key.record));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto set, LoadKeyFile(path_));
  EXPECT_EQ(set->records()[0].units_per_second, 2.5);
  EXPECT_EQ(set->records()[0].burst_units, 10);
  EXPECT_THAT(SetKeyQuota(-1, 0, key.record), NamesField("units_per_second"));
  EXPECT_THAT(SetKeyQuota(5, 4, key.record), NamesField("burst_units"));
}

}  // namespace
}  // namespace mitra
