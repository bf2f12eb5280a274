#include "services/gateway/proxy/method_table.h"

#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status/status_matchers.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"

namespace mitra::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::EnumDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorSet;
using google::protobuf::MethodDescriptor;
using google::protobuf::SourceLocation;
using ::testing::HasSubstr;

// The protos as they stand in the source tree, with comments.
class ProtoTree {
 public:
  ProtoTree() {
    std::ifstream file(MITRA_DESCRIPTOR_SET, std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    FileDescriptorSet set;
    EXPECT_TRUE(set.ParseFromString(bytes.str()));
    for (const auto& proto : set.file()) {
      const FileDescriptor* built = pool_.BuildFile(proto);
      EXPECT_NE(built, nullptr) << proto.name();
      if (built != nullptr && absl::StartsWith(proto.name(), "mitra/")) {
        files_.push_back(built);
      }
    }
  }

  const std::vector<const FileDescriptor*>& files() const { return files_; }

 private:
  DescriptorPool pool_;
  std::vector<const FileDescriptor*> files_;
};

template <typename AnyDescriptor>
void Check(const AnyDescriptor* descriptor, std::vector<std::string>& bare) {
  SourceLocation location;
  if (!descriptor->GetSourceLocation(&location)) return;
  const std::string& comment = location.leading_comments;
  if (comment.find_first_not_of(" \n\t") == std::string::npos) {
    bare.push_back(descriptor->full_name());
  }
}

void CheckEnum(const EnumDescriptor* type, std::vector<std::string>& bare) {
  Check(type, bare);
  for (int i = 0; i < type->value_count(); ++i) Check(type->value(i), bare);
}

void CheckMessage(const Descriptor* type, std::vector<std::string>& bare) {
  if (type->options().map_entry()) return;
  Check(type, bare);
  for (int i = 0; i < type->field_count(); ++i) Check(type->field(i), bare);
  for (int i = 0; i < type->real_oneof_decl_count(); ++i) {
    Check(type->oneof_decl(i), bare);
  }
  for (int i = 0; i < type->enum_type_count(); ++i) {
    CheckEnum(type->enum_type(i), bare);
  }
  for (int i = 0; i < type->nested_type_count(); ++i) {
    CheckMessage(type->nested_type(i), bare);
  }
}

MethodTable Table() {
  absl::StatusOr<MethodTable> table = MethodTable::Create();
  EXPECT_THAT(table, IsOk());
  return *std::move(table);
}

TEST(ProtosTest, DocumentEverything) {
  const ProtoTree tree;
  std::vector<std::string> bare;
  size_t services = 0;

  for (const FileDescriptor* file : tree.files()) {
    for (int i = 0; i < file->service_count(); ++i) {
      ++services;
      Check(file->service(i), bare);
      for (int m = 0; m < file->service(i)->method_count(); ++m) {
        Check(file->service(i)->method(m), bare);
      }
    }
    for (int i = 0; i < file->message_type_count(); ++i) {
      CheckMessage(file->message_type(i), bare);
    }
    for (int i = 0; i < file->enum_type_count(); ++i) {
      CheckEnum(file->enum_type(i), bare);
    }
    for (int i = 0; i < file->extension_count(); ++i) {
      Check(file->extension(i), bare);
    }
  }

  EXPECT_GE(services, 10u);
  EXPECT_THAT(bare, ::testing::IsEmpty());
}

TEST(MethodTableTest, KnowsEveryMethodOfTheProtosAndHidesTheInternalOnes) {
  const MethodTable table = Table();
  const ProtoTree tree;
  size_t offered = 0;
  size_t internal = 0;

  for (const FileDescriptor* file : tree.files()) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int m = 0; m < file->service(i)->method_count(); ++m) {
        const std::string full = file->service(i)->method(m)->full_name();
        // The generated descriptor, whose options have their extensions.
        const MethodDescriptor* method =
            DescriptorPool::generated_pool()->FindMethodByName(full);
        ASSERT_NE(method, nullptr) << full << " is not linked";
        EXPECT_THAT(CheckOptions(method), IsOk());
        const std::string name = absl::StrCat(
            "/", method->service()->full_name(), "/", method->name());
        if (method->options().GetExtension(v1::policy).internal()) {
          ++internal;
          EXPECT_EQ(table.Find(name), nullptr) << name;
        } else {
          ++offered;
          ASSERT_NE(table.Find(name), nullptr) << name;
          EXPECT_EQ(table.Find(name)->descriptor, method);
        }
      }
    }
  }

  EXPECT_EQ(table.methods().size(), offered);
  EXPECT_GE(offered, 40u);
  EXPECT_GE(internal, 4u);
}

TEST(MethodTableTest, ReadsPolicyAndBindings) {
  const MethodTable table = Table();

  const Method* recommend = table.Find("/mitra.v1.Recommendations/Recommend");

  ASSERT_NE(recommend, nullptr);
  EXPECT_EQ(recommend->policy.backend(), v1::BACKEND_MATCHING);
  EXPECT_TRUE(recommend->read_only());
  EXPECT_TRUE(recommend->open_to_members());
  ASSERT_EQ(recommend->bindings.size(), 2u);
  EXPECT_EQ(recommend->bindings[0].verb, "POST");
  EXPECT_EQ(recommend->bindings[0].body, "*");
  EXPECT_EQ(recommend->bindings[1].verb, "GET");
  EXPECT_NE(recommend->min_revision_field, nullptr);
  EXPECT_EQ(recommend->request_id_field, nullptr);
}

TEST(MethodTableTest, FindsTheFieldsThatTheEdgeFillsIn) {
  const MethodTable table = Table();

  const Method* upsert = table.Find("/mitra.v1.Profiles/UpsertProfile");
  const Method* evidence =
      table.Find("/mitra.v1.EvidenceRecords/CreateEvidence");

  ASSERT_NE(upsert, nullptr);
  EXPECT_NE(upsert->request_id_field, nullptr);
  ASSERT_EQ(upsert->etag_path.size(), 2u);
  EXPECT_EQ(upsert->etag_path[0]->name(), "profile");
  ASSERT_NE(evidence, nullptr);
  ASSERT_EQ(evidence->member_path.size(), 2u);
  EXPECT_EQ(evidence->member_path[1]->name(), "author_id");
}

TEST(MethodTableTest, ClosesStreamsToMembers) {
  const MethodTable table = Table();

  for (const auto& method : table.methods()) {
    if (method->streaming()) {
      EXPECT_FALSE(method->open_to_members()) << method->name;
    }
  }
}

TEST(MethodTableTest, CapsDeadlines) {
  const MethodTable table = Table();
  const Method* get = table.Find("/mitra.v1.Profiles/GetProfile");
  ASSERT_NE(get, nullptr);
  const absl::Time now = absl::FromUnixSeconds(1'000'000);

  EXPECT_EQ(get->DeadlineFor(absl::InfiniteFuture(), now),
            now + absl::Seconds(2));
  EXPECT_EQ(get->DeadlineFor(now + absl::Hours(1), now),
            now + absl::Seconds(30));
  EXPECT_EQ(get->DeadlineFor(now + absl::Milliseconds(5), now),
            now + absl::Milliseconds(5));
}

// A service of one method with the given options, built for one check.
absl::Status CheckMethodWith(absl::string_view options,
                             bool server_streaming = false) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("mitra/v1/checked.proto");
  file.set_package("mitra.v1");
  file.set_syntax("proto3");
  file.add_dependency("mitra/v1/profile.proto");
  file.add_dependency("mitra/v1/profiles_service.proto");
  auto* method = file.add_service();
  method->set_name("Checked");
  auto* rpc = method->add_method();
  rpc->set_name("Do");
  rpc->set_input_type(".mitra.v1.GetProfileRequest");
  rpc->set_output_type(".mitra.v1.Profile");
  rpc->set_server_streaming(server_streaming);
  EXPECT_TRUE(rpc->mutable_options()->ParseFromString(std::string(options)));
  DescriptorPool pool(DescriptorPool::generated_pool());
  const FileDescriptor* built = pool.BuildFile(file);
  EXPECT_NE(built, nullptr);
  return CheckOptions(built->service(0)->method(0));
}

google::protobuf::MethodOptions CompleteOptions() {
  return DescriptorPool::generated_pool()
      ->FindMethodByName("mitra.v1.Profiles.GetProfile")
      ->options();
}

TEST(CheckOptionsTest, TakesCompleteOptions) {
  EXPECT_THAT(CheckMethodWith(CompleteOptions().SerializeAsString()), IsOk());
}

TEST(CheckOptionsTest, RefusesEachMissingOption) {
  using Change = void (*)(v1::MethodPolicy&);
  const std::vector<std::pair<const char*, Change>> changes = {
      {"backend", [](v1::MethodPolicy& p) { p.clear_backend(); }},
      {"scope", [](v1::MethodPolicy& p) { p.clear_scope(); }},
      {"idempotency", [](v1::MethodPolicy& p) { p.clear_idempotency(); }},
      {"criticality", [](v1::MethodPolicy& p) { p.clear_criticality(); }},
      {"cost", [](v1::MethodPolicy& p) { p.clear_cost(); }},
      {"time-outs", [](v1::MethodPolicy& p) { p.clear_default_timeout_ms(); }},
      {"time-outs", [](v1::MethodPolicy& p) { p.set_max_timeout_ms(1); }},
      {"member_field",
       [](v1::MethodPolicy& p) { p.set_member_field("no_such_field"); }},
      {"internal", [](v1::MethodPolicy& p) { p.set_internal(true); }},
  };

  for (const auto& [name, change] : changes) {
    google::protobuf::MethodOptions options = CompleteOptions();
    change(*options.MutableExtension(v1::policy));

    EXPECT_THAT(CheckMethodWith(options.SerializeAsString()),
                StatusIs(absl::StatusCode::kInternal, HasSubstr(name)));
  }
  EXPECT_THAT(CheckMethodWith(""),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("missing")));
}

TEST(CheckOptionsTest, TakesStreamsOfAnswersOverHttp) {
  MITRA_EXPECT_OK(CheckMethodWith(CompleteOptions().SerializeAsString(),
                                  /*server_streaming=*/true));
}

}  // namespace
}  // namespace mitra::gateway
