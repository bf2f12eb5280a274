// Bad input made from the descriptors: every field of every request, with every
// value that it must not have, over HTTP and gRPC. The service behind takes
// everything, so a 200 means that the gateway let it pass. Never a 500, never a
// crash; what is not a number in range never passes the gateway's JSON.

#include <functional>
#include <iostream>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/gateway/testing/gateway_harness.h"
#include "tests/support/eventually.h"

namespace mitra::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using ::testing::AnyOf;

constexpr int kMaxDepth = 6;

// JSON around a value at some field: R"({"profile":{"facets":[)" and its end.
struct Place {
  const FieldDescriptor* field = nullptr;
  std::string before, after;
};

// Every scalar field below `message`, once for each message type that it stands
// in, so that what holds itself ends.
void Collect(const Descriptor* message, const std::string& before,
             const std::string& after, int depth,
             std::set<const FieldDescriptor*>& seen,
             std::vector<Place>& places) {
  if (depth > kMaxDepth) return;
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    if (field->is_map() || !seen.insert(field).second) continue;
    const bool list = field->is_repeated();
    const std::string open =
        absl::StrCat(before, "{\"", field->json_name(), "\":", list ? "[" : "");
    const std::string close = absl::StrCat(list ? "]" : "", "}", after);
    if (field->message_type() == nullptr) {
      places.push_back({field, open, close});
    } else if (field->message_type()->full_name().rfind("mitra.", 0) == 0) {
      Collect(field->message_type(), open, close, depth + 1, seen, places);
    }
  }
}

class BadInputTest : public ::testing::Test {
 protected:
  // All bindings with a body, and the places in it.
  void ForEachPlace(
      const std::function<void(const HttpBinding&, const Place&)>& visit) {
    for (const auto& method : gateway_.methods().methods()) {
      if (method->streaming()) continue;
      for (const HttpBinding& binding : method->bindings) {
        if (binding.body.empty()) continue;
        const Descriptor* input = method->descriptor->input_type();
        if (binding.body != "*") {
          input = input->FindFieldByName(binding.body)->message_type();
        }
        std::vector<Place> places;
        std::set<const FieldDescriptor*> seen;
        Collect(input, "", "", 0, seen, places);
        for (const Place& place : places) visit(binding, place);
      }
    }
  }
  HttpAnswer Send(const HttpBinding& binding, const std::string& body) {
    std::string target = binding.path;
    for (size_t open = target.find('{'); open != std::string::npos;
         open = target.find('{')) {
      target.replace(open, target.find('}') - open + 1, "1");
    }
    return gateway_.Http(binding.verb, target, auth_, body);
  }
  void ExpectRefused(const HttpBinding& binding, const Place& place,
                     const std::string& value) {
    ++sent_;
    const HttpAnswer answer = Send(binding, place.before + value + place.after);
    EXPECT_EQ(answer.status, 400)
        << binding.path << " " << place.before << value << "\n"
        << answer.body;
    EXPECT_THAT(answer.body, AnyOf(::testing::HasSubstr(place.field->name()),
                                   ::testing::HasSubstr("MALFORMED_JSON")));
  }
  void ExpectSurvived(const HttpBinding& binding, const Place& place,
                      const std::string& value) {
    ++sent_;
    const HttpAnswer answer = Send(binding, place.before + value + place.after);
    EXPECT_THAT(answer.status, AnyOf(200, 400))
        << binding.path << " " << place.before << value << "\n"
        << answer.body;
  }

  GatewayHarness gateway_;
  const std::string auth_ =
      "Authorization: Bearer " + gateway_.NewKey({"*"}) + "\r\n";
  int sent_ = 0;
};

TEST_F(BadInputTest, NumbersThatAreNoneOrOutOfRangeAreRefusedByName) {
  std::set<const FieldDescriptor*> done;
  ForEachPlace([&](const HttpBinding& binding, const Place& place) {
    // A message type is reached by several methods; once is enough.
    if (!done.insert(place.field).second) return;
    switch (place.field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_FLOAT:
        ExpectRefused(binding, place, "1e39");
        ExpectRefused(binding, place, "-1e39");
        [[fallthrough]];
      case FieldDescriptor::CPPTYPE_DOUBLE:
        for (const char* bad :
             {"\"NaN\"", "\"Infinity\"", "\"-Infinity\"", "NaN", "Infinity",
              "1e999", "-1e999", "\"\"", "\"0x1p3\"", "true", "{}", "[[1]]"}) {
          ExpectRefused(binding, place, bad);
        }
        ExpectSurvived(binding, place, "1e-400");
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        for (const char* bad : {"2147483648", "-2147483649", "0.5", "\"1e3\"",
                                "\"\"", "\" 1\"", "1e999", "NaN", "true"}) {
          ExpectRefused(binding, place, bad);
        }
        ExpectSurvived(binding, place, "-2147483648");
        ExpectSurvived(binding, place, "\"2147483647\"");
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        for (const char* bad : {"4294967296", "-1", "0.5", "\"\"", "1e10"}) {
          ExpectRefused(binding, place, bad);
        }
        ExpectSurvived(binding, place, "4294967295");
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        for (const char* bad :
             {"9223372036854775808", "-9223372036854775809", "0.5", "1e19",
              "\"9223372036854775808\"", "\"\""}) {
          ExpectRefused(binding, place, bad);
        }
        ExpectSurvived(binding, place, "\"-9223372036854775808\"");
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        for (const char* bad :
             {"18446744073709551616", "-1", "0.5", "1e20", "\"-1\"", "\"\""}) {
          ExpectRefused(binding, place, bad);
        }
        ExpectSurvived(binding, place, "\"18446744073709551615\"");
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        for (const char* bad :
             {"\"NO_SUCH_WORD\"", "9999", "-1", "0.5", "\"\"", "true"}) {
          ExpectRefused(binding, place, bad);
        }
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        for (const char* bad : {"1", "\"true\"", "\"\"", "{}"}) {
          ExpectRefused(binding, place, bad);
        }
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        for (const char* bad :
             {"1", "true", "{}", "\"\xc3\x28\"", "\"\xed\xa0\x80\"",
              "\"\xc0\xaf\"", "\"\\ud800\"", "\"\x01\""}) {
          ExpectRefused(binding, place, bad);
        }
        ExpectSurvived(binding, place, "\"\\u0000\"");
        ExpectSurvived(binding, place,
                       absl::StrCat("\"", std::string(100'000, 'a'), "\""));
        break;
      default:
        break;
    }
  });
  EXPECT_GE(sent_, 500);
  EXPECT_EQ(gateway_.Http("GET", "/livez").status, 200);
  std::cout << "bad values: " << sent_ << " in " << done.size() << " fields\n";
}

TEST_F(BadInputTest, BodiesThatAreCutOrNestedOrDoubledAreRefused) {
  std::set<std::string> done;
  ForEachPlace([&](const HttpBinding& binding, const Place& place) {
    if (!done.insert(binding.verb + binding.path).second) return;
    const std::string name = place.before.substr(
        1, place.before.find(':', 1) - 1);  // with its quotes
    for (const std::string& bad :
         {std::string("null"), std::string("[]"), std::string("7"),
          std::string("\"x\""), std::string("{"), std::string("{}{}"),
          std::string("{} x"), std::string("{'a':1}"), std::string("{a:1}"),
          std::string("{\"a\":1,}"), std::string("\xef\xbb\xbf{"),
          absl::StrCat("{", name, ":null,", name, ":null}"),
          absl::StrCat("{", name, ":", std::string(100'000, '['), "}"),
          std::string(100'000, '['), std::string(100'000, '{')}) {
      ++sent_;
      const HttpAnswer answer = Send(binding, bad);
      EXPECT_EQ(answer.status, 400) << binding.verb << " " << binding.path
                                    << " " << bad.substr(0, 100) << "\n"
                                    << answer.body;
    }
  });
  EXPECT_GE(sent_, 100);
  EXPECT_EQ(gateway_.Http("GET", "/livez").status, 200);
}

TEST_F(BadInputTest, BytesThatAreNoMessageAreRefusedOverGrpc) {
  const std::string member = gateway_.NewKey({"*"}, "1");
  v1::UpsertProfileRequest request;
  request.mutable_profile()->set_profile_id("1");
  request.mutable_profile()->set_display_name("Warung");
  const std::string good = request.SerializeAsString();
  const auto call = [&](const std::string& bytes) {
    return gateway_.Grpc("/mitra.v1.Profiles/UpsertProfile",
                         {{"x-api-key", member}}, absl::Seconds(20), bytes);
  };
  MITRA_EXPECT_OK(call(good));
  for (size_t size = 1; size < good.size(); ++size) {
    const absl::StatusCode code = call(good.substr(0, size)).code();
    EXPECT_THAT(
        code, AnyOf(absl::StatusCode::kOk, absl::StatusCode::kInvalidArgument));
  }
  std::string bad = good;
  bad[bad.find("Warung")] = '\xff';
  const absl::Status refused = call(bad);
  EXPECT_THAT(refused, HasReason("MALFORMED_MESSAGE"));
  EXPECT_THAT(refused, NamesField("profile.display_name"));
  EXPECT_THAT(std::string(refused.message()),
              ::testing::HasSubstr("not UTF-8 at byte 0"));
  const absl::Status large = call(std::string(5 << 20, 'a'));
  EXPECT_THAT(large, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(std::string(large.message()), ::testing::HasSubstr("4194304"));
  // 100,000 messages in one another: 0x0a is field 1, length-delimited.
  EXPECT_FALSE(call(std::string(100'000, '\x0a')).ok());
  // 100 KB of metadata: the transport's limit, and an error of the caller.
  const absl::Status heavy = gateway_.Grpc(
      "/mitra.v1.Profiles/GetProfile",
      {{"x-api-key", member}, {"x-large", std::string(100'000, 'a')}});
  EXPECT_THAT(heavy, StatusIs(absl::StatusCode::kResourceExhausted));
  // gRPC 1.51 may cut the connection that brought so much; the client makes
  // another, and the gateway goes on.
  EXPECT_TRUE(testing::Eventually([&] { return call(good).ok(); }));
}

TEST_F(BadInputTest, HeadersWithControlBytesNeverReachAService) {
  const std::string line = "GET /v1/profiles/a HTTP/1.1\r\nHost: x\r\n" + auth_;
  const char* const names[] = {"X-Request-Id",    "Traceparent",
                               "Idempotency-Key", "If-Match",
                               "If-None-Match",   "X-Request-Timeout",
                               "Accept",          "Accept-Encoding",
                               "Origin",          "X-Unknown"};
  std::vector<std::string> values = {std::string(20'000, 'a'),
                                     std::string(100'000, 'a'), "\xff\xfe",
                                     "\xc3\xa9", ""};
  for (int byte = 1; byte < 32; ++byte) {
    values.push_back(
        absl::StrCat("a", std::string(1, static_cast<char>(byte)), "b"));
  }
  values.push_back("a\x7f");
  for (const char* name : names) {
    for (const std::string& value : values) {
      const HttpAnswer answer = gateway_.Raw(absl::StrCat(
          line, name, ": ", value, "\r\nConnection: close\r\n\r\n"));
      EXPECT_THAT(answer.status, AnyOf(200, 400, 406, 414, 431))
          << name << " " << static_cast<int>(value.size() > 1 ? value[1] : 0);
    }
  }
  EXPECT_EQ(gateway_.Http("GET", "/livez").status, 200);
}

// Probes ask by the name of a service as often as by "".
TEST_F(BadInputTest, HealthIsKnownForEveryService) {
  std::set<std::string> services = {""};
  for (const auto& method : gateway_.methods().methods()) {
    services.insert(method->descriptor->service()->full_name());
  }
  EXPECT_GE(services.size(), 9u);
  for (const std::string& service : services) {
    // Field 1 of HealthCheckRequest.
    const std::string request =
        service.empty()
            ? ""
            : absl::StrCat("\x0a",
                           std::string(1, static_cast<char>(service.size())),
                           service);
    MITRA_EXPECT_OK(gateway_.Grpc("/grpc.health.v1.Health/Check", {},
                                  absl::Seconds(20), request))
        << service;
  }
  EXPECT_TRUE(absl::IsNotFound(gateway_.Grpc("/grpc.health.v1.Health/Check", {},
                                             absl::Seconds(20), "\x0a\x01x")));
}

// Ids over the whole grammar come through both ways in, and nothing else does.
TEST_F(BadInputTest, IdsRoundTripOnBothEntrances) {
  std::string seen;
  gateway_.Answer("/mitra.v1.Profiles/GetProfile",
                  [&](rpc::CallContext&, const rpc::RawMessage& request,
                      rpc::RawMessage&) -> rpc::Task<absl::Status> {
                    v1::GetProfileRequest get;
                    const absl::Status parsed = request.ParseTo(get);
                    seen = get.profile_id();
                    co_return parsed;
                  });
  std::vector<std::string> ids = {
      "0", "a.b", "a~b", "a_b", "A-z.0~9_", std::string(64, 'x'), "a..b", "a."};
  for (char c = 33; c < 127; ++c)
    ids.push_back(absl::StrCat("a", std::string(1, c)));
  for (const std::string& id : ids) {
    std::string escaped;
    for (unsigned char c : id) {
      absl::StrAppend(&escaped, "%", absl::Hex(c, absl::kZeroPad2));
    }
    seen.clear();
    EXPECT_EQ(gateway_.Http("GET", "/v1/profiles/" + escaped, auth_).status,
              200);
    EXPECT_EQ(seen, id) << "what the service does not want it refuses itself";
  }
  for (const char* path :
       {"/v1/profiles/", "/v1/profiles//", "/v1/profiles/a/b", "/v1/profiles/%",
        "/v1/profiles/%ZZ", "/v1/profiles/a%ff"}) {
    seen = "untouched";
    EXPECT_THAT(gateway_.Http("DELETE", path, auth_).status, AnyOf(400, 404))
        << path;
    EXPECT_EQ(seen, "untouched");
  }
}

}  // namespace
}  // namespace mitra::gateway
