// What the gateway says about itself agrees with what it does.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/gateway/api/api_page.h"
#include "services/gateway/api/error_catalogue.h"
#include "services/gateway/api/openapi.h"
#include "services/gateway/api/request_examples.h"
#include "services/gateway/http/error_body.h"
#include "services/gateway/http/route_table.h"

namespace mitra::gateway {
namespace {

using Json = nlohmann::json;

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() {
    auto methods = MethodTable::Create();
    auto docs = ProtoDocs::Create();
    EXPECT_TRUE(methods.ok()) << methods.status();
    EXPECT_TRUE(docs.ok()) << docs.status();
    methods_ = std::make_unique<MethodTable>(*std::move(methods));
    docs_ = std::make_unique<ProtoDocs>(*std::move(docs));
    document_ = Json::parse(OpenApiJson(*methods_, *docs_));
  }
  std::unique_ptr<MethodTable> methods_;
  std::unique_ptr<ProtoDocs> docs_;
  Json document_;
};

TEST_F(ApiTest, DescribesEveryBindingAndNothingElse) {
  MITRA_ASSERT_OK_AND_ASSIGN(const RouteTable routes,
                             RouteTable::Create(*methods_));
  size_t bindings = 0;
  for (const auto& method : methods_->methods()) {
    bindings += method->bindings.size();
  }
  size_t operations = 0;
  std::set<std::string> ids;
  for (const auto& [path, verbs] : document_["paths"].items()) {
    const std::string sample =
        std::regex_replace(path, std::regex("\\{[^}]*\\}"), "x");
    for (const auto& [verb, operation] : verbs.items()) {
      ++operations;
      std::string upper = verb;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      MITRA_ASSERT_OK_AND_ASSIGN(const Route route,
                                 routes.Match(upper, sample));
      EXPECT_EQ(operation["x-mitra-policy"]["grpc"], route.method->name);
      EXPECT_TRUE(ids.insert(operation["operationId"]).second)
          << operation["operationId"];
      EXPECT_FALSE(std::string(operation["description"]).empty()) << path;
      std::set<std::string> declared;
      for (const auto& parameter : operation["parameters"]) {
        EXPECT_TRUE(declared
                        .insert(absl::StrCat(std::string(parameter["in"]), " ",
                                             std::string(parameter["name"])))
                        .second)
            << path;
      }
      const std::regex variable("\\{([^}]*)\\}");
      for (std::sregex_iterator it(path.begin(), path.end(), variable), end;
           it != end; ++it) {
        EXPECT_TRUE(declared.contains("path " + (*it)[1].str())) << path;
      }
    }
  }
  EXPECT_EQ(operations, bindings);
}

void CollectReferences(const Json& json, std::set<std::string>& found) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      if (key == "$ref") found.insert(value);
      CollectReferences(value, found);
    }
  } else if (json.is_array()) {
    for (const Json& value : json) CollectReferences(value, found);
  }
}

TEST_F(ApiTest, EveryReferenceLeadsSomewhere) {
  std::set<std::string> references;
  CollectReferences(document_, references);
  EXPECT_GT(references.size(), 30u);
  for (const std::string& reference : references) {
    ASSERT_TRUE(absl::StartsWith(reference, "#/"));
    EXPECT_TRUE(document_.contains(Json::json_pointer(reference.substr(1))))
        << reference;
  }
  for (const auto& [name, schema] :
       document_["components"]["schemas"].items()) {
    EXPECT_TRUE(schema.contains("description")) << name;
  }
}

TEST_F(ApiTest, ExamplesOfRequestsAreWhatTheirMethodsTake) {
  std::set<int> orders;
  const Json examples = Json::parse(RequestExamples().dump());
  for (const Json& example : examples) {
    const std::string path = example["path"];
    const std::string verb =
        absl::AsciiStrToLower(std::string(example["verb"]));
    ASSERT_TRUE(document_["paths"].contains(path)) << path;
    ASSERT_TRUE(document_["paths"][path].contains(verb)) << verb << path;
    const Json& operation = document_["paths"][path][verb];
    EXPECT_TRUE(orders.insert(operation["x-mitra-example"].get<int>()).second);
    size_t shown = 0;
    for (const Json& parameter : operation["parameters"]) {
      shown += parameter.contains("example");
      if (parameter["in"] == "path") {
        EXPECT_TRUE(parameter.contains("example")) << verb << " " << path;
      }
    }
    EXPECT_EQ(shown, example["parameters"].size()) << verb << " " << path;
    EXPECT_EQ(operation.contains("requestBody"), example.contains("body"));
    if (!example.contains("body")) continue;
    const Json& content = operation["requestBody"]["content"];
    EXPECT_EQ(content["application/json"]["example"], example["body"]);
  }
  EXPECT_GE(orders.size(), 35u);
}

TEST_F(ApiTest, ExamplesOfErrorsAreWhatTheEdgeSends) {
  ASSERT_EQ(document_["x-mitra-errors"].size(), ErrorReasons().size());
  for (const Json& error : document_["x-mitra-errors"]) {
    EXPECT_EQ(error["example"]["error"]["code"], error["httpStatus"]);
    EXPECT_EQ(error["example"]["error"]["status"], error["status"]);
    EXPECT_EQ(error["example"]["error"]["details"][0]["reason"],
              error["reason"]);
    EXPECT_GE(error["httpStatus"], 400);
    EXPECT_FALSE(std::string(error["forPerson"]).empty());
  }
}

TEST_F(ApiTest, ThePageHasEveryMethodAndEveryReason) {
  const std::string page = ApiPage(*methods_, *docs_);
  for (const auto& method : methods_->methods()) {
    EXPECT_TRUE(absl::StrContains(page, method->name)) << method->name;
  }
  for (const ErrorReason& reason : ErrorReasons()) {
    EXPECT_TRUE(absl::StrContains(page, reason.reason));
  }
  EXPECT_FALSE(absl::StrContains(page, "<script"));
}

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Reasons that stay within a process, at its start or in its files.
const std::set<std::string>& NeverSent() {
  static const auto* const kReasons =
      new std::set<std::string>{"CANNOT_LISTEN",
                                "CONFIG_SYNTAX",
                                "CONFIG_UNREADABLE",
                                "IO_ERROR",
                                "KEY_FILE_UNREADABLE",
                                "KEY_NOT_FOUND",
                                "NOT_A_RECORD",
                                "NO_CREDIT",
                                "NO_DATA_DIR",
                                "NO_IDENTITY",
                                "NO_TLS",
                                "AUDIT_UNWRITABLE",
                                "FILE_UNREADABLE",
                                "TOKEN_INVALID",
                                "RECORD_IN_USE",
                                "SCHEMA_TOO_NEW",
                                "SNAPSHOT_DAMAGED",
                                "SNAPSHOT_OTHER_FORMAT",
                                "SNAPSHOT_TOO_NEW",
                                "DISK_FULL",
                                "FOLDER_NOT_EMPTY",
                                "JOURNAL_DAMAGED",
                                "NO_SUCH_BACKUP"};
  return *kReasons;
}

TEST(ErrorCatalogueTest, HoldsEveryReasonOfTheSource) {
  const char* root = std::getenv("MITRA_SOURCE_DIR");
  if (root == nullptr) GTEST_SKIP() << "MITRA_SOURCE_DIR is not set";
  std::set<std::string> known;
  std::string before;
  for (const ErrorReason& reason : ErrorReasons()) {
    EXPECT_LT(before, std::string(reason.reason)) << "in order";
    before = std::string(reason.reason);
    known.insert(before);
  }
  const std::regex made(
      "MakeError\\(\\s*absl::StatusCode::k\\w+,\\s*"
      "\"([A-Z_]+)\"");
  size_t found = 0;
  for (const char* folder : {"common", "services"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             std::filesystem::path(root) / folder)) {
      const std::string path = entry.path().string();
      if (!absl::EndsWith(path, ".cc") || absl::EndsWith(path, "_test.cc") ||
          absl::StrContains(path, "/cli/")) {
        continue;
      }
      const std::string text = ReadAll(entry.path());
      for (std::sregex_iterator it(text.begin(), text.end(), made), end;
           it != end; ++it) {
        const std::string reason = (*it)[1];
        ++found;
        EXPECT_TRUE(known.contains(reason) || NeverSent().contains(reason))
            << reason << " of " << path << " is not in the catalogue";
      }
    }
  }
  EXPECT_GT(found, 50u);
  const std::string readme = ReadAll(std::filesystem::path(root) / "README.md");
  const size_t at = readme.find("Frequent reasons:");
  ASSERT_NE(at, std::string::npos);
  const std::string list = readme.substr(at, readme.find("\n\n", at) - at);
  const std::regex word("[A-Z][A-Z_]{4,}");
  for (std::sregex_iterator it(list.begin(), list.end(), word), end; it != end;
       ++it) {
    EXPECT_TRUE(known.contains(it->str())) << it->str();
  }
}

}  // namespace
}  // namespace mitra::gateway
