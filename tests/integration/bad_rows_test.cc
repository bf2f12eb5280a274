// What must not enter the record, and what happens to those beside it.

#include <sqlite3.h>

#include <cstring>
#include <limits>

#include "gmock/gmock.h"
#include "mitra/v1/change_feed_service.grpc.pb.h"
#include "tests/integration/record_fixture.h"

namespace mitra {
namespace {

using ::testing::HasSubstr;

// Bytes that are not UTF-8: a lone continuation, a surrogate, an overlong form.
constexpr const char* kNotUtf8[] = {"\xc3\x28", "\xed\xa0\x80", "\xc0\xaf"};

class BadRowsTest : public RecordTest {
 protected:
  // Sends the messages on one stream, which must end well.
  std::vector<v1::RowResult> Send(const std::vector<v1::ImportRequest>& sent) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(60));
    auto stream = profiles_->Import(&context);
    std::vector<v1::RowResult> results;
    std::thread reader([&] {
      v1::ImportResponse response;
      while (stream->Read(&response)) {
        results.insert(results.end(), response.results().begin(),
                       response.results().end());
      }
    });
    for (const auto& message : sent) EXPECT_TRUE(stream->Write(message));
    stream->WritesDone();
    reader.join();
    EXPECT_THAT(ToStatus(stream->Finish()), IsOk());
    return results;
  }
  static v1::ImportRequest RowOf(uint64_t number, const v1::Profile& profile) {
    v1::ImportRequest row;
    row.set_row(number);
    *row.mutable_profile() = profile;
    return row;
  }
};

TEST_F(BadRowsTest, ARowThatIsNotUtf8IsRejectedAloneInAStream) {
  std::vector<v1::ImportRequest> rows;
  for (const char* bad : kNotUtf8) {
    rows.push_back(
        RowOf(rows.size() + 1, AShop(absl::StrCat("g", rows.size()))));
    rows.push_back(RowOf(rows.size() + 1, AShop("bad", bad)));
  }
  rows.push_back(RowOf(rows.size() + 1, AShop("last")));

  const auto results = Send(rows);

  ASSERT_EQ(results.size(), rows.size());
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].row(), i + 1);
    if (i % 2 == 0) {
      EXPECT_EQ(results[i].verdict(), v1::ROW_VERDICT_CREATED);
      continue;
    }
    EXPECT_EQ(results[i].verdict(), v1::ROW_VERDICT_REJECTED);
    EXPECT_EQ(results[i].id(), "bad");
    EXPECT_THAT(results[i].status().message(),
                HasSubstr("profile.about: is not UTF-8 at byte 0"));
  }
  EXPECT_EQ(AllIds(), (std::set<std::string>{"g0", "g2", "g4", "last"}));
}

TEST_F(BadRowsTest, AndAmongTheNeighboursInItsMessage) {
  v1::ImportRequest packed;
  for (int i = 1; i <= 128; ++i) {
    *packed.add_rows() =
        RowOf(static_cast<uint64_t>(i), AShop(absl::StrCat("p", i)));
  }
  packed.mutable_rows(76)->mutable_profile()->set_display_name("Caf\xe9");

  const auto results = Send({packed});

  ASSERT_EQ(results.size(), 128u);
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].row(), i + 1);
    EXPECT_EQ(results[i].verdict(),
              i == 76 ? v1::ROW_VERDICT_REJECTED : v1::ROW_VERDICT_CREATED);
  }
  EXPECT_THAT(results[76].status().message(),
              HasSubstr("profile.display_name: is not UTF-8 at byte 3"));
  EXPECT_EQ(AllIds(50).size(), 127u);
}

TEST_F(BadRowsTest, WhatTheSenderCouldNotReadIsRejectedInItsTurn) {
  v1::ImportRequest unread = RowOf(2, AShop("unread"));
  *unread.mutable_unreadable() =
      ToRpcStatus(InvalidField("line 2", "is not JSON"));
  v1::ImportRequest no_error;
  no_error.set_row(3);
  (void)no_error.mutable_unreadable();

  const auto results =
      Send({RowOf(1, AShop("a")), unread, no_error, RowOf(4, AShop("b"))});

  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[1].row(), 2u);
  EXPECT_EQ(results[1].verdict(), v1::ROW_VERDICT_REJECTED);
  EXPECT_EQ(results[1].status().message(), "line 2: is not JSON");
  EXPECT_THAT(results[2].status().message(), HasSubstr("unreadable.code"));
  EXPECT_EQ(AllIds(), (std::set<std::string>{"a", "b"}));
}

TEST_F(BadRowsTest, UnaryCallsNameTheFieldAndThePosition) {
  for (const char* bad : kNotUtf8) {
    v1::Profile profile = AShop("a");
    profile.mutable_facets(0)->mutable_needs(0)->set_text(
        absl::StrCat("kopi ", bad));
    const absl::Status status = Upsert(profile).status();
    EXPECT_THAT(status, HasReason("MALFORMED_MESSAGE"));
    EXPECT_THAT(status, NamesField("profile.facets[0].needs[0].text"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("byte 5"));
  }
  const absl::Status nul = Upsert(AShop("a", std::string("a\0b", 3))).status();
  EXPECT_THAT(nul, NamesField("profile.about"));
  EXPECT_THAT(std::string(nul.message()), HasSubstr("control character"));
  EXPECT_TRUE(AllIds().empty());
}

TEST_F(BadRowsTest, AThousandBadRowsHaveAThousandShortVerdicts) {
  v1::BatchUpsertProfilesRequest batch;
  for (int i = 0; i < 1000; ++i) {
    v1::Profile& profile = *batch.add_profiles();
    profile = AShop(absl::StrCat("b", i), std::string(3000, 'x'));
    profile.set_region_code("99.99");
    profile.set_display_name(std::string(201, 'y'));
    profile.mutable_facets(0)->mutable_needs(0)->set_text(
        std::string(1, '\x01'));
  }
  v1::BatchUpsertProfilesResponse response;

  MITRA_ASSERT_OK(Call(*profiles_, &v1::Profiles::Stub::BatchUpsertProfiles,
                       batch, response));

  ASSERT_EQ(response.results_size(), 1000);
  for (const auto& result : response.results()) {
    EXPECT_EQ(result.verdict(), v1::ROW_VERDICT_REJECTED);
    EXPECT_LE(result.status().message().size(), 1000u);
    EXPECT_THAT(result.status().message(), HasSubstr("2 more"));
  }
  EXPECT_LT(response.ByteSizeLong(), 4u << 20);
  EXPECT_TRUE(AllIds().empty());
  *batch.add_profiles() = AShop("one-too-many");
  EXPECT_THAT(Call(*profiles_, &v1::Profiles::Stub::BatchUpsertProfiles, batch,
                   response),
              NamesField("profiles"));
}

TEST_F(BadRowsTest, AMessageOfFiveMegabytesIsRefusedAndOneFieldOfThreeNamed) {
  EXPECT_THAT(Upsert(AShop("a", std::string(5 << 20, 'x'))).status(),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Upsert(AShop("a", std::string(3 << 20, 'x'))).status(),
              NamesField("profile.about"));
  MITRA_EXPECT_OK(Upsert(AShop("a")).status()) << "the service goes on";
}

// Makes a stored name text that is not UTF-8, past the program.
bool Spoil(const std::string& path, const std::string& id) {
  sqlite3* db = nullptr;
  sqlite3_stmt* read = nullptr;
  sqlite3_stmt* write = nullptr;
  bool done = false;
  if (sqlite3_open(path.c_str(), &db) == SQLITE_OK &&
      sqlite3_prepare_v2(db, "SELECT body FROM entities WHERE key = ?", -1,
                         &read, nullptr) == SQLITE_OK &&
      sqlite3_prepare_v2(db, "UPDATE entities SET body = ? WHERE key = ?", -1,
                         &write, nullptr) == SQLITE_OK &&
      sqlite3_bind_text(read, 1, id.c_str(), -1, nullptr) == SQLITE_OK &&
      sqlite3_step(read) == SQLITE_ROW) {
    std::string body(static_cast<const char*>(sqlite3_column_blob(read, 0)),
                     static_cast<size_t>(sqlite3_column_bytes(read, 0)));
    const size_t at = body.find("Warung");
    if (at != std::string::npos) body.replace(at, 2, "\xc3\x28");
    sqlite3_reset(read);
    sqlite3_bind_blob(write, 1, body.data(), static_cast<int>(body.size()),
                      SQLITE_TRANSIENT);
    sqlite3_bind_text(write, 2, id.c_str(), -1, nullptr);
    done = at != std::string::npos && sqlite3_step(write) == SQLITE_DONE;
  }
  sqlite3_finalize(read);
  sqlite3_finalize(write);
  sqlite3_close(db);
  return done;
}

// Somebody, or a disk, changed a stored profile behind the program's back.
TEST_F(BadRowsTest, ABadRecordInTheStoreIsCountedAndSpoilsNoList) {
  for (const char* id : {"a", "b", "c"}) {
    MITRA_ASSERT_OK(Upsert(AShop(id)).status());
  }
  cluster_->Kill("profile");
  ASSERT_TRUE(Spoil(cluster_->data_dir("profile") + "/record.db", "b"));
  MITRA_ASSERT_OK(cluster_->Restart("profile"));
  Connect();

  v1::ListProfilesResponse page;
  MITRA_ASSERT_OK(Call(*profiles_, &v1::Profiles::Stub::ListProfiles,
                       v1::ListProfilesRequest(), page));

  ASSERT_EQ(page.profiles_size(), 2);
  EXPECT_EQ(page.profiles(0).profile_id(), "a");
  EXPECT_EQ(page.profiles(1).profile_id(), "c");
  EXPECT_EQ(page.unreadable(), 1u);
  EXPECT_THAT(Get("b").status(), HasReason("DAMAGED_RECORD"));
  MITRA_EXPECT_OK(Get("c").status());
  MITRA_EXPECT_OK(Upsert(AShop("b", "baru")).status()) << "it can be replaced";
  EXPECT_EQ(AllIds().size(), 3u);
}

// A record whose vectors come from its callers, of 16 numbers.
class CallerVectorsTest : public RecordTest {
 protected:
  CallerVectorsTest()
      : RecordTest({"--embedding.embedder=caller", "--embedding.dimension=16",
                    "--embedding.model=minilm"}) {}

  static v1::Profile WithVector(const std::string& id,
                                const std::vector<float>& values,
                                const std::string& model = "minilm") {
    v1::Profile profile = AShop(id);
    v1::Vector& vector = *profile.mutable_facets(0)->mutable_need_vector();
    vector.mutable_values()->Add(values.begin(), values.end());
    vector.set_model_id(model);
    return profile;
  }
  static std::vector<float> Good() {
    std::vector<float> values(16);
    values[3] = 1;
    return values;
  }
  static std::vector<float> GoodBut(float last) {
    std::vector<float> values = Good();
    values[15] = last;
    return values;
  }
  // The vector as the record gives it away.
  std::vector<float> StoredVector(const std::string& id) {
    auto feed = v1::ChangeFeed::NewStub(channel_);
    v1::ReadSnapshotRequest snapshot;
    snapshot.mutable_selector()->set_profiles(true);
    snapshot.mutable_selector()->set_vectors(true);
    v1::ReadSnapshotResponse page;
    EXPECT_THAT(
        Call(*feed, &v1::ChangeFeed::Stub::ReadSnapshot, snapshot, page),
        IsOk());
    for (const auto& change : page.changes()) {
      if (change.profile().profile().profile_id() != id) continue;
      const std::string& bytes = change.profile().vectors(0).need();
      std::vector<float> values(bytes.size() / sizeof(float));
      std::memcpy(values.data(), bytes.data(), bytes.size());
      return values;
    }
    return {};
  }
};

TEST_F(CallerVectorsTest, ABadVectorStoresNothing) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> bad[] = {std::vector<float>(15, 1),
                                    std::vector<float>(17, 1),
                                    {},
                                    GoodBut(nan),
                                    GoodBut(inf),
                                    GoodBut(-inf),
                                    std::vector<float>(16, 0),
                                    std::vector<float>(16, 1e-30f)};
  for (const auto& values : bad) {
    const absl::Status status = Upsert(WithVector("new", values)).status();
    EXPECT_THAT(status, NamesField("profile.facets[0].need_vector"));
    EXPECT_THAT(Get("new").status(), HasReason("PROFILE_NOT_FOUND"));
  }
  const absl::Status length =
      Upsert(WithVector("new", std::vector<float>(15, 1))).status();
  EXPECT_THAT(std::string(length.message()), HasSubstr("16"));
  EXPECT_THAT(std::string(length.message()), HasSubstr("15"));
}

TEST_F(CallerVectorsTest, ABadVectorLeavesTheGoodOneAsItWas) {
  MITRA_ASSERT_OK(Upsert(WithVector("a", Good())).status());
  const std::vector<float> before = StoredVector("a");
  ASSERT_EQ(before, Good());
  v1::Profile changed = WithVector("a", std::vector<float>(15, 1));
  changed.set_about("berubah");
  EXPECT_THAT(Upsert(changed).status(),
              NamesField("profile.facets[0].need_vector"));
  changed = WithVector("a", Good(), "another-model");
  changed.set_about("berubah");
  EXPECT_THAT(Upsert(changed).status(),
              NamesField("profile.facets[0].need_vector.model_id"));
  EXPECT_EQ(StoredVector("a"), before);
  MITRA_ASSERT_OK_AND_ASSIGN(const auto stored, Get("a"));
  EXPECT_EQ(stored.about(), "warung");
}

TEST_F(CallerVectorsTest, AVectorWithoutItsModelIsRefused) {
  EXPECT_THAT(Upsert(WithVector("a", Good(), "")).status(),
              NamesField("profile.facets[0].need_vector.model_id"));
  EXPECT_THAT(Get("a").status(), HasReason("PROFILE_NOT_FOUND"));
}

}  // namespace
}  // namespace mitra
