#include "common/security/api_key.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
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
  ~ApiKeyTest() override { unlink(path_.c_str()); }

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
}

}  // namespace
}  // namespace mitra
