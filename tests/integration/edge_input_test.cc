// Bad input against the whole cluster, made from the descriptors: every numeric
// field and enum of every request of the API at values that it must not have,
// over gRPC; ids over their whole grammar from one entrance to the other. No
// error of ours, no OK for what is not a number, and no process grows by it.

#include <grpcpp/generic/generic_stub.h>

#include <functional>
#include <iostream>
#include <limits>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "common/status/errors.h"
#include "google/protobuf/message.h"
#include "mitra/v1/feedback_service.pb.h"
#include "services/gateway/proxy/method_table.h"
#include "tests/integration/cluster_fixture.h"
#include "tests/support/process.h"

namespace mitra {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using ::testing::AnyOf;

constexpr int kMaxDepth = 5;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

using Path = std::vector<const FieldDescriptor*>;
using Set = std::function<void(Message&, const FieldDescriptor*)>;

// One value that a field must not have, or an edge of what it may.
struct Odd {
  Set set;
  // No call that brings it may succeed.
  bool never_ok = false;
};

template <typename T>
Odd Number(T value, bool never_ok = false) {
  const auto set = [value](Message& owner, const FieldDescriptor* field) {
    const Reflection& to = *owner.GetReflection();
    const bool list = field->is_repeated();
    switch (field->cpp_type()) {
#define MITRA_SET(type, name)                  \
  case FieldDescriptor::CPPTYPE_##type:        \
    list ? to.Add##name(&owner, field, value)  \
         : to.Set##name(&owner, field, value); \
    break;
      MITRA_SET(FLOAT, Float)
      MITRA_SET(DOUBLE, Double)
      MITRA_SET(INT32, Int32)
      MITRA_SET(INT64, Int64)
      MITRA_SET(UINT32, UInt32)
      MITRA_SET(UINT64, UInt64)
      MITRA_SET(ENUM, EnumValue)
#undef MITRA_SET
      default:
        break;
    }
  };
  return {set, never_ok};
}

template <typename T>
std::vector<Odd> EdgesOf() {
  return {Number<T>(std::numeric_limits<T>::min()),
          Number<T>(std::numeric_limits<T>::max()), Number<T>(0)};
}

std::vector<Odd> OddValuesOf(const FieldDescriptor* field) {
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return {Number(kNan, true), Number(kInfinity, true),
              Number(-kInfinity, true), Number(1e38), Number(-1e38)};
    case FieldDescriptor::CPPTYPE_INT32:
      return EdgesOf<int32_t>();
    case FieldDescriptor::CPPTYPE_INT64:
      return EdgesOf<int64_t>();
    case FieldDescriptor::CPPTYPE_UINT32:
      return EdgesOf<uint32_t>();
    case FieldDescriptor::CPPTYPE_UINT64:
      return EdgesOf<uint64_t>();
    case FieldDescriptor::CPPTYPE_ENUM:
      return {Number(9999), Number(-1)};
    default:
      return {};
  }
}

// Every field below `message` that has odd values, each type once.
void Collect(const Descriptor* message, const Path& path,
             std::set<const Descriptor*>& seen, std::vector<Path>& found) {
  if (path.size() >= kMaxDepth || !seen.insert(message).second) return;
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    if (field->is_map()) continue;
    Path here = path;
    here.push_back(field);
    if (field->message_type() != nullptr) {
      Collect(field->message_type(), here, seen, found);
    } else if (!OddValuesOf(field).empty()) {
      found.push_back(here);
    }
  }
}

class EdgeInputTest : public ClusterTest {
 protected:
  static void SetUpTestSuite() {
    ClusterTest::SetUpTestSuite();
    auto table = gateway::MethodTable::Create();
    ASSERT_THAT(table, IsOk());
    methods_ = new gateway::MethodTable(*std::move(table));
  }
  static void TearDownTestSuite() {
    delete methods_;
    ClusterTest::TearDownTestSuite();
  }

  // `answer` may be null.
  static absl::Status Call(const std::string& method, const Message& request,
                           std::string* answer = nullptr) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    Prepare(context);
    grpc::CompletionQueue queue;
    const grpc::Slice slice(request.SerializePartialAsString());
    const grpc::ByteBuffer in(&slice, 1);
    grpc::ByteBuffer out;
    grpc::Status status;
    const auto call = stub.PrepareUnaryCall(&context, method, in, &queue);
    call->StartCall();
    call->Finish(&out, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    std::vector<grpc::Slice> slices;
    if (answer != nullptr && status.ok() && out.Dump(&slices).ok()) {
      for (const grpc::Slice& part : slices) {
        answer->append(reinterpret_cast<const char*>(part.begin()),
                       part.size());
      }
    }
    return ToStatus(status);
  }

  // Whether a batch was answered with a refusal of its row.
  static bool RowRefused(const std::string& method, const std::string& answer) {
    constexpr int kInvalidArgument = 3;
    if (absl::EndsWith(method, "/BatchRecordFeedback")) {
      v1::BatchRecordFeedbackResponse pieces;
      return pieces.ParseFromString(answer) && pieces.statuses_size() == 1 &&
             pieces.statuses(0).code() == kInvalidArgument;
    }
    v1::BatchUpsertProfilesResponse rows;  // as all other batches answer
    return rows.ParseFromString(answer) && rows.results_size() == 1 &&
           rows.results(0).verdict() == v1::ROW_VERDICT_REJECTED &&
           rows.results(0).status().code() == kInvalidArgument;
  }

  // A request that would be taken, or nearly: members that are there, a whole
  // profile, a whole piece of evidence, so that the odd value is reached.
  static std::unique_ptr<Message> Plausible(const Descriptor* type) {
    std::unique_ptr<Message> request(
        google::protobuf::MessageFactory::generated_factory()
            ->GetPrototype(type)
            ->New());
    const Reflection& to = *request->GetReflection();
    const std::set<std::string> ids = {"actor_id", "target_id", "candidate_id"};
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor* field = type->field(i);
      const bool list = field->is_repeated();
      if (field->message_type() == v1::Profile::descriptor()) {
        (list ? to.AddMessage(request.get(), field)
              : to.MutableMessage(request.get(), field))
            ->CopyFrom(profiles_.front());
      } else if (field->message_type() == v1::Evidence::descriptor()) {
        (list ? to.AddMessage(request.get(), field)
              : to.MutableMessage(request.get(), field))
            ->CopyFrom(evidence_.front());
      } else if (field->enum_type() == v1::RecommendationKind_descriptor()) {
        Number(static_cast<int>(v1::RECOMMENDATION_KIND_MENTOR))
            .set(*request, field);
      } else if (field->name() == "profile_id" && !list) {
        to.SetString(request.get(), field, Business(0));
      } else if (ids.contains(field->name()) && !list) {
        to.SetString(request.get(), field, Business(1));
      }
    }
    return request;
  }

  // Every method with every odd value once; how many calls that were.
  static int SendAll() {
    int sent = 0, named = 0;
    for (const auto& method : methods_->methods()) {
      if (method->streaming()) continue;
      std::set<const Descriptor*> seen;
      std::vector<Path> paths;
      Collect(method->descriptor->input_type(), {}, seen, paths);
      for (const Path& path : paths) {
        for (const Odd& odd : OddValuesOf(path.back())) {
          const auto request = Plausible(method->descriptor->input_type());
          Message* owner = request.get();
          for (size_t i = 0; i + 1 < path.size(); ++i) {
            const Reflection& to = *owner->GetReflection();
            if (!path[i]->is_repeated()) {
              owner = to.MutableMessage(owner, path[i]);
            } else if (to.FieldSize(*owner, path[i]) > 0) {
              owner = to.MutableRepeatedMessage(owner, path[i], 0);
            } else {
              owner = to.AddMessage(owner, path[i]);
            }
          }
          odd.set(*owner, path.back());
          std::string answer;
          const absl::Status status = Call(method->name, *request, &answer);
          ++sent;
          named += absl::StrContains(status.message(), path.back()->name()) ||
                   absl::StrContains(answer, path.back()->name());
          const std::string what = absl::StrCat(
              method->name, " ", path.back()->full_name(), " in ",
              request->ShortDebugString(), "\n", status.ToString());
          EXPECT_FALSE(odd.never_ok && status.ok() &&
                       !RowRefused(method->name, answer))
              << what;
          EXPECT_FALSE(absl::IsInternal(status) || absl::IsUnknown(status) ||
                       absl::IsUnavailable(status) ||
                       absl::IsDeadlineExceeded(status) ||
                       absl::IsDataLoss(status))
              << what;
        }
      }
    }
    std::cout << "odd numbers: " << sent << ", named in the answer: " << named
              << "\n";
    return sent;
  }

  static double ResidentMiB(const std::string& service) {
    const auto metrics = testing::RunCommand(
        {"curl", "-sS",
         absl::StrCat("http://", cluster_->admin_address(service),
                      "/metrics")});
    if (!metrics.ok()) return 0;
    const std::string name = "\nprocess_resident_memory_bytes ";
    const size_t at = metrics->output.find(name);
    double bytes = 0;
    EXPECT_TRUE(at != std::string::npos &&
                absl::SimpleAtod(
                    metrics->output.substr(
                        at + name.size(),
                        metrics->output.find('\n', at + 1) - at - name.size()),
                    &bytes));
    return bytes / (1 << 20);
  }

  static v1::UpsertProfileRequest ProfileOf(const std::string& id) {
    v1::UpsertProfileRequest request;
    *request.mutable_profile() = profiles_.front();
    request.mutable_profile()->set_profile_id(id);
    request.mutable_profile()->clear_external_ids();
    return request;
  }
  static std::string HttpCall(const std::string& verb, const std::string& id,
                              bool escaped, const std::string& body = "") {
    std::string segment = escaped ? "" : id;
    for (const unsigned char c : escaped ? id : "") {
      absl::StrAppend(&segment, "%", absl::Hex(c, absl::kZeroPad2));
    }
    return Http(absl::StrCat(verb, " /v1/profiles/", segment),
                absl::StrCat("Authorization: Bearer ", cluster_->key(), "\r\n",
                             body.empty()
                                 ? ""
                                 : absl::StrCat("Content-Type: application/json"
                                                "\r\nContent-Length: ",
                                                body.size(), "\r\n")),
                body);
  }

  static gateway::MethodTable* methods_;
};

gateway::MethodTable* EdgeInputTest::methods_ = nullptr;

TEST_F(EdgeInputTest, OddNumbersAreRefusedOrTakenAndCostNothing) {
  const char* const services[] = {"gateway", "profile", "search", "matching"};
  EXPECT_GE(SendAll(), 500);
  std::map<std::string, double> before;
  for (const char* service : services) before[service] = ResidentMiB(service);
  SendAll();
  SendAll();
  for (const char* service : services) {
    EXPECT_LT(ResidentMiB(service) - before[service], 48) << service;
  }
  EXPECT_THAT(Recommend(Business(2)), IsOk()) << "all are alive";
}

TEST_F(EdgeInputTest, IdsOfTheWholeGrammarPassFromEntranceToEntrance) {
  std::vector<std::string> ids = {"a",    "Z9",  "a..b",
                                  "a.",   "a~",  "0_--",
                                  "a.b~", "A-z", std::string(64, 'x')};
  for (int c = 0; c < 128; ++c) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      ids.push_back(std::string(1, static_cast<char>(c)) + "1");
    }
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
        c == '_' || c == '~' || c == '-') {
      ids.push_back("q" + std::string(1, static_cast<char>(c)));
    }
  }
  v1::GetProfileRequest get;
  const std::string body =
      R"({"kind": "MEMBER_KIND_PERSON", "displayName": "x",
          "regionCode": "33.72.01", "facets": [{"role": "ROLE_MENTOR"}]})";
  bool escaped = false;
  for (const std::string& id : ids) {
    SCOPED_TRACE(id);
    escaped = !escaped;
    get.set_profile_id(id);
    // In by gRPC, read and out by HTTP.
    EXPECT_THAT(Call("/mitra.v1.Profiles/UpsertProfile", ProfileOf(id)),
                IsOk());
    const std::string read = HttpCall("GET", id, escaped);
    EXPECT_THAT(read, ::testing::StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(read, ::testing::HasSubstr("\"profileId\":\"" + id + "\""));
    EXPECT_THAT(HttpCall("DELETE", id, !escaped),
                ::testing::StartsWith("HTTP/1.1 200"));
    EXPECT_TRUE(absl::IsNotFound(Call("/mitra.v1.Profiles/GetProfile", get)));
    // In by HTTP, read and out by gRPC.
    EXPECT_THAT(HttpCall("PUT", id, !escaped, body),
                ::testing::StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(Call("/mitra.v1.Profiles/GetProfile", get), IsOk());
    v1::DeleteProfileRequest remove;
    remove.set_profile_id(id);
    EXPECT_THAT(Call("/mitra.v1.Profiles/DeleteProfile", remove), IsOk());
    EXPECT_THAT(HttpCall("GET", id, escaped),
                ::testing::StartsWith("HTTP/1.1 404"));
  }
}

TEST_F(EdgeInputTest, WhatIsNoIdIsRefusedOnBothEntrances) {
  std::vector<std::string> wrong = {
      std::string(65, 'x'), "\xc3\xa9", "..", "-a", "_a", "~a", ".a", "a\xff"};
  for (int c = 1; c < 128; ++c) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
        c == '_' || c == '~' || c == '-') {
      continue;
    }
    wrong.push_back("q" + std::string(1, static_cast<char>(c)));
  }
  const std::string body =
      R"({"kind": "MEMBER_KIND_PERSON", "displayName": "x",
          "regionCode": "33.72.01", "facets": [{"role": "ROLE_MENTOR"}]})";
  for (const std::string& id : wrong) {
    SCOPED_TRACE(absl::CHexEscape(id));
    EXPECT_TRUE(absl::IsInvalidArgument(
        Call("/mitra.v1.Profiles/UpsertProfile", ProfileOf(id))));
    EXPECT_THAT(HttpCall("PUT", id, true, body),
                ::testing::StartsWith("HTTP/1.1 400"));
  }
}

}  // namespace
}  // namespace mitra
