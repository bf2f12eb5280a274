#include "common/rpc/wire_fault.h"

#include "common/rpc/raw_message.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"

namespace mitra::rpc {
namespace {

using ::testing::HasSubstr;

const google::protobuf::Descriptor& Import() {
  return *v1::ImportRequest::descriptor();
}

// A request whose third headline is "roti".
std::string ARequest() {
  v1::ImportRequest request;
  request.set_row(7);
  v1::Profile& profile = *request.mutable_profile();
  profile.set_profile_id("a");
  for (const char* text : {"kopi", "teh", "roti"}) {
    v1::Facet& facet = *profile.add_facets();
    facet.set_headline(text);
    facet.add_needs()->set_text(std::string("cari ") + text);
    facet.mutable_offer_vector()->add_values(1);
  }
  profile.mutable_facets(0)->mutable_acceptance()->add_roles(v1::ROLE_MENTOR);
  return request.SerializeAsString();
}

TEST(WireFaultTest, AMessageThatParsesHasNone) {
  EXPECT_EQ(FindWireFault(ARequest(), Import()), std::nullopt);
  EXPECT_EQ(FindWireFault("", Import()), std::nullopt);
}

TEST(WireFaultTest, TextThatIsNotUtf8IsNamedWithItsPlace) {
  std::string bytes = ARequest();
  const size_t at = bytes.find("cari roti") + 5;
  bytes[at] = '\xc3';
  bytes[at + 1] = '\x28';

  const auto fault = FindWireFault(bytes, Import());

  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->path, "profile.facets[2].needs[0].text");
  EXPECT_EQ(fault->what, "is not UTF-8 at byte 5");
  EXPECT_EQ(fault->position, at);
}

TEST(WireFaultTest, NulIsUtf8) {
  v1::ImportRequest request;
  request.mutable_profile()->set_about(std::string("a\0b", 3));
  EXPECT_EQ(FindWireFault(request.SerializeAsString(), Import()), std::nullopt);
}

// Whatever is cut off: protobuf and the walk agree whether it is a message.
TEST(WireFaultTest, AgreesWithTheParserOnEveryCutAndEveryChangedByte) {
  const google::protobuf::LogSilencer quiet;  // thousands of lines
  const std::string good = ARequest();
  v1::ImportRequest request;
  int faults = 0;
  for (size_t size = 0; size < good.size(); ++size) {
    const std::string cut = good.substr(0, size);
    const bool parses = request.ParseFromString(cut);
    EXPECT_EQ(!FindWireFault(cut, Import()), parses) << size;
    faults += !parses;
  }
  for (size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = good;
      changed[at] = static_cast<char>(value);
      const bool parses = request.ParseFromString(changed);
      EXPECT_EQ(!FindWireFault(changed, Import()), parses)
          << at << " " << value;
      faults += !parses;
    }
  }
  EXPECT_GT(faults, 1000);
}

TEST(WireFaultTest, NestingWithoutEndIsAFault) {
  const auto fault = FindWireFault(std::string(100'000, '\x0b'), Import());
  ASSERT_TRUE(fault);
  EXPECT_THAT(fault->what, HasSubstr("100 levels"));
}

TEST(WireFaultTest, MessagesSayWhichFieldAndWhere) {
  std::string bytes = ARequest();
  bytes[bytes.find("kopi")] = '\xff';
  v1::ImportRequest request;

  const absl::Status status = RawMessage(bytes).ParseTo(request);

  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(status, HasReason("MALFORMED_MESSAGE"));
  EXPECT_THAT(status, NamesField("profile.facets[0].headline"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("at byte 0"));
  const absl::Status cut = RawMessage("\x0a").ParseTo(request);
  EXPECT_THAT(cut, HasReason("MALFORMED_MESSAGE"));
  EXPECT_THAT(cut, NamesField("row"));
}

}  // namespace
}  // namespace mitra::rpc
