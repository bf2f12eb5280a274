#include "services/gateway/http/json_codec.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "google/protobuf/util/time_util.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/operations_service.pb.h"
#include "mitra/v1/profiles_service.pb.h"
#include "mitra/v1/recommendations_service.pb.h"
#include "mitra/v1/retrieval_service.pb.h"
#include "mitra/v1/search_service.pb.h"

namespace mitra::gateway {
namespace {

using google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;
using ::testing::Not;

template <typename M>
absl::StatusOr<M> Read(absl::string_view json) {
  M message;
  if (absl::Status s = ReadJson(json, "", message); !s.ok()) return s;
  return message;
}

std::string Write(const google::protobuf::Message& message) {
  std::string json;
  WriteJson(message, json);
  return json;
}

TEST(ReadJsonTest, TakesCamelCaseAndProtoNames) {
  const auto camel = Read<v1::Profile>(R"({"profileId":"a"})");
  const auto proto = Read<v1::Profile>(R"({"profile_id":"a"})");

  ASSERT_THAT(camel, IsOk());
  ASSERT_THAT(proto, IsOk());
  EXPECT_EQ(camel->profile_id(), "a");
  EXPECT_EQ(proto->profile_id(), "a");
}

TEST(ReadJsonTest, NamesUnknownFieldsWithTheirPath) {
  EXPECT_THAT(Read<v1::Profile>(R"({"profil_id":"a"})"),
              NamesField("profil_id"));
  EXPECT_THAT(
      Read<v1::Profile>(R"({"facets":[{},{"needs":[{},{},{"tpic":1}]}]})"),
      NamesField("facets[1].needs[2].tpic"));
}

TEST(ReadJsonTest, NeverEchoesWhatIsNoName) {
  const auto bad = Read<v1::Profile>(R"({"call me 0812-3456 <b>":"x"})");

  EXPECT_THAT(bad, StatusIs(absl::StatusCode::kInvalidArgument,
                            Not(HasSubstr("0812"))));
}

TEST(ReadJsonTest, RefusesUnknownEnumWordsAndNumbers) {
  EXPECT_THAT(Read<v1::Facet>(R"({"role":"MENTROR"})"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("unknown value MENTROR; one of ")));
  EXPECT_THAT(Read<v1::Facet>(R"({"role":"MENTROR"})"), NamesField("role"));
  EXPECT_THAT(Read<v1::Facet>(R"({"role":9999})"), NamesField("role"));
  const auto good = Read<v1::Facet>(R"({"role":1})");
  ASSERT_THAT(good, IsOk());
  EXPECT_EQ(static_cast<int>(good->role()), 1);
}

TEST(ReadJsonTest, KeepsEveryDigitOf64Bits) {
  using M = v1::SearchProfilesRequest;
  for (const char* json : {R"({"minRevision":9007199254740993})",
                           R"({"minRevision":"9007199254740993"})"}) {
    const auto message = Read<M>(json);
    ASSERT_THAT(message, IsOk()) << json;
    EXPECT_EQ(message->min_revision(), 9007199254740993u);
    EXPECT_EQ(Write(*message), R"({"minRevision":"9007199254740993"})");
  }
  const auto largest = Read<M>(R"({"minRevision":18446744073709551615})");
  ASSERT_THAT(largest, IsOk());
  EXPECT_EQ(largest->min_revision(), 18446744073709551615u);
}

TEST(ReadJsonTest, RefusesNumbersThatDoNotFit) {
  using M = v1::SearchProfilesRequest;
  for (const char* json :
       {R"({"minRevision":-1})", R"({"minRevision":18446744073709551616})",
        R"({"minRevision":1.5})", R"({"minRevision":"0x10"})",
        R"({"minRevision":" 1"})", R"({"minRevision":""})",
        R"({"minRevision":"many"})", R"({"minRevision":true})",
        R"({"minRevision":[1]})", R"({"minRevision":{}})",
        R"({"minRevision":1e300})"}) {
    EXPECT_THAT(Read<M>(json), NamesField("min_revision")) << json;
  }
  EXPECT_THAT(Read<M>(R"({"pageSize":2147483648})"), NamesField("page_size"));
  EXPECT_THAT(Read<v1::Vector>(R"({"values":[0.5,1e39]})"),
              NamesField("values[1]"));
  EXPECT_THAT(Read<v1::RetrieveRequest>(R"({"weight":1e400})"),
              NamesField("weight"));
  EXPECT_THAT(Read<v1::RetrieveRequest>(R"({"weight":"heavy"})"),
              NamesField("weight"));
}

TEST(ReadJsonTest, NamesWrongTypes) {
  EXPECT_THAT(Read<v1::Profile>(R"({"displayName":5})"),
              NamesField("display_name"));
  EXPECT_THAT(Read<v1::Profile>(R"({"hidden":"true"})"), NamesField("hidden"));
  EXPECT_THAT(Read<v1::Profile>(R"({"hidden":1})"), NamesField("hidden"));
  EXPECT_THAT(Read<v1::Profile>(R"({"facets":{}})"), NamesField("facets"));
  EXPECT_THAT(Read<v1::Profile>(R"({"facets":[1]})"), NamesField("facets[0]"));
  EXPECT_THAT(Read<v1::Profile>(R"({"facets":[null]})"),
              NamesField("facets[0]"));
  EXPECT_THAT(Read<v1::Profile>(R"({"contact":[]})"), NamesField("contact"));
  EXPECT_THAT(Read<v1::Profile>(R"({"contact":"x"})"), NamesField("contact"));
  EXPECT_THAT(Read<v1::Profile>(R"({"languages":"id"})"),
              NamesField("languages"));
  EXPECT_THAT(Read<v1::Profile>(R"({"languages":[["id"]]})"),
              NamesField("languages[0]"));
  EXPECT_THAT(Read<v1::Profile>(R"({"updateTime":"yesterday"})"),
              NamesField("update_time"));
  EXPECT_THAT(Read<v1::Profile>(R"({"updateTime":{"seconds":1}})"),
              NamesField("update_time"));
}

TEST(ReadJsonTest, RefusesWhatIsNotOneObject) {
  for (const char* json : {"null",
                           "[]",
                           "5",
                           "\"x\"",
                           "true",
                           "",
                           " ",
                           "{",
                           "{}{}",
                           "{} x",
                           "{'profileId':'a'}",
                           "{profileId:\"a\"}",
                           "{\"profileId\":\"a\",}",
                           "{\"profileId\":\"a\"",
                           "{\"languages\":[\"id\",]}",
                           "// c\n{}",
                           "{\"profileId\":\"a\xC3\x28\"}",
                           "{\"profileId\":\"\xED\xA0\x80\"}",
                           "{\"profileId\":\"\\ud800\"}",
                           "{\"profileId\":\"a\nb\"}",
                           "{\"revision\":01}",
                           "{\"revision\":NaN}",
                           "\xEF\xBB\xBF{"}) {
    EXPECT_THAT(Read<v1::Profile>(json), HasReason("MALFORMED_JSON")) << json;
  }
}

TEST(ReadJsonTest, RefusesNamesGivenTwiceAndTwoChoicesOfOneof) {
  EXPECT_THAT(Read<v1::Profile>(R"({"profileId":"a","profile_id":"b"})"),
              NamesField("profile_id"));
  EXPECT_THAT(
      Read<v1::RetrieveRequest>(R"({"profileId":"a","text":{"need":"x"}})"),
      NamesField("text"));
}

TEST(ReadJsonTest, StopsAtDeepNesting) {
  EXPECT_THAT(Read<v1::Profile>(std::string(100'000, '[')),
              HasReason("MALFORMED_JSON"));
  EXPECT_THAT(Read<v1::Profile>("{\"facets\":" + std::string(100'000, '[')),
              NamesField("facets[0]"));
}

TEST(ReadJsonTest, TakesNullAsNotGiven) {
  const auto message =
      Read<v1::RecommendRequest>(R"({"pageSize":null,"filter":null})");

  ASSERT_THAT(message, IsOk());
  EXPECT_FALSE(message->has_page_size());
  EXPECT_FALSE(message->has_filter());
}

TEST(ReadJsonTest, TellsZeroFromAbsent) {
  const auto zero =
      Read<v1::RecommendRequest>(R"({"pageSize":0,"subjectWeight":0.0})");

  ASSERT_THAT(zero, IsOk());
  EXPECT_TRUE(zero->has_page_size());
  EXPECT_TRUE(zero->has_subject_weight());
  EXPECT_FALSE(Read<v1::RecommendRequest>("{}")->has_page_size());
}

TEST(ReadJsonTest, PutsThePrefixBeforePaths) {
  v1::Profile profile;

  EXPECT_THAT(ReadJson(R"({"nam":1})", "profile", profile),
              NamesField("profile.nam"));
}

TEST(SetFromTextTest, SetsNestedAndRepeatedFields) {
  v1::RecommendRequest request;

  MITRA_ASSERT_OK(SetFromText("profile_id", "m1", request));
  MITRA_ASSERT_OK(SetFromText("filter.regionCodes", "31", request));
  MITRA_ASSERT_OK(SetFromText("filter.region_codes", "32", request));
  MITRA_ASSERT_OK(SetFromText("filter.seatsFree", "true", request));
  MITRA_ASSERT_OK(SetFromText("pageSize", "5", request));
  MITRA_ASSERT_OK(SetFromText("minRevision", "9007199254740993", request));

  EXPECT_EQ(request.filter().region_codes_size(), 2);
  EXPECT_TRUE(request.filter().seats_free());
  EXPECT_EQ(request.page_size(), 5);
  EXPECT_EQ(request.min_revision(), 9007199254740993u);
}

TEST(SetFromTextTest, NamesWhatDoesNotFit) {
  v1::RecommendRequest request;
  MITRA_ASSERT_OK(SetFromText("page_size", "5", request));

  EXPECT_THAT(SetFromText("pageSize", "6", request), NamesField("page_size"));
  EXPECT_THAT(SetFromText("page_siz", "6", request), NamesField("page_siz"));
  EXPECT_THAT(SetFromText("filter", "x", request), NamesField("filter"));
  EXPECT_THAT(SetFromText("filter.x", "x", request), NamesField("filter.x"));
  EXPECT_THAT(SetFromText("filter.seats_free", "yes", request),
              NamesField("filter.seats_free"));
  EXPECT_THAT(SetFromText("kinds", "MENTROR", request), NamesField("kinds"));
  EXPECT_THAT(SetFromText("profile_id.x", "x", request),
              NamesField("profile_id"));
  EXPECT_THAT(SetFromText("profile.facets.role", "1", request),
              NamesField("profile.facets"));
  EXPECT_THAT(SetFromText("", "x", request), NamesField("(a name)"));
}

TEST(WriteJsonTest, WritesMapsAndDetailsInAFixedForm) {
  v1::ComponentStatus status;
  (*status.mutable_figures())["b"] = 0.1;
  (*status.mutable_figures())["a"] = 2;
  google::rpc::Status error;
  google::rpc::ErrorInfo info;
  info.set_reason("X");
  error.add_details()->PackFrom(info);
  error.add_details()->set_type_url("type.googleapis.com/no.such.Type");

  EXPECT_EQ(Write(status), R"({"figures":{"a":2,"b":0.1}})");
  EXPECT_EQ(
      Write(error),
      R"({"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo",)"
      R"("reason":"X"},{"@type":"type.googleapis.com/no.such.Type"}]})");
}

TEST(WriteJsonTest, EscapesText) {
  v1::Profile profile;
  profile.set_display_name(std::string("\"\\\n\r\t\x01<\0é", 10));

  EXPECT_EQ(Write(profile),
            "{\"displayName\":\"\\\"\\\\\\n\\r\\t\\u0001\\u003c\\u0000é\"}");
}

// Fills `message` with random values, `depth` levels down.
void Fill(google::protobuf::Message& message, std::mt19937& random, int depth) {
  using google::protobuf::FieldDescriptor;
  const auto* type = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  if (type->full_name() == "google.protobuf.Timestamp") {
    message.CopyFrom(google::protobuf::util::TimeUtil::MillisecondsToTimestamp(
        static_cast<int64_t>(random())));
    return;
  }
  if (type->full_name() == "google.protobuf.Duration") {
    message.CopyFrom(google::protobuf::util::TimeUtil::MillisecondsToDuration(
        static_cast<int64_t>(random())));
    return;
  }
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (random() % 2 == 0 || field->is_map()) continue;
    const int count = field->is_repeated() ? 1 + random() % 3 : 1;
    for (int n = 0; n < count; ++n) {
      const bool add = field->is_repeated();
#define MITRA_FILL(Type, value)                       \
  add ? reflection->Add##Type(&message, field, value) \
      : reflection->Set##Type(&message, field, value)
      switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32:
          MITRA_FILL(Int32, static_cast<int32_t>(random()));
          break;
        case FieldDescriptor::CPPTYPE_INT64:
          MITRA_FILL(Int64, static_cast<int64_t>(random()) << 21);
          break;
        case FieldDescriptor::CPPTYPE_UINT32:
          MITRA_FILL(UInt32, random());
          break;
        case FieldDescriptor::CPPTYPE_UINT64:
          MITRA_FILL(UInt64, static_cast<uint64_t>(random()) << 32 | 1);
          break;
        case FieldDescriptor::CPPTYPE_DOUBLE:
          MITRA_FILL(Double, random() / 7.0 - 1e8);
          break;
        case FieldDescriptor::CPPTYPE_FLOAT:
          MITRA_FILL(Float, static_cast<float>(random()) / 7.0f);
          break;
        case FieldDescriptor::CPPTYPE_BOOL:
          MITRA_FILL(Bool, true);
          break;
        case FieldDescriptor::CPPTYPE_ENUM:
          MITRA_FILL(Enum, field->enum_type()->value(
                               random() % field->enum_type()->value_count()));
          break;
        case FieldDescriptor::CPPTYPE_STRING:
          MITRA_FILL(String, absl::StrCat("käse \"", random(), "\"\n"));
          break;
        case FieldDescriptor::CPPTYPE_MESSAGE:
          if (depth == 0 ||
              field->message_type()->full_name() == "google.rpc.Status") {
            break;
          }
          Fill(add ? *reflection->AddMessage(&message, field)
                   : *reflection->MutableMessage(&message, field),
               random, depth - 1);
          break;
      }
#undef MITRA_FILL
    }
  }
}

// protobuf's own converter is the judge of what we write, and writes what we
// must read.
template <typename M>
void AgreesWithTheLibrary() {
  std::mt19937 random(20261125);
  for (int round = 0; round < 60; ++round) {
    M message;
    Fill(message, random, 4);

    std::string theirs;
    const auto written =
        google::protobuf::util::MessageToJsonString(message, &theirs);
    ASSERT_TRUE(written.ok()) << written << message.DebugString();
    M ours_of_theirs;
    MITRA_ASSERT_OK(ReadJson(theirs, "", ours_of_theirs)) << theirs;
    EXPECT_TRUE(MessageDifferencer::Equals(message, ours_of_theirs)) << theirs;

    M theirs_of_ours;
    const std::string ours = Write(message);
    ASSERT_TRUE(
        google::protobuf::util::JsonStringToMessage(ours, &theirs_of_ours).ok())
        << ours;
    EXPECT_TRUE(MessageDifferencer::Equals(message, theirs_of_ours)) << ours;
  }
}

TEST(JsonCodecTest, AgreesWithTheProtobufLibrary) {
  AgreesWithTheLibrary<v1::Profile>();
  AgreesWithTheLibrary<v1::Evidence>();
  AgreesWithTheLibrary<v1::RecommendRequest>();
  AgreesWithTheLibrary<v1::RecommendResponse>();
  AgreesWithTheLibrary<v1::SearchProfilesResponse>();
}

}  // namespace
}  // namespace mitra::gateway
