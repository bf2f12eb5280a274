#include "services/profile/rpc/import_rows.h"

#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::profile {
namespace {

using ::testing::HasSubstr;

v1::ImportRequest ARow(uint64_t number, const std::string& id,
                       const std::string& name) {
  v1::ImportRequest row;
  row.set_row(number);
  row.mutable_profile()->set_profile_id(id);
  row.mutable_profile()->set_display_name(name);
  return row;
}

// The bytes of `message` with "kopi" made into a wrong UTF-8 sequence.
rpc::RawMessage Spoilt(const v1::ImportRequest& message) {
  std::string bytes = message.SerializeAsString();
  const size_t at = bytes.find("kopi");
  bytes[at] = '\xc3';
  bytes[at + 1] = '\x28';
  return rpc::RawMessage(bytes);
}

absl::Status Why(const v1::ImportRequest& row) {
  return FromRpcStatus(row.unreadable());
}

TEST(ImportRowsTest, AGoodMessageIsItself) {
  const v1::ImportRequest row = ARow(3, "a", "kopi");
  EXPECT_EQ(ReadImport(rpc::RawMessage::Of(row)).SerializeAsString(),
            row.SerializeAsString());
}

TEST(ImportRowsTest, ARowThatIsNotUtf8SaysSoWithItsNumberAndId) {
  const v1::ImportRequest row = ReadImport(Spoilt(ARow(3, "a", "kopi")));

  EXPECT_EQ(row.row(), 3u);
  EXPECT_EQ(row.profile().profile_id(), "a");
  EXPECT_THAT(Why(row), NamesField("profile.display_name"));
  EXPECT_THAT(std::string(Why(row).message()), HasSubstr("byte 0"));
}

TEST(ImportRowsTest, NeighboursInTheSameMessageAreLeftAlone) {
  v1::ImportRequest message = ARow(1, "own", "teh");
  *message.add_rows() = ARow(2, "a", "gula");
  *message.add_rows() = ARow(3, "b", "kopi");
  *message.add_rows() = ARow(4, "c", "susu");

  const v1::ImportRequest read = ReadImport(Spoilt(message));

  EXPECT_EQ(read.profile().display_name(), "teh");
  ASSERT_EQ(read.rows_size(), 3);
  EXPECT_EQ(read.rows(0).SerializeAsString(),
            message.rows(0).SerializeAsString());
  EXPECT_EQ(read.rows(1).row(), 3u);
  EXPECT_THAT(Why(read.rows(1)), NamesField("profile.display_name"));
  EXPECT_EQ(read.rows(2).SerializeAsString(),
            message.rows(2).SerializeAsString());
}

TEST(ImportRowsTest, TheMessagesOwnRowMayBeTheBadOne) {
  v1::ImportRequest message = ARow(1, "own", "kopi");
  *message.add_rows() = ARow(2, "a", "gula");

  const v1::ImportRequest read = ReadImport(Spoilt(message));

  EXPECT_TRUE(read.has_unreadable());
  EXPECT_EQ(read.row(), 1u);
  ASSERT_EQ(read.rows_size(), 1);
  EXPECT_EQ(read.rows(0).profile().display_name(), "gula");
}

TEST(ImportRowsTest, AnIdThatIsBadIsNotRepeated) {
  const v1::ImportRequest row = ReadImport(Spoilt(ARow(9, "kopi", "teh")));
  EXPECT_EQ(row.row(), 9u);
  EXPECT_EQ(row.profile().profile_id(), "");
  EXPECT_THAT(Why(row), NamesField("profile.profile_id"));
}

TEST(ImportRowsTest, OfATornMessageWhatCameBeforeIsKept) {
  v1::ImportRequest message;
  *message.add_rows() = ARow(2, "a", "gula");
  *message.add_rows() = ARow(3, "b", "kopi");
  std::string bytes = message.SerializeAsString();
  bytes.resize(bytes.size() - 2);

  const v1::ImportRequest read = ReadImport(rpc::RawMessage(bytes));

  ASSERT_EQ(read.rows_size(), 2);
  EXPECT_EQ(read.rows(0).profile().profile_id(), "a");
  EXPECT_THAT(Why(read.rows(1)), HasReason("MALFORMED_MESSAGE"));
  EXPECT_TRUE(ReadImport(rpc::RawMessage("\x12\x7f")).has_unreadable());
}

}  // namespace
}  // namespace mitra::profile
